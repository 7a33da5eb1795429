//! Events: what a record says, as one of a fixed catalogue of kinds with stable words. An event is derived from its record alone, so
//! there is nothing to keep in step, and the number of the record is the order of the events.

use super::id::{CallId, EffectId, Pid, QuestionId, Seq};
use super::record::{Decided, Outcome, Record};
use super::time::Time;

/// Version of the form of events. It grows when a field or a kind changes its meaning; new kinds and new fields do not change it.
pub const SCHEMA: u32 = 1;

macro_rules! kinds {
    ($($name:ident $word:literal $text:literal)*) => {
        /// What kind of thing happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $(#[doc = $text] $name,)* }

        impl Kind {
            /// The whole catalogue.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            /// Its stable word: what it happened to, a dot, what happened.
            pub fn word(self) -> &'static str {
                match self { $(Kind::$name => $word,)* }
            }

            /// What it means.
            pub fn text(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }
        }
    };
}

kinds! {
    ProcessSpawned "process.spawned" "a process was made"
    ProcessReplaced "process.replaced" "a process became one of another image"
    ProcessSignalled "process.signalled" "a process was paused, resumed, interrupted, cancelled or killed"
    ProcessHandedOver "process.handed-over" "a process got another parent, or none"
    ProcessMoved "process.moved" "a process changed its working directory"
    ProcessLooked "process.looked" "a process looked at itself or its children"
    ProcessSees "process.sees" "a process was shown objects of another one"
    ProcessAsked "process.asked" "a process asked for a child and got it"
    ProcessLeaves "process.leaves" "a process asked to end or to be replaced once its call has ended"
    ProcessEnded "process.ended" "a process has ended"
    CallStarted "call.started" "a call was started"
    CallResumed "call.resumed" "a call was started again"
    CallCancelled "call.cancelled" "a person cancelled a call"
    CallEnded "call.ended" "a call has ended"
    WaitBegan "wait.began" "a call waits for time, a message, a process or another call"
    WaitEnded "wait.ended" "what a call waited for has come"
    QuestionAsked "question.asked" "a person was asked"
    QuestionAnswered "question.answered" "a person has answered"
    QuestionExpired "question.expired" "nobody answered in time, which is a no"
    NoteLeft "note.left" "a note was left for a person"
    OperationDenied "operation.denied" "something was refused"
    OperationFailed "operation.failed" "something was tried and failed"
    EffectPrepared "effect.prepared" "a change outside is about to start"
    EffectUnknown "effect.unknown" "nobody knows whether a change outside happened"
    EffectNotStarted "effect.not-started" "a change outside was proven not to have started"
    EffectSettled "effect.settled" "a person said whether a change outside happened"
    FileRead "file.read" "a file was read"
    FileListed "file.listed" "a directory was listed, or a file looked at"
    FileWritten "file.written" "a file was written"
    FileCopied "file.copied" "a file was copied"
    FileRenamed "file.renamed" "a file or directory was renamed"
    FileRemoved "file.removed" "a file or directory was removed"
    DirectoryMade "directory.made" "a directory was made"
    ObjectCreated "object.created" "an object was made"
    ObjectRead "object.read" "an object was read"
    ObjectUpdated "object.updated" "an object got another content"
    ObjectDeleted "object.deleted" "an object was deleted"
    ObjectListed "object.listed" "objects were listed or looked for"
    ObjectLinked "object.linked" "objects were linked, or a link was removed"
    ObjectMerged "object.merged" "what a child made was taken over"
    ObjectRenamed "object.renamed" "an object got another name"
    NamespaceCreated "namespace.created" "a namespace was made"
    ClockRead "clock.read" "the time was asked for"
    RandomDrawn "random.drawn" "random bytes were drawn"
    LogWritten "log.written" "a line was written to a call's log"
    MessageSent "message.sent" "a message was sent"
    TicketTold "ticket.told" "the end of one of several system calls was told"
    TicketGivenUp "ticket.given-up" "one of several system calls was given up"
    MessageReceived "message.received" "messages were handed over"
    MessageLooked "message.looked" "a queue was looked at"
    BudgetMoved "budget.moved" "what a process may spend was moved, given or taken"
    BudgetEmpty "budget.empty" "a process has nothing left to spend"
    GrantMade "grant.made" "a person made a grant"
    GrantDerived "grant.derived" "a grant was derived from another one"
    GrantRevoked "grant.revoked" "a grant was revoked"
    GrantExpired "grant.expired" "the time of a grant is over"
    GrantRebound "grant.rebound" "a grant came to name another component"
    CheckpointAsked "checkpoint.asked" "a process asked for a checkpoint of itself"
    CheckpointCreated "checkpoint.created" "a checkpoint was taken"
    CheckpointRestored "checkpoint.restored" "processes went back to a checkpoint"
    CheckpointForked "checkpoint.forked" "processes were made from a checkpoint"
    CheckpointCommitted "checkpoint.committed" "an image was made from a checkpoint"
    CheckpointRemoved "checkpoint.removed" "a checkpoint was removed"
    ToolAdded "tool.added" "a tool was added or replaced"
    ToolRemoved "tool.removed" "a tool was removed"
    ToolProposed "tool.proposed" "a process proposed a tool"
    ToolValidated "tool.validated" "a tool that a process proposed was validated"
    ToolRegistered "tool.registered" "a process registered a tool of its own"
    ToolUnregistered "tool.unregistered" "a process gave a tool of its own up"
    ToolPromoted "tool.promoted" "a tool of a process became one of the host"
    ToolListed "tool.listed" "a process looked at its tools"
    ProgramRan "program.ran" "a program was run"
    ImageAdded "image.added" "an image was added or replaced"
    ImageLooked "image.looked" "a process looked at images"
    ImageRemoved "image.removed" "an image was taken away"
    ModelAsked "model.asked" "a model was asked"
    PolicyChanged "policy.changed" "another policy is in force"
    HostWeakened "host.weakened" "the host runs without something that it usually relies on"
    LogUnsigned "log.unsigned" "heads of the log are not signed any more"
    LogKey "log.key" "heads of the log are signed with another key"
    LogAdopted "log.adopted" "the host signs records that it found unsigned"
    LogWitnessFailed "log.witness-failed" "the second place of the log's heads cannot be written"
    LogWitnessWorks "log.witness-works" "the second place of the log's heads can be written again"
    StoreUpgraded "store.upgraded" "the store became one of a newer format"
    StoreTakenOver "store.taken-over" "a copy of a store was taken over by a host"
    StoreCollected "store.collected" "rows that retention lets go were dropped"
    Other "other" "something that this version has no word for"
}

