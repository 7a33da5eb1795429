//! What a script consists of: through the real component, and real folders.

mod forms;
mod hostile;
mod modules;
mod script_file;

use super::{LoadError, Problem, Script, Source};
use crate::Runtime;
use std::sync::{Arc, LazyLock};

/// One runtime for all tests, because each compiles the parser anew.
static RUNTIME: LazyLock<(tokio::runtime::Runtime, Arc<Runtime>)> = LazyLock::new(|| {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let runtime = tokio.block_on(Runtime::builder().open()).unwrap();
    (tokio, runtime)
});

fn load(source: Source) -> Result<Script, Vec<Problem>> {
    let (tokio, runtime) = &*RUNTIME;
    match tokio.block_on(runtime.load_script(source)) {
        Ok(script) => Ok(script),
        Err(LoadError::Problems(problems)) => {
            assert!(!problems.is_empty());
            Err(problems)
        }
        Err(LoadError::Host(error)) => panic!("{error}"),
    }
}

fn text(name: &str, text: &str) -> Source {
    Source::Text { name: name.into(), text: text.into(), vendor: None }
}

/// What is told of a script that is refused, a line each.
fn refused(source: Source) -> String {
    LoadError::Problems(load(source).unwrap_err()).to_string()
}
