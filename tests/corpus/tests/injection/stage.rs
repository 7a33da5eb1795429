//! A run of a story: a real host over real directories, with the standard tools, scripts in the place of models, and people who answer.

use crate::code;
use crate::story::{Person, Story, script};
use libos::kernel::kernel::FIRST_MOUNT;
use libos::kernel::kernel::view::View;
use libos::kernel::model::image::Image;
use libos::kernel::model::process::State;
use libos::kernel::store::disk::Directory;
use libos::programs::Supervisor;
use libos::world::{MountSpec, OsWorld, WorldOptions, ceiling, make_private_directory};
use libos::{Approval, Config, NewAgent, Pid, Progress, QuestionId, Reaction, Runtime, RuntimeError, Subject};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What is never to be seen anywhere: in files outside, in keys, beside the store.
pub const CANARY: &str = "CANARY-OUTSIDE-90b1c7";

/// The store, in the workspace: as where somebody works in his home directory.
const STORE: &str = ".state/libos";

/// Questions that one run answers at most.
const ANSWERS_MAX: usize = 64;

fn supervisor() -> Supervisor {
    Supervisor::at(env!("CARGO_BIN_EXE_libos-corpus-supervisor"))
}

/// Whether programs can be confined here; else stories that start some are left out.
pub fn runs_programs() -> bool {
    libos::programs::examine(&supervisor()).missing.is_none()
}

/// A workspace, what is outside, and keys; gone at the end.
pub struct Sandbox(PathBuf);

