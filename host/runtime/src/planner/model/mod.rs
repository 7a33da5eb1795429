//! The planner that asks a model. One quantum is one request and the tool calls of its reply; what was said and done is the result of
//! the step, so the steps together are the transcript: append-only, in the checkpoints and forks of their process, and out of its reach.

mod act;
mod brief;
mod turn;

use super::{Planner, Stepping, Turn};
use crate::engine::failure;
use act::{act, keep};
use libos_kernel::kernel::HostError;
use libos_kernel::model::answer::{Answer, CallError, Stop};
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::planner::Chosen;
use libos_kernel::model::row::FailureReason;
use libos_kernel::syscall::Line;
use libos_model::context::{Context, Dropped};
use libos_model::{Finish, Message, Request, ToolChoice};
use turn::{Kept, Prepared};

/// Steps one after the other in which a model could not be asked, or said nothing that can be used, before its process is held.
const FAILURES_MAX: u32 = 3;
/// Replies one after the other without a tool call before the last of them is taken for the end.
const SILENT_MAX: u32 = 2;

/// What a model is told that has called nothing.
const NUDGE: &str = "You called no tool, and what you write beside tool calls has no effect. Call a tool to go on. If your goal is reached, \
                     end with `process_exit`; a second reply without a tool call ends you, too.";
const CUT: &str = "Your reply was cut at its limit of tokens. Say less at once.";
const WITHHELD: &str = "Your reply was withheld. Go on in another way, or end.";
const LOST: &str =
    "You were asked, and no answer came; if you gave one it is lost, and nothing of it was carried out. Go on.";
const NO_SUMMARY: &str =
    "(There is none: you were asked for one several times and gave no text. Read the object if you need what was.)";
const SUMMARISE: &str = "What is above leaves your sight after this. Write down what you need of it to go on: your goal and its state, what you \
                         did and found (files, names, numbers), what failed and why, what people answered, what comes next. Nothing else, no \
                         tool calls, at most 600 words.";

pub struct ModelPlanner {
    profile: String,
}

impl ModelPlanner {
    pub fn new(profile: String) -> ModelPlanner {
        ModelPlanner { profile }
    }
}

impl Planner for ModelPlanner {
    fn prepare(&self, turn: &Turn<'_>) -> Result<Option<String>, HostError> {
        let Some(briefing) = turn.briefing()? else { return Ok(None) };
        let last = turn.step.checked_sub(1).map(|step| turn::kept(turn, step)).transpose()?.unwrap_or_default();
        let mut entries = Vec::new();
        for step in last.from..turn.step {
            entries.extend(turn::kept(turn, step)?.messages);
        }
        let window = turn.window(&self.profile);
        let prepared = Prepared::new((&self.profile, window), turn.step, &briefing, last, entries);
        // Texts and maps of texts: it cannot fail.
        Ok(Some(serde_json::to_string(&prepared).unwrap_or_default()))
    }

    fn step<'a>(&'a self, line: &'a mut Line, prepared: &'a str) -> Stepping<'a> {
        Box::pin(async move {
            let prepared: Prepared = match serde_json::from_str(prepared) {
                Ok(prepared) => prepared,
                Err(error) => {
                    let why = format!("what was prepared is no turn of a model: {error}");
                    return Ok(Err(failure(FailureReason::Fault, why, None)));
                }
            };
            let context = prepared.context();
            let dropped = if context.is_full() { context.plan() } else { None };
            let chosen = match dropped {
                Some(dropped) => summarise(line, prepared, context, &dropped).await?,
                None => take(line, prepared, context).await?,
            };
            Ok(Ok(chosen))
        })
    }
}

/// One request, a repair if its tool calls are no good, and what they call.
async fn take(line: &mut Line, prepared: Prepared, mut context: Context) -> Result<Chosen, Stop> {
    let mut kept = prepared.kept();
    prepared.told.iter().for_each(|text| context.tell(text));
    let tools = prepared.offered();
    let mut reply = match ask(line, &prepared.profile, &context.request(&tools)).await? {
        Ok(reply) => reply,
        Err(error) => return Ok(failed(&prepared, kept, &context, &error)),
    };
    if !reply.flaws.is_empty() {
        say_flaws(&mut context, &reply);
        reply = match ask(line, &prepared.profile, &context.request(&tools)).await? {
            Ok(reply) => reply,
            Err(error) => return Ok(failed(&prepared, kept, &context, &error)),
        };
        if !reply.flaws.is_empty() {
            say_flaws(&mut context, &reply);
            kept.failures += 1;
            let why = "its model makes no tool call that can be carried out, and was told why";
            return Ok(go_on(&prepared, kept, &context, Some(why)));
        }
    }
    context.said(&reply.text, &reply.sent);
    kept.said = turn::short(&reply.text);
    if reply.calls.is_empty()
        && let Some((word, why)) = withheld(&reply.finish)
    {
        // Not what it would have said: no reason to take it for the end.
        context.tell(word);
        kept.failures += 1;
        return Ok(go_on(&prepared, kept, &context, Some(why)));
    }
    kept.failures = 0;
    if reply.calls.is_empty() {
        kept.silent += 1;
        if kept.silent >= SILENT_MAX {
            return Ok(Chosen::Exit(serde_json::json!({ "said": reply.text }).to_string()));
        }
        context.tell(NUDGE);
        return Ok(go_on(&prepared, kept, &context, None));
    }
    kept.silent = 0;
    kept.calls = act(line, &prepared, &mut context, &reply).await?;
    // Behind the results: a call is followed by its result and nothing else.
    if let Some((word, _)) = withheld(&reply.finish) {
        context.tell(word);
    }
    Ok(go_on(&prepared, kept, &context, None))
}

