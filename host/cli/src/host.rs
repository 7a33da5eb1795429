//! A host: the one that has the store open. Every verb that changes something ends here, whether it came from this process or over the
//! socket.

use crate::error::Failure;
use crate::place::Place;
use crate::protocol::{Answering, Ended, Event, GrantRequest, Request};
use crate::{keys, setup, standard, store};
use anyhow::Context as _;
use libos::engine::CodeCache;
use libos::world::MountSpec;
use libos::{CallEvent, CallRequest, Compile, Config, Runtime, Waiting};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{Changed, Delegation, HostError, Keep, Kernel, NewGrant, Notary, Options};
use libos_kernel::model::facility::{self, Finding};
use libos_kernel::model::grant::{Grant, Holder};
use libos_kernel::model::id::{CallId, EffectId, Pid, QuestionId};
use libos_kernel::model::image::{Format, Registered};
use libos_kernel::model::limit;
use libos_kernel::model::policy::{AuditRules, Policy};
use libos_kernel::model::question::QuestionState;
use libos_kernel::model::resource::Pattern;
use libos_kernel::model::right::Rights;
use libos_kernel::model::row::{CallRow, CallState, Wait};
use libos_kernel::model::rule::Rule;
use libos_kernel::store::disk::Directory;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Whoever listens to what a verb does.
pub type Listener = mpsc::Sender<Event>;
/// Events that may wait to be taken.
pub const EVENTS_MAX: usize = 64;

/// An open store, with a run loop if calls are to run.
pub struct Host {
    kernel: Arc<Kernel>,
    runtime: Option<Arc<Runtime>>,
    mounts: Vec<MountSpec>,
    /// Under which it signs.
    audit: AuditRules,
    /// What the machine offered when it started.
    findings: Vec<Finding>,
    place: Place,
    /// The standard tools are there; verbs wait for that.
    ready: watch::Sender<bool>,
    closing: AtomicBool,
}

impl Host {
    /// Opens the store with the world of a policy: the one in force, or the one that is about to be. `runs`: calls are to run.
    ///
    /// # Errors
    /// Another host has the store, a mount is not there, or the disk failed.
    pub fn open(place: &Place, policy: &Policy, runs: bool) -> anyhow::Result<Host> {
        place.make_data()?;
        let mounts = setup::mounts(policy, &place.workspace);
        // Before the world, which knows by identity what it keeps mounts off.
        let witness = keys::witness_file(place, policy, &mounts)?;
        let notary = keys::notary(place, policy, witness.clone())?.map(|notary| notary as Arc<dyn Notary>);
        let protected = setup::protected(place, policy, witness)?;
        let ceiling = setup::ceiling(&mounts, &protected);
        let world = setup::world(&mounts, protected, policy.accepted)?;
        let mut findings = setup::data_directory(place)?;
        findings.extend_from_slice(world.facilities());
        let lacking = setup::with_restricted(findings.clone(), policy, &mounts);
        setup::refuse(&lacking, policy.accepted, place)?;
        let world = Arc::new(world);
        let storage = Arc::new(Directory::new(&place.data));
        let (kernel, runtime) = if runs {
            let (code, compile) = (Some(place.code()), Compile::this_program());
            let config = Config { ceiling, notary, code, compile, ..Config::new(storage, world) };
            let runtime = Runtime::open(config)?;
            (Arc::clone(runtime.kernel()), Some(runtime))
        } else {
            (Kernel::open(Options { ceiling, notary, ..Options::new(storage, world) })?, None)
        };
        kernel.note_weakened(facility::weakened(&lacking, policy.accepted));
        Ok(Host {
            kernel,
            runtime,
            mounts,
            audit: policy.audit.clone(),
            findings,
            place: place.clone(),
            ready: watch::Sender::new(!runs),
            closing: AtomicBool::new(false),
        })
    }

