//! Following a process until it has ended, or waits for somebody who is not here: what it does is shown, its questions are asked in place,
//! and Ctrl-C pauses it.

use super::call::{answered_elsewhere, show_rules, whole};
use super::watch::Watch;
use super::{Context, block_on};
use crate::args::Unattended;
use crate::demo::Act;
use crate::error::{Failure, Quiet, code};
use crate::out::Out;
use crate::place::Place;
use crate::protocol::{AgentRequest, CheckpointRequest, Event, Request, Said};
use crate::session::Session;
use crate::{question, store, term};
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::{Pid, QuestionId};
use libos_kernel::model::preview::escape;
use libos_kernel::model::process::State;
use libos_kernel::model::question::{QuestionRow, QuestionState};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What a denial by absence says.
const NOBODY: &str = "nobody is there to answer (--unattended deny)";
/// How often a process is taken over from a host that has gone.
const TAKEOVERS_MAX: u32 = 16;

/// Follows a process until it has ended, or waits for somebody who is not here; answers the exit code.
pub fn follow(context: &Context, place: Place, request: AgentRequest) -> anyhow::Result<u8> {
    block_on(async {
        let session = Session::new(place.clone());
        let (title, is_own) = match &request {
            AgentRequest::Start { image, .. } => (image.clone(), true),
            AgentRequest::Follow { pid, .. } | AgentRequest::Halt { pid } => {
                let row = View(&store::snapshot(&place)?).process(*pid)?;
                (row.map(|row| row.image).unwrap_or_default(), false)
            }
        };
        let follower = Follower {
            context,
            session: &session,
            place: &place,
            watch: Mutex::new(Watch::new(context, &title)),
            pid: Mutex::default(),
            answered: Mutex::default(),
            pausing: watch::Sender::new(false),
            is_own,
        };
        let work = async { follower.print(follower.follow(request).await?) };
        let done = tokio::select! {
            done = work => done,
            pressed = follower.wanted_elsewhere() => match pressed {
                Ok(()) => Err(follower.interrupted().await.into()),
                Err(error) => Err(error),
            },
        };
        follower.watching(Watch::end);
        session.close().await;
        done
    })
}

/// How a process stands when the command is done with it.
enum Followed {
    Ended { pid: Pid, state: String, result: Option<String>, why: Option<String> },
    Rests { pid: Pid, questions: Vec<QuestionId>, paused: Vec<Pid> },
}

struct Follower<'a> {
    context: &'a Context,
    session: &'a Session,
    place: &'a Place,
    watch: Mutex<Watch>,
    pid: Mutex<Option<Pid>>,
    /// What was answered here: that it waits for these is old news.
    answered: Mutex<BTreeSet<QuestionId>>,
    /// Somebody pressed Ctrl-C.
    pausing: watch::Sender<bool>,
    /// This command runs it, and does not only look at it.
    is_own: bool,
}

