//! Stories that show one thing each, with the real parts and without a model: a script chooses, and what people answer is written down
//! beside it. So they end the same way each time.

mod repair;
mod stories;

use crate::protocol::Said;
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::Approval;
use libos_kernel::model::id::CallId;
use libos_kernel::model::question::Subject;
use libos_kernel::model::row::CallRow;
use libos_kernel::store::reader::Snapshot;
use serde_json::Value;
use std::path::PathBuf;

/// A story.
pub struct Demo {
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// What it is started from.
    pub image: &'static str,
    pub goal: &'static str,
    pub policy: &'static str,
    /// Path and content.
    pub files: &'static [(&'static str, &'static str)],
    /// What is chosen, a line each.
    pub plan: fn() -> Vec<Value>,
    /// What the person does at each question.
    pub person: &'static [Act],
    /// What must be so in the end.
    pub checks: fn(&Seen) -> anyhow::Result<Vec<Check>>,
}

/// What a person does who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Says this.
    Words(&'static str),
    /// Takes a checkpoint of who asks, then allows it once.
    CheckpointAndAllow,
}

impl Act {
    pub fn said(self) -> Said {
        match self {
            Act::Words(text) => Said::Text(text.to_owned()),
            Act::CheckpointAndAllow => Said::Decision { approval: Approval::Allow, note: None },
        }
    }

    /// As it is told.
    pub fn word(self) -> &'static str {
        match self {
            Act::Words(text) => text,
            Act::CheckpointAndAllow => "allow once",
        }
    }
}

/// A claim, and whether it holds.
pub type Check = (&'static str, bool);

/// What a story has left behind.
pub struct Seen {
    pub workspace: PathBuf,
    pub snapshot: Snapshot,
}

impl Seen {
    /// A file of the workspace; none if it is not there.
    pub fn file(&self, name: &str) -> Option<String> {
        crate::own::read_text(&self.workspace.join(name)).ok()
    }

    fn view(&self) -> View<'_> {
        View(&self.snapshot)
    }

    /// What was said to the person, in order.
    pub fn notes(&self) -> anyhow::Result<Vec<String>> {
        let rows = self.view().questions(false)?;
        let note = |subject: Subject| match subject {
            Subject::Note { text } => Some(text),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(|row| note(row.subject)).collect())
    }

    /// Arguments and results of all calls: what a model would have read and written.
    pub fn transcript(&self) -> anyhow::Result<String> {
        let calls: Vec<CallId> = self.view().calls()?.iter().map(|row: &CallRow| row.id).collect();
        let mut all = String::new();
        for call in calls {
            for text in [self.view().arguments(call)?, self.view().result(call)?].into_iter().flatten() {
                all.push_str(&text);
                all.push('\n');
            }
        }
        Ok(all)
    }
}

/// All stories.
pub fn all() -> Vec<Demo> {
    vec![stories::interleave(), stories::copy(), stories::ask(), stories::chat(), repair::repair()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use libos_kernel::model::policy::Policy;
    use libos_kernel::model::script::Script;

    #[test]
    fn every_story_has_a_policy_and_a_script_that_can_be_read() {
        for demo in all() {
            Policy::parse(demo.policy).unwrap();
            let lines: Vec<String> = (demo.plan)().iter().map(Value::to_string).collect();
            Script::parse(&lines.join("\n")).unwrap_or_else(|error| panic!("{}: {error}", demo.name));
        }
    }
}
