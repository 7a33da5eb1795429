//! `call`: runs a tool and prints its result; and following a call in general, which `answer` and `calls --resume` do too.

use super::{Context, block_on};
use crate::args::{CallArgs, Unattended};
use crate::error::{Failure, Quiet, code};
use crate::place::Place;
use crate::protocol::{Ended, Event, Request, Said};
use crate::session::Session;
use crate::{question, store, term};
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::{CallId, QuestionId};
use libos_kernel::model::preview::escape;
use libos_kernel::model::question::{QuestionRow, QuestionState};
use libos_kernel::model::row::{CallRow, Failure as CallFailure, FailureReason};
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// What a denial by absence says to the tool.
const NOBODY: &str = "nobody is there to answer (--unattended deny)";
/// How often a call is taken over from a host that has gone.
const TAKEOVERS_MAX: u32 = 16;

/// Calls a tool.
pub fn run(context: &Context, args: CallArgs) -> anyhow::Result<u8> {
    let place = context.place_to_change()?;
    let arguments = arguments(&args.arguments)?;
    let request = Request::Call { tool: args.tool, arguments, pid: args.pid, image: args.image, keep: args.keep };
    follow_to_code(context, place, request)
}

fn arguments(text: &str) -> anyhow::Result<String> {
    let text = match text {
        "-" => {
            let mut text = String::new();
            let read = std::io::stdin()
                .take(libos_kernel::model::limit::CALL_TEXT_BYTES_MAX as u64 + 1)
                .read_to_string(&mut text);
            read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
            text
        }
        text => text.to_owned(),
    };
    serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(|error| {
        Failure::usage(format!("the arguments are not JSON: {error}"))
            .hint("for example: libos call echo '{\"hello\": \"world\"}'")
    })?;
    Ok(text)
}

/// Carries out a verb that runs a call, prints how that went, and answers the exit code. Ctrl-C ends the host in order.
pub fn follow_to_code(context: &Context, place: Place, request: Request) -> anyhow::Result<u8> {
    follow_each(context, place, vec![request])
}

/// Carries out verbs that run calls, one after the other; the exit code is the first that is not 0.
pub fn follow_each(context: &Context, place: Place, requests: Vec<Request>) -> anyhow::Result<u8> {
    block_on(async {
        let session = Session::new(place.clone());
        let follower = Follower::new(context, &session, &place);
        let is_one = requests.len() == 1;
        let work = async {
            let mut exit = code::DONE;
            for request in requests {
                let is_answer = matches!(request, Request::Answer { .. });
                let followed = follower.follow(request).await;
                if is_answer && followed.is_err() {
                    return followed.map(|_| exit);
                }
                let one = followed.and_then(|state| print(context, &place, &state));
                let one = one.or_else(|error| match crate::error::failure(&error) {
                    Ok(failure) if !is_one => {
                        crate::report(&failure);
                        Ok(failure.code)
                    }
                    _ => Err(error),
                })?;
                exit = if exit == code::DONE { one } else { exit };
            }
            Ok(exit)
        };
        let done = tokio::select! {
            done = work => done,
            () = interrupt() => Err(follower.interrupted().await.into()),
        };
        session.close().await;
        done
    })
}

/// Resolves when the person or the system wants the program to end.
pub async fn interrupt() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => if pressed.is_err() { std::future::pending::<()>().await },
        () = terminate => {}
    }
}

/// How a followed call stands when the command is done with it.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Followed {
    Ended(Ended),
    /// It waits for a person, who is not here.
    Asks(CallRow, QuestionRow),
}

/// Follows one call after the other.
pub struct Follower<'a> {
    context: &'a Context,
    session: &'a Session,
    place: &'a Place,
    /// For the message at Ctrl-C.
    running: Mutex<Option<CallId>>,
    /// What it waits for, if that is a person.
    asked: Mutex<Option<String>>,
}

