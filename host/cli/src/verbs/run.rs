//! `run`: a process with a goal, from its start to its end, or until it waits for a person; and going on with one.

use super::call::{answered_elsewhere, interrupt, show_rules, whole};
use super::{Context, block_on};
use crate::args::{PlannerText, RunArgs, Unattended};
use crate::error::{Failure, Quiet, code};
use crate::place::Place;
use crate::protocol::{AgentRequest, Event, LINE_BYTES_MAX, Request, Said};
use crate::session::Session;
use crate::{question, store, term};
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::{Pid, QuestionId};
use libos_kernel::model::limit;
use libos_kernel::model::preview::escape;
use libos_kernel::model::process::State;
use libos_kernel::model::question::QuestionState;
use libos_kernel::model::script::Script;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a denial by absence says.
const NOBODY: &str = "nobody is there to answer (--unattended deny)";
/// How often a process is taken over from a host that has gone.
const TAKEOVERS_MAX: u32 = 16;
/// How long a host in the background may take to start.
const START_TIME: Duration = Duration::from_secs(60);

/// Runs a process.
pub fn run(context: &Context, args: RunArgs) -> anyhow::Result<u8> {
    let place = context.place_to_change()?;
    if let Some(pid) = args.pid {
        return go_on(context, place, pid, args.detach);
    }
    let script = match &args.planner {
        Some(PlannerText::Script(file)) => script(file)?,
        None => {
            return Err(Failure::usage("nobody says what the process does")
                .hint("--planner script:FILE; a line of it is {\"tool\": NAME, \"args\": {...}}")
                .into());
        }
    };
    // The command line admits neither to be missing.
    let (image, goal) = (args.image.unwrap_or_default(), args.goal.unwrap_or_default());
    let start = AgentRequest::Start { image, goal, script: Some(script), new: args.new, follow: !args.detach };
    if args.detach { detach(context, &place, start) } else { follow(context, place, start) }
}

/// Goes on with a process that is there.
fn go_on(context: &Context, place: Place, pid: Pid, detach: bool) -> anyhow::Result<u8> {
    let row = View(&store::snapshot(&place)?).process(pid)?;
    let row =
        row.ok_or_else(|| Failure::usage(format!("there is no process {pid}")).hint("`libos ps --all` lists them"))?;
    if row.planner.is_none() && !row.state.is_final() {
        return Err(Failure::usage(format!("{pid} has no planner: nothing chooses what it does"))
            .hint("`libos calls --resume` lets calls go on that were interrupted")
            .into());
    }
    if detach {
        return block_on(attend(context, &place, pid, true));
    }
    follow(context, place, AgentRequest::Follow { pid, answer: None })
}

fn script(file: &Path) -> anyhow::Result<String> {
    let wrong = |what: String| Failure::usage(what).at(file.display());
    let text = crate::own::read_settings(file, limit::PLANNER_BYTES_MAX, true);
    let text = text.map_err(|error| wrong(format!("the script cannot be read: {error}")))?;
    if text.starts_with('\u{feff}') {
        return Err(wrong("the script begins with a byte order mark; save it as UTF-8 without one".into()).into());
    }
    Script::parse(&text)
        .map_err(|error| Failure::usage(error.why).at(format!("{}:{}:{}", file.display(), error.line, error.column)))?;
    Ok(text)
}

