//! What a test looks at after a call: how it ended, what it did, what it asked and what it logged.

use crate::{CallId, Decided, Failure, LogLine, QuestionId, QuestionRow, Record, RecordOutcome, Time};
use serde_json::Value;

/// How a call ended, or what it waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// With this result.
    Done(Value),
    /// The tool or the runtime says why.
    Failed(Failure),
    /// Nobody has an answer to this question: the stage was given too few.
    Asks(QuestionId),
    /// Until then; `Stage::advance` goes on.
    Sleeps(Time),
    /// The host has stopped.
    Interrupted(String),
}

/// What a call did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its number.
    pub call: CallId,
    /// How it ended.
    pub ended: Ended,
    /// A record of each system call, in order; an effect has two, one before it and one after.
    pub records: Vec<Record>,
    /// What it logged and printed.
    pub log: Vec<LogLine>,
    /// What was asked on this stage so far.
    pub questions: Vec<QuestionRow>,
}

impl Outcome {
    /// The result.
    ///
    /// # Panics
    /// It has none: the test fails and says why, with the log.
    #[track_caller]
    pub fn result(&self) -> Value {
        match &self.ended {
            Ended::Done(result) => result.clone(),
            other => panic!("the call has no result: {}{}", self.explain(other), self.printed()),
        }
    }

    /// Why it failed.
    ///
    /// # Panics
    /// It did not fail: the test fails and says what it did.
    #[track_caller]
    pub fn failure(&self) -> &Failure {
        match &self.ended {
            Ended::Failed(failure) => failure,
            other => panic!("the call did not fail: {}{}", self.explain(other), self.printed()),
        }
    }

    /// Until when it sleeps.
    pub fn sleeps_until(&self) -> Option<Time> {
        if let Ended::Sleeps(until) = self.ended { Some(until) } else { None }
    }

    /// Whether it was allowed to do this (`fs.read`) to this (`fs:workspace/notes.md`).
    pub fn was_allowed(&self, operation: &str, resource: &str) -> bool {
        self.about(operation, resource).any(|record| matches!(record.decided, Decided::Allow { .. } | Decided::Free))
    }

    /// Whether it was denied this.
    pub fn was_denied(&self, operation: &str, resource: &str) -> bool {
        self.about(operation, resource).any(|record| record.outcome == RecordOutcome::Denied)
    }

    /// Whether somebody was asked about this.
    pub fn was_asked(&self, operation: &str, resource: &str) -> bool {
        self.about(operation, resource).any(|record| record.question.is_some())
    }

    fn about<'a>(&'a self, operation: &'a str, resource: &'a str) -> impl Iterator<Item = &'a Record> {
        let of = move |record: &&Record| {
            record.operation == operation && record.resources.iter().any(|name| name == resource)
        };
        self.records.iter().filter(of)
    }

    /// The lines of its log, without level and time.
    pub fn log_lines(&self) -> Vec<&str> {
        self.log.iter().map(|line| line.text.as_str()).collect()
    }

    fn explain(&self, ended: &Ended) -> String {
        match ended {
            Ended::Done(result) => format!("it ended with {result}"),
            Ended::Failed(failure) => format!("it failed ({:?}): {}", failure.reason, failure.message),
            Ended::Asks(id) => {
                let asked = self.questions.iter().find(|question| question.id == *id);
                let about = asked.map(|question| format!("{:?}", question.subject)).unwrap_or_default();
                format!("it waits for an answer that the test does not give (`Stage::answer`): {about}")
            }
            Ended::Sleeps(until) => format!("it sleeps until {until}; `Stage::advance` moves the clock"),
            Ended::Interrupted(why) => format!("it was interrupted: {why}"),
        }
    }

    fn printed(&self) -> String {
        let lines: Vec<String> = self.log_lines().iter().map(|line| format!("\n  log: {line}")).collect();
        lines.concat()
    }
}