/// What to tell a model whose reply is not whole, and what a person is told who waits for it.
fn withheld(finish: &Finish) -> Option<(&'static str, &'static str)> {
    match finish {
        Finish::Length => {
            Some((CUT, "its model's replies are cut at their limit of tokens (reply-tokens of its profile)"))
        }
        Finish::Refused => Some((WITHHELD, "its model, or the provider, refuses to answer")),
        _ => None,
    }
}

/// Puts a summary in the place of the older messages, which an object keeps.
async fn summarise(
    line: &mut Line,
    prepared: Prepared,
    mut context: Context,
    dropped: &Dropped,
) -> Result<Chosen, Stop> {
    let mut kept = prepared.kept();
    // What it may do, and what waits for it, may be among what is summarised, and was not told in this step: it is told again.
    (kept.capabilities, kept.waiting) = (None, 0);
    let mut messages = prepared.prompt.clone();
    messages.extend(dropped.messages.iter().cloned());
    messages.push(Message::User(SUMMARISE.into()));
    // With the tools: some endpoints refuse a history of calls without them.
    let tool_choice = Some(ToolChoice::None);
    let request = Request { tools: prepared.offered(), tool_choice, ..Request::new(messages) };
    let mut summary = match ask(line, &prepared.profile, &request).await? {
        Ok(reply) => reply.text,
        Err(error) => return Ok(failed(&prepared, kept, &context, &error)),
    };
    if summary.trim().is_empty() {
        kept.failures += 1;
        if kept.failures < FAILURES_MAX {
            return Ok(go_on(&prepared, kept, &context, None));
        }
        NO_SUMMARY.clone_into(&mut summary);
    }
    let whole = serde_json::to_string(&dropped.messages).unwrap_or_default();
    let name = format!("transcript-before-{:06}", prepared.step);
    let handle = keep(line, &name, "transcript", whole).await?;
    let handle = handle.unwrap_or_else(|| "no object: none could be made".into());
    if context.compacted(dropped, summary.trim(), &handle).is_err() {
        return Ok(Chosen::Hold("its context changed while it was summarised".into()));
    }
    kept.failures = 0;
    kept.from = prepared.step;
    kept.messages = context.entries().to_vec();
    kept.said = format!("summarised {} messages", dropped.messages.len());
    Ok(Chosen::GoOn(kept.to_json()))
}

/// Asks the model, by the line.
async fn ask(line: &mut Line, profile: &str, request: &Request) -> Result<Result<libos_model::Reply, CallError>, Stop> {
    let request = serde_json::to_string(request).unwrap_or_default();
    let answer = line.run(Call::ModelAsk { profile: profile.to_owned(), request }).await?;
    Ok(match &*answer {
        Answer::Done(Reply::Model(text)) => {
            serde_json::from_str(text).map_err(|error| CallError::Io(format!("what the model answered: {error}")))
        }
        Answer::Done(_) => Err(CallError::Internal),
        Answer::Failed(error) => Err(error.clone()),
    })
}

/// Nothing of a reply with flaws is carried out: the model learns why. Its calls are no calls in the transcript, where providers would
/// refuse some of them again.
fn say_flaws(context: &mut Context, reply: &libos_model::Reply) {
    let tried: Vec<&str> = reply.sent.iter().map(|call| call.name.as_str()).collect();
    let text =
        if tried.is_empty() { reply.text.clone() } else { format!("{}\n[calls: {}]", reply.text, tried.join(", ")) };
    context.said(&text, &[]);
    let flaws: Vec<String> = reply.flaws.iter().map(|flaw| format!("- {flaw}")).collect();
    context.tell(&format!("None of your tool calls was carried out. Make them again, mended:\n{}", flaws.join("\n")));
}

/// The step after one whose request came to nothing.
fn failed(prepared: &Prepared, mut kept: Kept, context: &Context, error: &CallError) -> Chosen {
    match error {
        denied @ CallError::Denied(_) => {
            let profile = &prepared.profile;
            Chosen::Hold(format!(
                "it may not ask its model: {denied}; `libos grant {} use model:{profile}`",
                prepared.pid
            ))
        }
        CallError::OutcomeUnknown(_) => {
            let mut context = context.clone();
            context.tell(LOST);
            kept.failures += 1;
            go_on(prepared, kept, &context, Some(&format!("its model does not answer: {error}")))
        }
        error => {
            kept.failures += 1;
            go_on(prepared, kept, context, Some(&format!("its model cannot be asked: {error}")))
        }
    }
}

/// The next step follows, unless too many came to nothing.
fn go_on(prepared: &Prepared, mut kept: Kept, context: &Context, trouble: Option<&str>) -> Chosen {
    if let Some(why) = trouble
        && kept.failures >= FAILURES_MAX
    {
        return Chosen::Hold(why.to_owned());
    }
    kept.messages = context.entries().get(prepared.entries.len()..).unwrap_or_default().to_vec();
    Chosen::GoOn(kept.to_json())
}
