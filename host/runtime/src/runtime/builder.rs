//! How an embedder makes a runtime: a store, an outside, authority, and who answers questions. What is not said is denied.

use super::{AnswerQuestion, Config, Runtime, RuntimeError};
use crate::engine::compile::{Compile, CompileLimits};
use crate::world::{
    MountSpec, OsWorld, Unmounted, WorldOptions, WorldSetupError, ceiling, make_private_directory, mounts,
    probe_data_directory,
};
use libos_kernel::kernel::{FIRST_MOUNT, Notary, Reaction};
use libos_kernel::model::facility;
use libos_kernel::model::grant::Effect;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::policy::{Policy, PolicyError};
use libos_kernel::model::question::QuestionRow;
use libos_kernel::model::rule::Rule;
use libos_kernel::store::disk::{Directory, Memory, Storage};
use libos_kernel::world::World;
use libos_kernel::world::memory::MemoryWorld;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Makes a [`Runtime`]. Without any setting it keeps everything in memory, its tools see one empty directory in memory under the real
/// clock, and nothing is allowed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), libos::BuildError> {
/// let runtime = libos::Runtime::builder()
///     .mount("workspace", std::env::temp_dir())
///     .allow("read,list fs:workspace/notes/**")
///     .ask("write fs:workspace/notes/**")
///     .on_question(|question| {
///         println!("{} asks", question.tool);
///         Some(libos::Reaction::allow())
///     })
///     .open()
///     .await?;
/// runtime.close().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is opened before `open`"]
pub struct Builder {
    store: Option<PathBuf>,
    outside: Outside,
    rules: Vec<(Effect, String)>,
    policy: Option<(String, PathBuf)>,
    config: Config,
    protected: Vec<PathBuf>,
}

enum Outside {
    Mounts(Vec<(String, PathBuf)>),
    /// With the names of its mounts.
    Own(Arc<dyn World>, Vec<String>),
}