impl<'a> Follower<'a> {
    pub fn new(context: &'a Context, session: &'a Session, place: &'a Place) -> Follower<'a> {
        Follower { context, session, place, running: Mutex::new(None), asked: Mutex::new(None) }
    }

    /// Carries out the verb and follows the call to its end or to a question that nobody here answers. A call whose host goes away is
    /// taken over.
    ///
    /// # Errors
    /// What the host says, or there is none.
    pub async fn follow(&self, request: Request) -> anyhow::Result<Followed> {
        let mut events = self.session.request(request).await?;
        let mut takeovers = 0;
        loop {
            match events.recv().await {
                Some(Event::Started { call, .. }) => self.runs(Some(call)),
                Some(Event::Answered { call, grants, .. }) => {
                    self.runs(Some(call));
                    show_rules(self.context, &grants);
                }
                Some(Event::Sleeps { call, until }) => {
                    self.runs(Some(call));
                    term::progress(&format!("{call} sleeps until {until}"));
                }
                Some(Event::Asks { call, question }) => {
                    self.runs(Some(call));
                    if let Some(left) = self.asked(call, question, &mut events).await? {
                        return Ok(left);
                    }
                }
                Some(Event::Ended(ended)) => {
                    term::progress_done();
                    return Ok(Followed::Ended(ended));
                }
                Some(Event::Error(failure)) => return Err(failure.into()),
                Some(
                    Event::Changed { .. }
                    | Event::Closing
                    | Event::Agent { .. }
                    | Event::Happened(_)
                    | Event::AgentStands(_)
                    | Event::AgentAsks { .. }
                    | Event::AgentRests { .. }
                    | Event::AgentEnded { .. },
                ) => {}
                Some(Event::Interrupted { call, why }) if self.session.is_host().await => {
                    return Err(Failure::cannot(format!("call {call} was interrupted: {why}"))
                        .hint(format!("libos calls --resume {call}"))
                        .into());
                }
                Some(Event::Interrupted { .. }) | None => {
                    let running = *self.running.lock().unwrap_or_else(PoisonError::into_inner);
                    let Some(call) = running else {
                        return Err(Failure::cannot("the host ended before it answered")
                            .hint("`libos calls` shows whether the call was started")
                            .into());
                    };
                    takeovers += 1;
                    if takeovers > TAKEOVERS_MAX {
                        return Err(Failure::cannot(format!("the hosts of call {call} end again and again")).into());
                    }
                    events = self.session.take_over(Request::Attach { call }).await?;
                }
            }
        }
    }

    /// A question was put to the call that is followed. None if it was answered and the call goes on.
    async fn asked(
        &self,
        call: CallId,
        id: QuestionId,
        events: &mut mpsc::Receiver<Event>,
    ) -> anyhow::Result<Option<Followed>> {
        let snapshot = store::snapshot(self.place)?;
        let view = View(&snapshot);
        let asked = view.question(id)?.filter(|row| row.state == QuestionState::Open);
        // It may have become another one on the way here.
        let mut next = if asked.is_some() { asked } else { view.open_question_of(call)? };
        drop(snapshot);
        while let Some(row) = next.take_if(|row| row.state == QuestionState::Open) {
            let is_here = term::somebody_is_there() && !self.context.out.json;
            let said = match self.context.global.unattended {
                _ if is_here => {
                    self.waits_for(Some(question::command(&row)));
                    let said = tokio::select! {
                        said = question::ask(&row, || whole(self.place, row.id)) => Some(said?),
                        // Somebody else answered, or the call has ended.
                        () = answered_elsewhere(self.place, row.id) => None,
                    };
                    self.waits_for(None);
                    match said {
                        Some(Some(said)) => Some(said),
                        Some(None) => return self.leave(call, row).map(Some),
                        None => {
                            eprintln!("\n{} was answered elsewhere", row.id);
                            None
                        }
                    }
                }
                Unattended::Queue => return self.leave(call, row).map(Some),
                Unattended::Deny if question::wants_text(&row) => {
                    drop(std::mem::replace(events, mpsc::channel(1).1));
                    return self.give_up(call).await.map(Some);
                }
                Unattended::Deny => Some(Said::Nobody { note: NOBODY.into() }),
            };
            if let Some(said) = said
                && self.answer(call, &row, said).await?
            {
                return Ok(None);
            }
            // The answer was for those who were seen to ask; where it was asked later it is a question of its own.
            next = View(&store::snapshot(self.place)?).open_question_of(call)?;
        }
        Ok(None)
    }

    fn leave(&self, call: CallId, question: QuestionRow) -> anyhow::Result<Followed> {
        let row = View(&store::snapshot(self.place)?).call(call)?;
        let row = row.ok_or_else(|| Failure::usage(format!("there is no call {call}")))?;
        Ok(Followed::Asks(row, question))
    }

    /// There is no word for no to an open question: the call that is followed cannot go on, and no other one is touched.
    async fn give_up(&self, call: CallId) -> anyhow::Result<Followed> {
        self.session.ask(Request::Cancel { call, why: NOBODY.into() }).await?;
        let row = View(&store::snapshot(self.place)?).call(call)?;
        let row = row.ok_or_else(|| Failure::usage(format!("there is no call {call}")))?;
        Ok(Followed::Ended(Ended {
            id: call,
            pid: row.pid,
            tool: row.tool,
            state: "failed".into(),
            result: None,
            failure: Some(CallFailure { reason: FailureReason::Denied, message: NOBODY.into(), import: None }),
            why: None,
        }))
    }

    /// Gives an answer. False if somebody else was faster.
    async fn answer(&self, followed: CallId, row: &QuestionRow, said: Said) -> anyhow::Result<bool> {
        let snapshot = store::snapshot(self.place)?;
        let view = View(&snapshot);
        let nobody = matches!(said, Said::Nobody { .. });
        // That nobody is here says nothing of others that ask the same: there somebody may be.
        let ours = |call: &CallId| !nobody || view.outermost(*call).is_ok_and(|outermost| outermost == followed);
        let seen = Some(row.places().map(|(call, _)| call).filter(ours).collect());
        drop(snapshot);
        match self.session.ask(Request::Answer { question: row.id, said, run: false, seen }).await {
            Ok(Event::Answered { grants, .. }) => show_rules(self.context, &grants),
            Ok(_) => {}
            Err(error) => {
                let now = View(&store::snapshot(self.place)?).question(row.id)?;
                if now.is_none_or(|now| now.state == QuestionState::Open) {
                    return Err(error);
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn runs(&self, call: Option<CallId>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = call;
    }

    fn waits_for(&self, command: Option<String>) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = command;
    }

    /// What to say after Ctrl-C.
    pub async fn interrupted(&self) -> Quiet {
        term::progress_done();
        let running = *self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(call), Some(command)) =
            (running, self.asked.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
        {
            eprintln!("\ninterrupted; call {call} waits on: {command}");
            return Quiet(code::INTERRUPTED);
        }
        match running {
            Some(call) if self.session.is_host().await => {
                eprintln!("interrupted; call {call} can go on: libos calls --resume {call}");
            }
            Some(call) => eprintln!("call {call} goes on in the host: libos calls show {call}"),
            None => eprintln!("interrupted"),
        }
        Quiet(code::INTERRUPTED)
    }
}

/// Says which rules an answer made.
pub fn show_rules(context: &Context, grants: &[serde_json::Value]) {
    if context.out.json {
        return;
    }
    for grant in grants {
        let text = |field: &str| match &grant[field] {
            serde_json::Value::Array(words) => {
                escape(&words.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(","))
            }
            word => escape(word.as_str().unwrap_or_default()),
        };
        eprintln!(
            "new rule {}: {} {} {} {}",
            text("id"),
            text("holder"),
            text("effect"),
            text("rights"),
            text("resource")
        );
    }
}

/// Resolves when a question is not open any more.
pub async fn answered_elsewhere(place: &Place, id: QuestionId) {
    loop {
        tokio::time::sleep(super::events::STEP).await;
        let row = store::snapshot(place).and_then(|snapshot| Ok(View(&snapshot).question(id)?));
        if let Ok(Some(row)) = row
            && row.state != QuestionState::Open
        {
            return;
        }
    }
}

#[derive(Serialize)]
struct Printed<'a> {
    id: CallId,
    pid: libos_kernel::model::id::Pid,
    tool: &'a str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a CallFailure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<&'a QuestionRow>,
}

/// Prints how a call stands and answers the exit code.
///
/// # Errors
/// Nobody reads any more.
pub fn print(context: &Context, place: &Place, followed: &Followed) -> anyhow::Result<u8> {
    match followed {
        Followed::Asks(row, question) => print_question(context, row, question),
        Followed::Ended(ended) => {
            let exit = match (ended.state.as_str(), &ended.failure) {
                ("done", _) => code::DONE,
                (_, Some(failure)) if failure.reason == FailureReason::Denied => code::DENIED,
                _ => code::FAILED,
            };
            if context.out.json {
                let compact = ended.result.as_deref().map(crate::json::compact);
                let result: Option<&RawValue> = compact.as_deref().map(serde_json::from_str).transpose()?;
                let (failure, why) = (ended.failure.as_ref(), ended.why.as_deref());
                context.out.value(&Printed {
                    id: ended.id,
                    pid: ended.pid,
                    tool: &ended.tool,
                    state: &ended.state,
                    result,
                    failure,
                    why,
                    question: None,
                })?;
            } else if let Some(result) = &ended.result {
                context.out.json_text(result)?;
            } else {
                return Err(failed(place, ended, exit).into());
            }
            Ok(exit)
        }
    }
}

fn failed(place: &Place, ended: &Ended, exit: u8) -> Failure {
    let what = match (&ended.failure, &ended.why) {
        (Some(failure), _) => failure.message.clone(),
        (None, Some(why)) => format!("cancelled: {why}"),
        (None, None) => "the call failed".into(),
    };
    let import = ended.failure.as_ref().and_then(|failure| failure.import.as_ref());
    let import = import.map(|import| format!(", in {import}")).unwrap_or_default();
    let failure = Failure::new(exit, what).at(format!("call {} of the tool {}{import}", ended.id, ended.tool));
    match exit {
        code::DENIED => failure.hint(format!(
            "the rules are in {}; `libos calls show {}` shows what was refused",
            place.policy_file().display(),
            ended.id
        )),
        _ => failure.hint(format!("libos calls show {}", ended.id)),
    }
}

fn print_question(context: &Context, row: &CallRow, question: &QuestionRow) -> anyhow::Result<u8> {
    term::progress_done();
    if context.out.json {
        context.out.value(&Printed {
            id: row.id,
            pid: row.pid,
            tool: &row.tool,
            state: "waiting",
            result: None,
            failure: None,
            why: None,
            question: Some(question),
        })?;
    } else {
        context.out.line(&format!("{} waits for {}", row.id, question.id))?;
        for line in question::lines(question) {
            eprintln!("{line}");
        }
        eprintln!(" hint: {}", question::command(question));
    }
    Ok(code::WAITING)
}

/// All that a question is about, in lines ready to be printed.
pub fn whole(place: &Place, id: QuestionId) -> anyhow::Result<Vec<String>> {
    let snapshot = store::snapshot(place)?;
    let view = View(&snapshot);
    let row = view.question(id)?.ok_or_else(|| Failure::usage(format!("there is no question {id}")))?;
    Ok(libos_kernel::model::preview::whole_question(&row, view.asked(id)?.as_ref()))
}
