//! Texts of a call beside its content, for a person who is asked about it.

use super::call::Call;
use super::child::{Amount, ChildOptions};
use super::message::MessageKind;
use std::borrow::Cow;
use std::time::Duration;

/// Texts of the guest's that a yes covers too, each with what it is.
pub(super) fn beside(call: &Call) -> Vec<(&'static str, Cow<'_, str>)> {
    let texts: Vec<(&'static str, &str)> = match call {
        Call::ProcessSpawn { child } | Call::ProcessFork { child, .. } => return beside_child(call, child),
        Call::ModelAsk { request, .. } => {
            return super::ask::last_words(request)
                .map(|words| ("its last words are", words.into()))
                .into_iter()
                .collect();
        }
        Call::ObjectCreate { options, .. } => {
            let named = [("its type is", &*options.object_type), ("its title is", &*options.title)];
            let tags = options.tags.iter().map(|tag| ("its tag is", &**tag));
            let sources = options.sources.iter().map(|source| ("it says that it is made from", &**source));
            named.into_iter().filter(|(_, text)| !text.is_empty()).chain(tags).chain(sources).collect()
        }
        Call::HumanApprove { resource, rights, .. } => {
            let rights = rights.iter().map(|right| ("its wish is to", &**right));
            rights.chain([("its wish is for", &**resource)]).collect()
        }
        Call::MessageSend { options, .. } => {
            let channel =
                Some(&options.channel).filter(|text| !text.is_empty()).map(|text| ("its channel is", &**text));
            let correlation = options.correlation.as_ref().map(|text| ("its correlation is", &**text));
            let urgent =
                (options.kind == MessageKind::Interrupt).then_some(("it interrupts:", "what the process waits for"));
            channel.into_iter().chain(correlation).chain(urgent).collect()
        }
        _ => Vec::new(),
    };
    texts.into_iter().map(|(what, text)| (what, text.into())).collect()
}

/// What a child is made with beside its script, or its goal.
fn beside_child<'a>(call: &'a Call, child: &'a ChildOptions) -> Vec<(&'static str, Cow<'a, str>)> {
    let mut lines: Vec<(&'static str, Cow<'a, str>)> = Vec::new();
    if child.planner.is_some() {
        lines.push(("its goal is", child.goal.as_str().into()));
    }
    for handed in &child.grants {
        let uses = handed.uses.map(|uses| format!(", {uses} uses")).unwrap_or_default();
        let time = handed.expires_in.map(|time| format!(", for {:?}", Duration::from_nanos(time)));
        lines.push(("it gets", format!("{}{uses}{}", handed.rule, time.unwrap_or_default()).into()));
    }
    for Amount { coin, amount } in child.budget.iter().flatten() {
        lines.push(("it may spend", format!("{amount} {coin:?}").into()));
    }
    lines.extend(child.working_directory.as_deref().map(|path| ("it works in", path.into())));
    if let Call::ProcessFork { mode, roots, .. } = call {
        lines.push(("it sees the objects of its parent as", mode.word().into()));
        lines.extend(roots.iter().flatten().map(|root| ("it sees", root.as_str().into())));
    }
    lines
}