impl Kind {
    /// What an operation is that was carried out; none if this version does not know it.
    pub fn of_operation(operation: &str) -> Option<Kind> {
        let (family, _) = operation.split_once('.')?;
        match family {
            "fs" => of_file(operation),
            "object" => of_object(operation),
            "process" | "planner" | "agent" => of_process(operation),
            "host" => of_host(operation),
            _ => of_rest(operation),
        }
    }

    fn of_record(record: &Record) -> Kind {
        let done = Kind::of_operation(&record.operation);
        let Some(done) = done else { return Kind::Other };
        match &record.outcome {
            Outcome::Done => done,
            Outcome::Denied => Kind::OperationDenied,
            Outcome::Intent => Kind::EffectPrepared,
            Outcome::NotStarted => Kind::EffectNotStarted,
            Outcome::Unknown => Kind::EffectUnknown,
            Outcome::Waiting if record.question.is_some() => Kind::QuestionAsked,
            Outcome::Waiting => Kind::WaitBegan,
            // These say how something ended, so a failure is one of the ways.
            Outcome::Failed(_) if record.operation.starts_with("host.") || done == Kind::CallEnded => done,
            Outcome::Failed(_) => Kind::OperationFailed,
        }
    }
}

fn of_file(operation: &str) -> Option<Kind> {
    Some(match operation {
        "fs.read" | "fs.read-range" => Kind::FileRead,
        "fs.list" | "fs.stat" => Kind::FileListed,
        "fs.write" | "fs.append" => Kind::FileWritten,
        "fs.copy" => Kind::FileCopied,
        "fs.rename" => Kind::FileRenamed,
        "fs.remove" => Kind::FileRemoved,
        "fs.make-dir" => Kind::DirectoryMade,
        "fs.working-directory" => Kind::ProcessLooked,
        "fs.change-directory" => Kind::ProcessMoved,
        _ => return None,
    })
}

