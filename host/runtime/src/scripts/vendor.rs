//! Packages that the host prepared: what they export, and whether their version is the one that is asked for.

use super::resolve::Wanted;
use crate::world::{ModuleFolder, Unread};
use serde::Deserialize;
use serde_json::Value;

/// Files that say what a package is, as `jsr` knows them, in the order in which they are looked for.
const MANIFESTS: [&str; 2] = ["jsr.json", "deno.json"];

/// What a package says of itself.
#[derive(Debug, Deserialize)]
struct Manifest {
    version: Option<String>,
    exports: Option<Value>,
}

/// The path, within the package, of the module that an import wants.
///
/// # Errors
/// There is none; the text says why, and what to do.
pub(super) fn path_of(folder: &ModuleFolder, wanted: &Wanted) -> Result<String, String> {
    let Wanted { package, version, export } = wanted;
    let manifest = manifest(folder, package)?;
    if let Some(range) = version {
        let Some(have) = manifest.version else {
            return Err(format!("the vendored {package} does not say its version, and {range} is asked for"));
        };
        match satisfies(&have, range) {
            Some(true) => {}
            Some(false) => return Err(format!("{package} is vendored in version {have}, and {range} is asked for")),
            None => {
                return Err(format!(
                    "the version `{range}` of {package} is not understood; write for example `^{have}`"
                ));
            }
        }
    }
    let path = match &manifest.exports {
        Some(Value::String(path)) if export == "." => Some(path.as_str()),
        Some(Value::Object(exports)) => exports.get(export).and_then(Value::as_str),
        _ => None,
    };
    let path = path.ok_or_else(|| format!("the vendored {package} does not export `{export}`"))?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let odd = |segment: &str| matches!(segment, "" | "." | "..");
    match path.split('/').any(odd) || path.contains(['\\', '%', '?', '#']) || path.chars().any(char::is_control) {
        true => Err(format!("the vendored {package} exports `{export}` by a path that leads elsewhere")),
        false => Ok(path.to_owned()),
    }
}

fn manifest(folder: &ModuleFolder, package: &str) -> Result<Manifest, String> {
    for name in MANIFESTS {
        let path = format!("{package}/{name}");
        match folder.read(&path) {
            Ok(bytes) => {
                return serde_json::from_slice(&bytes)
                    .map_err(|error| format!("the vendored {path} is not usable: {error}"));
            }
            Err(Unread::Missing) => {}
            Err(why) => return Err(format!("the vendored {path} cannot be read: {why}")),
        }
    }
    Err(format!("{package} is not vendored; put it into the folder of vendored packages, with its {}", MANIFESTS[0]))
}

/// Whether a version is in a range, as Semantic Versioning 2.0.0 and the ranges of npm have it: `1.2.3`, `1.2`, `^1.2.3`, `~1.2.3`. None
/// if one of them is not understood.
fn satisfies(version: &str, range: &str) -> Option<bool> {
    let have = numbers(version)?;
    let [major, minor, patch] = <[u64; 3]>::try_from(have).ok()?;
    let (mark, text) = match range.strip_prefix('^') {
        Some(text) => ('^', text),
        None => range.strip_prefix('~').map_or(('=', range), |text| ('~', text)),
    };
    let asked = numbers(text)?;
    let least = [0, 1, 2].map(|at| asked.get(at).copied().unwrap_or(0));
    let same = |count: usize| [major, minor, patch].iter().zip(&asked).take(count).all(|(have, asked)| have == asked);
    let enough = [major, minor, patch] >= least;
    Some(match mark {
        // The first number that is not 0 may not change.
        '^' => enough && same(1 + least.iter().take_while(|number| **number == 0).count()),
        '~' => enough && same(2),
        _ => same(3),
    })
}

/// One to three numbers with dots between.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: Option<Vec<u64>> =
        text.split('.').map(|part| digits(part).then(|| part.parse().ok()).flatten()).collect();
    numbers.filter(|numbers| (1..=3).contains(&numbers.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_npm_does() {
        let check = |version, range, expected| assert_eq!(satisfies(version, range), expected, "{version} {range}");
        check("1.2.3", "1.2.3", Some(true));
        check("1.2.3", "1.2.4", Some(false));
        check("1.2.3", "1.2", Some(true));
        check("1.2.3", "1", Some(true));
        check("1.2.3", "2", Some(false));
        check("1.2.3", "^1.0.0", Some(true));
        check("1.2.3", "^1.2.4", Some(false));
        check("1.2.3", "^2", Some(false));
        check("2.0.0", "^1.9.9", Some(false));
        check("0.2.3", "^0.2.1", Some(true));
        check("0.3.0", "^0.2.1", Some(false));
        check("0.0.3", "^0.0.3", Some(true));
        check("0.0.4", "^0.0.3", Some(false));
        check("1.2.9", "~1.2.3", Some(true));
        check("1.3.0", "~1.2.3", Some(false));
        check("1.2.3", ">=1", None);
        check("1.2.3", "", None);
        check("1.2.3", "+1", None);
        check("1.2.3-rc.1", "^1", None);
        check("1.2.3", "99999999999999999999", None);
        check("1.2", "1", None);
    }
}
