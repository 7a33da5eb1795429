//! The tables and their formats. A change of any of them is a change of [`FORMAT`].
//!
//! Every table maps bytes to bytes. Numbers in keys are big-endian, so that keys sort as numbers do. Values are deterministic CBOR
//! (see [`crate::model::codec`]) behind one byte that says where they are: [`INLINE`], or [`IN_FILE`] and the SHA-256 of a payload
//! file. Two tables have no such byte: `log`, whose value is the leaf's hash (32 bytes) and the record, and `tree`, whose value is a
//! hash. What is assumed of the disk: data that was synced is there after a crash, and a rename within a directory is atomic.

use crate::model::grant::Holder;
use crate::model::id::{CallId, Digest, GrantId, MessageId, Pid, Position, Seq};
use crate::model::message::MessageKind;
use redb::TableDefinition;

/// Version of the format of the whole data directory.
///
/// 1: the first. 2: rows of processes that have ended say when. 3: tables of messages, plans, checkpoints, links and kept versions.
pub const FORMAT: u32 = 3;

/// The value follows.
pub const INLINE: u8 = 0;
/// The digest of the value's file follows.
pub const IN_FILE: u8 = 1;

/// The tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Word → value; see [`crate::store::table::meta`].
    Meta,
    /// Sequence number (8) → leaf hash (32), record.
    Log,
    /// Number of a whole tile (8) → its root (32).
    Tree,
    /// 0 live or 1 ended (1), process (8) → `ProcessRow`. 2 (1), parent (8), process (8) → nothing: it has ended, and its parent, which
    /// lives, did not wait for it.
    Process,
    /// 0 live or 1 ended (1), call (8) → `CallRow`.
    Call,
    /// Call (8), 0 arguments or 1 result (1) → text.
    CallText,
    /// Call (8), line (4) → `LogLine`.
    CallLog,
    /// Call (8), position (4) → `JournalRow`.
    Journal,
    /// Call (8), position (4) → `Call`: the requests of a call that is kept whole.
    CallRequest,
    /// Call (8), position (4) → `WaitRow`.
    Wait,
    /// 0 open, or answered and not used yet, or 1 closed (1), question (8) → `QuestionRow`.
    Question,
    /// Question (8) → the `Call` that an approval is about, as long as it is open.
    Asked,
    /// Process (8), digest (32) → number of the question (8): what a person refused to a live process.
    Refused,
    /// Effect (8) → `EffectRow`.
    Effect,
    /// Process that holds it, 0 for an image (8), grant (8) → `Grant`.
    Grant,
    /// Full name → `ObjectInfo`.
    Object,
    /// Full name → `Payload`; and of kept versions, by their key in [`Table::ObjectVersion`].
    ObjectPayload,
    /// Full name, 0 (1), place of the log at which it was replaced or deleted (8) → `ObjectInfo` of a version that a view or a checkpoint
    /// still shows.
    ObjectVersion,
    /// Process (8), place of the log (8) → how many views and checkpoints show its objects as they were before then (4).
    ObjectPin,
    /// Full name, 0 (1), relation, 0 (1), full name of the object that links to it → nothing: links by their other end.
    ObjectLinkBack,
    /// Parent (8), child that has ended (8) → nothing: what the child made waits to be merged.
    Unmerged,
    /// Full name → process that made it.
    Namespace,
    /// Process that is to get it (8), 0 interrupt or 1 normal (1), message (8) → a message that was not handed over yet.
    Message,
    /// Process (8) → text by which its planner chooses. Process (8), step (8) → JSON result of that step.
    Plan,
    /// Checkpoint (8) → its row.
    Checkpoint,
    /// Checkpoint (8), then a key of [`Table::Message`] → a message that waited then.
    CheckpointMessage,
    /// Name → `ToolRow`.
    Tool,
    /// Component (32), name → `ToolRow`: every tool that ever was, to say what the one of now gained.
    ToolVersion,
    /// Name → `Image`.
    Image,
    /// Name, 0 (1), digest (32) → `Image` without its memory: what processes go by that were started from it.
    ImageVersion,
    /// Component (32), engine (32) → digest of the compiled code's file (32): code that is not the one that was written is not run.
    Compiled,
    /// Process (8), candidate (8) → `CandidateRow`: a tool that the process proposed.
    Candidate,
    /// Process (8), name → `ProcessTool`: a tool that the process registered.
    ProcessTool,
    /// Records of the log (8) → the signed note of its head at that size.
    Note,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 34] = [
        Table::Meta,
        Table::Log,
        Table::Tree,
        Table::Process,
        Table::Call,
        Table::CallText,
        Table::CallLog,
        Table::Journal,
        Table::CallRequest,
        Table::Wait,
        Table::Question,
        Table::Asked,
        Table::Refused,
        Table::Effect,
        Table::Grant,
        Table::Object,
        Table::ObjectPayload,
        Table::ObjectVersion,
        Table::ObjectPin,
        Table::ObjectLinkBack,
        Table::Unmerged,
        Table::Namespace,
        Table::Message,
        Table::Plan,
        Table::Checkpoint,
        Table::CheckpointMessage,
        Table::Tool,
        Table::ToolVersion,
        Table::Image,
        Table::ImageVersion,
        Table::Compiled,
        Table::Candidate,
        Table::ProcessTool,
        Table::Note,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Log => "log",
            Table::Tree => "tree",
            Table::Process => "process",
            Table::Call => "call",
            Table::CallText => "call-text",
            Table::CallLog => "call-log",
            Table::Journal => "journal",
            Table::CallRequest => "call-request",
            Table::Wait => "wait",
            Table::Question => "question",
            Table::Asked => "asked",
            Table::Refused => "refused",
            Table::Effect => "effect",
            Table::Grant => "grant",
            Table::Object => "object",
            Table::ObjectPayload => "object-payload",
            Table::ObjectVersion => "object-version",
            Table::ObjectPin => "object-pin",
            Table::ObjectLinkBack => "object-link-back",
            Table::Unmerged => "unmerged",
            Table::Namespace => "namespace",
            Table::Message => "message",
            Table::Plan => "plan",
            Table::Checkpoint => "checkpoint",
            Table::CheckpointMessage => "checkpoint-message",
            Table::Tool => "tool",
            Table::ToolVersion => "tool-version",
            Table::Image => "image",
            Table::ImageVersion => "image-version",
            Table::Compiled => "compiled",
            Table::Candidate => "candidate",
            Table::ProcessTool => "process-tool",
            Table::Note => "note",
        }
    }

    pub(super) fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(self.name())
    }
}

