//! What is put to people, and how it stands.

use super::call::Approval;
use super::grant::{Effect, Holder};
use super::id::{CallId, Digest, GrantId, Pid, Position, QuestionId};
use super::need::Need;
use super::resource::Pattern;
use super::right::Rights;
use super::row::Caller;
use super::time::Time;
use minicbor::{CborLen, Decode, Encode};

/// How a question stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum QuestionState {
    #[n(0)]
    Open,
    /// A person decided.
    #[n(1)]
    Answered {
        #[n(0)]
        approval: Approval,
        #[n(1)]
        note: Option<String>,
        #[n(2)]
        at: Time,
    },
    /// A person wrote.
    #[n(2)]
    Told {
        #[n(0)]
        text: String,
        #[n(1)]
        at: Time,
    },
    /// The answer was used by the call that asked.
    #[n(3)]
    Applied {
        #[n(0)]
        approval: Approval,
        #[n(1)]
        at: Time,
        #[n(2)]
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Nobody waits for it any more.
    #[n(4)]
    Withdrawn {
        #[n(0)]
        why: String,
    },
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Subject {
    /// To allow exactly this system call.
    #[n(0)]
    Approval {
        #[n(0)]
        operation: String,
        #[n(1)]
        needs: Vec<Need>,
        /// The rule that asks; none if it is the process's default.
        #[n(2)]
        rule: Option<GrantId>,
        /// What the call does, ready to be shown.
        #[n(3)]
        preview: Vec<String>,
        /// What the answer is bound to, part by part, so that a change can be named.
        #[n(4)]
        #[serde(skip)]
        parts: Vec<FingerprintPart>,
        /// It is asked because the tool's component is not the one that a grant names.
        #[n(5)]
        #[serde(skip_serializing_if = "Option::is_none")]
        consent: Option<Consent>,
    },
    /// To give rights.
    #[n(1)]
    Permission {
        #[n(0)]
        resource: Pattern,
        #[n(1)]
        rights: Rights,
        #[n(2)]
        reason: String,
    },
    /// To say something.
    #[n(2)]
    Question {
        #[n(0)]
        text: String,
    },
    /// A note; nobody waits.
    #[n(3)]
    Note {
        #[n(0)]
        text: String,
    },
}

/// A grant that names the component that a tool had before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
pub struct Consent {
    #[n(0)]
    pub grant: GrantId,
    /// What the new component can do that the old one could not, in plain words.
    #[n(1)]
    pub gained: Vec<String>,
    /// The component that the grant named when this was asked.
    #[cbor(n(2), with = "minicbor::bytes")]
    #[serde(skip)]
    pub component: Digest,
}

/// A field that an approval is bound to. A word of its own, because a list of many questions is read in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, CborLen)]
#[cbor(index_only)]
pub enum Field {
    #[n(0)]
    Process,
    #[n(1)]
    Operation,
    #[n(2)]
    Arguments,
    #[n(3)]
    Payload,
    #[n(4)]
    Name,
    #[n(5)]
    Kind,
    #[n(6)]
    Content,
    #[n(7)]
    Tool,
    #[n(8)]
    Component,
    #[n(9)]
    CalledComponent,
    #[n(10)]
    WorkingDirectory,
}

impl Field {
    /// All of them, in the order of their numbers.
    pub const ALL: [Field; 11] = [
        Field::Process,
        Field::Operation,
        Field::Arguments,
        Field::Payload,
        Field::Name,
        Field::Kind,
        Field::Content,
        Field::Tool,
        Field::Component,
        Field::CalledComponent,
        Field::WorkingDirectory,
    ];

    /// What a person is told that has changed.
    pub fn words(self) -> &'static str {
        match self {
            Field::Process => "the process",
            Field::Operation => "the operation",
            Field::Arguments => "the arguments",
            Field::Payload => "the payload",
            Field::Name => "the name it leads to",
            Field::Kind => "the kind of what is there",
            Field::Content => "the content of what is there",
            Field::Tool => "the tool",
            Field::Component => "the tool's component",
            Field::CalledComponent => "the component of the tool that is called",
            Field::WorkingDirectory => "the working directory",
        }
    }

    /// Whether it is about what is there, not about what was asked for.
    pub fn is_present_state(self) -> bool {
        matches!(self, Field::Kind | Field::Content)
    }
}

