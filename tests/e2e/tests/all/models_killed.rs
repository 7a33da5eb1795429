//! A host that is killed at every point of a quantum at which it reaches for the outside: no question to a model goes out twice, no tool
//! does anything twice, and the run comes to the same end. What a killed host leaves is what is on the disk at that moment: a copy.

use crate::models::{policy, reply, settled, start};
use libos::kernel::kernel::Permit;
use libos::kernel::model::call::{Entry, Stat, WriteMode};
use libos::kernel::model::policy::ModelProfile;
use libos::kernel::model::process::State;
use libos::kernel::model::record::Outcome;
use libos::kernel::model::row::Probe;
use libos::kernel::model::time::Time;
use libos::kernel::world::{Asking, Content, Found, ModelTrouble, Probed, Range, World, WorldError};
use libos::world::OsWorld;
use libos_e2e::{Host, OPEN};
use libos_provider::{Asked, Clock, Provider, Turn};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// What is the same for all hosts of a run.
#[derive(Default)]
struct Shared {
    /// What was changed outside.
    done: Mutex<Vec<String>>,
}

/// The real outside, of which nobody comes back who reaches for it at a certain point or later.
struct Killed {
    world: OsWorld,
    shared: Arc<Shared>,
    /// Points that were reached.
    points: AtomicUsize,
    at: usize,
    reached: watch::Sender<bool>,
    gone: watch::Sender<bool>,
    turned: (Mutex<bool>, Condvar),
}

impl Killed {
    fn new(world: OsWorld, shared: &Arc<Shared>, at: usize) -> Arc<Killed> {
        Arc::new(Killed {
            world,
            shared: Arc::clone(shared),
            points: AtomicUsize::new(0),
            at,
            reached: watch::Sender::new(false),
            gone: watch::Sender::new(false),
            turned: (Mutex::default(), Condvar::new()),
        })
    }

    /// Whether the host dies here, or did before.
    fn dies(&self) -> bool {
        let dies = self.points.fetch_add(1, Ordering::SeqCst) >= self.at;
        if dies {
            self.reached.send_replace(true);
        }
        dies
    }

    fn point(&self) -> Result<(), WorldError> {
        if !self.dies() {
            return Ok(());
        }
        let (gone, turned) = &self.turned;
        drop(turned.wait_while(gone.lock().unwrap(), |gone| !*gone).unwrap());
        Err(WorldError::Io("it was killed".into()))
    }

    /// Lets go who was held: nothing that they do counts any more.
    fn bury(&self) {
        *self.turned.0.lock().unwrap() = true;
        self.turned.1.notify_all();
        self.gone.send_replace(true);
    }

    fn change<T>(&self, what: String, act: impl FnOnce(&OsWorld) -> Result<T, WorldError>) -> Result<T, WorldError> {
        self.point()?;
        let done = act(&self.world)?;
        self.shared.done.lock().unwrap().push(what);
        self.point()?;
        Ok(done)
    }
}

/// The same outside for several owners.
struct Of(Arc<Killed>);

impl World for Of {
    fn now(&self, permit: &Permit) -> Time {
        self.0.world.now(permit)
    }

    fn random(&self, permit: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        self.0.world.random(permit, bytes)
    }

    fn fs_read(&self, permit: &Permit, range: Option<Range>) -> Result<Content, WorldError> {
        self.0.world.fs_read(permit, range)
    }

    fn fs_write(&self, permit: &Permit, content: &[u8], mode: WriteMode, temporary: &str) -> Result<(), WorldError> {
        let what = format!("{} {}", permit.resource(0), String::from_utf8_lossy(content));
        self.0.change(what, |world| world.fs_write(permit, content, mode, temporary))
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        let what = format!("{} +{}", permit.resource(0), String::from_utf8_lossy(content));
        self.0.change(what, |world| world.fs_append(permit, content))
    }

    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError> {
        self.0.world.fs_list(permit)
    }

    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError> {
        self.0.world.fs_stat(permit)
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        self.0.world.fs_make_dir(permit)
    }

    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError> {
        self.0.world.fs_remove(permit, recursive)
    }

    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError> {
        self.0.world.fs_rename(permit, replace)
    }

    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        self.0.point()?;
        self.0.world.fs_inspect(permit, index, follow, content)
    }

    fn model_ask<'a>(&'a self, permit: &'a Permit, profile: &'a ModelProfile, request: &'a str) -> Asking<'a> {
        Box::pin(async move {
            let held = async || {
                if !self.0.dies() {
                    return Ok(());
                }
                let _ = self.0.gone.subscribe().wait_for(|gone| *gone).await;
                Err(ModelTrouble::Unknown("it was killed".into()))
            };
            held().await?;
            let answer = self.0.world.model_ask(permit, profile, request).await;
            held().await?;
            answer
        })
    }

    fn probe(&self, permit: &Permit, probe: &Probe, temporary: &str) -> Probed {
        self.0.world.probe(permit, probe, temporary)
    }
}

