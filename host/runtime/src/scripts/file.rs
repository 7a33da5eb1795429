//! The script file: everything that a script consists of, in one content-addressed piece.

use libos_kernel::model::codec;
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit;
use minicbor::decode::Error;
use minicbor::{CborLen, Decode, Decoder, Encode};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;

/// What a script file begins with, so that no other file is taken for one; the last byte is the version of the format.
const MAGIC: &[u8] = b"libos script\0\x01";
/// Characters of `mappings` (Source Map revision 3): Base64 and two separators.
const MAPPING_MARKS: &[u8] = b"+/,;";

/// All modules of a script. The first is the one whose exports are its tools.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Script {
    /// At most 256, each name once.
    #[cbor(n(0), decode_with = "bounded_modules")]
    pub modules: Vec<Module>,
}

/// One module.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Module {
    /// A path below the script's folder, for example `lib/parse.ts`, or `jsr:@std/path/join.ts`.
    #[n(0)]
    pub name: String,
    /// What its author wrote; at most 1 MiB.
    #[n(1)]
    pub source: String,
    /// JavaScript: the source without its types; at most 1 MiB.
    #[n(2)]
    pub code: String,
    /// The `mappings` of a source map (version 3) from `code` to `source`; empty if nothing moved.
    #[n(3)]
    pub mappings: String,
    /// What stands in the text of an import, and the name of the module that it leads to.
    #[cbor(n(4), decode_with = "bounded_imports")]
    pub imports: Vec<(String, String)>,
}

/// Bytes that are no script file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no script that can be used: {0}")]
pub struct BadScript(String);

impl Script {
    /// The script file. Equal scripts have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [MAGIC, &codec::to_bytes(self)].concat()
    }

    /// What a rule, a grant and an approval of its tools are bound to.
    pub fn digest(&self) -> Digest {
        Sha256::digest(self.to_bytes()).into()
    }

    /// Reads a script file back.
    ///
    /// # Errors
    /// The bytes are no script file, are damaged, or say more than a script may.
    pub fn from_bytes(bytes: &[u8]) -> Result<Script, BadScript> {
        if bytes.len() > limit::SCRIPT_FILE_BYTES_MAX {
            return bad(format!("it has {} bytes, at most {}", bytes.len(), limit::SCRIPT_FILE_BYTES_MAX));
        }
        let Some(encoded) = bytes.strip_prefix(MAGIC) else {
            return bad("it does not begin as a script file of this version".into());
        };
        let script: Script = codec::from_bytes(encoded).map_err(|error| BadScript(error.to_string()))?;
        script.check()?;
        // One script has one file: nothing can be hidden in a second way to write it.
        if script.to_bytes() == bytes {
            Ok(script)
        } else {
            bad("it is not written in the one form of such a file".into())
        }
    }

    fn check(&self) -> Result<(), BadScript> {
        let names: HashSet<&str> = self.modules.iter().map(|module| module.name.as_str()).collect();
        if self.modules.is_empty() || names.len() != self.modules.len() {
            return bad("it has no module, or two of one name".into());
        }
        let sources: usize = self.modules.iter().map(|module| module.source.len()).sum();
        if sources > limit::SCRIPT_SOURCE_BYTES_MAX {
            return bad(format!("its modules have {sources} bytes, at most {}", limit::SCRIPT_SOURCE_BYTES_MAX));
        }
        for module in &self.modules {
            let fits = |text: &str| text.len() <= limit::SCRIPT_MODULE_BYTES_MAX;
            let named = |text: &str| (1..=limit::SCRIPT_NAME_BYTES_MAX).contains(&text.len());
            if !named(&module.name) || !fits(&module.source) || !fits(&module.code) {
                return bad("a module or its name is too long".into());
            }
            let mapped = |byte: &u8| byte.is_ascii_alphanumeric() || MAPPING_MARKS.contains(byte);
            if !module.mappings.as_bytes().iter().all(mapped) {
                return bad("the mappings of a module are none".into());
            }
            let known = |(specifier, to): &(String, String)| named(specifier) && names.contains(to.as_str());
            if !module.imports.iter().all(known) {
                return bad("an import leads to no module".into());
            }
        }
        Ok(())
    }
}

fn bad<T>(why: String) -> Result<T, BadScript> {
    Err(BadScript(why))
}

fn bounded_modules<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Vec<Module>, Error> {
    at_most(limit::SCRIPT_MODULES_MAX, decoder, context)
}

fn bounded_imports<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Vec<(String, String)>, Error> {
    at_most(limit::SCRIPT_IMPORTS_MAX, decoder, context)
}

/// A list, counted before anything is made of it.
fn at_most<'b, C, T: Decode<'b, C>>(most: usize, decoder: &mut Decoder<'b>, context: &mut C) -> Result<Vec<T>, Error> {
    let count = decoder.array()?.filter(|count| *count <= most as u64);
    let count = count.ok_or_else(|| Error::message("a list is too long"))?;
    (0..count).map(|_| decoder.decode_with(context)).collect()
}