    /// Opens the store under the policy in force.
    ///
    /// # Errors
    /// As [`Host::open`], or no policy is in force.
    pub fn open_accepted(place: &Place, runs: bool) -> anyhow::Result<Host> {
        let text = store::policy_in_force(place)?.ok_or_else(|| store::not_accepted(place))?;
        let policy = Policy::parse(&text).map_err(|error| {
            Failure::usage(format!("this version cannot read the policy in force: {error}"))
                .hint("`libos policy reload` puts another one in force")
        })?;
        Host::open(place, &policy, runs)
    }

    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    pub fn runs(&self) -> bool {
        self.runtime.is_some()
    }

    /// Whether it ends: what ran leaves memory, and rests no more than it has ended.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Adds the standard tools that are missing or of another version.
    ///
    /// # Errors
    /// The engine cannot start, or the disk failed.
    pub async fn install_standard_tools(&self) -> anyhow::Result<()> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let tools = self.kernel.tools();
        for component in standard::missing(tools.iter().map(|tool| &**tool)) {
            crate::term::progress(&format!("preparing the standard tools: {}", component.name));
            runtime.add_component(component.bytes.to_vec(), None, true).await?;
        }
        crate::term::progress_done();
        self.ready.send_replace(true);
        Ok(())
    }

    /// Tells whoever starts the host what its start could not find out, once that is on the disk.
    ///
    /// # Errors
    /// The disk failed.
    pub async fn tell_unknown(&self) -> anyhow::Result<()> {
        if !self.kernel.found_unknown().is_empty() {
            self.kernel.barrier().await.map_err(HostError::from)?;
            self.print_unknown();
        }
        Ok(())
    }

    /// Tells what the start of this host could not find out; to be done once that is on the disk.
    pub fn print_unknown(&self) {
        const SHOWN: usize = 3;
        let found = self.kernel.found_unknown();
        for effect in found.iter().take(SHOWN) {
            eprintln!(
                "the last host ended in the middle of effect {effect}, and nobody knows whether it happened; `libos effects show {effect}` \
                 shows it, `libos effects settle {effect} done|not-done` ends the doubt"
            );
        }
        if found.len() > SHOWN {
            eprintln!("and {} more; `libos effects --unknown` lists them", found.len() - SHOWN);
        }
    }

    /// Carries out a verb and tells what happens, to the end.
    pub async fn perform(&self, request: Request, listener: &Listener) {
        if self.ready.subscribe().wait_for(|ready| *ready).await.is_err() {
            return;
        }
        let Err(error) = self.try_perform(request, listener).await else { return };
        // A verb that meets a closed kernel was not begun: what was begun before is brought to the disk by the close.
        let closed = self.is_closing() && is_stopped(&error);
        match crate::error::failure(&error) {
            _ if closed => tell(listener, Event::Closing).await,
            Ok(failure) => tell(listener, Event::Error(failure)).await,
            Err(_) => {}
        }
    }

    async fn try_perform(&self, request: Request, listener: &Listener) -> anyhow::Result<()> {
        match request {
            Request::Call { tool, arguments, pid, image, keep } => {
                let (call, events) = self.runtime()?.start(CallRequest { tool, arguments, pid, image, keep }).await?;
                // What a person sees must be on the disk.
                self.kernel.barrier().await.map_err(HostError::from)?;
                let row = View(&self.kernel.snapshot()?).call(call)?.ok_or_else(|| gone(call))?;
                tell(listener, Event::Started { call, pid: row.pid }).await;
                self.follow(call, events, listener).await
            }
            Request::Agent(request) => crate::agent::perform(self, request, listener).await,
            Request::Attach { call } => self.attach(call, listener).await,
            Request::Answer { question, said, run, seen } => {
                let snapshot = self.kernel.snapshot()?;
                let view = View(&snapshot);
                let row = view.question(question)?;
                let row = row.ok_or_else(|| Failure::usage(format!("there is no question {question}")))?;
                // What a tool's own call of another tool waits for is what its caller waits for.
                let call = view.outermost(row.call)?;
                // Before the answer, so that no event is missed.
                let events = if run { Some(self.runtime()?.listen(call)) } else { None };
                self.give_answer(Answering { question, said, seen }, listener).await?;
                match events {
                    Some(events) => self.follow(call, events, listener).await,
                    None => Ok(()),
                }
            }
            Request::Cancel { call, why } => {
                let batch = match &self.runtime {
                    Some(runtime) => runtime.cancel(call, &why).await?.durable,
                    None => self.kernel.cancel_call(call, &why)?.durable,
                };
                self.changed(batch, Vec::new(), format!("call {call} is cancelled"), listener).await
            }
            Request::Policy { text } => self.set_policy(&text, listener).await,
            other => self.change(other, listener).await,
        }
    }

    /// Gives an answer and tells what it made.
    ///
    /// # Errors
    /// The question is not open any more, or the answer does not fit it.
    pub async fn give_answer(&self, answer: Answering, listener: &Listener) -> anyhow::Result<()> {
        let Answering { question, said, seen } = answer;
        let answered = match self.kernel.answer_seen(question, said.into(), seen.as_deref()) {
            Ok(answered) => answered,
            Err(error) => {
                // Whoever is told that somebody was faster can see the answer.
                self.kernel.barrier().await.map_err(HostError::from)?;
                return Err(error.into());
            }
        };
        self.durable(answered.durable).await?;
        let grants = answered.grants.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        let call = View(&self.kernel.snapshot()?).outermost(answered.call)?;
        tell(listener, Event::Answered { question, call, grants }).await;
        Ok(())
    }

    /// Verbs that change a table and are done.
    async fn change(&self, request: Request, listener: &Listener) -> anyhow::Result<()> {
        match request {
            Request::Grant(request) => {
                let new = new_grant(&request)?;
                let made = match request.from {
                    None => self.kernel.grant(new)?,
                    Some(from) => self.delegate(from, new)?,
                };
                let rows = made.what.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
                let lines: Vec<String> = made.what.iter().map(|grant| format!("{}: {grant}", grant.id)).collect();
                self.changed(made.durable, rows, lines.join("\n"), listener).await
            }
            Request::Budget { pid, add, set } => {
                let changed = self.kernel.change_purse(pid, &add, &set)?;
                let text = crate::verbs::budget::whose(&changed.what);
                self.changed(changed.durable, vec![serde_json::to_value(&changed.what)?], text, listener).await
            }
            Request::Settle { effect, done, note } => self.settle(effect, done, note, listener).await,
            Request::Revoke { id } => {
                let done = self.kernel.revoke(id)?;
                let text = format!("{id} is revoked: {}", done.what);
                self.changed(done.durable, vec![serde_json::to_value(&done.what)?], text, listener).await
            }
            Request::ToolAdd { file, name } => self.add_tool(&file, name, listener).await,
            Request::ToolRemove { name } => {
                let done = self.kernel.remove_tool(&name)?;
                self.changed(done.durable, Vec::new(), format!("removed {name}"), listener).await
            }
            Request::ToolPromote { pid, name, new } => {
                let done = self.kernel.promote_tool(pid, &name, new.as_deref())?;
                let text = format!("{name} of {pid} is the host's tool {} now", done.what.name);
                self.changed(done.durable, vec![serde_json::to_value(&*done.what)?], text, listener).await
            }
            Request::ImageAdd { text, format, replace } => self.add_image(&text, format, replace, listener).await,
            Request::ImageRemove { name } => {
                let done = self.kernel.remove_image(&name)?;
                self.changed(done.durable, Vec::new(), format!("removed image {name}"), listener).await
            }
            Request::Gc { older_than_seconds } => {
                let older_than = older_than_seconds.map(Duration::from_secs);
                let keep = Keep::new(&self.kernel.policy().retain, older_than, self.kernel.now());
                let mut dropped = self.kernel.collect(&keep).await?;
                let code = CodeCache::new(Arc::clone(&self.kernel), Some(self.place.code()));
                let (count, bytes) = code.remove_unused().context("the compiled code")?;
                dropped.compiled_files = count;
                dropped.file_bytes += bytes;
                let text = crate::verbs::gc::lines(&dropped, false).join("\n");
                tell(listener, Event::Changed { rows: vec![serde_json::to_value(dropped)?], text }).await;
                Ok(())
            }
            Request::Signal { pid, signal, reason } => self.signal(pid, signal, &reason, listener).await,
            Request::Checkpoint(request) => self.checkpoint(request, listener).await,
            Request::Call { .. }
            | Request::Agent(_)
            | Request::Attach { .. }
            | Request::Answer { .. }
            | Request::Cancel { .. }
            | Request::Policy { .. } => Err(Failure::cannot("this verb is carried out elsewhere").into()),
        }
    }

    async fn add_image(&self, text: &str, format: Format, replace: bool, listener: &Listener) -> anyhow::Result<()> {
        let image = crate::verbs::image::read(text, format)?;
        let (mut row, name) = (crate::verbs::image::row(&image)?, image.name.clone());
        let done = self.kernel.register_image(image, replace)?;
        let word = done.what.word();
        row["change"] = word.into();
        let text = match done.what {
            Registered::Unchanged => format!("image {name} is there already; nothing has changed"),
            _ => format!("{word} image {name}"),
        };
        self.changed(done.durable, vec![row], text, listener).await
    }

    /// Takes a person's word on an effect. Who uses the socket is the user of the host.
    async fn settle(
        &self,
        effect: EffectId,
        done: bool,
        note: Option<String>,
        listener: &Listener,
    ) -> anyhow::Result<()> {
        let by = format!("user {}", rustix::process::geteuid().as_raw());
        let changed = match self.kernel.settle(effect, done, &by, note) {
            Ok(changed) => changed,
            Err(HostError::Usage(why)) => {
                return Err(Failure::usage(why)
                    .hint(format!(
                        "`libos effects show {effect}` shows it, `libos effects --unknown` what can be settled"
                    ))
                    .into());
            }
            Err(error) => return Err(error.into()),
        };
        self.durable(changed.durable).await?;
        let line = View(&self.kernel.snapshot()?).effect(effect)?;
        let call = changed.what.call;
        let word = if done { "done" } else { "not done" };
        let then = match &changed.what.settled {
            Some(settled) if settled.too_late => {
                format!("{call} had ended or been told that nobody knows, and stays so")
            }
            _ if done => format!("{call} will be told so when it goes on (`libos calls --resume {call}`)"),
            _ => format!("{call} will ask for it again when it goes on (`libos calls --resume {call}`)"),
        };
        let rows = line.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        self.changed(changed.durable, rows, format!("effect {effect} is settled as {word}: {then}"), listener).await
    }

    async fn set_policy(&self, text: &str, listener: &Listener) -> anyhow::Result<()> {
        let policy = Policy::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
        if setup::mounts(&policy, &self.place.workspace) != self.mounts {
            // The mounts are open; a world of the old ones under new rules would be neither.
            return Err(Failure::cannot(
                "the new policy changes what is mounted, or whether files with several names may be read there, and a host runs with \
                 the old mounts",
            )
            .hint("end the host (Ctrl-C in its terminal), then `libos policy reload` again")
            .into());
        }
        if policy.audit != self.audit {
            return Err(Failure::cannot("the new policy changes [audit], and a host runs with the old second place")
                .hint("end the host (Ctrl-C in its terminal), then `libos policy reload` again")
                .into());
        }
        let findings = setup::with_restricted(self.findings.clone(), &policy, &self.mounts);
        setup::refuse(&findings, policy.accepted, &self.place)?;
        let done = self.kernel.set_policy(text)?;
        self.changed(done.durable, Vec::new(), "the policy is in force".into(), listener).await
    }

    /// Derives a grant from what another process has.
    fn delegate(&self, from: Pid, new: NewGrant) -> anyhow::Result<Changed<Vec<Grant>>> {
        let Holder::Process(to) = new.holder else {
            return Err(Failure::usage("what a process has can be handed to a process, not to an image").into());
        };
        let rule = Rule { rights: new.rights, pattern: new.pattern };
        let line = Delegation { rule, uses: new.uses, expires_in: new.expires_in };
        Ok(self.kernel.delegate(from, to, &[line])?)
    }

    async fn attach(&self, call: CallId, listener: &Listener) -> anyhow::Result<()> {
        let runtime = self.runtime()?;
        let events = runtime.listen(call);
        let snapshot = self.kernel.snapshot()?;
        if let Some(row) = View(&snapshot).call(View(&snapshot).outermost(call)?)?.filter(CallRow::is_quantum) {
            // Whoever wants a step of a process to go on wants the process to go on.
            self.kernel.drive(row.pid);
        }
        drop(snapshot);
        match runtime.resume(self.innermost(call)).await {
            // It has ended, it waits, or it runs: what follows looks.
            Ok(_) | Err(libos::RuntimeError::Host(HostError::Usage(_))) => {}
            Err(error) => return Err(error.into()),
        }
        let row = View(&self.kernel.snapshot()?).call(call)?.ok_or_else(|| gone(call))?;
        tell(listener, Event::Started { call, pid: row.pid }).await;
        if self.tell_end(&row, listener).await? || self.tell_open_question(&row, listener).await? {
            return Ok(());
        }
        self.follow(call, events, listener).await
    }

    /// The call itself, or the one that it waits for in the end: that one goes on first.
    fn innermost(&self, call: CallId) -> CallId {
        let made = |call: &CallId| match self.kernel.wait_of(*call) {
            Some(Wait::Call(inner)) => Some(inner),
            _ => None,
        };
        std::iter::successors(Some(call), made).take(limit::NESTED_CALLS_MAX + 1).last().unwrap_or(call)
    }

    /// Tells a call's events until it ends or is interrupted.
    async fn follow(
        &self,
        call: CallId,
        mut events: mpsc::Receiver<CallEvent>,
        listener: &Listener,
    ) -> anyhow::Result<()> {
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = listener.closed() => return Ok(()),
            };
            match event {
                Some(CallEvent::Waits(Waiting::Question(question))) => {
                    let open = if self.is_open(question)? {
                        Some(question)
                    } else {
                        View(&self.kernel.snapshot()?).open_question_of(call)?.map(|row| row.id)
                    };
                    if let Some(question) = open {
                        tell(listener, Event::Asks { call, question }).await;
                    }
                }
                Some(CallEvent::Waits(Waiting::Until(time))) => {
                    tell(listener, Event::Sleeps { call, until: time.to_string() }).await;
                }
                Some(CallEvent::Parked) => {}
                Some(CallEvent::Paused(by)) => {
                    let row = View(&self.kernel.snapshot()?).call(call)?.ok_or_else(|| gone(call))?;
                    let failure = Failure::new(4, format!("{} is paused: {by}; call {call} is kept", row.pid));
                    let process = View(&self.kernel.snapshot()?).process(row.pid)?;
                    // What its purse lacks says why it is paused, and how it gets that.
                    let wants = process.is_some_and(|process| process.wants.is_some());
                    let hint = || format!("libos signal {} resume", row.pid);
                    tell(listener, Event::Error(if wants { failure } else { failure.hint(hint()) })).await;
                    return Ok(());
                }
                Some(CallEvent::Ended(_)) => {
                    let row = View(&self.kernel.snapshot()?).call(call)?.ok_or_else(|| gone(call))?;
                    self.tell_end(&row, listener).await?;
                    return Ok(());
                }
                Some(CallEvent::Interrupted(why)) => return self.interrupted(call, why, listener).await,
                None => return self.interrupted(call, "the host is closed".into(), listener).await,
            }
        }
    }

    /// A call left memory without an end of its own: it was cancelled, or the host closes.
    async fn interrupted(&self, call: CallId, why: String, listener: &Listener) -> anyhow::Result<()> {
        let row = View(&self.kernel.snapshot()?).call(call)?.ok_or_else(|| gone(call))?;
        if !self.tell_end(&row, listener).await? {
            tell(listener, Event::Interrupted { call, why }).await;
        }
        Ok(())
    }

    async fn tell_end(&self, row: &CallRow, listener: &Listener) -> anyhow::Result<bool> {
        if !row.state.is_final() {
            return Ok(false);
        }
        let (failure, why) = match &row.state {
            CallState::Failed(failure) => (Some(failure.clone()), None),
            CallState::Cancelled(why) => (None, Some(why.clone())),
            _ => (None, None),
        };
        let ended = Ended {
            id: row.id,
            pid: row.pid,
            tool: row.tool.clone(),
            state: row.state.word().into(),
            result: View(&self.kernel.snapshot()?).result(row.id)?,
            failure,
            why,
        };
        tell(listener, Event::Ended(ended)).await;
        Ok(true)
    }

    async fn tell_open_question(&self, row: &CallRow, listener: &Listener) -> anyhow::Result<bool> {
        if row.state != CallState::Waiting {
            return Ok(false);
        }
        let question = View(&self.kernel.snapshot()?).open_question_of(row.id)?;
        let Some(question) = question else { return Ok(false) };
        tell(listener, Event::Asks { call: row.id, question: question.id }).await;
        Ok(true)
    }

    fn is_open(&self, id: QuestionId) -> anyhow::Result<bool> {
        Ok(View(&self.kernel.snapshot()?).question(id)?.is_some_and(|row| row.state == QuestionState::Open))
    }

    pub(crate) async fn changed(
        &self,
        batch: u64,
        rows: Vec<Value>,
        text: String,
        listener: &Listener,
    ) -> anyhow::Result<()> {
        self.durable(batch).await?;
        tell(listener, Event::Changed { rows, text }).await;
        Ok(())
    }

    pub(crate) async fn durable(&self, batch: u64) -> anyhow::Result<()> {
        Ok(self.kernel.durable(batch).await.map_err(HostError::from)?)
    }

    pub(crate) fn runtime(&self) -> anyhow::Result<&Arc<Runtime>> {
        self.runtime.as_ref().ok_or_else(|| Failure::cannot("this host runs no calls").into())
    }

    /// Ends the host in order: calls in memory are dropped and stay resumable.
    pub async fn close(&self) {
        self.closing.store(true, Ordering::Release);
        match &self.runtime {
            Some(runtime) => runtime.close().await,
            None => self.kernel.shutdown(),
        }
    }
}

fn is_stopped(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(HostError::Stopped(_)))
            || matches!(cause.downcast_ref(), Some(libos::RuntimeError::Host(HostError::Stopped(_))))
    })
}

fn gone(call: CallId) -> Failure {
    Failure::usage(format!("there is no call {call}")).hint("`libos calls` lists them")
}

/// Who does not listen any more misses nothing.
pub async fn tell(listener: &Listener, event: Event) {
    let _ = listener.send(event).await;
}

fn new_grant(request: &GrantRequest) -> anyhow::Result<NewGrant> {
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    Ok(NewGrant {
        holder: request.holder.parse().map_err(|error| usage(&error))?,
        rights: Rights::parse(&request.rights).map_err(|word| Failure::usage(format!("'{word}' is no right")))?,
        pattern: Pattern::parse(&request.resource).map_err(|error| usage(&error))?,
        effect: request.effect,
        uses: request.uses,
        expires_in: request.seconds.map(Duration::from_secs),
        only_tool: request.only_tool.clone(),
    })
}