/// Why a runtime cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A rule from code is none.
    #[error("the rule '{rule}': {why}")]
    Rule {
        /// As it was given.
        rule: String,
        /// What is wrong.
        why: String,
    },
    /// The text of the policy is wrong.
    #[error("the policy: {0}")]
    Policy(#[from] PolicyError),
    /// Settings that exclude each other.
    #[error("{0}")]
    Settings(&'static str),
    /// The directory of the store cannot be used.
    #[error("the store's directory {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The store, the world or the engine.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl Default for Builder {
    fn default() -> Self {
        let outside = Outside::Mounts(Vec::new());
        let nothing: Arc<dyn World> = Arc::new(MemoryWorld::new(&[], 0));
        let config = Config::new(Arc::new(Memory::default()), nothing);
        Builder { store: None, outside, rules: Vec::new(), policy: None, config, protected: Vec::new() }
    }
}

impl Builder {
    /// Keeps the store in this directory, which is made if it is not there, for this user alone. What was there goes on: calls that
    /// waited wait, grants hold. Without it everything is gone at the end.
    pub fn store(mut self, directory: impl Into<PathBuf>) -> Builder {
        self.store = Some(directory.into());
        self
    }

    /// Gives tools a name for a directory; processes begin in the one that is called `workspace`. What they may do there, rules say.
    pub fn mount(mut self, name: impl Into<String>, directory: impl Into<PathBuf>) -> Builder {
        match &mut self.outside {
            Outside::Mounts(mounts) => mounts.push((name.into(), directory.into())),
            Outside::Own(..) => self.outside = Outside::Mounts(vec![(name.into(), directory.into())]),
        }
        self
    }

    /// An outside of your own, with the names of its mounts, in place of directories: for example a
    /// [`MemoryWorld`](crate::world::MemoryWorld).
    pub fn world(mut self, world: Arc<dyn World>, mounts: &[&str]) -> Builder {
        self.outside = Outside::Own(world, mounts.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Allows something to every process of the image `base`, as a policy writes it: `read,list fs:workspace/**`.
    pub fn allow(self, rule: impl Into<String>) -> Builder {
        self.rule(Effect::Allow, rule)
    }

    /// Somebody is asked each time, see [`Builder::on_question`]; over whatever is allowed.
    pub fn ask(self, rule: impl Into<String>) -> Builder {
        self.rule(Effect::Ask, rule)
    }

    /// Denies something, over whatever is allowed or asked.
    pub fn deny(self, rule: impl Into<String>) -> Builder {
        self.rule(Effect::Deny, rule)
    }

    fn rule(mut self, effect: Effect, rule: impl Into<String>) -> Builder {
        self.rules.push((effect, rule.into()));
        self
    }

    /// The text of a policy, in place of mounts and rules from code; the paths of its mounts are relative to `directory`.
    pub fn policy(mut self, text: impl Into<String>, directory: impl Into<PathBuf>) -> Builder {
        self.policy = Some((text.into(), directory.into()));
        self
    }

    /// Directories and files that no tool may touch, whatever is granted: your program's own keys and settings. The store's directory
    /// is always among them.
    pub fn protect(mut self, path: impl Into<PathBuf>) -> Builder {
        self.protected.push(path.into());
        self
    }

    /// Answers questions as they are asked: a call then goes on by itself. None leaves the question open, and
    /// [`CallEvent::Waits`](super::CallEvent::Waits) tells it, as it does where the reaction does not fit the question. It is called on
    /// a thread that many calls share, and must not block. Questions from before this host was opened are not put to it.
    pub fn on_question(mut self, answer: impl Fn(&QuestionRow) -> Option<Reaction> + Send + Sync + 'static) -> Builder {
        let answer: AnswerQuestion = Arc::new(answer);
        self.config.on_question = Some(answer);
        self
    }

    /// Where components are compiled that are not part of this program. The default is [`Compile::InProcess`], which is for components
    /// that you trust not to exhaust this process.
    pub fn compile(mut self, place: Compile) -> Builder {
        self.config.compile = place;
        self
    }

    /// What one compilation in a child process may use.
    pub fn compile_limits(mut self, limits: CompileLimits) -> Builder {
        self.config.compile_limits = limits;
        self
    }

    /// Who signs the heads of the log and brings them to a second place, for example a [`LocalNotary`](crate::world::LocalNotary).
    /// Without one the log is a hash tree that whoever can write the store can make anew.
    pub fn notary(mut self, notary: Arc<dyn Notary>) -> Builder {
        self.config.notary = Some(notary);
        self
    }

    /// What each call may use, in place of what the policy says.
    pub fn limits(mut self, limits: CallLimits) -> Builder {
        self.config.limits = Some(limits);
        self
    }

    /// Calls that may be in memory at once, running or waiting; 1,000 if it is not said.
    pub fn resident_max(mut self, calls: u32) -> Builder {
        self.config.resident_max = calls;
        self
    }

    /// Processes that run at once, 64 if it is not said; others have their turns when those wait or have ended a step.
    pub fn processes_max(mut self, processes: u32) -> Builder {
        self.config.processes_max = processes;
        self
    }

    /// How long a waiting call stays in memory; two seconds if it is not said. It comes back when its wait ends.
    pub fn park_after(mut self, time: Duration) -> Builder {
        self.config.park_after = time;
        self
    }

    /// Opens the store, recovers what a crash left, puts the rules in force, and starts the run loop. Must run on a tokio runtime with
    /// timers.
    ///
    /// # Errors
    /// See [`BuildError`]; nothing runs then.
    pub async fn open(mut self) -> Result<Arc<Runtime>, BuildError> {
        let (text, base) = self.policy_text()?;
        let policy = Policy::parse(&text)?;
        let storage: Arc<dyn Storage> = match &self.store {
            None => Arc::new(Memory::default()),
            Some(path) => {
                let code = path.join("code");
                make_private_directory(path)
                    .and_then(|()| make_private_directory(&code))
                    .map_err(in_directory(path))?;
                check_directory(path, &policy)?;
                self.config.code = Some(code);
                self.protected.push(path.clone());
                Arc::new(Directory::new(path))
            }
        };
        self.config.storage = storage;
        self.config.world = match self.outside {
            Outside::Own(world, _) => world,
            Outside::Mounts(_) if policy.mounts.is_empty() => Arc::new(Unmounted::new(FIRST_MOUNT)),
            Outside::Mounts(_) => {
                self.protected.extend(policy.model_files().filter(|path| path.parent().is_some_and(Path::is_dir)));
                let specs: Vec<MountSpec> = mounts(&policy, &base);
                self.config.ceiling = ceiling(&specs, &self.protected);
                let options = WorldOptions { accepted: policy.accepted, ..WorldOptions::default() };
                Arc::new(OsWorld::new(specs, self.protected, options).map_err(RuntimeError::from)?)
            }
        };
        let runtime = Runtime::assemble(self.config)?;
        // Before any call goes on: what was allowed the last time may not be now.
        let in_force = runtime.kernel().policy_text().map_err(RuntimeError::from)?;
        if in_force.as_deref() != Some(text.as_str()) {
            let changed = runtime.kernel().set_policy(&text).map_err(RuntimeError::from)?;
            runtime.kernel().durable(changed.durable).await.map_err(RuntimeError::from)?;
        }
        runtime.begin();
        Ok(runtime)
    }

    /// The policy, and what its paths are relative to.
    fn policy_text(&mut self) -> Result<(String, PathBuf), BuildError> {
        let from_code =
            !self.rules.is_empty() || matches!(&self.outside, Outside::Mounts(mounts) if !mounts.is_empty());
        if let Some((text, base)) = self.policy.take() {
            if from_code {
                return Err(BuildError::Settings(
                    "a policy's text has its own mounts and rules; those from code go into it",
                ));
            }
            return Ok((text, base));
        }
        for (_, rule) in &self.rules {
            Rule::parse(rule).map_err(|why| BuildError::Rule { rule: rule.clone(), why })?;
        }
        let mounts: Vec<(String, String)> = match &self.outside {
            Outside::Own(_, names) => names.iter().map(|name| (name.clone(), ".".to_owned())).collect(),
            Outside::Mounts(mounts) => mounts.iter().map(mount_text).collect::<Result<_, _>>()?,
        };
        let mut text = String::from("[mounts]\n");
        for (name, path) in mounts {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{} = {}", quoted(&name), quoted(&path));
        }
        text.push_str("\n[image.base]\n");
        for effect in [Effect::Allow, Effect::Ask, Effect::Deny] {
            let rules = self.rules.iter().filter(|(of, _)| *of == effect);
            let rules: Vec<String> = rules.map(|(_, rule)| quoted(rule)).collect();
            let _ = writeln!(text, "{} = [{}]", effect.word(), rules.join(", "));
        }
        Ok((text, PathBuf::new()))
    }
}

/// A policy is text, and so are its paths.
fn mount_text((name, path): &(String, PathBuf)) -> Result<(String, String), BuildError> {
    let unusable = |source| BuildError::Directory { path: path.clone(), source };
    let absolute = std::path::absolute(path).map_err(unusable)?;
    let text = absolute.to_str().ok_or_else(|| unusable(std::io::Error::other("its path is no UTF-8 text")))?;
    Ok((name.clone(), text.to_owned()))
}

/// A text as TOML has it, which is as JSON has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn in_directory(path: &Path) -> impl Fn(std::io::Error) -> BuildError {
    move |source| BuildError::Directory { path: path.to_owned(), source }
}

/// Refuses a directory that lacks what a host relies on and the policy did not accept to be missing.
fn check_directory(path: &Path, policy: &Policy) -> Result<(), BuildError> {
    let findings = probe_data_directory(path).map_err(in_directory(path))?;
    match facility::refused(&findings, policy.accepted) {
        None => Ok(()),
        Some(lacking) => {
            let (facility, detail) = (lacking.facility, lacking.detail.clone());
            Err(RuntimeError::from(WorldSetupError::Lacks { facility, detail }).into())
        }
    }
}
