//! What a system call is answered with when it was carried out.

use super::call::Payload;
use super::candidate::{KnownTool, Report};
use super::child::{ChildInfo, EndedChild};
use super::id::{CallId, MessageId, Pid, Seq};
use super::image::{ImageInfo, Registered};
use super::message::Message;
use super::object::{Link, LinkEnd, Merged, Unseen};
use super::program::Ran;
use minicbor::{CborLen, Decode, Encode};

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    #[n(0)]
    File,
    #[n(1)]
    Directory,
    #[n(2)]
    Link,
    #[n(3)]
    Other,
}

/// What is known of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stat {
    #[n(0)]
    pub kind: EntryKind,
    /// Bytes; 0 for what is no file.
    #[n(1)]
    pub size: u64,
    #[n(2)]
    #[serde(with = "super::text::time")]
    pub modified: super::time::Time,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Bytes that are not UTF-8 as `\xNN`.
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub stat: Stat,
}

/// What an object is, without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct ObjectInfo {
    /// `<namespace>/<name>`.
    #[n(0)]
    #[serde(rename = "id")]
    pub name: String,
    #[n(1)]
    #[serde(rename = "type")]
    pub object_type: String,
    #[n(2)]
    pub version: u64,
    #[n(3)]
    pub immutable: bool,
    #[n(4)]
    pub title: String,
    #[n(5)]
    pub tags: Vec<String>,
    /// Bytes of the payload.
    #[n(6)]
    pub size: u64,
    #[n(7)]
    #[serde(with = "super::text::time")]
    pub created: super::time::Time,
    #[n(8)]
    #[serde(with = "super::text::time")]
    pub updated: super::time::Time,
    /// Who made it; 0 where that is left out, as in an exported call.
    #[n(9)]
    #[serde(default, skip_serializing_if = "Pid::is_nobody")]
    pub created_by: Pid,
    /// The call that wrote its present content; 0 where that is left out.
    #[n(10)]
    #[serde(default, skip_serializing_if = "CallId::is_nobody")]
    pub written_by: CallId,
    /// Place of the log at which this version was made.
    #[cbor(n(11), default, skip_if = "is_nowhere")]
    #[serde(skip)]
    pub changed: Seq,
    /// Full names of the objects that it was made from, as its maker says.
    #[cbor(n(12), default, skip_if = "Vec::is_empty")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// What the kernel keeps in the row and no guest is told with it.
    #[n(13)]
    #[serde(skip)]
    pub unseen: Option<Box<Unseen>>,
}

/// What a guest is told has no place in the log, so an answer of an older version has the same form.
fn is_nowhere(changed: &Seq) -> bool {
    *changed == 0
}

impl ObjectInfo {
    /// The row says that there is nothing here, whatever the view of its process shows.
    pub fn is_gone(&self) -> bool {
        self.unseen.as_ref().is_some_and(|unseen| unseen.gone)
    }

    /// What it is linked to.
    pub fn links(&self) -> &[Link] {
        self.unseen.as_ref().map_or(&[], |unseen| &unseen.links)
    }

    /// The version that it is, or that it was brought back to.
    pub fn origin(&self) -> Seq {
        self.unseen.as_ref().and_then(|unseen| unseen.same_as).unwrap_or(self.changed)
    }

    /// Whether it was made without knowing what a view shows at its name.
    pub fn is_unaware(&self) -> bool {
        self.unseen.as_ref().is_some_and(|unseen| unseen.unaware)
    }

    /// As [`Unseen::paid_by`].
    pub fn paid_by(&self) -> Option<Pid> {
        self.unseen.as_ref().and_then(|unseen| unseen.paid_by)
    }

    /// Changes what no guest is told of it.
    pub fn set_unseen(&mut self, change: impl FnOnce(&mut Unseen)) {
        let mut unseen = self.unseen.take().unwrap_or_default();
        change(&mut unseen);
        self.unseen = Some(unseen).filter(|unseen| **unseen != Unseen::default());
    }

    /// As a guest learns it.
    #[must_use]
    pub fn told(self) -> ObjectInfo {
        ObjectInfo { unseen: None, changed: 0, ..self }
    }
}

/// What a person says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Yes, once.
    #[n(0)]
    Allow,
    /// Yes, from now on.
    #[n(1)]
    Always,
    /// No. The same is not asked again by this process.
    #[n(2)]
    Deny,
    /// No, from now on.
    #[n(3)]
    Never,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    #[n(0)]
    pub pid: Pid,
    #[n(1)]
    pub parent: Option<Pid>,
    #[n(2)]
    pub image: String,
    #[n(3)]
    pub call: CallId,
    #[n(4)]
    pub tool: String,
}

/// The result of a system call that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    #[n(0)]
    Unit,
    #[n(1)]
    Bytes(
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(with = "super::text::bytes")]
        Vec<u8>,
    ),
    #[n(2)]
    Entries(#[n(0)] Vec<Entry>),
    #[n(3)]
    Stat(#[n(0)] Stat),
    #[n(4)]
    Text(#[n(0)] String),
    #[n(5)]
    Info(#[n(0)] ObjectInfo),
    #[n(6)]
    Object(#[n(0)] ObjectInfo, #[n(1)] Payload),
    #[n(7)]
    Infos(#[n(0)] Vec<ObjectInfo>),
    #[n(8)]
    Names(#[n(0)] Vec<String>),
    #[n(9)]
    Time(
        #[n(0)]
        #[serde(with = "super::text::time")]
        super::time::Time,
    ),
    #[n(10)]
    Approval(#[n(0)] Approval),
    #[n(11)]
    Identity(#[n(0)] Identity),
    #[n(12)]
    Called(#[n(0)] Called),

    #[n(20)]
    Links(#[n(0)] Vec<LinkEnd>),
    /// And the name after which there may be more.
    #[n(21)]
    Found(#[n(0)] Vec<ObjectInfo>, #[n(1)] Option<String>),
    #[n(22)]
    Merged(#[n(0)] Merged),
    #[n(30)]
    Pid(#[n(0)] Pid),
    #[n(31)]
    EndedChild(#[n(0)] Option<EndedChild>),
    #[n(32)]
    Children(#[n(0)] Vec<ChildInfo>),
    /// The message that came, if one came in time.
    #[n(40)]
    Message(#[n(0)] Option<Message>),
    #[n(41)]
    Sent(#[n(0)] MessageId),
    #[n(42)]
    Count(#[n(0)] u64),
    /// The value of a variable, if there is one.
    #[n(75)]
    Variable(#[n(0)] Option<String>),

    /// Which ticket has ended, if one was open.
    #[n(70)]
    Ticket(#[n(0)] Option<u32>),
    /// Whether a ticket was given up.
    #[n(71)]
    GivenUp(#[n(0)] bool),
    #[n(60)]
    Report(#[n(0)] Report),
    #[n(61)]
    Tools(#[n(0)] Vec<KnownTool>),
    /// An image, and what became of it.
    #[n(80)]
    ImageRegistered(#[n(0)] ImageInfo, #[n(1)] Registered),
    #[n(81)]
    Images(#[n(0)] Vec<ImageInfo>),
    /// What a model answered, as JSON.
    #[n(82)]
    Model(#[n(0)] String),
    #[n(85)]
    Ran(#[n(0)] Box<Ran>),
}

/// How a call that a tool made of another tool has ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Called {
    /// Its result, as JSON.
    #[n(0)]
    Done(#[n(0)] String),
    /// Why there is none, in words.
    #[n(1)]
    Failed(#[n(0)] String),
}
