//! What a script consists of: its modules are found, their types are taken out in the sandbox, and what comes of it is one file.

mod file;
mod load;
mod resolve;
mod strip;
#[cfg(test)]
mod tests;
mod vendor;

pub use file::{BadScript, Module, Script};
pub use load::LoadError;
pub use strip::typescript_digest;

use crate::runtime::Runtime;
use libos_kernel::model::limit;
use libos_kernel::model::preview::escape;
use load::Loading;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use strip::Stripper;

/// Where a script comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file and what it imports of its own folder, and of the folder of vendored packages if there is one: `@std/path/mod.ts` below it
    /// is a module of `jsr:@std/path`.
    File {
        /// The module whose exports are the tools.
        path: PathBuf,
        /// Where packages lie.
        vendor: Option<PathBuf>,
    },
    /// One module that has no folder, for example a proposal: it can import packages, and nothing relative.
    Text {
        /// What problems call it, for example `summarise.ts`; the extension says what language it is.
        name: String,
        /// The module.
        text: String,
        /// Where packages lie.
        vendor: Option<PathBuf>,
    },
}

/// Something that is wrong with a script, at its author's lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The module.
    pub module: String,
    /// From 1; 0 if it is about no line.
    pub line: u32,
    /// In characters, from 1; 0 if it is about no column.
    pub column: u32,
    /// What, and what to do.
    pub message: String,
}

impl Problem {
    /// A problem of a whole module.
    fn of(module: &str, message: impl Into<String>) -> Problem {
        Problem::at(module, (0, 0), message)
    }

    fn at(module: &str, (line, column): (u32, u32), message: impl Into<String>) -> Problem {
        // What is told of a hostile text holds parts of it.
        let mut message = escape(&message.into());
        libos_kernel::model::record::cut(&mut message, limit::SCRIPT_PROBLEM_BYTES_MAX);
        Problem { module: escape(module), line, column, message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { module, line, column, message } = self;
        match (line, column) {
            // Nobody knows where.
            (0, _) if module.is_empty() => f.write_str(message),
            (0, _) => write!(f, "{module}: {message}"),
            (line, 0) => write!(f, "{module}:{line}: {message}"),
            (line, column) => write!(f, "{module}:{line}:{column}: {message}"),
        }
    }
}

/// Whether a file is the module of a script by its name.
pub fn is_script(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| ["ts", "mts", "js", "mjs"].contains(&extension))
}

impl Source {
    /// A file, with packages from the folder `vendor` beside it if there is one.
    pub fn file(path: impl Into<PathBuf>) -> Source {
        let path = path.into();
        let vendor = path.parent().map(|folder| folder.join("vendor"));
        Source::File { path, vendor }
    }
}

impl Runtime {
    /// Reads a script: its modules, without their types. Whatever the source is, it is parsed without any authority. Takes a second or two
    /// the first time, for the parser itself is compiled then.
    ///
    /// # Errors
    /// What is wrong with the script, at its lines; or the host failed.
    pub async fn load_script(self: &Arc<Self>, source: Source) -> Result<Script, LoadError> {
        let prepared = self.prepare(typescript_digest(), true, || Ok(strip::TYPESCRIPT.to_vec())).await?;
        let stripper = Stripper { engine: self.engine().await?, prepared: &prepared };
        Loading::load(stripper, source).await
    }
}
