//! What an import leads to. Nothing is read here: a name is made, or refused with the reason.

use libos_kernel::model::limit;

/// What the names of modules of packages begin with.
const PACKAGE: &str = "jsr:";
/// The scope whose packages can be vendored.
const SCOPE: &str = "@std/";
/// What a module's name ends in.
const EXTENSIONS: [&str; 4] = [".ts", ".mts", ".js", ".mjs"];

/// Where an import leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// To a module of the script's folder, or of the same package, by its name.
    Module(String),
    /// To an export of a package.
    Package(Wanted),
}

/// An export of a package, as an import names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// For example `@std/path`.
    pub package: String,
    /// What may stand for it, for example `^1.0.0`; any version if there is none.
    pub version: Option<String>,
    /// A key of its exports, for example `.` or `./join`.
    pub export: String,
}

/// Where an import of `referrer` leads.
///
/// # Errors
/// It leads nowhere that a script can reach; the text says why, and what to do.
pub(super) fn resolve(referrer: &str, specifier: &str, json: bool) -> Result<Target, String> {
    if specifier.len() > limit::SCRIPT_NAME_BYTES_MAX {
        return Err(format!("what it imports has {} bytes, at most {}", specifier.len(), limit::SCRIPT_NAME_BYTES_MAX));
    }
    let refused = |why: &str| Err(format!("`{specifier}` cannot be imported: {why}"));
    if specifier.chars().any(char::is_control) {
        return refused("it has a control character");
    }
    if specifier.starts_with("./") || specifier.starts_with("../") {
        return match relative(referrer, specifier, json) {
            Ok(name) => Ok(Target::Module(name)),
            Err(why) => refused(&why),
        };
    }
    if let Some(package) = specifier.strip_prefix(PACKAGE).or(specifier.starts_with(SCOPE).then_some(specifier)) {
        return match wanted(package.trim_start_matches('/')) {
            Ok(wanted) => Ok(Target::Package(wanted)),
            Err(why) => refused(&why),
        };
    }
    refused(match specifier.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        Some("npm") => "packages of npm are not supported; a script has its own modules and `jsr:@std/...`",
        Some("node") => "modules of Node are not supported; use `libos` or `Deno`",
        Some("http" | "https") => "nothing is fetched; put the module into the script's folder",
        Some("data" | "blob") => "write it as a module in the script's folder",
        Some("file") => "name the file relative to this module, beginning with `./` or `../`",
        Some(_) => "there is no such scheme; a script has its own modules (`./name.ts`) and `jsr:@std/...`",
        None if specifier.starts_with('/') => "an absolute name is not supported; begin with `./` or `../`",
        None => "a bare name is not supported; begin with `./` for a file, or write `jsr:@std/...`",
    })
}

/// The name of a module that a relative import leads to.
fn relative(referrer: &str, specifier: &str, json: bool) -> Result<String, String> {
    // Deno reads it as a URL, in which these mean something; here a name is the name of a file.
    if let Some(mark) = specifier.chars().find(|mark| matches!(mark, '%' | '?' | '#' | '\\')) {
        return Err(format!("`{mark}` is not supported in it; name the file as it is called"));
    }
    let (root, below) = root_of(referrer);
    let mut segments: Vec<&str> = below.split('/').collect();
    segments.pop();
    for segment in specifier.split('/') {
        match segment {
            "" => return Err("it has an empty part; name a file".into()),
            "." => {}
            ".." if segments.pop().is_none() => {
                return Err(match root.is_empty() {
                    true => "it leads above the folder of the script's first module".into(),
                    false => format!("it leads above the package {root}"),
                });
            }
            ".." => {}
            _ if segment.len() > limit::SEGMENT_BYTES_MAX => return Err("a part of it is too long".into()),
            _ => segments.push(segment),
        }
    }
    let Some(file) = segments.last() else { return Err("it leads to a folder; name a file in it".into()) };
    check_extension(file, json)?;
    let name = if root.is_empty() { segments.join("/") } else { format!("{root}/{}", segments.join("/")) };
    match name.len() > limit::SCRIPT_NAME_BYTES_MAX {
        true => Err(format!("its name has {} bytes, at most {}", name.len(), limit::SCRIPT_NAME_BYTES_MAX)),
        false => Ok(name),
    }
}

fn check_extension(file: &str, json: bool) -> Result<(), String> {
    if json {
        return match file.ends_with(".json") {
            true => Ok(()),
            false => Err("`with { type: \"json\" }` is for files that end in .json".into()),
        };
    }
    if EXTENSIONS.iter().any(|extension| file.ends_with(extension)) {
        return Ok(());
    }
    Err(match file.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => "import it `with { type: \"json\" }`".into(),
        Some("tsx" | "jsx") => "JSX is not supported".into(),
        Some("cts" | "cjs") => "CommonJS is not supported".into(),
        // As Deno demands; what is there is looked up by nobody.
        _ => format!("it must have its extension; write `{file}.ts` if that is the file"),
    })
}

/// The package that a module is of, empty if it is of the script's folder; and its path within.
pub(super) fn root_of(name: &str) -> (&str, &str) {
    if !name.starts_with(PACKAGE) {
        return ("", name);
    }
    // `jsr:@std/path/join.ts`: the second slash ends the package.
    match name.match_indices('/').nth(1) {
        Some((end, _)) => (&name[..end], &name[end + 1..]),
        None => (name, ""),
    }
}

/// The name of a module of a package.
pub(super) fn name_in(package: &str, path: &str) -> String {
    format!("{PACKAGE}{package}/{path}")
}

fn wanted(text: &str) -> Result<Wanted, String> {
    let Some(rest) = text.strip_prefix(SCOPE) else {
        return Err(format!("of JSR there are only packages of `{SCOPE}`"));
    };
    let (head, export) = rest.split_once('/').map_or((rest, None), |(head, export)| (head, Some(export)));
    let (name, version) = head.split_once('@').map_or((head, None), |(name, version)| (name, Some(version)));
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return Err("a package's name has 1 to 64 of a-z, 0-9 and `-`".into());
    }
    let export = export.map_or_else(|| ".".to_owned(), |export| format!("./{export}"));
    Ok(Wanted { package: format!("{SCOPE}{name}"), version: version.map(str::to_owned), export })
}
