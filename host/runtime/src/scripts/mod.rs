//! What a script is: modules in one file of the store, named by its digest.

use libos_kernel::model::codec::{self, DecodeError};
use libos_kernel::model::id::Digest;
use minicbor::{CborLen, Decode, Encode};
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

/// A script: its modules. The first is the one whose exports are its tools.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
#[cbor(map)]
pub struct Script {
    /// At least one.
    #[n(0)]
    pub modules: Vec<Module>,
}

/// One module of a script.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
#[cbor(map)]
pub struct Module {
    /// A path below the script's folder.
    #[n(0)]
    pub name: String,
    /// What the author wrote.
    #[n(1)]
    pub source: String,
    /// JavaScript.
    #[n(2)]
    pub code: String,
    /// Where its lines come from, as the `mappings` of a source map (version 3) to one source; empty if nothing moved.
    #[n(3)]
    pub mappings: String,
    /// What its imports lead to: what stands in the text, and the name of the module.
    #[n(4)]
    pub imports: Vec<(String, String)>,
}

/// Something that is wrong, at the author's lines.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { module, line, column, message } = self;
        match (line, column) {
            (0, _) => write!(f, "{module}: {message}"),
            (line, 0) => write!(f, "{module}:{line}: {message}"),
            (line, column) => write!(f, "{module}:{line}:{column}: {message}"),
        }
    }
}

/// Whether a file is a script by its name.
pub fn is_script(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| ["ts", "mts", "js", "mjs"].contains(&extension))
}

impl Script {
    /// A script of one module in plain JavaScript.
    pub fn of_javascript(name: &str, source: &str) -> Script {
        let (name, source) = (name.to_owned(), source.to_owned());
        let code = source.clone();
        Script { modules: vec![Module { name, source, code, mappings: String::new(), imports: Vec::new() }] }
    }

    /// As the store has it.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::to_bytes(self)
    }

    /// From the store.
    ///
    /// # Errors
    /// The bytes are no script.
    pub fn from_bytes(bytes: &[u8]) -> Result<Script, DecodeError> {
        codec::from_bytes(bytes)
    }

    /// What names it: SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        Sha256::digest(self.to_bytes()).into()
    }
}