impl Follower<'_> {
    fn pid(&self) -> Option<Pid> {
        *self.pid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watching<T>(&self, what: impl FnOnce(&mut Watch) -> T) -> T {
        what(&mut self.watch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn follow(&self, request: AgentRequest) -> anyhow::Result<Followed> {
        let mut events = self.session.request(Request::Agent(request)).await?;
        let mut takeovers = 0;
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = super::watch::tick() => {
                    self.watching(Watch::draw);
                    continue;
                }
            };
            if let Some(event) = &event {
                self.watching(|watch| watch.show(event))?;
            }
            match event {
                Some(Event::Agent { pid, was_there }) => {
                    let is_known = self.pid.lock().unwrap_or_else(PoisonError::into_inner).replace(pid) == Some(pid);
                    if !is_known {
                        let what = if was_there { "goes on" } else { "starts" };
                        self.watching(|watch| watch.say(&format!("{pid} {what}")));
                    }
                }
                Some(Event::Answered { grants, .. }) => {
                    self.watching(Watch::erase);
                    show_rules(self.context, &grants);
                }
                Some(Event::AgentAsks { question, .. }) => self.asked(question).await?,
                Some(Event::AgentRests { pid, questions, paused }) => {
                    let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
                    if !questions.iter().any(|question| answered.contains(question)) {
                        return Ok(Followed::Rests { pid, questions, paused });
                    }
                }
                Some(Event::AgentEnded { pid, state, result, why }) => {
                    return Ok(Followed::Ended { pid, state, result, why });
                }
                Some(Event::Error(failure)) => return Err(failure.into()),
                Some(Event::Closing) | None => {
                    let Some(pid) = self.pid() else {
                        return Err(Failure::cannot("the host ended before it answered")
                            .hint("`libos ps` shows whether it was started; `libos run --pid PID` goes on with it")
                            .into());
                    };
                    takeovers += 1;
                    if takeovers > TAKEOVERS_MAX {
                        return Err(Failure::cannot(format!("the hosts of {pid} end again and again")).into());
                    }
                    let follow = AgentRequest::Follow { pid, answer: None };
                    events = self.session.take_over(Request::Agent(follow)).await?;
                }
                Some(_) => {}
            }
        }
    }

    /// Resolves when the person or the system wants this command to end at once: at SIGTERM, at the second Ctrl-C, and at the first where
    /// there is nothing to pause. The first one has the process held after its present step; then the command ends by itself.
    async fn wanted_elsewhere(&self) -> anyhow::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => {}
            }
            let Some(pid) = self.pid() else { return Ok(()) };
            let pauses = self.is_own || self.session.is_host().await;
            if !pauses || *self.pausing.borrow() {
                return Ok(());
            }
            // Before it is held, which the other half of this command hears of first.
            self.pausing.send_replace(true);
            let halted = tokio::select! {
                halted = self.session.ask(Request::Agent(AgentRequest::Halt { pid })) => halted,
                _ = terminate.recv() => return Ok(()),
            };
            // It may have ended this moment.
            if halted.is_ok() {
                self.watching(|watch| watch.pause(pid));
            }
        }
    }

    /// A question was put. It is answered here if somebody is here, or if nobody is to be waited for.
    async fn asked(&self, id: QuestionId) -> anyhow::Result<()> {
        let row = View(&store::snapshot(self.place)?).question(id)?;
        let Some(row) = row.filter(|row| row.state == QuestionState::Open) else { return Ok(()) };
        let is_here = term::somebody_is_there() && !self.context.out.json;
        self.watching(Watch::erase);
        if let Some(act) = self.context.person.next() {
            return self.act(act, &row).await;
        }
        let said = match self.context.global.unattended {
            _ if is_here => {
                let said = tokio::select! {
                    said = question::ask(&row, || whole(self.place, row.id)) => said?,
                    () = answered_elsewhere(self.place, row.id) => {
                        eprintln!("\n{} was answered elsewhere", row.id);
                        None
                    }
                    () = self.pauses() => None,
                };
                let Some(said) = said else { return Ok(()) };
                said
            }
            Unattended::Queue => return Ok(()),
            Unattended::Deny if question::wants_text(&row) => {
                // There is no word for no to an open question: the tool that asked ends, and the process goes on.
                self.note_answered(id);
                self.session.ask(Request::Cancel { call: row.call, why: NOBODY.into() }).await?;
                return Ok(());
            }
            Unattended::Deny => Said::Nobody { note: NOBODY.into() },
        };
        self.note_answered(id);
        let seen = Some(row.places().map(|(call, _)| call).collect());
        match self.session.ask(Request::Answer { question: id, said, run: false, seen }).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let now = View(&store::snapshot(self.place)?).question(id)?;
                // Somebody else was faster.
                if now.is_some_and(|now| now.state != QuestionState::Open) { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Answers as somebody has decided beforehand.
    async fn act(&self, act: Act, row: &QuestionRow) -> anyhow::Result<()> {
        if !self.context.out.json {
            question::lines(row).iter().for_each(|line| eprintln!("{line}"));
        }
        if act == Act::CheckpointAndAllow {
            let create = CheckpointRequest::Create { pid: row.pid, reason: "before it is allowed".into() };
            if let Event::Changed { text, .. } = self.session.ask(Request::Checkpoint(create)).await? {
                self.watching(|watch| watch.say(&format!("> libos checkpoint create {}: {text}", row.pid)));
            }
        }
        self.watching(|watch| watch.say(&format!("> {}", act.word())));
        self.note_answered(row.id);
        let answer = Request::Answer { question: row.id, said: act.said(), run: false, seen: None };
        self.session.ask(answer).await.map(drop)
    }

    fn note_answered(&self, id: QuestionId) {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Resolves when somebody has pressed Ctrl-C.
    async fn pauses(&self) {
        let mut pausing = self.pausing.subscribe();
        if pausing.wait_for(|pausing| *pausing).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What to say when the command ends at once.
    async fn interrupted(&self) -> Quiet {
        self.watching(Watch::erase);
        match self.pid() {
            Some(pid) if self.session.is_host().await => {
                eprintln!("interrupted; {pid} is parked, and {}", self.way_back(pid));
            }
            Some(pid) => eprintln!("{pid} goes on in the host; `libos run --pid {pid}` shows it again"),
            None => eprintln!("interrupted"),
        }
        Quiet(code::INTERRUPTED)
    }

    fn way_back(&self, pid: Pid) -> String {
        if self.is_own {
            format!("the same command or `libos run --pid {pid}` goes on with it")
        } else {
            format!("`libos run --pid {pid}` goes on with it")
        }
    }

    fn print(&self, followed: Followed) -> anyhow::Result<u8> {
        self.watching(Watch::erase);
        let out = &self.context.out;
        match followed {
            Followed::Ended { pid, state, result, why } => {
                let row = View(&store::snapshot(self.place)?).process(pid)?;
                let steps = row.and_then(|row| row.planner).map_or(0, |planner| planner.step);
                self.watching(|watch| watch.ended(pid, &state, steps));
                let exit = if result.is_some() { code::DONE } else { code::FAILED };
                if out.json {
                    let compact = result.as_deref().map(crate::json::compact);
                    let result: Option<&RawValue> = compact.as_deref().map(serde_json::from_str).transpose()?;
                    let (questions, paused) = (&[], &[]);
                    let why = why.as_deref();
                    out.value(&Printed { result, why, ..Printed::rests(pid, &state, questions, paused) })?;
                } else if let Some(result) = result {
                    print_result(out, &result)?;
                } else {
                    let why = why.unwrap_or_else(|| state.clone());
                    return Err(Failure::new(exit, why)
                        .at(format!("process {pid}, which is {state}"))
                        .hint(format!("libos show {pid}"))
                        .into());
                }
                Ok(exit)
            }
            Followed::Rests { pid, .. } if *self.pausing.borrow() => {
                if out.json {
                    out.value(&Printed::rests(pid, "paused", &[], &[]))?;
                } else {
                    eprintln!("{pid} is paused; {}", self.way_back(pid));
                }
                Ok(code::INTERRUPTED)
            }
            Followed::Rests { pid, questions, paused } => {
                let paused = self.held(&paused)?;
                if out.json {
                    let (questions, paused) = (&questions[..], &paused[..]);
                    out.value(&Printed::rests(pid, "waiting", questions, paused))?;
                } else {
                    self.print_rest(pid, &questions, &paused)?;
                }
                Ok(code::WAITING)
            }
        }
    }

    /// Why processes are held, and what lets them go on.
    fn held(&self, paused: &[Pid]) -> anyhow::Result<Vec<Held>> {
        let snapshot = store::snapshot(self.place)?;
        let held = |pid: &Pid| -> anyhow::Result<Option<Held>> {
            let Some(row) = View(&snapshot).process(*pid)? else { return Ok(None) };
            let State::Paused(why) = row.state else { return Ok(None) };
            let why = match row.wants {
                Some(_) => why,
                None if row.halts => format!("paused by {why}"),
                None => format!("paused by {why}; libos signal {pid} resume"),
            };
            Ok(Some(Held { pid: *pid, why }))
        };
        paused.iter().filter_map(|pid| held(pid).transpose()).collect()
    }

    fn print_rest(&self, pid: Pid, questions: &[QuestionId], paused: &[Held]) -> anyhow::Result<()> {
        let snapshot = store::snapshot(self.place)?;
        let words: Vec<String> = questions.iter().map(ToString::to_string).collect();
        match (words.is_empty(), paused.is_empty()) {
            (false, _) => self.context.out.line(&format!("{pid} waits for {}", words.join(" ")))?,
            (true, false) => self.context.out.line(&format!("{pid} is held"))?,
            (true, true) => self.context.out.line(&format!("{pid} waits, and nothing of it runs"))?,
        }
        for id in questions {
            if let Some(row) = View(&snapshot).question(*id)? {
                question::lines(&row).iter().for_each(|line| eprintln!("{line}"));
                eprintln!(" hint: {}", question::command(&row));
            }
        }
        paused.iter().for_each(|Held { pid, why }| eprintln!(" hint: {pid}: {}", escape(why)));
        Ok(())
    }
}

/// A text is for people as it is; everything else is JSON, for programs always.
fn print_result(out: &Out, result: &str) -> std::io::Result<()> {
    match serde_json::from_str::<String>(result) {
        Ok(text) if out.is_terminal() => text.lines().try_for_each(|line| out.line(&escape(line))),
        _ => out.json_text(result),
    }
}

/// A process that is held.
#[derive(Serialize)]
struct Held {
    pid: Pid,
    /// With the command that ends it.
    why: String,
}

#[derive(Serialize)]
struct Printed<'a> {
    /// This line is the last one.
    event: &'static str,
    pid: Pid,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    questions: &'a [QuestionId],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    paused: &'a [Held],
}

impl<'a> Printed<'a> {
    fn rests(pid: Pid, state: &'a str, questions: &'a [QuestionId], paused: &'a [Held]) -> Printed<'a> {
        Printed { event: "end", pid, state, result: None, why: None, questions, paused }
    }
}
