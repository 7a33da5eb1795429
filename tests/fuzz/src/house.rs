//! A kernel over a directory of the real system and a store in memory, for guests that make system calls without WebAssembly. It is made
//! anew now and then, because its log only grows.

use libos::world::{MountSpec, OsWorld, Resolver, WorldOptions};
use libos_kernel::kernel::{Kernel, NewTool, Options, Reaction, StartCall, audit};
use libos_kernel::model::answer::{Answer, Stop};
use libos_kernel::model::call::{Approval, Call};
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::row::Wait;
use libos_kernel::store::disk::Memory;
use libos_kernel::syscall::Line;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Inputs that one house takes.
const INPUTS_MAX: u32 = 1_000;
const TOOL: &str = "act";

/// A kernel, and the directory that its one mount is.
pub struct House {
    pub base: PathBuf,
    pub kernel: Arc<Kernel>,
    runtime: tokio::runtime::Runtime,
    used: u32,
}

impl House {
    fn new(resolver: Resolver, policy: &str) -> House {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Whoever starts a fuzzer, which ends without a farewell, names a directory and removes it.
        let parent = std::env::var_os("LIBOS_FUZZ_DIRECTORY").map_or_else(std::env::temp_dir, PathBuf::from);
        let base = parent.join(format!("libos-fuzz-{}-{number}", std::process::id()));
        std::fs::create_dir_all(base.join("workspace")).expect("a directory for the fuzzer");
        let mount = MountSpec { name: "workspace".into(), path: base.join("workspace"), allow_hard_links: false };
        let options = WorldOptions { resolver, ..WorldOptions::default() };
        let world = Arc::new(OsWorld::new(vec![mount], Vec::new(), options).expect("the world"));
        let storage = Arc::new(Memory::default());
        let kernel = Kernel::open(Options::new(storage, world)).expect("a new store opens");
        let interfaces = ["fs", "object", "human", "clock", "process", "tools", "message"].map(str::to_owned);
        let tools = [TOOL, "echo"].map(|name| NewTool {
            name: name.into(),
            export: name.into(),
            summary: "Acts.".into(),
            arguments: "{}".into(),
            result: "{}".into(),
            needs: None,
            script: None,
        });
        kernel.add_tools(b"a component", &interfaces, tools.to_vec(), true).expect("the tools are added");
        kernel.set_policy(policy).expect("the policy is put in force");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        House { base, kernel, runtime, used: 0 }
    }

    /// The house in this place, or a new one.
    pub fn in_place(place: &mut Option<House>, resolver: Resolver, policy: impl FnOnce() -> String) -> &mut House {
        if place.as_ref().is_some_and(|house| house.used >= INPUTS_MAX) {
            *place = None;
        }
        let house = place.get_or_insert_with(|| House::new(resolver, &policy()));
        house.used += 1;
        house
    }

    /// Makes system calls in one call of one process. Whatever waits is ended by `person`, or the call is cancelled if that says nothing.
    pub fn make(
        &self,
        calls: Vec<Call>,
        mut person: impl FnMut() -> Option<Approval>,
    ) -> Vec<Result<Arc<Answer>, Stop>> {
        let pid = self.kernel.new_process(BASE, true).expect("a process starts");
        self.runtime.block_on(self.make_as(pid, calls, &mut person))
    }

    async fn make_as(
        &self,
        pid: Pid,
        calls: Vec<Call>,
        person: &mut impl FnMut() -> Option<Approval>,
    ) -> Vec<Result<Arc<Answer>, Stop>> {
        let start =
            StartCall { pid, tool: TOOL.into(), arguments: "null".into(), limits: CallLimits::default(), keep: false };
        let started = self.kernel.start_call(start).expect("a call starts");
        let mut line = Line::new(Arc::clone(&self.kernel), &started);
        let id = line.call();
        let mut answers = Vec::new();
        for call in calls {
            let mut waiting = line.waiting();
            let run = line.run(call);
            tokio::pin!(run);
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut run => break answer,
                    waits = waiting.wait_for(Option::is_some) => drop(waits),
                }
                if !self.end_wait(id, person()).await {
                    break Err(Stop::Ended);
                }
            };
            let stopped = answer.is_err();
            answers.push(answer);
            if stopped {
                break;
            }
        }
        if self.kernel.is_live(id) {
            let _ = self.kernel.end_call(id, Ok("null".into()));
        }
        answers
    }

    async fn end_wait(&self, call: libos_kernel::model::id::CallId, approval: Option<Approval>) -> bool {
        match (self.kernel.wait_of(call), approval) {
            (None, _) => true,
            (Some(Wait::Question(id)), Some(approval)) => {
                self.kernel.barrier().await.expect("a store in memory does not fail");
                let asks = self.kernel.answer(id, Reaction::Approve { approval, note: None });
                asks.is_ok() || self.kernel.answer(id, Reaction::Tell { text: "blue".into() }).is_ok()
            }
            (Some(Wait::Call(nested)), _) => match self.kernel.resume_call(nested).await {
                Ok(started) => self.kernel.end_call(started.row.id, Ok("\"echoed\"".into())).is_ok(),
                Err(_) => false,
            },
            _ => {
                self.kernel.cancel_call(call, "nobody waits").expect("a call that waits can be cancelled");
                false
            }
        }
    }

    /// Checks the log, record by record.
    pub fn verify(&self) {
        self.runtime.block_on(self.kernel.barrier()).expect("a store in memory does not fail");
        let snapshot = self.kernel.snapshot().expect("the store can be read");
        assert_eq!(audit::verify(&snapshot).expect("the log can be read").problem, None);
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.verify();
        }
        self.kernel.shutdown();
        #[expect(clippy::disallowed_methods, reason = "the fuzzer's own directory")]
        let _ = std::fs::remove_dir_all(&self.base);
    }
}
