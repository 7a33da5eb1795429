//! Draws a timeline: a line an event, times at the left, calls within calls indented.
//!
//! Every text of a guest is escaped before it is laid out, so nothing of it begins where only this program writes.

use super::{Event, Import, Timeline, What};
use crate::duration::{bytes, humane};
use crate::term::Colour;
use libos_kernel::model::id::GrantId;
use libos_kernel::model::preview::escape;
use libos_kernel::model::record::{Decided, Outcome};
use std::collections::BTreeSet;
use std::time::Duration;

/// The widest and the narrowest column for what an import is about.
const ABOUT: (usize, usize) = (60, 16);

/// A line: what stands where, before it is laid out.
struct Row {
    since: String,
    took: String,
    body: Body,
    colour: Option<Colour>,
}

enum Body {
    Import(ImportRow),
    /// Over all columns.
    Text(String),
}

struct ImportRow {
    indent: String,
    operation: String,
    about: String,
    size: String,
    tail: String,
}

/// The lines of a timeline, for so many columns; any number if none. `paint` colours a text.
pub fn lines(timeline: &Timeline, width: Option<usize>, paint: &dyn Fn(&str, Colour) -> String) -> Vec<String> {
    let rows: Vec<Row> = timeline.events.iter().filter_map(|event| row(timeline, event)).collect();
    // At least the words of the header.
    let longest = |word: &str, pick: &dyn Fn(&Row) -> usize| rows.iter().map(pick).fold(count(word), usize::max);
    let of_import = |word: &str, pick: fn(&ImportRow) -> usize| {
        longest(word, &|row| match &row.body {
            Body::Import(import) => pick(import),
            Body::Text(_) => 0,
        })
    };
    let since = longest("SINCE", &|row| count(&row.since));
    let took = longest("TOOK", &|row| count(&row.took));
    let operations = of_import("IMPORT", |row| count(&row.indent) + count(&row.operation));
    let abouts = of_import("ABOUT", |row| count(&row.about));
    let sizes = of_import("SIZE", |row| count(&row.size));
    let tails = of_import("BY", |row| count(&row.tail)).min(24);
    let others = since + took + operations + sizes + tails + 2 * 5;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(others));
    let about_width = abouts.min(ABOUT.0).min(room.max(ABOUT.1));
    let mut lines = Vec::with_capacity(rows.len() + 1);
    let (import, about) = (pad("IMPORT", operations), pad("ABOUT", about_width));
    let header = format!("{:>since$}  {:>took$}  {import}  {about}  {:>sizes$}  BY", "SINCE", "TOOK", "SIZE");
    lines.push(paint(&end_cut(&header, width.unwrap_or(usize::MAX)), Colour::Dim));
    for row in rows {
        let times = format!("{:>since$}  {:>took$}  ", row.since, row.took);
        let rest = width.map_or(usize::MAX, |width| width.saturating_sub(count(&times)));
        let body = match row.body {
            Body::Text(text) => end_cut(&text, rest),
            Body::Import(ImportRow { indent, operation, about, size, tail }) => {
                let first = pad(&format!("{indent}{operation}"), operations);
                let about = pad(&middle_cut(&about, about_width), about_width);
                end_cut(format!("{first}  {about}  {size:>sizes$}  {tail}").trim_end(), rest)
            }
        };
        let body = row.colour.map_or(body.clone(), |colour| paint(&body, colour));
        lines.push(format!("{}{body}", paint(&times, Colour::Dim)));
    }
    lines
}

/// The grants that decided something, each with what it says.
pub fn legend(timeline: &Timeline) -> Vec<String> {
    let mut named: BTreeSet<GrantId> = BTreeSet::new();
    for event in &timeline.events {
        let (What::Import(import) | What::Wait(import)) = &event.what else { continue };
        match &import.decided {
            Decided::Allow { grants } => named.extend(timeline.deciding(grants)),
            Decided::Ask { rule } | Decided::Deny { rule, .. } => named.extend(rule),
            Decided::Free | Decided::Host => {}
        }
    }
    let grants = named.into_iter().filter_map(|id| timeline.grants.get(&id));
    grants.map(|grant| escape(&format!("{}: {grant}", grant.id))).collect()
}