/// One field of what an approval is bound to, and what it was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct FingerprintPart {
    #[n(0)]
    pub field: Field,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: Digest,
}

/// Something put to a person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct QuestionRow {
    #[n(0)]
    pub id: QuestionId,
    #[n(1)]
    pub pid: Pid,
    #[n(2)]
    pub call: CallId,
    #[n(3)]
    pub position: Position,
    #[n(4)]
    pub tool: String,
    #[n(5)]
    pub queue: String,
    #[n(6)]
    #[serde(flatten)]
    pub subject: Subject,
    #[n(7)]
    pub asked: Time,
    #[n(8)]
    #[serde(flatten)]
    pub state: QuestionState,
    /// Why it is asked again, if it is: what changed since the last answer.
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// Other places at which the same process asks the same: one answer does for all.
    #[n(10)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Caller>,
    /// When it is answered with deny if nobody has answered.
    #[n(11)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// Who will hold what a lasting answer makes: the image of a process that ends with its call. None: the process.
    #[n(12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Holder>,
    /// The tools from whose calls the asking one was made, the outermost first: they are behind it.
    #[n(13)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// Nobody answered in time; the deny is nobody's word.
    #[n(14)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// The answer is nobody's word: it expired, or nobody was there.
    #[n(15)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unattended: bool,
}

impl QuestionRow {
    /// Where it was asked.
    pub fn places(&self) -> impl Iterator<Item = (CallId, Position)> {
        std::iter::once((self.call, self.position)).chain(self.also.iter().map(|place| (place.call, place.position)))
    }

    /// Whether something is still to come of it: an answer, or the use of one.
    pub fn is_live(&self) -> bool {
        match (&self.state, &self.subject) {
            (_, Subject::Note { .. }) => false,
            (QuestionState::Open, _) | (QuestionState::Answered { .. }, Subject::Approval { .. }) => true,
            _ => false,
        }
    }

    /// Whether this call waits for it, or waited.
    pub fn is_of(&self, call: CallId) -> bool {
        self.places().any(|(asking, _)| asking == call)
    }

    /// Sets where it was asked.
    pub fn set_places(&mut self, first: (CallId, Position), rest: Vec<(CallId, Position)>) {
        (self.call, self.position) = first;
        self.also = rest.into_iter().map(|(call, position)| Caller { call, position }).collect();
    }

    /// Who will hold what a lasting answer makes.
    pub fn lasting_holder(&self) -> Holder {
        self.lasting.clone().unwrap_or(Holder::Process(self.pid))
    }

    /// The rules that `always` or `never` would make, to be shown before they are made. None for an answer that makes no rule, and
    /// for a name that a rule would read as a wildcard.
    pub fn standing_rules(&self, approval: Approval) -> Option<Vec<StandingRule>> {
        let effect = match approval {
            Approval::Always => Effect::Allow,
            Approval::Never => Effect::Deny,
            Approval::Allow | Approval::Deny => return None,
        };
        match &self.subject {
            Subject::Permission { resource, rights, .. } => {
                Some(vec![StandingRule { pattern: resource.clone(), rights: *rights, effect }])
            }
            // Then it is the grant that counts again, or does not any more.
            Subject::Approval { consent: Some(_), .. } => Some(Vec::new()),
            Subject::Approval { needs, .. } => {
                let mut rules: Vec<StandingRule> = Vec::new();
                for need in needs {
                    let pattern =
                        if need.whole { Pattern::below(&need.resource) } else { Pattern::exact(&need.resource) }?;
                    match rules.iter_mut().find(|rule| rule.pattern == pattern) {
                        Some(rule) => rule.rights = rule.rights.with(need.right),
                        None => rules.push(StandingRule { pattern, rights: Rights::of(&[need.right]), effect }),
                    }
                }
                Some(rules)
            }
            Subject::Question { .. } | Subject::Note { .. } => None,
        }
    }
}

/// A rule that an answer makes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StandingRule {
    pub pattern: Pattern,
    pub rights: Rights,
    pub effect: Effect,
}