/// Keys of [`Table::Meta`].
pub mod meta {
    /// `FORMAT`, 4 bytes big-endian; without the byte that says where a value is, so that any version can read it.
    pub const FORMAT: &[u8] = b"format";
    /// 32 random bytes that key the commitments of records.
    pub const KEY: &[u8] = b"key";
    /// The frontier of the hash tree.
    pub const FRONTIER: &[u8] = b"frontier";
    /// The next numbers of everything.
    pub const COUNTERS: &[u8] = b"counters";
    /// In a copy that no host has opened to write yet: where it comes from; see [`crate::store::backup::Origin`].
    pub const BACKUP: &[u8] = b"backup";
    /// In what was once a copy: 32 random bytes, so that keys of its effects are its own.
    pub const INSTANCE: &[u8] = b"instance";
    /// Text of the policy in force.
    pub const POLICY: &[u8] = b"policy";
    /// Text of the public key that heads of the log are signed with.
    pub const NOTARY: &[u8] = b"notary";
}

/// Key of a row that is needed whenever a host starts: what has not ended.
pub fn live(number: u64) -> Vec<u8> {
    let mut key = LIVE.to_vec();
    key.extend(number.to_be_bytes());
    key
}

/// Key of a row of what has ended.
pub fn ended(number: u64) -> Vec<u8> {
    let mut key = ENDED.to_vec();
    key.extend(number.to_be_bytes());
    key
}

/// What keys of live rows start with.
pub const LIVE: &[u8] = &[0];
/// What keys of ended rows start with.
pub const ENDED: &[u8] = &[1];

/// What keys start with that say of whom nobody knows yet that he has ended.
pub const NOT_WAITED_FOR: &[u8] = &[2];

/// Key that says of a process that it has ended and that its parent did not wait for it.
pub fn not_waited_for(parent: Pid, child: Pid) -> Vec<u8> {
    [NOT_WAITED_FOR, &parent.0.to_be_bytes(), &child.0.to_be_bytes()].concat()
}

/// Reads a key of [`not_waited_for`]: the parent and the child.
pub fn read_not_waited_for(key: &[u8]) -> Option<(Pid, Pid)> {
    let (parent, child) = key.strip_prefix(NOT_WAITED_FOR)?.split_first_chunk::<8>()?;
    Some((Pid(u64::from_be_bytes(*parent)), Pid(u64::from_be_bytes(child.try_into().ok()?))))
}

/// Key of a tool as it was in a component.
pub fn tool_version(name: &str, component: &Digest) -> Vec<u8> {
    [component, name.as_bytes()].concat()
}

/// Key of a version of an image.
pub fn image_version(name: &str, digest: &Digest) -> Vec<u8> {
    [&*of_name(name), digest].concat()
}

/// Name and digest of a version of an image.
pub fn read_image_version(key: &[u8]) -> Option<(&str, Digest)> {
    let (name, digest) = key.split_last_chunk::<32>()?;
    Some((str::from_utf8(name.strip_suffix(&[0])?).ok()?, *digest))
}