/// Follows a process until it has ended, or waits for somebody who is not here; answers the exit code.
pub fn follow(context: &Context, place: Place, request: AgentRequest) -> anyhow::Result<u8> {
    block_on(async {
        let session = Session::new(place.clone());
        let follower =
            Follower { context, session: &session, place: &place, pid: Mutex::default(), answered: Mutex::default() };
        let work = async { follower.print(follower.follow(request).await?) };
        let done = tokio::select! {
            done = work => done,
            () = interrupt() => Err(follower.interrupted().await.into()),
        };
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
    pid: Mutex<Option<Pid>>,
    /// What was answered here: that it waits for these is old news.
    answered: Mutex<BTreeSet<QuestionId>>,
}

impl Follower<'_> {
    fn pid(&self) -> Option<Pid> {
        *self.pid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(&self, request: AgentRequest) -> anyhow::Result<Followed> {
        let mut events = self.session.request(Request::Agent(request)).await?;
        let mut takeovers = 0;
        loop {
            match events.recv().await {
                Some(Event::Agent { pid, was_there }) => {
                    let is_known = self.pid.lock().unwrap_or_else(PoisonError::into_inner).replace(pid) == Some(pid);
                    if !is_known {
                        self.say(&format!("{pid} {}", if was_there { "goes on" } else { "starts" }));
                    }
                }
                Some(Event::Answered { grants, .. }) => show_rules(self.context, &grants),
                Some(Event::Happened { text }) => self.say(&text),
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

    /// What happens, on standard error: the result alone is for who reads the output.
    fn say(&self, text: &str) {
        if !self.context.out.json {
            term::progress_done();
            eprintln!("{}", escape(text));
        }
    }

    /// A question was put. It is answered here if somebody is here, or if nobody is to be waited for.
    async fn asked(&self, id: QuestionId) -> anyhow::Result<()> {
        let row = View(&store::snapshot(self.place)?).question(id)?;
        let Some(row) = row.filter(|row| row.state == QuestionState::Open) else { return Ok(()) };
        let is_here = term::somebody_is_there() && !self.context.out.json;
        let said = match self.context.global.unattended {
            _ if is_here => {
                let said = tokio::select! {
                    said = question::ask(&row, || whole(self.place, row.id)) => said?,
                    () = answered_elsewhere(self.place, row.id) => {
                        eprintln!("\n{} was answered elsewhere", row.id);
                        None
                    }
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

    fn note_answered(&self, id: QuestionId) {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// What to say after Ctrl-C.
    async fn interrupted(&self) -> Quiet {
        term::progress_done();
        match self.pid() {
            Some(pid) if self.session.is_host().await => {
                eprintln!("interrupted; {pid} is parked, and `libos run --pid {pid}` goes on with it");
            }
            Some(pid) => eprintln!("{pid} goes on in the host; `libos run --pid {pid}` shows it again"),
            None => eprintln!("interrupted"),
        }
        Quiet(code::INTERRUPTED)
    }

    fn print(&self, followed: Followed) -> anyhow::Result<u8> {
        let out = &self.context.out;
        match followed {
            Followed::Ended { pid, state, result, why } => {
                let exit = if result.is_some() { code::DONE } else { code::FAILED };
                if out.json {
                    let compact = result.as_deref().map(crate::json::compact);
                    let result: Option<&RawValue> = compact.as_deref().map(serde_json::from_str).transpose()?;
                    let (questions, paused) = (&[], &[]);
                    out.value(&Printed { pid, state: &state, result, why: why.as_deref(), questions, paused })?;
                } else if let Some(result) = result {
                    out.json_text(&result)?;
                } else {
                    let why = why.unwrap_or_else(|| state.clone());
                    return Err(Failure::new(exit, why)
                        .at(format!("process {pid}, which is {state}"))
                        .hint(format!("libos show {pid}"))
                        .into());
                }
                Ok(exit)
            }
            Followed::Rests { pid, questions, paused } => {
                let paused = self.held(&paused)?;
                if out.json {
                    let (questions, paused) = (&questions[..], &paused[..]);
                    out.value(&Printed { pid, state: "waiting", result: None, why: None, questions, paused })?;
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
            let why = if row.wants.is_some() { why } else { format!("paused by {why}; libos signal {pid} resume") };
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

/// A process that is held.
#[derive(Serialize)]
struct Held {
    pid: Pid,
    /// With the command that ends it.
    why: String,
}

#[derive(Serialize)]
struct Printed<'a> {
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

/// Starts a process that goes on without this command.
fn detach(context: &Context, place: &Place, start: AgentRequest) -> anyhow::Result<u8> {
    block_on(async {
        let session = Session::new(place.clone());
        let event = session.ask(Request::Agent(start)).await;
        session.close().await;
        let Event::Agent { pid, was_there } = event? else {
            return Err(Failure::cannot("the host answered something else").into());
        };
        attend(context, place, pid, was_there).await
    })
}

/// Has a process attended to in the background, and prints its number.
async fn attend(context: &Context, place: &Place, pid: Pid, was_there: bool) -> anyhow::Result<u8> {
    background(place, pid).await?;
    if context.out.json {
        context.out.value(&serde_json::json!({ "pid": pid, "was-there": was_there }))?;
    } else {
        context.out.line(&pid.to_string())?;
    }
    Ok(code::DONE)
}

/// Starts one who attends a process, and waits until the process is run. Also if there is a host: it may be one that ends soon.
async fn background(place: &Place, pid: Pid) -> anyhow::Result<()> {
    let hint = format!("{pid} is there; `libos run --pid {pid}` runs it");
    let cannot = |what: String| Failure::cannot(what).hint(hint.clone());
    let words: [OsString; 7] = [
        "--data".into(),
        place.data.clone().into(),
        "--workspace".into(),
        place.workspace.clone().into(),
        "serve".into(),
        "--for".into(),
        pid.to_string().into(),
    ];
    let child = crate::own::start_unwatched(&words);
    let mut child = child.map_err(|error| cannot(format!("no host can be started in the background: {error}")))?;
    let output = child.stdout.take();
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime's end would wait for one of the runtime's.
    std::thread::spawn(move || {
        let mut line = String::new();
        if let Some(output) = output {
            let _ = BufReader::new(output.take(LINE_BYTES_MAX as u64)).read_line(&mut line);
        }
        let _ = tell.send(line);
    });
    let Ok(line) = tokio::time::timeout(START_TIME, told).await else {
        return Err(cannot("the host in the background does not get the store yet".into()).into());
    };
    match serde_json::from_str(&line.unwrap_or_default()) {
        Ok(Event::Agent { .. }) => Ok(()),
        Ok(Event::Error(failure)) => {
            Err(cannot(format!("no host could be started in the background: {}", failure.what)).into())
        }
        _ => Err(cannot(format!("the host in the background ended: {}", child.wait()?)).into()),
    }
}
