//! Scripts: compiled and described by the component that runs them, in the sandbox, without any authority.

use super::bindings::scripts::libos::runtime::script as wit;
use super::bindings::{self, Reason};
use super::failure::{self, failure};
use super::guest::Guest;
use super::{DESCRIBE_LIMITS, Engine, Pre, Prepared, told_failure};
use crate::scripts::{Module, Problem};
use bindings::scripts::Scripts;
use libos_kernel::model::limit;
use libos_kernel::model::record::cut;
use libos_kernel::model::row::{Failure, FailureReason};
use wasmtime::{Result, Store};

/// Why there is nothing to run of a script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It is wrong, at these lines.
    #[error("{}", .0.first().map_or_else(|| "it has problems that nobody names".to_owned(), ToString::to_string))]
    Problems(Vec<Problem>),
    /// It used more than it may have, asked for something outside, or broke what runs it.
    #[error("{0}")]
    Failed(String),
    /// The machine could not: nothing is said of the script.
    #[error("{0}")]
    Machine(String),
}

/// A tool of a script, as it says itself. None of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// None: the script has one tool, which is called as its file.
    pub name: Option<String>,
    /// For a person or a model that chooses.
    pub summary: String,
    /// JSON Schema.
    pub arguments: String,
    /// JSON Schema.
    pub result: String,
    /// A rule each; none if it declares nothing.
    pub needs: Option<Vec<String>>,
}

/// What QuickJS throws without memory; the second, if there is none for an error either. A script that was refused memory and says the same
/// itself is taken at its word.
const OUT_OF_MEMORY: [&str; 2] = ["InternalError: out of memory", OUT_OF_WORDS];
const OUT_OF_WORDS: &str = "Uncaught null";

impl Engine {
    /// A script in the form in which this component takes it. The form is good for this very component alone.
    ///
    /// # Errors
    /// The script is wrong or too large, or the machine could not.
    pub async fn compile_script(&self, bridge: &Prepared, modules: &[Module]) -> Result<Vec<u8>, ScriptError> {
        let modules: Vec<wit::Module> = modules.iter().map(wit_module).collect();
        let program =
            self.alone(bridge, "compiled", async |scripts, store| scripts.call_compile(store, &modules).await).await?;
        if program.len() > limit::COMPILED_BYTES_MAX {
            let most = limit::COMPILED_BYTES_MAX;
            return Err(ScriptError::Failed(format!("compiled it has {} bytes, at most {most}", program.len())));
        }
        Ok(program)
    }

    /// The tools of a compiled script. Its modules are run, without authority.
    ///
    /// # Errors
    /// The script throws, calls an import or uses too much, or the machine could not.
    pub async fn describe_script(&self, bridge: &Prepared, program: &[u8]) -> Result<Vec<Described>, ScriptError> {
        let described = self
            .alone(bridge, "asked for its tools", async |scripts, store| scripts.call_describe(store, program).await)
            .await?;
        let read = |description: wit::Description| Described {
            name: description.name,
            summary: description.summary,
            arguments: description.arguments,
            result: description.result,
            needs: description.needs,
        };
        Ok(described.into_iter().map(read).collect())
    }

    /// Lets the component do something without any authority, within the limits of one that describes itself.
    async fn alone<T>(
        &self,
        bridge: &Prepared,
        done: &str,
        what: impl AsyncFnOnce(&Scripts, &mut Store<Guest>) -> Result<Result<T, Vec<wit::Problem>>>,
    ) -> Result<T, ScriptError> {
        let Pre::Scripts(pre) = &bridge.pre else {
            return Err(ScriptError::Machine("the component does not run scripts".into()));
        };
        let (memory, ticks) = DESCRIBE_LIMITS;
        let mut store = self.store(Guest::without_authority(memory, ticks));
        let _ticking = self.tick().map_err(|stop| ScriptError::Machine(stop.to_string()))?;
        let answered = async {
            let scripts = pre.instantiate_async(&mut store).await?;
            what(&scripts, &mut store).await
        };
        let answered = answered.await;
        let refused = store.data().memory_refused.then_some(memory);
        match answered {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(mut found)) => {
                if let (Some(limit), Some(first)) = (refused, found.first_mut())
                    && is_out_of_memory(&first.message)
                {
                    first.message = after_refusal(limit, &first.message);
                }
                Err(problems(found))
            }
            Err(error) => Err(match failure::classify(&error, refused, None) {
                Ok(failure) => ScriptError::Failed(format!("it cannot be {done}: {}", failure.message)),
                Err(stop) => ScriptError::Machine(format!("it cannot be {done} now: {stop}")),
            }),
        }
    }
}

/// What a script says of its failure. `refused` says that it was refused memory, now or long ago.
pub(super) fn told(told: wit::Failure, refused: Option<u64>) -> Failure {
    if let (wit::Reason::Failed, Some(limit)) = (told.reason, refused)
        && is_out_of_memory(&told.message)
    {
        return failure(FailureReason::Limit, after_refusal(limit, &told.message), None);
    }
    let reason = match told.reason {
        wit::Reason::InvalidArguments => Reason::InvalidArguments,
        wit::Reason::Denied => Reason::Denied,
        wit::Reason::Failed => Reason::Failed,
    };
    told_failure(bindings::Failure { reason, message: told.message })
}

fn is_out_of_memory(said: &str) -> bool {
    said.trim().is_empty() || OUT_OF_MEMORY.iter().any(|words| said.starts_with(words))
}

/// That memory was refused, and what the script said then, if that says anything.
fn after_refusal(limit: u64, said: &str) -> String {
    let refused = failure::out_of_memory(limit);
    let said = said.trim();
    if said.is_empty() || said == OUT_OF_WORDS { refused } else { format!("{refused}; it ended with {said}") }
}

fn wit_module(module: &Module) -> wit::Module {
    let Module { name, code, mappings, imports, .. } = module;
    wit::Module { name: name.clone(), code: code.clone(), mappings: mappings.clone(), imports: imports.clone() }
}

/// What it says is wrong, bounded.
fn problems(found: Vec<wit::Problem>) -> ScriptError {
    let problem = |found: wit::Problem| {
        let wit::Problem { mut module, line, column, mut message } = found;
        cut(&mut module, limit::SCRIPT_NAME_BYTES_MAX);
        cut(&mut message, limit::SCRIPT_PROBLEM_BYTES_MAX);
        Problem { module, line, column, message }
    };
    ScriptError::Problems(found.into_iter().take(limit::SCRIPT_PROBLEMS_MAX).map(problem).collect())
}
