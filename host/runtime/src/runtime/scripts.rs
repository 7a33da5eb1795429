//! Scripts as tools: the component that runs them, their compiled form, and adding them.

use super::{Runtime, RuntimeError, blocking};
use crate::engine::{Described, Prepared, ScriptError};
use crate::scripts::{LoadError, Module, Problem, Script, Source};
use libos_kernel::kernel::{Changed, Kernel, NewTool};
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit;
use libos_kernel::model::preview::escape;
use libos_kernel::model::row::ToolRow;
use libos_kernel::model::rule::Rule;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The component that runs scripts, as it came with this program.
pub const BRIDGE: &[u8] = include_bytes!("../../../../tools/js/built/js.wasm");

/// Its digest.
pub static BRIDGE_DIGEST: LazyLock<Digest> = LazyLock::new(|| Sha256::digest(BRIDGE).into());

/// The interfaces whose operations a script can submit: all that there are. Sorted.
const INTERFACES: [&str; 9] = ["clock", "fs", "human", "log", "message", "object", "process", "random", "tools"];

/// Why a script is no tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongScript {
    /// It is wrong, at these lines. At least one.
    #[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
    Problems(Vec<Problem>),
    /// It is wrong as a whole.
    #[error("{0}")]
    Whole(String),
}

impl From<ScriptError> for RuntimeError {
    fn from(error: ScriptError) -> Self {
        match error {
            ScriptError::Problems(problems) => WrongScript::Problems(problems).into(),
            ScriptError::Failed(why) => WrongScript::Whole(why).into(),
            ScriptError::Machine(why) => RuntimeError::Machine(why),
        }
    }
}

/// What bounds a script that declares nothing.
fn interfaces() -> Vec<String> {
    INTERFACES.map(str::to_owned).to_vec()
}

/// Lets calls of scripts that start from now on be run by the component that came with this program.
pub(super) fn renew(kernel: &Kernel) -> Result<(), RuntimeError> {
    Ok(kernel.renew_scripts(BRIDGE, &interfaces())?)
}

impl From<LoadError> for RuntimeError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Problems(problems) => WrongScript::Problems(problems).into(),
            LoadError::Host(error) => error,
        }
    }
}

/// A script and the component that compiled it.
type Key = (Digest, Digest);

/// Compiled scripts that are in memory.
#[derive(Default)]
pub(super) struct Programs(Mutex<Held>);

#[derive(Default)]
struct Held {
    programs: HashMap<Key, Arc<Vec<u8>>>,
    bytes: usize,
}

impl Programs {
    fn get(&self, key: &Key) -> Option<Arc<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).programs.get(key).cloned()
    }

    fn put(&self, key: Key, program: &Arc<Vec<u8>>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.bytes + program.len() > limit::SCRIPT_PROGRAMS_BYTES_MAX {
            *held = Held::default();
        }
        if held.programs.insert(key, Arc::clone(program)).is_none() {
            held.bytes += program.len();
        }
    }
}

impl Runtime {
    /// What runs scripts, and the interfaces that it imports.
    pub(super) async fn script_engine(self: &Arc<Self>) -> Result<(Arc<Prepared>, Vec<String>), RuntimeError> {
        Ok((self.bridge().await?, interfaces()))
    }

    /// The script that a process proposes: one module, without a folder around it.
    pub(super) async fn script_of_proposal(self: &Arc<Self>, name: &str, text: &str) -> Result<Script, RuntimeError> {
        let source = Source::Text { name: format!("{name}.ts"), text: text.to_owned(), vendor: None };
        self.load_script(source).await.map_err(RuntimeError::from)
    }

    /// The component that runs scripts which are added now.
    async fn bridge(self: &Arc<Self>) -> Result<Arc<Prepared>, RuntimeError> {
        self.prepare(*BRIDGE_DIGEST, true, || Ok(BRIDGE.to_vec())).await
    }

    /// Adds the tools of a script. `name` is what a script with one tool is called, whatever it says; without it, one that says nothing is
    /// called as its first module.
    ///
    /// # Errors
    /// The script is wrong: [`RuntimeError::Script`] says where. Or its names are taken.
    pub async fn add_script(
        self: &Arc<Self>,
        script: &Script,
        name: Option<String>,
    ) -> Result<Changed<Vec<Arc<ToolRow>>>, RuntimeError> {
        let bytes = script.to_bytes();
        let digest: Digest = Sha256::digest(&bytes).into();
        let (tools, imports, program) = self.described(script, name, digest).await?;
        // To the end of this function, where the rows that name it are in the batch.
        let pin = self.kernel.pin_script(&digest, &bytes)?;
        let added = self.kernel.add_tools(BRIDGE, &imports, tools, false)?;
        drop(pin);
        self.kernel.durable(added.durable).await?;
        self.keep_program((digest, *BRIDGE_DIGEST), program).await?;
        Ok(added)
    }

    /// The tools of a script, checked, without adding them; and the interfaces that are their bound if they declare nothing.
    ///
    /// # Errors
    /// As [`Runtime::add_script`], but for names that others have.
    pub async fn inspect_script(
        self: &Arc<Self>,
        script: &Script,
        name: Option<String>,
    ) -> Result<(Vec<NewTool>, Vec<String>), RuntimeError> {
        let (tools, imports, _) = self.described(script, name, script.digest()).await?;
        Ok((tools, imports))
    }

