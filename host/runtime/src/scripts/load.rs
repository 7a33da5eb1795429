//! Finds the modules of a script, from the first one on, and takes their types out.

use super::resolve::{self, Target, root_of};
use super::strip::{Import, Stripped, Stripper};
use super::{Module, Problem, Script, Source, vendor};
use crate::runtime::RuntimeError;
use crate::world::{ModuleFolder, Unread};
use libos_kernel::model::limit;
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

/// Why there is no script.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What its author has to change: at least one and at most 64, in the order of modules and lines.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
    /// The host failed.
    #[error(transparent)]
    Host(#[from] RuntimeError),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// A module that something imports.
struct Found {
    name: String,
    /// The module that imports it first, and where; none for the first module.
    importer: Option<(String, (u32, u32))>,
    /// Imports between the first module and this one.
    depth: usize,
}

/// Where modules are read.
struct Places {
    /// The first module's name and text, if there is no folder.
    text: Option<(String, String)>,
    folder: Option<ModuleFolder>,
    vendor: Option<ModuleFolder>,
}

/// The modules of a script so far.
pub(super) struct Loading<'a> {
    stripper: Stripper<'a>,
    places: Arc<Places>,
    waiting: VecDeque<Found>,
    /// Every module that was found, with its number.
    known: HashMap<String, usize>,
    modules: Vec<Module>,
    problems: Vec<Problem>,
    source_bytes: usize,
}

impl<'a> Loading<'a> {
    /// Everything from the first module on.
    ///
    /// # Errors
    /// Something is wrong with a module, or the host failed.
    pub async fn load(stripper: Stripper<'a>, source: Source) -> Result<Script, LoadError> {
        let (places, first) =
            blocking(move || places(source)).await?.map_err(|problem| LoadError::Problems(vec![problem]))?;
        let mut loading = Loading {
            stripper,
            places: Arc::new(places),
            waiting: VecDeque::from([Found { name: first.clone(), importer: None, depth: 0 }]),
            known: HashMap::from([(first, 0)]),
            modules: Vec::new(),
            problems: Vec::new(),
            source_bytes: 0,
        };
        while let Some(found) = loading.waiting.pop_front() {
            loading.one(&found).await?;
            if loading.problems.len() >= limit::SCRIPT_PROBLEMS_MAX {
                break;
            }
        }
        let Loading { modules, mut problems, .. } = loading;
        let script = Script { modules };
        if problems.is_empty() {
            let bytes = script.to_bytes().len();
            if bytes <= limit::SCRIPT_FILE_BYTES_MAX {
                return Ok(script);
            }
            let why = format!("the whole script has {bytes} bytes, at most {}", limit::SCRIPT_FILE_BYTES_MAX);
            problems.push(Problem::of(&script.modules[0].name, why));
        }
        problems.sort();
        problems.truncate(limit::SCRIPT_PROBLEMS_MAX);
        Err(LoadError::Problems(problems))
    }

    async fn one(&mut self, found: &Found) -> Result<(), LoadError> {
        let (places, name) = (Arc::clone(&self.places), found.name.clone());
        let source = match blocking(move || places.read(&name)).await? {
            Ok(source) => source,
            Err(why) => {
                self.problem(found, why);
                return Ok(());
            }
        };
        self.source_bytes += source.len();
        if self.source_bytes > limit::SCRIPT_SOURCE_BYTES_MAX {
            let most = limit::SCRIPT_SOURCE_BYTES_MAX;
            self.problem(found, format!("with `{}` the script's modules have more than {most} bytes", found.name));
            // Each further module would only say it again.
            self.waiting.clear();
            return Ok(());
        }
        let stripped = match found.name.ends_with(".json") {
            true => json(&found.name, &source).map_err(|problem| vec![problem]),
            false => {
                let stripped = self.stripper.strip(&found.name, &source).await;
                stripped.map_err(|stop| RuntimeError::Machine(stop.to_string()))?
            }
        };
        let Stripped { code, mappings, imports } = match stripped {
            Ok(stripped) => stripped,
            Err(problems) => {
                self.problems.extend(problems);
                return Ok(());
            }
        };
        let imports = self.follow(found, imports).await?;
        self.modules.push(Module { name: found.name.clone(), source, code, mappings, imports });
        Ok(())
    }

    /// What the imports of a module lead to; what is new waits.
    async fn follow(&mut self, found: &Found, imports: Vec<Import>) -> Result<Vec<(String, String)>, LoadError> {
        let mut resolved: Vec<(String, String)> = Vec::new();
        for Import { specifier, line, column, json } in imports {
            let (places, referrer, wanted) = (Arc::clone(&self.places), found.name.clone(), specifier.clone());
            let name = match blocking(move || places.resolve(&referrer, &wanted, json)).await? {
                Ok(name) => name,
                Err(why) => {
                    self.problems.push(Problem::at(&found.name, (line, column), why));
                    continue;
                }
            };
            if !self.known.contains_key(&name) {
                let importer = Some((found.name.clone(), (line, column)));
                self.add(Found { name: name.clone(), importer, depth: found.depth + 1 });
            }
            let pair = (specifier, name);
            if !resolved.contains(&pair) {
                resolved.push(pair);
            }
        }
        Ok(resolved)
    }