fn of_object(operation: &str) -> Option<Kind> {
    Some(match operation {
        "object.create" => Kind::ObjectCreated,
        "object.read" => Kind::ObjectRead,
        "object.update" => Kind::ObjectUpdated,
        "object.delete" => Kind::ObjectDeleted,
        "object.rename" => Kind::ObjectRenamed,
        "object.link" | "object.unlink" => Kind::ObjectLinked,
        "object.merge" => Kind::ObjectMerged,
        "object.links" | "object.query" | "object.list" | "object.namespaces" => Kind::ObjectListed,
        "object.create-namespace" => Kind::NamespaceCreated,
        _ => return None,
    })
}

fn of_process(operation: &str) -> Option<Kind> {
    Some(match operation {
        "process.new" => Kind::ProcessSpawned,
        "process.self" => Kind::ProcessLooked,
        "process.exit" => Kind::ProcessLeaves,
        "process.checkpoint" => Kind::CheckpointAsked,
        "process.view" => Kind::ProcessSees,
        "process.spawn" | "process.fork" => Kind::ProcessAsked,
        "process.exit-with" | "process.exec" => Kind::ProcessLeaves,
        "process.children" | "process.environment" => Kind::ProcessLooked,
        "process.wait" => Kind::WaitEnded,
        "process.become" => Kind::ProcessReplaced,
        "process.signal" | "process.hold" => Kind::ProcessSignalled,
        "process.hand-over" => Kind::ProcessHandedOver,
        "agent.call" => Kind::WaitEnded,
        "process.end" => Kind::ProcessEnded,
        _ => return None,
    })
}

fn of_host(operation: &str) -> Option<Kind> {
    Some(match operation {
        "host.answer" => Kind::QuestionAnswered,
        "host.cancel" => Kind::CallCancelled,
        "host.signal" => Kind::ProcessSignalled,
        "host.budget" => Kind::BudgetMoved,
        "host.grant" => Kind::GrantMade,
        "host.delegate" => Kind::GrantDerived,
        "host.revoke" => Kind::GrantRevoked,
        "host.rebind" => Kind::GrantRebound,
        "host.settle" => Kind::EffectSettled,
        "host.tool-add" => Kind::ToolAdded,
        "host.tool-rm" => Kind::ToolRemoved,
        "host.tool-promote" => Kind::ToolPromoted,
        "host.image-add" => Kind::ImageAdded,
        "host.image-rm" => Kind::ImageRemoved,
        "host.policy" => Kind::PolicyChanged,
        "host.weakened" => Kind::HostWeakened,
        "host.unsigned" => Kind::LogUnsigned,
        "host.key" => Kind::LogKey,
        "host.adopted" => Kind::LogAdopted,
        "host.witness-failed" => Kind::LogWitnessFailed,
        "host.witness-works" => Kind::LogWitnessWorks,
        "host.upgrade" => Kind::StoreUpgraded,
        "host.restored" => Kind::StoreTakenOver,
        "host.gc" => Kind::StoreCollected,
        _ => return None,
    })
}