    async fn described(
        self: &Arc<Self>,
        script: &Script,
        name: Option<String>,
        digest: Digest,
    ) -> Result<(Vec<NewTool>, Vec<String>, Arc<Vec<u8>>), RuntimeError> {
        let bridge = self.bridge().await?;
        let engine = self.engine().await?;
        let program = Arc::new(engine.compile_script(&bridge, &script.modules).await?);
        let described = engine.describe_script(&bridge, &program).await?;
        Ok((tools(described, name, &script.modules, digest)?, interfaces(), program))
    }

    /// As [`Runtime::add_script`], of one module: the name of its file, and what is in that.
    ///
    /// # Errors
    /// As [`Runtime::add_script`].
    pub async fn add_source(
        self: &Arc<Self>,
        file: &str,
        text: &str,
        name: Option<String>,
    ) -> Result<Changed<Vec<Arc<ToolRow>>>, RuntimeError> {
        let source = Source::Text { name: file.to_owned(), text: text.to_owned(), vendor: None };
        self.add_script(&self.load_script(source).await?, name).await
    }

    /// A script of the store in the form that a component takes, compiled now unless it was before.
    pub(super) async fn program(
        self: &Arc<Self>,
        bridge: &Prepared,
        script: Digest,
        component: Digest,
    ) -> Result<Arc<Vec<u8>>, RuntimeError> {
        let key = (script, component);
        if let Some(known) = self.programs.get(&key) {
            return Ok(known);
        }
        let runtime = Arc::clone(self);
        let read = move || match runtime.cache.load_bytes(&key.0, &key.1) {
            Some(program) => Ok((Some(program), Vec::new())),
            None => runtime.kernel.script(&key.0).map(|bytes| (None, bytes)),
        };
        let (program, bytes) = blocking(read).await?.map_err(libos_kernel::kernel::HostError::from)?;
        if let Some(program) = program {
            let program = Arc::new(program);
            self.programs.put(key, &program);
            return Ok(program);
        }
        let script = Script::from_bytes(&bytes).map_err(|error| WrongScript::Whole(error.to_string()))?;
        let program = Arc::new(self.engine().await?.compile_script(bridge, &script.modules).await?);
        self.keep_program(key, Arc::clone(&program)).await?;
        Ok(program)
    }

    pub(super) async fn keep_program(self: &Arc<Self>, key: Key, program: Arc<Vec<u8>>) -> Result<(), RuntimeError> {
        self.programs.put(key, &program);
        let runtime = Arc::clone(self);
        blocking(move || runtime.cache.store(&program, &key.0, &key.1)).await
    }
}

/// What a script says of its tools, checked as far as it is the script's own: names, and rules that are none.
pub(super) fn tools(
    described: Vec<Described>,
    name: Option<String>,
    modules: &[Module],
    script: Digest,
) -> Result<Vec<NewTool>, WrongScript> {
    let whole = |why: String| WrongScript::Whole(why);
    let count = described.len();
    if count == 0 {
        return Err(whole("its `tools` is empty: it exports each tool by its name".into()));
    }
    if name.is_some() && count != 1 {
        return Err(whole(format!("it has {count} tools; --name is for a script with one")));
    }
    let file = modules.first().map(|module| stem(&module.name)).unwrap_or_default();
    let mut tools: Vec<NewTool> = Vec::new();
    for description in described {
        let Described { name: export, summary, arguments, result, needs } = description;
        if export.is_none() && count != 1 {
            return Err(whole(format!("one of its {count} tools has no name")));
        }
        let called = name.clone().or_else(|| export.clone()).unwrap_or_else(|| file.to_owned());
        if tools.iter().any(|tool| tool.name == called) {
            return Err(whole(format!("it has two tools '{}'", shown(&called))));
        }
        let needs = needs.map(|needs| rules(&called, &needs)).transpose()?;
        let export = export.unwrap_or_default();
        tools.push(NewTool { name: called, export, summary, arguments, result, needs, script: Some(script) });
    }
    Ok(tools)
}

fn rules(tool: &str, needs: &[String]) -> Result<Vec<Rule>, WrongScript> {
    if needs.len() > limit::TOOL_NEEDS_MAX {
        let (count, most) = (needs.len(), limit::TOOL_NEEDS_MAX);
        return Err(WrongScript::Whole(format!("'{}' needs {count} rules, at most {most}", shown(tool))));
    }
    let rule = |text: &String| {
        Rule::parse(text).map_err(|why| {
            let text = format!("'{}' needs '{}', which is no rule: {}", shown(tool), shown(text), shown(&why));
            WrongScript::Whole(text)
        })
    };
    needs.iter().map(rule).collect()
}

/// A part of a text that somebody else wrote, fit to be printed.
fn shown(text: &str) -> String {
    let part: String = text.chars().take(limit::SCRIPT_SHOWN_CHARACTERS_MAX).collect();
    escape(&part)
}

/// The name of a file without directories and without what it ends in. Of `a.b.ts` that is `a.b`, which no tool can be called: it does
/// not take the place of `a`.
fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}