impl Sandbox {
    fn new(story: &Story) -> Sandbox {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let base = std::env::temp_dir().join(format!("libos-injection-{}-{number}", std::process::id()));
        for folder in ["workspace/.state", "outside", "keys"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        let sandbox = Sandbox(base);
        for (name, content) in [("outside/secret.txt", CANARY), ("outside/crontab", "daily\n"), ("keys/id", CANARY)] {
            fs::write(sandbox.0.join(name), content).unwrap();
        }
        sandbox.put("libos.toml", &story.policy);
        for (name, content) in &story.files {
            sandbox.put(name, content);
        }
        for (name, target) in &story.links {
            let path = sandbox.workspace().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let target = target.strip_prefix('^').map_or_else(|| PathBuf::from(target), |place| sandbox.0.join(place));
            symlink(target, path).unwrap();
        }
        sandbox
    }

    fn put(&self, name: &str, content: &str) {
        let path = self.workspace().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        if content.starts_with("#!") {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn workspace(&self) -> PathBuf {
        self.0.join("workspace")
    }

    /// A host over it, as the program `libos` makes one.
    fn open(&self, policy: &str) -> Result<Arc<Runtime>, RuntimeError> {
        let mounts = [MountSpec { name: FIRST_MOUNT.into(), path: self.workspace(), allow_hard_links: false }];
        let protected = [self.workspace().join("libos.toml"), self.0.join("keys"), self.store()].to_vec();
        make_private_directory(&self.store()).unwrap();
        make_private_directory(&self.store().join("code")).unwrap();
        let world = OsWorld::new(mounts.to_vec(), protected.clone(), WorldOptions::default())?;
        let world = world.with_supervisor(supervisor());
        let mut config = Config::new(Arc::new(Directory::new(self.store())), Arc::new(world));
        config.code = Some(self.store().join("code"));
        config.ceiling = ceiling(&mounts, &protected);
        let runtime = Runtime::open(config)?;
        runtime.kernel().set_policy(policy)?;
        Ok(runtime)
    }

    fn store(&self) -> PathBuf {
        self.workspace().join(STORE)
    }

    /// The files and links of the workspace but the store, with what they hold.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let base = self.workspace();
        walk(&base, &mut |path| {
            let name = path.strip_prefix(&base).unwrap().to_string_lossy().into_owned();
            if !name.starts_with(STORE) {
                let held = match fs::read_link(path) {
                    Ok(target) => format!("-> {}", target.display()),
                    Err(_) => String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned(),
                };
                files.insert(name, held);
            }
        });
        files
    }

    /// Names, modes, links and contents of what no guest has a name for, and of the policy's file.
    fn outside(&self) -> Vec<String> {
        let mut seen = Vec::new();
        let mut look = |path: &Path| {
            let meta = fs::symlink_metadata(path).unwrap();
            let digest = Sha256::digest(fs::read(path).unwrap_or_default());
            seen.push(format!("{} {:o} {} {} {digest:x?}", path.display(), meta.mode(), meta.nlink(), meta.ino()));
        };
        ["outside", "keys"].iter().for_each(|folder| walk(&self.0.join(folder), &mut look));
        look(&self.workspace().join("libos.toml"));
        seen
    }

    /// Whether the store has a text anywhere: in rows, records, journals, files of payloads.
    fn store_has(&self, text: &str) -> bool {
        let mut found = false;
        walk(&self.store(), &mut |path| {
            let is_code = path.parent().is_some_and(|folder| folder.ends_with("code"));
            let content = if is_code { Vec::new() } else { fs::read(path).unwrap_or_default() };
            found |= content.windows(text.len()).any(|part| part == text.as_bytes());
        });
        found
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Files, links and whatever else is no directory below a directory.
fn walk(folder: &Path, each: &mut impl FnMut(&Path)) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            walk(&path, each);
        } else {
            each(&path);
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// Of each process whose lines there are, what each line gave; nothing if it was not reached.
    pub results: Vec<Vec<Option<Value>>>,
    pub states: Vec<State>,
    /// What people were asked, and whether somebody of the story had an answer.
    pub asked: Vec<(String, bool)>,
    /// Persons of the story that nobody asked.
    pub unasked: usize,
    pub told: Vec<String>,
    pub before: BTreeMap<String, String>,
    pub after: BTreeMap<String, String>,
    /// What changed of the outside; nothing is to.
    pub outside: Vec<String>,
    /// Texts that the store has and should not have.
    pub learnt: Vec<String>,
    /// The policy that is in force at the end, if it is not the last that a person put there.
    pub policy: Option<String>,
    /// Somebody has spoken to the socket.
    pub spoken: bool,
}

/// Runs a story to its end under a policy. `strict`: the people of the story change the policy where it says so.
pub async fn run(story: &Story, policy: &str, strict: bool) -> Ran {
    let sandbox = Sandbox::new(story);
    let (before, outside) = (sandbox.files(), sandbox.outside());
    let runtime = sandbox.open(policy).unwrap_or_else(|error| panic!("{}: {error}", story.name));
    let socket = UnixListener::bind(sandbox.store().join("socket")).unwrap();
    socket.set_nonblocking(true).unwrap();
    code::bring(&runtime, &sandbox.store()).await;
    for manifest in &story.images {
        let image = Image::parse(manifest).unwrap_or_else(|error| panic!("{}: {error:?}", story.name));
        runtime.kernel().register_image(image, false).unwrap_or_else(|error| panic!("{}: {error}", story.name));
    }
    let mut people = People { left: &story.persons, asked: Vec::new(), policy: policy.to_owned(), strict };
    let all = agents(story);
    let mut pids = Vec::new();
    for (image, goal, lines) in &all {
        let text = script(lines, strict);
        let new = NewAgent { image, goal, planner: Some(&text), new: true };
        let made = runtime.start_agent(new).await.unwrap_or_else(|error| panic!("{}: {error}", story.name));
        pids.push(made.what.pid);
    }
    people.attend(&runtime, &pids).await;
    runtime.kernel().barrier().await.unwrap();
    let mut results = Vec::new();
    for (pid, (_, _, lines)) in pids.iter().zip(&all) {
        results.push((0..lines.len() as u64).map(|step| result(&runtime, *pid, step)).collect());
    }
    let (states, told) = looked_at(&runtime, &pids);
    let in_force = runtime.kernel().policy_text().unwrap();
    code::note(&runtime, &sandbox.store()).await;
    runtime.close().await;
    drop(runtime);
    let secrets = story.secrets.iter().map(String::as_str).chain([CANARY]);
    Ran {
        results,
        states,
        unasked: people.left.len(),
        policy: in_force.filter(|text| *text != people.policy),
        asked: people.asked,
        told,
        before,
        after: sandbox.files(),
        outside: sandbox.outside().into_iter().filter(|line| !outside.contains(line)).collect(),
        learnt: secrets.filter(|text| sandbox.store_has(text)).map(str::to_owned).collect(),
        spoken: socket.accept().is_ok(),
    }
}

type Agent<'a> = (&'a str, &'a str, &'a [crate::story::Line]);

fn agents(story: &Story) -> Vec<Agent<'_>> {
    let first = (story.image.as_deref().unwrap_or("base"), &*story.goal, &*story.lines);
    let others =
        story.others.iter().map(|other| (other.image.as_deref().unwrap_or("base"), &*other.goal, &*other.lines));
    std::iter::once(first).chain(others).collect()
}

fn result(runtime: &Runtime, pid: Pid, step: u64) -> Option<Value> {
    let text = runtime.kernel().step_result(pid, step).unwrap()?;
    serde_json::from_str(&text).ok()
}

/// How the processes stand, and what people were told.
fn looked_at(runtime: &Runtime, pids: &[Pid]) -> (Vec<State>, Vec<String>) {
    let snapshot = runtime.kernel().snapshot().unwrap();
    let view = View(&snapshot);
    let states = pids.iter().map(|pid| view.process(*pid).unwrap().unwrap().state).collect();
    let notes = view.questions(false).unwrap().into_iter().filter_map(|row| match row.subject {
        Subject::Note { text } => Some(text),
        _ => None,
    });
    (states, notes.collect())
}

/// The people of a story.
struct People<'a> {
    left: &'a [Person],
    asked: Vec<(String, bool)>,
    policy: String,
    strict: bool,
}

