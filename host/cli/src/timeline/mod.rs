//! What happened to a call, in order: its records, its log and the calls that were made from it as one list of events.

mod draw;

pub use draw::{legend, lines};

use libos_kernel::kernel::view::View;
use libos_kernel::model::call::Level;
use libos_kernel::model::grant::{Grant, Holder};
use libos_kernel::model::id::{CallId, EffectId, GrantId, Pid, Position, QuestionId, Seq};
use libos_kernel::model::question::{QuestionRow, QuestionState, Subject};
use libos_kernel::model::record::{Decided, Outcome, Record};
use libos_kernel::model::row::{CallRow, Failure};
use libos_kernel::model::time::Time;
use libos_kernel::store::StoreError;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

/// What happened to a call.
pub struct Timeline {
    pub events: Vec<Event>,
    /// The grants that decided, by what they say.
    pub grants: BTreeMap<GrantId, Grant>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    pub call: CallId,
    /// Calls around it.
    pub depth: usize,
    /// When it began.
    pub time: Time,
    /// Nanoseconds since the start of the outermost call.
    pub since: u64,
    #[serde(flatten)]
    pub what: What,
}

/// What it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    Start {
        pid: Option<Pid>,
        /// The tool, and the first digits of its component.
        tool: String,
    },
    Import(Import),
    /// It waits from now on.
    Wait(Import),
    /// What it waited for has come.
    Woken {
        position: Option<Position>,
        operation: String,
        /// Nanoseconds.
        took: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        question: Option<QuestionId>,
        /// `allow`, `deny`, `told`, ...
        #[serde(skip_serializing_if = "Option::is_none")]
        said: Option<String>,
        /// What the person wrote.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// It was started again, with its recorded answers.
    Resume {
        incarnation: u32,
        detail: Option<String>,
    },
    Log {
        level: Level,
        text: String,
        count: u32,
    },
    Cancel {
        why: Option<String>,
    },
    End {
        /// Nanoseconds since its start.
        took: u64,
        /// `done`, `failed` or `cancelled`.
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// A system call, or several equal ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Import {
    /// Of the first; none if only their number is known.
    pub position: Option<Position>,
    pub operation: String,
    pub resources: Vec<String>,
    /// Where a link led elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    pub decided: Decided,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Nanoseconds; of all of them.
    pub took: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionId>,
    /// What the person is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectId>,
    /// Of the request and of the answer, with what is around them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_bytes: Option<u64>,
    pub count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Timeline {
    /// All that is committed of a call and of those that were made from it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(view: &View<'_>, row: &CallRow) -> Result<Timeline, StoreError> {
        let mut gather = Gather::new(view, row);
        let mut failed = None;
        view.records(row.record, |record| match gather.record(record) {
            Ok(true) => ControlFlow::Break(()),
            Ok(false) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        gather.logs()?;
        let grants = view.grants()?.into_iter().map(|grant| (grant.id, grant));
        let mut events = gather.events;
        // A call that a tool makes starts at the very moment at which the tool begins to wait for it.
        events.sort_by_key(|event| (event.time, event.depth > 0 && matches!(event.what, What::Start { .. })));
        Ok(Timeline { events: folded(events), grants: grants.collect() })
    }

    /// The grants of the process that allowed something, without those that they hang on.
    pub fn deciding(&self, grants: &[GrantId]) -> Vec<GrantId> {
        let own = |id: &&GrantId| self.grants.get(id).is_some_and(|grant| matches!(grant.holder, Holder::Process(_)));
        let found: Vec<GrantId> = grants.iter().filter(own).copied().collect();
        if found.is_empty() { grants.first().copied().into_iter().collect() } else { found }
    }
}

struct Gather<'a> {
    view: &'a View<'a>,
    outermost: CallId,
    started: Time,
    /// The record of each call's start: the call, and the calls around it.
    starts: HashMap<Seq, (CallId, usize)>,
    depths: HashMap<CallId, usize>,
    cancelled: HashSet<CallId>,
    /// Where the event of each intent is.
    intents: HashMap<Seq, usize>,
    questions: HashMap<QuestionId, Option<QuestionRow>>,
    events: Vec<Event>,
    /// The outermost call has ended; what is under way outside ends later.
    ended: bool,
}

impl<'a> Gather<'a> {
    fn new(view: &'a View<'a>, row: &CallRow) -> Gather<'a> {
        Gather {
            view,
            outermost: row.id,
            started: row.started,
            starts: HashMap::new(),
            depths: HashMap::from([(row.id, 0)]),
            cancelled: HashSet::new(),
            intents: HashMap::new(),
            questions: HashMap::new(),
            events: Vec::new(),
            ended: false,
        }
    }

    /// Whether an effect has no outcome yet.
    fn is_under_way(&self) -> bool {
        let imports = self.intents.values().filter_map(|at| self.events.get(*at));
        imports
            .into_iter()
            .any(|event| matches!(&event.what, What::Import(import) if import.outcome == Outcome::Intent))
    }

    /// Takes a record in; whether it is the last one that can be of interest.
    fn record(&mut self, record: Record) -> Result<bool, StoreError> {
        let Some(call) = record.call else { return Ok(false) };
        if record.operation == "call.start"
            && let Some((_, depth)) = record.parent.and_then(|parent| self.starts.get(&parent))
        {
            let depth = depth + 1;
            self.depths.insert(call, depth);
        }
        if !self.depths.contains_key(&call) {
            return Ok(false);
        }
        let took = record.duration;
        let end = record.time;
        let begin = Time(end.0.saturating_sub(took));
        match record.operation.as_str() {
            "call.start" => {
                let depth = self.depths.get(&call).copied().unwrap_or_default();
                self.starts.insert(record.seq, (call, depth));
                let tool = record.detail.unwrap_or_default();
                let tool = tool.split(", for ").next().unwrap_or_default().to_owned();
                self.push(call, end, What::Start { pid: record.pid, tool });
            }
            "call.resume" => {
                self.push(call, end, What::Resume { incarnation: record.incarnation, detail: record.detail });
            }
            "host.cancel" => {
                self.cancelled.insert(call);
                self.push(call, end, What::Cancel { why: record.detail });
            }
            "call.end" => {
                let (state, why) = match record.outcome {
                    // Why is said where it was cancelled.
                    Outcome::Failed(_) if self.cancelled.contains(&call) => ("cancelled", None),
                    Outcome::Failed(text) => ("failed", Some(text)),
                    _ => ("done", None),
                };
                self.push(call, end, What::End { took, state, why });
                self.ended |= call == self.outermost;
            }
            "process.end" => {}
            "host.answer" | "question.expire" => self.answered(call, record)?,
            _ if record.request.is_none()
                && record.parent.is_none_or(|parent| !self.intents.contains_key(&parent))
                && record.position.is_some() =>
            {
                let (position, operation) = (record.position, record.operation);
                self.push(call, end, What::Woken { position, operation, took, question: None, said: None, text: None });
            }
            _ => self.import(call, begin, record)?,
        }
        Ok(self.ended && !self.is_under_way())
    }

    fn push(&mut self, call: CallId, time: Time, what: What) {
        let depth = self.depths.get(&call).copied().unwrap_or_default();
        let since = u64::try_from(time.since(self.started).as_nanos()).unwrap_or(u64::MAX);
        self.events.push(Event { call, depth, time, since, what });
    }

    fn import(&mut self, call: CallId, begin: Time, record: Record) -> Result<(), StoreError> {
        if let Some(intent) = record.parent.and_then(|parent| self.intents.get(&parent))
            && let Some(Event { what: What::Import(import), .. }) = self.events.get_mut(*intent)
        {
            (import.outcome, import.took) = (record.outcome, record.duration);
            import.answer_bytes = record.answer.map(|answer| answer.size);
            import.detail = record.detail;
            return Ok(());
        }
        let asks = match record.question {
            Some(id) => self.question(id)?.map(|row| match row.subject {
                // That is what the import itself says.
                Subject::Approval { .. } => row.queue.clone(),
                _ => format!("{}: {}", row.queue, crate::question::summary(row)),
            }),
            None => None,
        };
        let (seq, waits, is_intent) =
            (record.seq, record.outcome == Outcome::Waiting, record.outcome == Outcome::Intent);
        let import = Import {
            position: record.position,
            operation: record.operation,
            resources: record.resources,
            asked: record.asked,
            decided: record.decided,
            outcome: record.outcome,
            took: record.duration,
            question: record.question,
            asks: asks.filter(|_| waits),
            effect: record.effect,
            request_bytes: record.request.map(|request| request.size),
            answer_bytes: record.answer.map(|answer| answer.size),
            count: record.count,
            detail: record.detail,
        };
        if is_intent {
            self.intents.insert(seq, self.events.len());
        }
        self.push(call, begin, if waits { What::Wait(import) } else { What::Import(import) });
        Ok(())
    }

    fn answered(&mut self, call: CallId, record: Record) -> Result<(), StoreError> {
        let question = match record.question {
            Some(id) => self.question(id)?,
            None => None,
        };
        let text = question.and_then(|row| match &row.state {
            QuestionState::Answered { note, .. } | QuestionState::Applied { note, .. } => note.clone(),
            QuestionState::Told { text, .. } => Some(text.clone()),
            QuestionState::Open | QuestionState::Withdrawn { .. } => None,
        });
        let what = What::Woken {
            position: record.position,
            operation: record.operation,
            took: record.duration,
            question: record.question,
            said: record.detail,
            text,
        };
        self.push(call, record.time, what);
        Ok(())
    }

    fn question(&mut self, id: QuestionId) -> Result<Option<&QuestionRow>, StoreError> {
        if !self.questions.contains_key(&id) {
            let row = self.view.question(id)?;
            self.questions.insert(id, row);
        }
        Ok(self.questions.get(&id).and_then(Option::as_ref))
    }

    /// Takes in what the calls logged and printed.
    fn logs(&mut self) -> Result<(), StoreError> {
        let mut calls: Vec<CallId> = self.depths.keys().copied().collect();
        calls.sort_unstable();
        for call in calls {
            for line in self.view.call_log(call)? {
                self.push(call, line.time, What::Log { level: line.level, text: line.text, count: 1 });
            }
        }
        Ok(())
    }
}

/// Equal events that follow one another as one with a count.
fn folded(events: Vec<Event>) -> Vec<Event> {
    let mut found: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        let repeated = found.last_mut().filter(|last| last.call == event.call);
        match (repeated.map(|last| &mut last.what), &event.what) {
            (Some(What::Import(last)), What::Import(next)) if last.is_like(next) => {
                last.count += next.count;
                last.took += next.took;
            }
            (Some(What::Log { level, text, count }), What::Log { level: next, text: line, .. })
                if level == next && text == line =>
            {
                *count += 1;
            }
            _ => found.push(event),
        }
    }
    found
}

impl Import {
    fn is_like(&self, next: &Import) -> bool {
        let same = (&self.operation, &self.resources, &self.asked, &self.decided, &self.outcome)
            == (&next.operation, &next.resources, &next.asked, &next.decided, &next.outcome);
        same && self.question == next.question && self.effect.is_some() == next.effect.is_some()
    }
}

/// Why a call failed, in words.
pub fn why(failure: &Failure) -> String {
    match &failure.import {
        Some(import) => format!("{} (in {import})", failure.message),
        None => failure.message.clone(),
    }
}