fn row(timeline: &Timeline, event: &Event) -> Option<Row> {
    let indent = "│ ".repeat(event.depth);
    let inner = "│ ".repeat(event.depth.saturating_sub(1));
    let (open, close) =
        if event.depth > 0 { (format!("{inner}┌ "), format!("{inner}└ ")) } else { Default::default() };
    let time = |nanoseconds: u64| humane(Duration::from_nanos(nanoseconds));
    let (mut took, mut colour) = (String::new(), None);
    let body = match &event.what {
        // What it logs stands there as a line of the log.
        What::Import(import) if import.operation == "log.write" && import.outcome == Outcome::Done => return None,
        What::Import(import) => {
            took = if import.took > 0 { time(import.took) } else { String::new() };
            colour = import_colour(import);
            import_body(timeline, indent, import)
        }
        What::Wait(import) => {
            colour = Some(Colour::Yellow);
            import_body(timeline, indent, import)
        }
        What::Start { tool, .. } => {
            let (name, component) = tool.rsplit_once(' ').unwrap_or((tool, ""));
            let component = if component.is_empty() { String::new() } else { format!(", component {component}") };
            Body::Text(format!("{open}{} starts: {}{}", event.call, escape(name), escape(&component)))
        }
        // Its end stands there as a line of its own.
        What::Woken { operation, .. } if matches!(operation.as_str(), "tools.call" | "agent.call") => return None,
        What::Woken { operation, took: waited, question, said, text, .. } => {
            took = time(*waited);
            Body::Text(format!("{indent}{}", woken(operation, question.map(|id| id.to_string()), said, text)))
        }
        What::Resume { incarnation, detail } => {
            let detail = detail.as_deref().map(|detail| format!(": {}", escape(detail))).unwrap_or_default();
            colour = Some(Colour::Dim);
            // The first run of a call that a tool made is one too: the run loop starts it.
            if event.depth > 0 && *incarnation == 1 {
                return None;
            }
            Body::Text(format!("{indent}── started again, run {}{detail}", incarnation + 1))
        }
        What::Log { level, text, count } => {
            colour = Some(Colour::Dim);
            let word = format!("{level:?}").to_lowercase();
            let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
            Body::Text(format!("{indent}{word}: {}{times}", escape(text.trim_end_matches('\n'))))
        }
        What::Cancel { why } => {
            colour = Some(Colour::Red);
            Body::Text(format!("{indent}cancelled: {}", escape(why.as_deref().unwrap_or("by a person"))))
        }
        What::End { took: lasted, state, why } => {
            took = time(*lasted);
            colour = Some(if *state == "done" { Colour::Green } else { Colour::Red });
            let how = why.as_deref().map_or((*state).to_owned(), |why| format!("{state}: {}", escape(why)));
            Body::Text(format!("{close}{} ends: {how}", event.call))
        }
    };
    Some(Row { since: time(event.since), took, body, colour })
}

/// How a wait ended.
fn woken(operation: &str, question: Option<String>, said: &Option<String>, text: &Option<String>) -> String {
    let text = text.as_deref().map(|text| format!(": {}", escape(text))).unwrap_or_default();
    match (operation, question) {
        ("host.answer", Some(id)) => match said.as_deref() {
            Some("told") | None => format!("a person answers {id}{text}"),
            Some(said) => format!("a person answers {id} with {}{text}", escape(said)),
        },
        ("question.expire", Some(id)) => format!("nobody answered {id} in time: denied"),
        ("clock.sleep", _) => "the time has come".into(),
        _ => format!("{} goes on", escape(operation)),
    }
}

