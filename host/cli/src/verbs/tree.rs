//! `ps --tree`: processes below their parents, with what each waits for, may still spend and is for.

use super::Context;
use crate::duration;
use crate::error::code;
use crate::out::Table;
use crate::own::now;
use libos_kernel::kernel::census::{Seen, Waiting};
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::Pid;
use libos_kernel::model::purse::{Coin, Purse};
use libos_kernel::model::row::Wait;

/// Characters of a goal in a table.
const GOAL_MAX: usize = 40;

/// Shows the processes.
pub fn run(context: &Context, all: bool) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let seen = View(&snapshot).census(all)?;
    if context.out.json {
        let rows: Vec<_> = seen.iter().map(value).collect::<Result<_, _>>()?;
        context.out.value(&rows)?;
        return Ok(code::DONE);
    }
    context.out.table(&table(&seen), "no process lives; --all shows those that have ended")?;
    Ok(code::DONE)
}

fn value(seen: &Seen) -> Result<serde_json::Value, serde_json::Error> {
    let mut value = serde_json::to_value(&seen.process)?;
    value["depth"] = seen.depth.into();
    value["waits"] = waits_value(&seen.waits);
    value["goal_text"] = seen.goal.clone().into();
    if let Some((of, purse)) = &seen.purse {
        value["spends"] = serde_json::json!({ "pid": of, "left": serde_json::to_value(&purse.left)? });
    }
    Ok(value)
}

/// Waits for programs.
pub fn waits_value(waits: &[Waiting]) -> serde_json::Value {
    let row = |wait: &Waiting| {
        serde_json::json!({
            "call": wait.call, "position": wait.position, "operation": wait.row.operation, "for": wait_text(&wait.row.kind),
            "since": wait.row.since,
        })
    };
    waits.iter().map(row).collect()
}

fn table(seen: &[Seen]) -> Table {
    let mut table = Table::new(&["PROCESS", "STATE", "AGE", "WAITS FOR", "LEFT", "GOAL"]);
    // Whether a line goes on at each depth.
    let mut lines: Vec<bool> = Vec::new();
    for row in seen {
        lines.truncate(row.depth);
        let mut name: String =
            lines.iter().skip(1).map(|goes_on| if *goes_on { "\u{2502}  " } else { "   " }).collect();
        if row.depth > 0 {
            name.push_str(if row.has_next { "\u{251c}\u{2500} " } else { "\u{2514}\u{2500} " });
        }
        lines.push(row.has_next);
        name.push_str(&format!("{} {}", row.process.pid, row.process.image));
        table.row(vec![
            name,
            row.process.state.word().into(),
            duration::short(now().since(row.process.created)),
            waits_text(&row.waits),
            row.purse.as_ref().map(|(of, purse)| purse_text(row.process.pid, *of, purse)).unwrap_or_default(),
            row.goal.as_deref().map(title).unwrap_or_default(),
        ]);
    }
    table
}

/// The first line of a goal, cut.
pub fn title(goal: &str) -> String {
    let line = goal.lines().next().unwrap_or_default();
    match line.char_indices().nth(GOAL_MAX) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}\u{2026}", &line[..end]),
    }
}

/// What is waited for, in a few words.
pub fn waits_text(waits: &[Waiting]) -> String {
    let texts: Vec<String> = waits.iter().map(|wait| wait_text(&wait.row.kind)).collect();
    texts.join(", ")
}

/// What is waited for, in a few words.
pub fn wait_text(wait: &Wait) -> String {
    match wait {
        Wait::Until(time) => format!("{time}"),
        Wait::Question(question) => question.to_string(),
        Wait::Call(call) => call.to_string(),
        Wait::Children { pids, .. } if pids.is_empty() => "a child".into(),
        Wait::Children { pids, .. } => pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
        Wait::Message { until: Some(until), .. } => format!("a message, or {until}"),
        Wait::Message { until: None, .. } => "a message".into(),
        Wait::Validation(candidate) => format!("the validation of {candidate}"),
    }
}

/// What is left to spend, in a few words.
pub fn purse_text(pid: Pid, of: Pid, purse: &Purse) -> String {
    let left = |coin: &Coin, amount: u64| format!("{} {}", short(amount), coin_word(*coin));
    let parts: Vec<String> = purse.left.iter().map(|(coin, amount)| left(coin, *amount)).collect();
    let what = if parts.is_empty() { "no bound".into() } else { parts.join(", ") };
    if pid == of { what } else { format!("{what} of {of}") }
}

fn coin_word(coin: Coin) -> &'static str {
    match coin {
        Coin::ToolCalls => "calls",
        Coin::ModelCalls => "model",
        Coin::Tokens => "tokens",
        Coin::Money => "\u{b5} money",
        Coin::WallMilliseconds => "ms wall",
        Coin::ProcessorMilliseconds => "ms cpu",
        Coin::BytesRead => "B read",
        Coin::BytesWritten => "B written",
        Coin::BytesSent => "B sent",
        Coin::Children => "children",
        Coin::Objects => "objects",
    }
}

/// `950`, `12k`, `3M`: rounded down.
fn short(amount: u64) -> String {
    match amount {
        0..10_000 => amount.to_string(),
        10_000..10_000_000 => format!("{}k", amount / 1_000),
        10_000_000..10_000_000_000 => format!("{}M", amount / 1_000_000),
        _ => format!("{}G", amount / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libos_kernel::model::process::State;
    use libos_kernel::model::resource::{Kind, Resource};
    use libos_kernel::model::row::ProcessRow;

    fn seen(pid: u64, depth: usize, has_next: bool) -> Seen {
        let directory = Resource::new(Kind::Fs, "workspace");
        let process = ProcessRow::new(Pid(pid), None, "base".into(), directory, now());
        let process = ProcessRow { state: State::Ready, ..process };
        Seen { process, depth, has_next, waits: Vec::new(), goal: None, purse: None }
    }

    #[test]
    fn lines_lead_from_each_process_to_its_children() {
        let shown = [
            seen(1, 0, true),
            seen(2, 1, true),
            seen(3, 2, false),
            seen(4, 3, false),
            seen(5, 1, false),
            seen(6, 2, true),
            seen(7, 2, false),
            seen(8, 0, false),
        ];
        let names: Vec<String> =
            table(&shown).lines(None).iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
        assert_eq!(
            names,
            [
                "p1 base",
                "├─ p2 base",
                "│  └─ p3 base",
                "│     └─ p4 base",
                "└─ p5 base",
                "   ├─ p6 base",
                "   └─ p7 base",
                "p8 base"
            ]
        );
    }

    #[test]
    fn goals_are_cut_and_amounts_are_short() {
        assert_eq!(title("one\ntwo"), "one");
        assert_eq!(title(&"é".repeat(60)).chars().count(), GOAL_MAX + 1);
        assert_eq!([short(9_999), short(12_345), short(45_000_000)], ["9999", "12k", "45M"]);
    }
}