fn of_rest(operation: &str) -> Option<Kind> {
    Some(match operation {
        "call.start" => Kind::CallStarted,
        "call.resume" => Kind::CallResumed,
        "call.end" => Kind::CallEnded,
        "tools.call" | "agent.call" | "clock.sleep" => Kind::WaitEnded,
        "tools.propose" => Kind::ToolProposed,
        "tools.validate" => Kind::ToolValidated,
        "tools.register" => Kind::ToolRegistered,
        "tools.unregister" => Kind::ToolUnregistered,
        "tools.list" => Kind::ToolListed,
        "shell.run" => Kind::ProgramRan,
        "image.register" => Kind::ImageAdded,
        "image.list" | "image.show" => Kind::ImageLooked,
        "model.ask" => Kind::ModelAsked,
        "tickets.next" => Kind::TicketTold,
        "tickets.cancel" => Kind::TicketGivenUp,
        "clock.now" => Kind::ClockRead,
        "random.bytes" => Kind::RandomDrawn,
        "human.ask" | "human.approve" => Kind::QuestionAnswered,
        "human.tell" => Kind::NoteLeft,
        "question.expire" => Kind::QuestionExpired,
        "log.write" => Kind::LogWritten,
        "grant.expire" => Kind::GrantExpired,
        "grant.rehang" => Kind::GrantRebound,
        "budget.empty" => Kind::BudgetEmpty,
        "message.send" => Kind::MessageSent,
        "message.receive" => Kind::MessageReceived,
        "message.pending" => Kind::MessageLooked,
        "checkpoint.create" => Kind::CheckpointCreated,
        "checkpoint.restore" => Kind::CheckpointRestored,
        "checkpoint.fork" => Kind::CheckpointForked,
        "checkpoint.commit" => Kind::CheckpointCommitted,
        "checkpoint.remove" => Kind::CheckpointRemoved,
        _ => return None,
    })
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Which kinds somebody wants: one (`call.ended`), or all of a family (`call`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted(String);

impl Wanted {
    /// Reads a kind or a family of kinds.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn parse(text: &str) -> Result<Wanted, String> {
        let wanted = Wanted(text.to_owned());
        if Kind::ALL.iter().any(|kind| wanted.matches(*kind)) {
            return Ok(wanted);
        }
        Err(format!("'{text}' is no kind of event and no family of them; `libos events --kinds` lists them"))
    }

    /// Whether a kind is meant.
    pub fn matches(&self, kind: Kind) -> bool {
        let word = kind.word();
        word == self.0 || word.strip_prefix(self.0.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Of its record: the order of events.
    pub seq: Seq,
    pub time: Time,
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// What it happened to: a file, an object, a question, a grant, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// As the record has it.
    pub operation: String,
    /// One word.
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectId>,
    /// Why it was refused or failed, or what was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The record that caused this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Seq>,
    /// How many equal events it stands for.
    pub count: u32,
}

impl Event {
    /// What a record says.
    pub fn of(record: &Record) -> Event {
        let kind = Kind::of_record(record);
        Event {
            schema: SCHEMA,
            seq: record.seq,
            time: record.time,
            kind,
            pid: record.pid,
            call: record.call,
            subject: subject(record),
            operation: record.operation.clone(),
            outcome: outcome_word(&record.outcome),
            question: record.question,
            effect: record.effect,
            detail: detail(record),
            parent: record.parent,
            count: record.count,
        }
    }
}

fn subject(record: &Record) -> Option<String> {
    match record.resources.as_slice() {
        [] => {}
        [one] => return Some(one.clone()),
        several => return Some(several.join(", ")),
    }
    if let Some(question) = record.question {
        return Some(question.to_string());
    }
    record.effect.map(|effect| effect.to_string())
}

fn detail(record: &Record) -> Option<String> {
    let why = match (&record.decided, &record.outcome) {
        (Decided::Deny { reason, .. }, _) => Some(reason),
        (_, Outcome::Failed(text)) => Some(text),
        _ => None,
    };
    let parts: Vec<&str> = [record.detail.as_ref(), why].into_iter().flatten().map(String::as_str).collect();
    if parts.is_empty() { None } else { Some(parts.join("; ")) }
}

/// One word for an outcome.
pub fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Intent => "intent",
        Outcome::Done => "done",
        Outcome::Failed(_) => "failed",
        Outcome::Denied => "denied",
        Outcome::Waiting => "waiting",
        Outcome::Unknown => "unknown",
        Outcome::NotStarted => "not-started",
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Call;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_system_call_has_a_kind() {
        for call in [Call::examples(), Call::examples_of_planners()].concat() {
            let kind = Kind::of_operation(call.operation());
            assert!(kind.is_some_and(|kind| kind != Kind::Other), "{}", call.operation());
        }
    }

    /// What the host notes by itself or for a person.
    const NOTED: &[&str] = &[
        "budget.empty",
        "call.end",
        "call.resume",
        "call.start",
        "checkpoint.commit",
        "checkpoint.create",
        "checkpoint.fork",
        "checkpoint.remove",
        "checkpoint.restore",
        "grant.expire",
        "host.adopted",
        "host.answer",
        "host.budget",
        "host.cancel",
        "host.delegate",
        "host.gc",
        "host.grant",
        "host.image-add",
        "host.image-rm",
        "host.key",
        "host.policy",
        "host.rebind",
        "host.restored",
        "host.revoke",
        "host.settle",
        "host.signal",
        "host.tool-add",
        "host.tool-rm",
        "host.tool-promote",
        "host.unsigned",
        "host.upgrade",
        "host.weakened",
        "host.witness-failed",
        "host.witness-works",
        "process.become",
        "process.end",
        "process.hold",
        "process.new",
        "process.view",
        "question.expire",
    ];

    #[test]
    fn every_kind_is_one_that_something_makes() {
        let deny = Decided::Deny {
            right: super::super::right::Right::Read,
            resource: "x".into(),
            rule: None,
            reason: "no".into(),
        };
        let outcomes = [
            Outcome::Done,
            Outcome::Intent,
            Outcome::Failed("x".into()),
            Outcome::Denied,
            Outcome::Waiting,
            Outcome::Unknown,
            Outcome::NotStarted,
        ];
        let calls = [Call::examples(), Call::examples_of_planners()].concat();
        let operations: BTreeSet<&str> = calls.iter().map(Call::operation).chain(NOTED.iter().copied()).collect();
        let mut made = BTreeSet::from([Kind::Other]);
        for operation in operations {
            for outcome in &outcomes {
                let record = Record::new(operation, Time(0), deny.clone(), outcome.clone());
                made.insert(Kind::of_record(&record));
                made.insert(Kind::of_record(&Record { question: Some(QuestionId(1)), ..record }));
            }
        }
        let all: BTreeSet<Kind> = Kind::ALL.iter().copied().collect();
        assert_eq!(made, all);
    }

    #[test]
    fn words_are_stable_unique_and_found_by_themselves_and_by_their_family() {
        let words: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(Wanted::parse(kind.word()).is_ok_and(|wanted| wanted.matches(*kind)));
            assert!(!kind.text().is_empty());
        }
        let calls = Wanted::parse("call").unwrap();
        assert!(calls.matches(Kind::CallEnded) && !calls.matches(Kind::ObjectRead));
        for wrong in ["", "cal", "call.", "call.end", "nothing"] {
            assert!(Wanted::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_outcome_says_which_kind_it_is() {
        let deny = Decided::Deny {
            right: super::super::right::Right::Read,
            resource: "x".into(),
            rule: None,
            reason: "no".into(),
        };
        let asked = |record: Record| Record { question: Some(QuestionId(3)), ..record };
        let record = |operation: &str, outcome| Record::new(operation, Time(0), Decided::Free, outcome);
        for (record, kind) in [
            (record("fs.write", Outcome::Intent), Kind::EffectPrepared),
            (record("fs.write", Outcome::Done), Kind::FileWritten),
            (record("fs.write", Outcome::Failed("x".into())), Kind::OperationFailed),
            (record("fs.write", Outcome::Unknown), Kind::EffectUnknown),
            (record("fs.write", Outcome::NotStarted), Kind::EffectNotStarted),
            (asked(record("fs.write", Outcome::Waiting)), Kind::QuestionAsked),
            (record("clock.sleep", Outcome::Waiting), Kind::WaitBegan),
            (record("clock.sleep", Outcome::Done), Kind::WaitEnded),
            (Record::new("fs.read", Time(0), deny, Outcome::Denied), Kind::OperationDenied),
            (record("call.end", Outcome::Failed("x".into())), Kind::CallEnded),
            (record("host.witness-failed", Outcome::Failed("x".into())), Kind::LogWitnessFailed),
            (record("host.unheard-of", Outcome::Done), Kind::Other),
            (record("nothing", Outcome::Done), Kind::Other),
        ] {
            assert_eq!(Event::of(&record).kind, kind, "{record:?}");
        }
    }
}
