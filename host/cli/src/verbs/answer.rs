//! `answer`: a person's word to a question; then the call that waited goes on.

use super::call::follow_each;
use super::{Context, block_on};
use crate::args::AnswerArgs;
use crate::error::{Failure, code};
use crate::host_processes::agent_of;
use crate::protocol::{AgentRequest, Answering, Event, Request, Said};
use crate::session::Session;
use crate::store;
use libos_kernel::kernel::view::View;

/// Answers a question.
pub fn run(context: &Context, args: AnswerArgs) -> anyhow::Result<u8> {
    let place = context.place_to_change()?;
    let said = match (args.approval, args.text) {
        (Some(word), None) => Said::Decision { approval: word.into(), note: args.note },
        (None, Some(text)) => Said::Text(text),
        // The command line admits exactly one of them.
        _ => return Err(Failure::usage("answer allow, always, deny or never, or with --text").into()),
    };
    // What is asked at more places by the time the host hears of it was not seen by whoever gave this command.
    let snapshot = store::snapshot(&place)?;
    let view = View(&snapshot);
    let row = view.question(args.id)?;
    let seen = row.as_ref().map(|row| row.places().map(|(call, _)| call).collect());
    let agent = row.as_ref().map(|row| agent_of(&view, row.call)).transpose()?.flatten();
    let calls = row.map(|row| view.asked_by(&row)).transpose()?.unwrap_or_default();
    drop(snapshot);
    if let (Some(pid), false) = (agent, args.no_run) {
        let answer = Some(Answering { question: args.id, said, seen });
        return super::follow::follow(context, place, AgentRequest::Follow { pid, answer });
    }
    let request = Request::Answer { question: args.id, said, run: !args.no_run, seen };
    if !args.no_run {
        // The answer follows the first; all that asked go on.
        let others = calls.into_iter().skip(1).map(|call| Request::Attach { call });
        return follow_each(context, place, std::iter::once(request).chain(others).collect());
    }
    block_on(async {
        let session = Session::new(place);
        let event = session.ask(request).await;
        session.close().await;
        let Event::Answered { question, call, grants } = event? else {
            return Err(Failure::cannot("the host answered something else").into());
        };
        if context.out.json {
            context.out.value(&serde_json::json!({ "id": question, "call": call, "grants": grants }))?;
        } else {
            let others = calls.iter().filter(|other| **other != call).map(|other| format!(" {other}"));
            let calls = format!("{call}{}", others.collect::<String>());
            let what = if calls.contains(' ') { "the calls" } else { "the call" };
            context.out.line(&format!("{question} is answered; libos calls --resume {calls} runs {what}"))?;
        }
        Ok(code::DONE)
    })
}
