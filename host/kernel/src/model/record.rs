//! The line that every system call and every verb of a person leaves in the log. At most 4 KiB; payloads are not in it, only what
//! commits to them.

use super::id::{CallId, Digest, EffectId, EffectKey, GrantId, Pid, Position, QuestionId, Seq};
use super::limit;
use super::right::Right;
use super::time::Time;
use minicbor::{CborLen, Decode, Encode};

/// The version of the format; a reader refuses newer ones.
pub const VERSION: u8 = 1;

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Decided {
    /// The operation needs no right.
    #[n(0)]
    Free,
    /// These grants allow it, each followed by its chain up to the root.
    #[n(1)]
    Allow {
        #[n(0)]
        grants: Vec<GrantId>,
    },
    /// A person was asked: because of this rule, or of the process's default.
    #[n(2)]
    Ask {
        #[n(0)]
        rule: Option<GrantId>,
    },
    /// Refused, by this rule if there is one.
    #[n(3)]
    Deny {
        #[n(0)]
        right: Right,
        #[n(1)]
        resource: String,
        #[n(2)]
        rule: Option<GrantId>,
        #[n(3)]
        reason: String,
    },
    /// By a person, who runs the host.
    #[n(4)]
    Host,
}

/// How it ended, as far as this record knows.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(tag = "outcome", content = "text", rename_all = "kebab-case")]
pub enum Outcome {
    /// An effect is about to start.
    #[n(0)]
    Intent,
    #[n(1)]
    Done,
    /// It failed in a way that the guest learnt.
    #[n(2)]
    Failed(#[n(0)] String),
    #[n(3)]
    Denied,
    /// It waits.
    #[n(4)]
    Waiting,
    /// Nobody knows: the guest was dropped or the host died in the middle.
    #[n(5)]
    Unknown,
    /// Proven not to have started.
    #[n(6)]
    NotStarted,
}

/// A commitment to bytes that are not in the record: SHA-256 over the store's key, the record's place and the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Commitment {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: Digest,
    /// Bytes.
    #[n(1)]
    pub size: u64,
}

impl serde::Serialize for Commitment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Commitment", 2)?;
        fields.serialize_field("digest", &super::id::hex(&self.digest))?;
        fields.serialize_field("size", &self.size)?;
        fields.end()
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct Record {
    #[n(0)]
    #[serde(skip)]
    pub version: u8,
    #[n(1)]
    pub seq: Seq,
    #[n(2)]
    pub time: Time,
    /// `fs.read`, `host.grant`, `call.start`, ...
    #[n(3)]
    pub operation: String,
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// How often the call had been started when this was written; 0 the first time.
    #[n(7)]
    pub incarnation: u32,
    /// What it was about, as resolved.
    #[n(8)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// As asked for, where a link led elsewhere.
    #[n(9)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    #[n(10)]
    pub decided: Decided,
    #[n(11)]
    pub outcome: Outcome,
    #[n(12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionId>,
    #[n(13)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectId>,
    /// Of the canonical call.
    #[n(14)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Commitment>,
    /// Of the answer.
    #[n(15)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Commitment>,
    /// Nanoseconds.
    #[n(16)]
    pub duration: u64,
    /// The record that caused this one: an outcome's intent, an intent's call.
    #[n(17)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Seq>,
    /// How many equal events it stands for.
    #[n(18)]
    pub count: u32,
    /// A short text: what a person's verb did, the name of a tool.
    #[n(19)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of an intent: what its provider tells tries of one effect by.
    #[n(20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<EffectKey>,
}

impl Record {
    /// A record of an operation, with nothing else told yet.
    pub fn new(operation: impl Into<String>, time: Time, decided: Decided, outcome: Outcome) -> Record {
        Record {
            version: VERSION,
            seq: 0,
            time,
            operation: operation.into(),
            pid: None,
            call: None,
            position: None,
            incarnation: 0,
            resources: Vec::new(),
            asked: Vec::new(),
            decided,
            outcome,
            question: None,
            effect: None,
            request: None,
            answer: None,
            duration: 0,
            parent: None,
            count: 1,
            detail: None,
            key: None,
        }
    }

    /// Cuts every text to its limit, so that the record keeps to its own.
    pub fn clamp(&mut self) {
        for name in self.resources.iter_mut().chain(&mut self.asked) {
            cut(name, limit::RECORD_NAME_BYTES_MAX / 2);
        }
        if let Decided::Deny { resource, reason, .. } = &mut self.decided {
            cut(resource, limit::RECORD_NAME_BYTES_MAX / 2);
            cut(reason, limit::RECORD_TEXT_BYTES_MAX / 2);
        }
        if let Decided::Allow { grants } = &mut self.decided {
            grants.truncate(4 * (limit::GRANT_DEPTH_MAX + 1));
        }
        if let Outcome::Failed(text) = &mut self.outcome {
            cut(text, limit::RECORD_TEXT_BYTES_MAX / 2);
        }
        if let Some(detail) = &mut self.detail {
            cut(detail, limit::RECORD_TEXT_BYTES_MAX / 2);
        }
    }
}

/// Cuts a text to `most` bytes, the last three of them dots.
pub fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let end = text.floor_char_boundary(most - 3);
        text.truncate(end);
        text.push_str("...");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_record_keeps_to_its_limit_and_is_read_back() {
        let long = || "\u{e9}".repeat(9_000);
        let mut record = Record {
            seq: u64::MAX,
            pid: Some(Pid(u64::MAX)),
            call: Some(CallId(u64::MAX)),
            position: Some(u32::MAX),
            incarnation: u32::MAX,
            resources: vec![long(), long()],
            asked: vec![long(), long()],
            question: Some(QuestionId(u64::MAX)),
            effect: Some(EffectId(u64::MAX)),
            request: Some(Commitment { digest: [255; 32], size: u64::MAX }),
            answer: Some(Commitment { digest: [255; 32], size: u64::MAX }),
            duration: u64::MAX,
            parent: Some(u64::MAX),
            count: u32::MAX,
            detail: Some(long()),
            key: Some(EffectKey([255; 32])),
            ..Record::new(
                "object.create-namespace",
                Time(u64::MAX),
                Decided::Deny { right: Right::Read, resource: long(), rule: Some(GrantId(u64::MAX)), reason: long() },
                Outcome::Failed(long()),
            )
        };
        record.clamp();
        let bytes = super::super::codec::to_bytes(&record);
        assert!(bytes.len() <= limit::RECORD_BYTES_MAX, "{}", bytes.len());
        assert_eq!(super::super::codec::from_bytes::<Record>(&bytes), Ok(record));
    }
}
