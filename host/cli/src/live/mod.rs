//! What somebody sees who watches a process: a line for each thing that has happened, and on a terminal a few lines below them that say
//! what happens now. Which lines these are follows from the events and the time alone. All text of guests is escaped here.

mod screen;
mod short;

pub use screen::Screen;
pub use short::{arguments, span};

use crate::protocol::{Event, Happened};
use crate::term::{Colour, paint};
use libos_kernel::kernel::Standing;
use libos_kernel::model::id::{CallId, Pid, QuestionId};
use libos_kernel::model::preview::escape;
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls that are shown while they run; of more there is the number.
const RUNNING_SHOWN: usize = 4;
/// Characters of a reason why something failed.
const REASON_SHOWN: usize = 500;
/// From then on it is shown how long something runs.
const TIME_SHOWN: Duration = Duration::from_secs(1);
/// Turns while something runs.
const SPINNER: [char; 8] = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠧', '⠇', '⠏'];
const SPINNER_STEP: Duration = Duration::from_millis(200);

/// How lines are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Columns.
    pub width: usize,
    pub coloured: bool,
}

/// What is known of a process that is watched.
#[derive(Debug, Default)]
pub struct Live {
    /// What it is started from.
    title: String,
    root: Option<Pid>,
    running: BTreeMap<CallId, Running>,
    thinking: BTreeMap<Pid, (String, Duration)>,
    standing: Standing,
    /// Somebody wants it to pause.
    pauses: bool,
}

#[derive(Debug)]
struct Running {
    pid: Pid,
    tool: String,
    arguments: String,
    since: Duration,
}

impl Live {
    pub fn new(title: &str) -> Live {
        Live { title: escape(title), ..Live::default() }
    }

    /// Takes an event in that came at this time since the beginning; answers the lines that stay of it.
    pub fn take(&mut self, event: &Event, now: Duration, look: Look) -> Vec<String> {
        match event {
            Event::Agent { pid, .. } => self.root = Some(*pid),
            Event::AgentStands(standing) => self.standing.clone_from(standing),
            Event::AgentEnded { .. } | Event::Closing => {
                self.running.clear();
                self.thinking.clear();
            }
            Event::Happened(happened) => return self.happened(happened, now, look),
            _ => {}
        }
        Vec::new()
    }

    fn happened(&mut self, happened: &Happened, now: Duration, look: Look) -> Vec<String> {
        match happened {
            Happened::Calls { pid, call, tool, arguments: text } => {
                let running = Running { pid: *pid, tool: escape(tool), arguments: arguments(text), since: now };
                self.running.insert(*call, running);
                Vec::new()
            }
            Happened::Called { pid, call, tool, failed, milliseconds } => {
                let arguments = self.running.remove(call).map(|running| running.arguments).unwrap_or_default();
                let took = span(Duration::from_millis(*milliseconds));
                let what = format!("{}{} {arguments}", self.whose(*pid), escape(tool));
                self.outcome(&what, failed.as_deref(), &took, look)
            }
            Happened::Thinks { pid, model } => {
                self.thinking.insert(*pid, (escape(model), now));
                Vec::new()
            }
            Happened::Thought { pid, failed, milliseconds } => {
                let model = self.thinking.remove(pid).map(|(model, _)| model).unwrap_or_default();
                let took = span(Duration::from_millis(*milliseconds));
                match failed {
                    // An answer shows by what comes of it.
                    None => Vec::new(),
                    Some(why) => {
                        self.outcome(&format!("{}model {model}", self.whose(*pid)), Some(why.as_str()), &took, look)
                    }
                }
            }
            Happened::Says { pid, text } => {
                let mark = paint("▌", Colour::Yellow, look.coloured);
                text.lines().map(|line| format!("{mark} {}{}", self.whose(*pid), escape(line))).collect()
            }
            Happened::Note { pid, text } => vec![cut(&format!("· {pid} {}", escape(text)), look.width)],
        }
    }

    /// A line for what has ended, and below it why it failed, whole.
    fn outcome(&self, what: &str, failed: Option<&str>, took: &str, look: Look) -> Vec<String> {
        let (mark, colour) = if failed.is_some() { ("✗", Colour::Red) } else { ("✓", Colour::Green) };
        let room = look.width.saturating_sub(took.chars().count() + 4);
        let what = cut(what.trim_end(), room);
        let line =
            format!("{} {what}  {}", paint(mark, colour, look.coloured), paint(took, Colour::Dim, look.coloured));
        let reason =
            failed.map(|why| format!("  {}", paint(&cut(&escape(why), REASON_SHOWN), Colour::Red, look.coloured)));
        std::iter::once(line).chain(reason).collect()
    }

    /// Who did it, if it was not the process that is watched itself.
    fn whose(&self, pid: Pid) -> String {
        if self.root == Some(pid) { String::new() } else { format!("{pid} ") }
    }

