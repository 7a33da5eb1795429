//! What one version of an image says that another does not, in lines that a person reads.

use super::Image;
use std::collections::BTreeSet;

/// Characters of a text that a line repeats.
const SHOWN_CHARACTERS_MAX: usize = 120;

/// What changes from one to the other, one line each: `- ` was there, `+ ` comes. Empty only if both say the same.
pub fn difference(old: &Image, new: &Image) -> Vec<String> {
    let (old, new) = (facts(old), facts(new));
    let gone = old.iter().filter(|fact| !new.contains(*fact)).map(|fact| ('-', fact));
    let come = new.iter().filter(|fact| !old.contains(*fact)).map(|fact| ('+', fact));
    let mut changes: Vec<_> = gone.chain(come).collect();
    // What is about one key stands together, what goes before what comes.
    changes.sort_by_key(|(sign, (key, _))| (*key, *sign == '+'));
    changes.into_iter().map(|(sign, (key, value))| format!("{sign} {key}: {}", short(value))).collect()
}

/// Everything that an image says, as keys and values.
fn facts(image: &Image) -> BTreeSet<(&'static str, String)> {
    let Image { name, version, description, tools, prompt, planner, context, needs, policy, budget, memory: _ } = image;
    let mut facts =
        BTreeSet::from([("id", name.clone()), ("version", version.clone()), ("description", description.clone())]);
    // A prompt line by line: of a long one somebody wants to see what is different.
    facts.extend(prompt.iter().flat_map(|text| text.lines()).map(|line| ("prompt", line.to_owned())));
    facts.extend(planner.iter().map(|planner| ("planner", planner.to_string())));
    facts.extend(tools.iter().map(|tool| ("tools", tool.clone())));
    let limits = context.iter().flat_map(|limits| [("compact-at", limits.compact_at), ("preview", limits.preview)]);
    facts.extend(limits.filter_map(|(key, bytes)| Some((key, format!("{} bytes", bytes?)))));
    facts.extend(needs.iter().flatten().map(|rule| ("needs", rule.to_string())));
    facts.extend(policy.iter().flatten().map(|line| (line.effect.word(), line.rule.to_string())));
    facts.extend(budget.iter().flatten().map(|(coin, amount)| ("budget", format!("{amount} {coin}"))));
    // Parts that are there but empty, and the order of lines.
    facts.insert(("digest", crate::model::id::hex(&image.digest())));
    facts
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