/// Key of a tool that a process registered.
pub fn process_tool(pid: Pid, name: &str) -> Vec<u8> {
    [&pid.0.to_be_bytes(), name.as_bytes()].concat()
}

/// Key of a grant: the process that holds it, 0 for an image, and its number. So the grants of live processes are found without
/// reading those of all processes that ever were.
pub fn grant(holder: &Holder, id: GrantId) -> Vec<u8> {
    let mut key = number(holder_number(holder));
    key.extend(id.0.to_be_bytes());
    key
}

/// The part of a grant's key that says who holds it.
pub fn holder_number(holder: &Holder) -> u64 {
    match holder {
        Holder::Process(pid) => pid.0,
        Holder::Image(_) => 0,
    }
}

/// Key of the result of a step that the planner of a process has taken.
pub fn step(pid: Pid, step: u64) -> Vec<u8> {
    let mut key = number(pid.0);
    key.extend(step.to_be_bytes());
    key
}

/// Key of what was refused to a process.
pub fn refused(pid: Pid, digest: &Digest) -> Vec<u8> {
    let mut key = number(pid.0);
    key.extend(digest);
    key
}

/// The process and the digest that a key means.
pub fn read_refused(key: &[u8]) -> Option<(Pid, Digest)> {
    let (pid, digest) = key.split_first_chunk::<8>()?;
    Some((Pid(u64::from_be_bytes(*pid)), digest.try_into().ok()?))
}

/// Key of a message that waits: by the process that is to get it, then in the order in which they are handed over.
pub fn message(to: Pid, kind: MessageKind, id: MessageId) -> Vec<u8> {
    let mut key = number(to.0);
    key.push(kind as u8);
    key.extend(id.0.to_be_bytes());
    key
}

/// The process, the kind and the message that a key means.
pub fn read_message(key: &[u8]) -> Option<(Pid, MessageKind, MessageId)> {
    let (pid, rest) = key.split_first_chunk::<8>()?;
    let (kind, id) = rest.split_first()?;
    let kind = MessageKind::ALL.into_iter().find(|known| *known as u8 == *kind)?;
    Some((Pid(u64::from_be_bytes(*pid)), kind, MessageId(u64::from_be_bytes(id.try_into().ok()?))))
}

/// Key of a version of an object that was replaced or deleted at this place of the log.
pub fn object_version(name: &str, until: Seq) -> Vec<u8> {
    let mut key = of_name(name);
    key.extend(until.to_be_bytes());
    key
}

/// What the keys of all that hangs on a name start with.
pub fn of_name(name: &str) -> Vec<u8> {
    let mut key = name.as_bytes().to_vec();
    key.push(0);
    key
}

/// The name and the place of the log that a key of a version means.
pub fn read_object_version(key: &[u8]) -> Option<(&str, Seq)> {
    let (name, until) = key.split_last_chunk::<8>()?;
    Some((str::from_utf8(name.strip_suffix(&[0])?).ok()?, u64::from_be_bytes(*until)))
}

/// Key of a link by its other end.
pub fn link_back(to: &str, relation: &str, from: &str) -> Vec<u8> {
    [to, relation, from].map(str::as_bytes).join(&0)
}

/// The three parts of such a key.
pub fn read_link_back(key: &[u8]) -> Option<(&str, &str, &str)> {
    let mut parts = str::from_utf8(key).ok()?.split('\0');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

/// Key of two numbers.
pub fn numbers(first: u64, second: u64) -> Vec<u8> {
    [first.to_be_bytes(), second.to_be_bytes()].concat()
}

/// The two numbers that a key means.
pub fn read_numbers(key: &[u8]) -> Option<(u64, u64)> {
    let (first, second) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*first), u64::from_be_bytes(second.try_into().ok()?)))
}

/// Key of a number.
pub fn number(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Key of a place in a call.
pub fn place(call: CallId, position: Position) -> Vec<u8> {
    let mut key = Vec::with_capacity(12);
    key.extend(call.0.to_be_bytes());
    key.extend(position.to_be_bytes());
    key
}

/// The place that a key means.
pub fn read_place(key: &[u8]) -> Option<(CallId, Position)> {
    let (call, rest) = key.split_first_chunk::<8>()?;
    let position = rest.try_into().ok()?;
    Some((CallId(u64::from_be_bytes(*call)), u32::from_be_bytes(position)))
}

/// Key of a call's arguments.
pub fn arguments(call: CallId) -> Vec<u8> {
    let mut key = number(call.0);
    key.push(0);
    key
}

/// Key of a call's result.
pub fn result(call: CallId) -> Vec<u8> {
    let mut key = number(call.0);
    key.push(1);
    key
}

/// The number that a key means.
pub fn read_number(key: &[u8]) -> Option<Seq> {
    key.try_into().ok().map(u64::from_be_bytes)
}