    /// Somebody wants it to pause after its present step.
    pub fn pause(&mut self) {
        self.pauses = true;
    }

    /// The lines that say what happens at this time.
    pub fn now(&self, now: Duration, look: Look) -> Vec<String> {
        let Some(root) = self.root else { return Vec::new() };
        let mut lines = Vec::new();
        let turn = now.as_millis() / SPINNER_STEP.as_millis();
        let spinner = paint(&SPINNER[turn as usize % SPINNER.len()].to_string(), Colour::Yellow, look.coloured);
        let mut runs = |what: String, since: Duration| {
            let took = now.saturating_sub(since);
            // What is over at once is no matter of time.
            let took = if took < TIME_SHOWN { String::new() } else { format!("  {}", span(took)) };
            let what = cut(&what, look.width.saturating_sub(took.chars().count() + 4));
            lines.push(format!("  {spinner} {what}{took}"));
        };
        for Running { pid, tool, arguments, since } in self.running.values().take(RUNNING_SHOWN) {
            runs(format!("{}{tool} {arguments}", self.whose(*pid)).trim_end().to_owned(), *since);
        }
        for (pid, (model, since)) in self.thinking.iter().take(RUNNING_SHOWN) {
            runs(format!("{}asks the model {model}", self.whose(*pid)), *since);
        }
        let more = self.running.len().saturating_sub(RUNNING_SHOWN) + self.thinking.len().saturating_sub(RUNNING_SHOWN);
        if more > 0 {
            lines.push(format!("    and {more} more"));
        }
        lines.extend(self.waits().map(|text| cut(&format!("    {text}"), look.width)));
        lines.extend(self.below().map(|text| cut(&format!("    {text}"), look.width)));
        if self.pauses {
            lines.push(cut("    pauses after this step; Ctrl-C again leaves at once", look.width));
        }
        lines.insert(0, paint(&cut(&self.head(root, now), look.width), Colour::Bold, look.coloured));
        lines
    }

    fn head(&self, root: Pid, now: Duration) -> String {
        let left = &self.standing.left;
        let left: Vec<String> = left.iter().map(|(coin, amount)| format!("{} {coin}", grouped(*amount))).collect();
        let left = if left.is_empty() { String::new() } else { format!(" · left: {}", left.join(", ")) };
        format!("{root} {} · step {} · {}{left}", self.title, self.standing.steps + 1, span(now))
    }

    fn waits(&self) -> Option<String> {
        let Standing { questions, until, .. } = &self.standing;
        let shown = questions.iter().map(QuestionId::to_string).collect::<Vec<_>>().join(" ");
        match until {
            _ if !questions.is_empty() => Some(format!("waits for you: {shown}")),
            // A tool that sleeps is there already.
            Some(until) if self.running.is_empty() => Some(format!("sleeps until {}", escape(until))),
            _ => None,
        }
    }

    fn below(&self) -> Option<String> {
        let Standing { below, below_count, .. } = &self.standing;
        if *below_count == 0 {
            return None;
        }
        let named: Vec<String> = below.iter().map(|child| format!("{} {}", child.pid, escape(&child.state))).collect();
        let more = below_count.saturating_sub(below.len() as u64);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        Some(format!("below it: {}{more}", named.join(", ")))
    }
}

/// The lines of an event where nothing is drawn; not escaped.
pub fn plain(happened: &Happened) -> Vec<String> {
    let took = |milliseconds: &u64| span(Duration::from_millis(*milliseconds));
    vec![match happened {
        Happened::Calls { pid, call, tool, arguments } => {
            let mut arguments = arguments.clone();
            libos_kernel::model::record::cut(&mut arguments, PLAIN_ARGUMENTS_SHOWN);
            format!("{pid} {call} {tool} {arguments}")
        }
        Happened::Called { pid, call, tool, failed: None, milliseconds } => {
            format!("{pid} {call} {tool} done, {}", took(milliseconds))
        }
        Happened::Called { pid, call, tool, failed: Some(why), .. } => format!("{pid} {call} {tool} failed: {why}"),
        Happened::Thinks { pid, model } => format!("{pid} asks the model {model}"),
        Happened::Thought { pid, failed: Some(why), .. } => format!("{pid} the model failed: {why}"),
        Happened::Thought { failed: None, .. } => return Vec::new(),
        Happened::Says { pid, text } => return text.lines().map(|line| format!("{pid} says: {line}")).collect(),
        Happened::Note { pid, text } => format!("{pid} {text}"),
    }]
}

/// Bytes of arguments in a plain line.
const PLAIN_ARGUMENTS_SHOWN: usize = 120;

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// So many characters of a line, with a mark if some are missing.
fn cut(line: &str, most: usize) -> String {
    if line.chars().count() <= most {
        return line.to_owned();
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