    fn add(&mut self, found: Found) {
        let (modules, depth) = (limit::SCRIPT_MODULES_MAX, limit::SCRIPT_IMPORT_DEPTH_MAX);
        if self.known.len() >= modules {
            self.problem(&found, format!("with `{}` the script has more than {modules} modules", found.name));
        } else if found.depth > depth {
            self.problem(&found, format!("`{}` is more than {depth} imports away from the first module", found.name));
        } else {
            self.known.insert(found.name.clone(), self.known.len());
            self.waiting.push_back(found);
        }
    }

    /// Something wrong with a module as a whole, told where it is imported.
    fn problem(&mut self, found: &Found, why: String) {
        self.problems.push(match &found.importer {
            Some((importer, at)) => Problem::at(importer, *at, why),
            None => Problem::of(&found.name, why),
        });
    }
}

/// Opens what a source names.
fn places(source: Source) -> Result<(Places, String), Problem> {
    match source {
        Source::Text { name, text, vendor } => {
            let bytes = text.len();
            if bytes > limit::SCRIPT_MODULE_BYTES_MAX {
                let most = limit::SCRIPT_MODULE_BYTES_MAX;
                return Err(Problem::of(&name, format!("it has {bytes} bytes, at most {most}")));
            }
            if !is_file_name(&name) || resolve::root_of(&name) != ("", name.as_str()) {
                return Err(Problem::of(&name, "that is no name of a file; write for example `main.ts`"));
            }
            let vendor = vendor.map(|path| open(&name, &path)).transpose()?.flatten();
            Ok((Places { text: Some((name.clone(), text)), folder: None, vendor }, name))
        }
        Source::File { path, vendor } => {
            let shown = path.display().to_string();
            let unread = |error: std::io::Error| Problem::of(&shown, format!("it cannot be read: {error}"));
            let path = path.canonicalize().map_err(unread)?;
            let name = path.file_name().and_then(|name| name.to_str()).filter(|name| is_file_name(name));
            let name =
                name.ok_or_else(|| Problem::of(&shown, "its name cannot be that of a module; rename it"))?.to_owned();
            let folder = ModuleFolder::open(path.parent().unwrap_or(&path)).map_err(unread)?;
            let vendor = vendor.map(|path| open(&name, &path)).transpose()?.flatten();
            Ok((Places { text: None, folder: Some(folder), vendor }, name))
        }
    }
}

/// The folder of vendored packages. That there is none is told where one of them is imported.
fn open(first: &str, path: &Path) -> Result<Option<ModuleFolder>, Problem> {
    match ModuleFolder::open(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::of(
            first,
            format!("the folder of vendored packages {} cannot be read: {error}", path.display()),
        )),
    }
}

fn is_file_name(name: &str) -> bool {
    let fits = (1..=limit::SCRIPT_NAME_BYTES_MAX).contains(&name.len());
    fits && !matches!(name, "." | "..") && !name.contains(['/', '\\', ':']) && !name.chars().any(char::is_control)
}

impl Places {
    /// The name of the module that an import leads to.
    fn resolve(&self, referrer: &str, specifier: &str, json: bool) -> Result<String, String> {
        let wanted = match resolve::resolve(referrer, specifier, json)? {
            Target::Module(name)
                if self.text.as_ref().is_some_and(|(own, _)| *own != name) && root_of(&name).0.is_empty() =>
            {
                return Err(format!("`{name}` cannot be imported: a script that is one text has no files beside it"));
            }
            Target::Module(name) => return Ok(name),
            Target::Package(wanted) => wanted,
        };
        let cannot = |why: String| format!("`{specifier}` cannot be imported: {why}");
        let Some(vendor) = &self.vendor else {
            return Err(cannot("there is no folder of vendored packages; nothing is fetched".into()));
        };
        vendor::path_of(vendor, &wanted).map(|path| resolve::name_in(&wanted.package, &path)).map_err(cannot)
    }

    /// The text of a module.
    fn read(&self, name: &str) -> Result<String, String> {
        if let Some((_, text)) = self.text.as_ref().filter(|(first, _)| first == name) {
            return Ok(text.clone());
        }
        let packaged = name.strip_prefix("jsr:");
        let folder = if packaged.is_some() { &self.vendor } else { &self.folder };
        let bytes = match folder {
            Some(folder) => folder.read(packaged.unwrap_or(name)),
            None => Err(Unread::Missing),
        };
        let bytes = bytes.map_err(|why| format!("the module `{name}` cannot be read: {why}"))?;
        String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            format!("the module `{name}` is not UTF-8 text in its line {line}; save it as UTF-8")
        })
    }
}

/// A module that is what a JSON file says.
fn json(name: &str, source: &str) -> Result<Stripped, Problem> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(source) {
        let at = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        return Err(Problem::at(name, (at(error.line()), at(error.column())), format!("it is not JSON: {error}")));
    }
    // A string of JSON is one of JavaScript (ECMA-262, edition 2019). Parsed when it runs, so `__proto__` is a name like any other.
    let code = format!("export default JSON.parse({});\n", serde_json::Value::from(source));
    let most = limit::SCRIPT_MODULE_BYTES_MAX;
    if code.len() > most {
        return Err(Problem::of(name, format!("as JavaScript it has {} bytes, at most {most}", code.len())));
    }
    Ok(Stripped { code, mappings: String::new(), imports: Vec::new() })
}

async fn blocking<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> Result<T, RuntimeError> {
    crate::runtime::blocking(what).await
}