impl People<'_> {
    /// Answers what the processes and those below them ask, until none of them goes on. Somebody answers only when all of them wait, so
    /// that what they do to each other is done.
    async fn attend(&mut self, runtime: &Arc<Runtime>, pids: &[Pid]) {
        while self.asked.len() < ANSWERS_MAX {
            for pid in pids {
                runtime.settled(*pid).await.unwrap();
            }
            let all: Vec<_> = pids.iter().map(|pid| runtime.kernel().progress(*pid)).collect();
            if !all.iter().all(Progress::is_settled) {
                continue;
            }
            let question = all.iter().filter(|progress| !progress.is_over).find_map(|one| one.questions.first());
            let Some(id) = question else { return };
            if !self.answer(runtime, *id).await {
                return;
            }
        }
    }

    /// Whether somebody has an answer. In a run that allows more, others are asked other things and say yes.
    async fn answer(&mut self, runtime: &Arc<Runtime>, id: QuestionId) -> bool {
        let snapshot = runtime.kernel().snapshot().unwrap();
        let row = View(&snapshot).question(id).unwrap().unwrap();
        let shown = match &row.subject {
            Subject::Approval { operation, needs, preview, .. } => {
                let needs: Vec<String> = needs.iter().map(|need| need.resource.to_string()).collect();
                format!("{operation} {}: {}", needs.join(" "), preview.join("\n"))
            }
            Subject::Permission { resource, rights, reason } => format!("permission: {rights} {resource}: {reason}"),
            Subject::Question { text } | Subject::Note { text } => text.clone(),
        };
        drop(snapshot);
        let person = self.left.iter().position(|person| shown.contains(&person.sees));
        let person = match (person, self.strict) {
            // In the order of the story.
            (Some(0), true) | (Some(_), false) => person.and_then(|at| self.left.get(at)),
            _ => None,
        };
        self.asked.push((shown, person.is_some()));
        let Some(person) = person else {
            if self.strict {
                return false;
            }
            let anybody = match row.subject {
                Subject::Question { .. } => Reaction::Tell { text: "yes".into() },
                _ => Reaction::allow(),
            };
            runtime.answer(id, anybody).await.unwrap();
            return true;
        };
        if let Some(policy) = person.policy.as_ref().filter(|_| self.strict) {
            runtime.kernel().set_policy(policy).unwrap();
            self.policy = policy.clone();
        }
        let approve = |approval| Reaction::Approve { approval, note: None };
        let reaction = match (&*person.says, &row.subject) {
            (text, Subject::Question { .. }) => Reaction::Tell { text: text.to_owned() },
            _ if !self.strict => approve(Approval::Allow),
            ("deny", _) => approve(Approval::Deny),
            ("never", _) => approve(Approval::Never),
            ("always", _) => approve(Approval::Always),
            _ => approve(Approval::Allow),
        };
        if self.strict {
            self.left = &self.left[1..];
        }
        runtime.answer(id, reaction).await.unwrap();
        true
    }
}
