//! Takes the types out of a module, in the sandbox: the parser sees what anybody wrote.

use super::Problem;
use crate::engine::{Engine, Prepared};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit;
use libos_kernel::model::row::FailureReason;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The component that does it, as tools/js/typescript builds it.
pub(super) const TYPESCRIPT: &[u8] = include_bytes!("../../../../tools/js/built/typescript.wasm");

/// The digest of the component that takes types out.
pub fn typescript_digest() -> Digest {
    static DIGEST: std::sync::OnceLock<Digest> = std::sync::OnceLock::new();
    *DIGEST.get_or_init(|| Sha256::digest(TYPESCRIPT).into())
}

/// A module without its types.
#[derive(Debug, Deserialize)]
pub(super) struct Stripped {
    pub code: String,
    pub mappings: String,
    pub imports: Vec<Import>,
}

/// An import that is left.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Import {
    pub specifier: String,
    pub line: u32,
    pub column: u32,
    pub json: bool,
}

#[derive(Deserialize)]
struct Found {
    line: u32,
    column: u32,
    message: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Outcome {
    Module(Stripped),
    Problems { problems: Vec<Found> },
}

/// The engine with the component that takes types out, ready to run.
pub(super) struct Stripper<'a> {
    pub engine: &'a Engine,
    pub prepared: &'a Prepared,
}

impl Stripper<'_> {
    /// Takes the types out of a module. The inner error is the author's.
    ///
    /// # Errors
    /// The host failed.
    pub async fn strip(&self, name: &str, source: &str) -> Result<Result<Stripped, Vec<Problem>>, Stop> {
        let arguments = serde_json::json!({ "name": name, "source": source }).to_string();
        let limits = (limit::TYPESCRIPT_MEMORY_BYTES, limit::TYPESCRIPT_TICKS_MAX);
        let told = self.engine.call_alone(self.prepared, "strip", &arguments, limits).await?;
        let one = |why: String| Ok(Err(vec![Problem::of(name, why)]));
        let text = match told {
            Ok(text) => text,
            Err(failure) if failure.message.starts_with("stack: ") => {
                return one("something in it is nested too deeply to be read; split it into several statements".into());
            }
            Err(failure) if failure.reason == FailureReason::Limit => {
                return one(format!("reading it takes too much ({}); split it into several modules", failure.message));
            }
            Err(failure) => {
                let message = failure.message;
                return one(format!(
                    "it cannot be read ({message}); report this with the module, it is a mistake here"
                ));
            }
        };
        // Bounded by what a call may answer. It was made from hostile text, so nothing is taken for granted.
        match serde_json::from_str(&text) {
            Ok(Outcome::Module(module)) if module.code.len() > limit::SCRIPT_MODULE_BYTES_MAX => {
                let most = limit::SCRIPT_MODULE_BYTES_MAX;
                one(format!("its JavaScript has {} bytes, at most {most}; split it into modules", module.code.len()))
            }
            Ok(Outcome::Module(module)) if module.imports.len() > limit::SCRIPT_IMPORTS_MAX => {
                let most = limit::SCRIPT_IMPORTS_MAX;
                one(format!("it has {} imports, at most {most}; split it into modules", module.imports.len()))
            }
            Ok(Outcome::Module(module)) => Ok(Ok(module)),
            Ok(Outcome::Problems { problems }) => {
                let problems = problems.into_iter().take(limit::SCRIPT_PROBLEMS_MAX);
                let problems =
                    problems.map(|Found { line, column, message }| Problem::at(name, (line, column), message));
                Ok(Err(problems.collect()))
            }
            Err(error) => one(format!("it cannot be read: what came of it is no module ({error})")),
        }
    }
}