/// The model writes two files at once, and ends when it was told that both are there.
fn writes_two(asked: &Asked) -> Turn {
    let messages = asked.json()["messages"].as_array().cloned().unwrap_or_default();
    let results = messages.iter().filter(|message| message["role"] == json!("tool")).count();
    let write = |name: &str| ("write_text_file", json!({ "path": name, "content": format!("{name}!") }));
    if results < 2 {
        reply("", &[write("a"), write("b")])
    } else {
        reply("", &[("process_exit", json!({ "payload": 1 }))])
    }
}

/// Runs it, killed at this point; answers how many points there were and what the provider was asked.
async fn run(template: &Host, at: usize) -> (usize, Vec<Asked>) {
    let provider = Provider::answering(&Arc::new(Clock::default()), writes_two).await.unwrap();
    let (shared, mut killed) = (Arc::<Shared>::default(), None);
    let policy = policy(&provider.base_url());
    let wrap = |world: OsWorld| -> Arc<dyn World> {
        let world = Killed::new(world, &shared, at);
        killed = Some(Arc::clone(&world));
        Arc::new(Of(world))
    };
    let first = template.like(&policy, wrap);
    let killed = killed.unwrap();
    let pid = start(&first, "Write a and b.").await;
    let mut reached = killed.reached.subscribe();
    let state = tokio::select! {
        _ = reached.wait_for(|reached| *reached) => {
            // What it had to bring to the disk by itself it may have brought there, or not: a kill comes when it comes.
            let second = first.after_kill(|world| Arc::new(Of(Killed::new(world, &shared, usize::MAX))));
            killed.bury();
            second.runtime.kernel().drive(pid);
            let (state, _) = settled(&second, pid).await;
            check_records(&second, at).await;
            second.runtime.close().await;
            state
        }
        (state, _) = settled(&first, pid) => state,
    };
    first.runtime.close().await;
    assert_eq!(state, State::Exited("1".into()), "{at}");
    for name in ["a", "b"] {
        assert_eq!(first.content(name), Some(format!("{name}!")), "{at}");
    }
    let mut done = shared.done.lock().unwrap().clone();
    done.sort();
    assert_eq!(done, ["fs:workspace/a a!", "fs:workspace/b b!"], "{at}: each once");
    (killed.points.load(Ordering::SeqCst), provider.asked())
}

/// Every intent has its end, and what nobody knows is said.
async fn check_records(host: &Host, at: usize) {
    let records = host.records().await;
    for intent in records.iter().filter(|record| record.outcome == Outcome::Intent) {
        let ends = records.iter().filter(|record| record.effect == intent.effect && record.outcome != Outcome::Intent);
        assert_eq!(ends.count(), 1, "{at}: {intent:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_that_is_killed_anywhere_in_a_quantum_asks_nothing_twice_and_does_nothing_twice() {
    let template = Host::new(OPEN, &["basics", "files", "processes"]).await;
    template.runtime.close().await;
    let within = |run| tokio::time::timeout(Duration::from_secs(300), run);
    let (points, asked) = within(run(&template, usize::MAX)).await.expect("it ends");
    assert_eq!(asked.len(), 2);
    assert!(points >= 8, "two questions and two writes, before and after: {points}");
    for at in 0..points {
        let (_, asked) = within(run(&template, at)).await.unwrap_or_else(|_| panic!("killed at {at} it hangs"));
        let keys: Vec<&str> =
            asked.iter().map(|asked| asked.header("idempotency-key").expect("it has a key")).collect();
        let different: BTreeSet<&&str> = keys.iter().collect();
        assert_eq!(different.len(), keys.len(), "{at}: {keys:?}");
        assert!(keys.len() <= 3, "{at}: at most one answer is lost: {keys:?}");
        let bodies: Vec<Value> = asked.iter().map(Asked::json).collect();
        // Who lost an answer is told that it did; nothing was carried out of it.
        let lost = bodies.iter().filter(|body| body.to_string().contains("if you gave one it is lost")).count();
        assert!(lost >= keys.len() - 2, "{at}: {bodies:?}");
    }
}
