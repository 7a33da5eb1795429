//! Carries out what a model called, by the line: what only looks at once, everything else one after the other in the model's order.

use super::turn::{Made, Prepared};
use libos_kernel::model::answer::{Answer, Stop};
use libos_kernel::model::call::{Call, Called, ObjectOptions, Payload, Reply};
use libos_kernel::model::limit::CALLS_AT_ONCE_MAX;
use libos_kernel::syscall::Line;
use libos_model::context::{Context, Handle};
use libos_model::{Message, Reply as Said, ToolCall};

/// What stands before the result of a call whose arguments are not shown again.
const CUT_SHORT: &str =
    "[The arguments of this call were carried out as you wrote them; they are too long to stand here again.]";

/// Makes the calls of a reply and adds their results to the context, in the order of the calls.
pub async fn act(line: &mut Line, prepared: &Prepared, context: &mut Context, said: &Said) -> Result<Vec<Made>, Stop> {
    let calls = &said.calls[..];
    let cut = cut_short(context, said);
    let looks = |call: &ToolCall| named(prepared, call).is_some_and(|(_, only_looks)| only_looks);
    let mut made = Vec::with_capacity(calls.len());
    let mut left = calls;
    while let Some(first) = left.first() {
        let together =
            if looks(first) { left.iter().take(CALLS_AT_ONCE_MAX).take_while(|call| looks(call)).count() } else { 1 };
        let (group, rest) = left.split_at(together);
        left = rest;
        let wanted = group.iter().map(|call| Call::AgentCall {
            tool: named(prepared, call).map_or_else(|| call.name.clone(), |(name, _)| name.to_owned()),
            arguments: call.arguments.to_string(),
        });
        let answers = line.run_all(wanted.collect()).await?;
        for (call, answer) in group.iter().zip(&answers) {
            let (text, failed) = told(answer);
            let mut whole = None;
            if !context.fits(&text) {
                let name = format!("result-{:06}-{}", prepared.step, made.len());
                let json = if failed { serde_json::Value::String(text.clone()).to_string() } else { text.clone() };
                whole = keep(line, &name, "tool-result", json).await?;
            }
            let text = if cut.contains(&call.id) { format!("{CUT_SHORT}\n{text}") } else { text };
            context.result(&call.id, &text, whole.as_ref());
            made.push(Made { tool: call.name.clone(), failed });
        }
    }
    Ok(made)
}

/// Calls whose arguments were too long to stand in the transcript; the last entry is what the model said.
fn cut_short(context: &Context, said: &Said) -> Vec<String> {
    let Some(Message::Assistant { calls: kept, .. }) = context.entries().last() else { return Vec::new() };
    let both = kept.iter().zip(&said.sent);
    both.filter(|(kept, sent)| kept.arguments != sent.arguments).map(|(_, sent)| sent.id.clone()).collect()
}

/// The tool's own name, and whether it only looks.
fn named<'p>(prepared: &'p Prepared, call: &ToolCall) -> Option<(&'p str, bool)> {
    let tool = prepared.tools.iter().find(|tool| tool.called == call.name)?;
    Some((&tool.name, tool.only_looks))
}

/// Keeps a text as an object of the process. None if that cannot be: its purse is empty, for example.
pub async fn keep(line: &mut Line, name: &str, object_type: &str, json: String) -> Result<Option<Handle>, Stop> {
    let options = ObjectOptions { object_type: object_type.into(), immutable: true, ..ObjectOptions::default() };
    let call = Call::ObjectCreate { name: name.to_owned(), payload: Payload::Json(json), options };
    let answer = line.run(call).await?;
    Ok(matches!(*answer, Answer::Done(_)).then(|| format!("the object {name} (read_memory_object)")))
}

/// What a model learns of a call, and whether it failed.
fn told(answer: &Answer) -> (String, bool) {
    match answer {
        Answer::Done(Reply::Called(Called::Done(text))) => (text.clone(), false),
        Answer::Done(Reply::Called(Called::Failed(why))) => (format!("failed: {why}"), true),
        Answer::Done(_) => ("failed: the host answered something else".into(), true),
        Answer::Failed(error) => (format!("failed: {error}"), true),
    }
}