fn import_body(timeline: &Timeline, indent: String, import: &Import) -> Body {
    let mut about: Vec<String> = import.resources.iter().map(|name| escape(plain(name))).collect();
    if !import.asked.is_empty() {
        about.push(format!(
            "(asked for as {})",
            import.asked.iter().map(|name| escape(plain(name))).collect::<Vec<_>>().join(", ")
        ));
    }
    // The larger of what went out and what came back.
    let size = import.request_bytes.max(import.answer_bytes).map(bytes).unwrap_or_default();
    let mut tail = vec![decision(timeline, import)];
    tail.extend(outcome(import));
    tail.extend(import.asks.as_deref().map(|asks| format!("({})", escape(asks))));
    if import.count > 1 {
        tail.push(format!("× {}", import.count));
    }
    tail.extend(import.detail.as_deref().map(|detail| format!("({})", escape(detail))));
    let tail = tail.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
    Body::Import(ImportRow { indent, operation: escape(&import.operation), about: about.join(", "), size, tail })
}

/// A resource without the word that its operation says already.
fn plain(resource: &str) -> &str {
    resource.strip_prefix("fs:").unwrap_or(resource)
}

fn decision(timeline: &Timeline, import: &Import) -> String {
    let by = |rule: &Option<GrantId>| rule.map(|id| format!(" by {id}")).unwrap_or_default();
    match &import.decided {
        Decided::Free | Decided::Host => String::new(),
        Decided::Allow { .. } if import.question.is_some() && import.outcome != Outcome::Waiting => {
            import.question.map(|id| format!("yes to {id}")).unwrap_or_default()
        }
        Decided::Allow { grants } => {
            timeline.deciding(grants).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        Decided::Ask { rule: Some(id) } => format!("{id} asks"),
        Decided::Ask { rule: None } => "asked: no grant".into(),
        Decided::Deny { reason, rule, .. } => format!("denied{}: {}", by(rule), escape(reason)),
    }
}

fn outcome(import: &Import) -> Vec<String> {
    let effect = import.effect.map(|id| id.to_string());
    match &import.outcome {
        Outcome::Done => effect.into_iter().collect(),
        Outcome::Intent => vec![format!("{} under way", effect.unwrap_or_default())],
        Outcome::Failed(why) => effect.into_iter().chain([format!("failed: {}", escape(why))]).collect(),
        Outcome::Denied if matches!(import.decided, Decided::Deny { .. }) => Vec::new(),
        Outcome::Denied => vec!["denied".into()],
        Outcome::Waiting => vec![import.question.map_or("waits".into(), |id| format!("waits for {id}"))],
        Outcome::Unknown => vec![format!("{} nobody knows whether it happened", effect.unwrap_or_default())],
        Outcome::NotStarted => vec![format!("{} did not happen", effect.unwrap_or_default())],
    }
}

fn import_colour(import: &Import) -> Option<Colour> {
    match &import.outcome {
        Outcome::Denied | Outcome::Unknown => Some(Colour::Red),
        Outcome::Failed(_) | Outcome::Intent | Outcome::NotStarted => Some(Colour::Yellow),
        Outcome::Done | Outcome::Waiting => None,
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(count(text));
    text.chars().chain(std::iter::repeat_n(' ', missing)).collect()
}

fn end_cut(text: &str, width: usize) -> String {
    if count(text) <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Cuts in the middle: the end of a name says most.
fn middle_cut(text: &str, width: usize) -> String {
    let length = count(text);
    if length <= width {
        return text.to_owned();
    }
    let head = width / 3;
    let tail = width.saturating_sub(head + 1);
    text.chars().take(head).chain(['…']).chain(text.chars().skip(length - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use libos_kernel::model::call::Level;
    use libos_kernel::model::id::{CallId, EffectId, Pid};
    use libos_kernel::model::right::Right;
    use libos_kernel::model::time::Time;

    fn import(operation: &str, name: &str, decided: Decided, outcome: Outcome) -> Import {
        Import {
            position: Some(1),
            operation: operation.into(),
            resources: vec![name.into()],
            asked: Vec::new(),
            decided,
            outcome,
            took: 1_500_000,
            question: None,
            asks: None,
            effect: None,
            request_bytes: Some(20),
            answer_bytes: Some(2_000),
            count: 1,
            detail: None,
        }
    }

    fn timeline(whats: Vec<(usize, What)>) -> Timeline {
        let event = |(index, (depth, what)): (usize, (usize, What))| {
            let since = index as u64 * 1_000_000;
            Event { call: CallId(depth as u64 + 1), depth, time: Time(since), since, what }
        };
        Timeline { events: whats.into_iter().enumerate().map(event).collect(), grants: Default::default() }
    }

    fn every_kind(evil: &str) -> Timeline {
        let allow = Decided::Allow { grants: vec![GrantId(9), GrantId(1)] };
        let reason = evil.to_owned();
        let deny = Decided::Deny { right: Right::Read, resource: evil.into(), rule: Some(GrantId(4)), reason };
        let effect =
            Import { effect: Some(EffectId(3)), count: 4, ..import("fs.write", evil, allow.clone(), Outcome::Done) };
        let text = || Some(evil.to_owned());
        timeline(vec![
            (0, What::Start { pid: Some(Pid(1)), tool: format!("{evil} 0123456789abcdef") }),
            (0, What::Import(import("fs.read", evil, allow, Outcome::Done))),
            (0, What::Import(import("fs.read", evil, deny, Outcome::Denied))),
            (0, What::Import(effect)),
            (0, What::Wait(Import { asks: text(), ..import("human.ask", evil, Decided::Free, Outcome::Waiting) })),
            (
                0,
                What::Woken {
                    position: Some(1),
                    operation: "host.answer".into(),
                    took: 7,
                    question: Some(libos_kernel::model::id::QuestionId(2)),
                    said: text(),
                    text: text(),
                },
            ),
            (1, What::Start { pid: Some(Pid(1)), tool: evil.into() }),
            (1, What::Log { level: Level::Warn, text: evil.into(), count: 3 }),
            (1, What::End { took: 5, state: "failed", why: text() }),
            (0, What::Resume { incarnation: 2, detail: text() }),
            (0, What::Cancel { why: text() }),
        ])
    }

    #[test]
    fn a_timeline_keeps_to_its_width_and_nothing_of_a_guest_moves_the_cursor() {
        let evil = "a\x1b[2J\r\n\u{202e}\u{9b}31mlong/".repeat(12);
        for width in [None, Some(200), Some(80), Some(40)] {
            for line in lines(&every_kind(&evil), width, &|text, _| text.to_owned()) {
                assert!(line.chars().all(|character| !character.is_control() && character != '\u{202e}'), "{line:?}");
                assert!(line.chars().count() <= width.unwrap_or(usize::MAX), "{width:?}: {line}");
            }
        }
    }

    #[test]
    fn a_timeline_is_aligned() {
        let drawn = lines(&every_kind("fs:workspace/a"), None, &|text, _| text.to_owned());
        let want = [
            "  SINCE     TOOK  IMPORT     ABOUT           SIZE  BY",
            "    0 s           c1 starts: fs:workspace/a, component 0123456789abcdef",
            "1.00 ms  1.50 ms  fs.read    workspace/a  2.0 KiB  g9",
            "2.00 ms  1.50 ms  fs.read    workspace/a  2.0 KiB  denied by g4: fs:workspace/a",
            "3.00 ms  1.50 ms  fs.write   workspace/a  2.0 KiB  g9  e3  × 4",
            "4.00 ms           human.ask  workspace/a  2.0 KiB  waits  (fs:workspace/a)",
            "5.00 ms     7 ns  a person answers q2 with fs:workspace/a: fs:workspace/a",
            "6.00 ms           ┌ c2 starts: fs:workspace/a",
            "7.00 ms           │ warn: fs:workspace/a (3 times)",
            "8.00 ms     5 ns  └ c2 ends: failed: fs:workspace/a",
            "9.00 ms           ── started again, run 3: fs:workspace/a",
            "10.0 ms           cancelled: fs:workspace/a",
        ];
        assert_eq!(drawn, want);
    }
}
