//! Everything that a tool, an agent or a script can ask for: one closed enum, one variant an import.

pub use super::class::Class;
pub use super::object::{ObjectOptions, Payload};
pub use super::reply::{Approval, Called, Entry, EntryKind, Identity, ObjectInfo, Reply, Stat};

use super::candidate::Proposal;
use super::child::ChildOptions;
use super::image::Format;
use super::message::{MessageFilter, MessageOptions};
use super::object::{Filter, Resolution};
use super::process::Signal;
use super::program::Command;
use super::view::ViewMode;
use minicbor::{CborLen, Decode, Encode};

/// What `fs.write` may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum WriteMode {
    #[n(0)]
    CreateOrReplace,
    #[n(1)]
    CreateNew,
    #[n(2)]
    ReplaceExisting,
}

/// How much a log line matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    #[n(0)]
    Debug,
    #[n(1)]
    Info,
    #[n(2)]
    Warn,
    #[n(3)]
    Error,
}

/// One system call with its arguments. Its encoding is the canonical form that replay compares and that an approval is bound to.
///
/// Texts are as the guest wrote them; [`super::need`] turns them into resources.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Call {
    #[n(0)]
    #[serde(rename = "fs.read")]
    FsRead {
        #[n(0)]
        path: String,
    },
    #[n(1)]
    #[serde(rename = "fs.read-range")]
    FsReadRange {
        #[n(0)]
        path: String,
        #[n(1)]
        offset: u64,
        #[n(2)]
        length: u32,
    },
    #[n(2)]
    #[serde(rename = "fs.write")]
    FsWrite {
        #[n(0)]
        path: String,
        #[cbor(n(1), with = "minicbor::bytes")]
        #[serde(with = "super::text::bytes")]
        content: Vec<u8>,
        #[n(2)]
        mode: WriteMode,
    },
    #[n(3)]
    #[serde(rename = "fs.append")]
    FsAppend {
        #[n(0)]
        path: String,
        #[cbor(n(1), with = "minicbor::bytes")]
        #[serde(with = "super::text::bytes")]
        content: Vec<u8>,
    },
    #[n(4)]
    #[serde(rename = "fs.list")]
    FsList {
        #[n(0)]
        path: String,
    },
    #[n(5)]
    #[serde(rename = "fs.stat")]
    FsStat {
        #[n(0)]
        path: String,
    },
    #[n(6)]
    #[serde(rename = "fs.make-dir")]
    FsMakeDir {
        #[n(0)]
        path: String,
    },
    #[n(7)]
    #[serde(rename = "fs.remove")]
    FsRemove {
        #[n(0)]
        path: String,
        #[n(1)]
        recursive: bool,
    },
    #[n(8)]
    #[serde(rename = "fs.rename")]
    FsRename {
        #[n(0)]
        old: String,
        #[n(1)]
        new: String,
        #[n(2)]
        replace: bool,
    },
    #[n(9)]
    #[serde(rename = "fs.copy")]
    FsCopy {
        #[n(0)]
        source: String,
        #[n(1)]
        target: String,
        #[n(2)]
        replace: bool,
    },
    #[n(10)]
    #[serde(rename = "fs.working-directory")]
    FsWorkingDirectory,
    #[n(11)]
    #[serde(rename = "fs.change-directory")]
    FsChangeDirectory {
        #[n(0)]
        path: String,
    },
    #[n(12)]
    #[serde(rename = "object.create")]
    ObjectCreate {
        #[n(0)]
        name: String,
        #[n(1)]
        payload: Payload,
        #[n(2)]
        options: ObjectOptions,
    },
    #[n(13)]
    #[serde(rename = "object.read")]
    ObjectRead {
        #[n(0)]
        name: String,
    },
    #[n(14)]
    #[serde(rename = "object.update")]
    ObjectUpdate {
        #[n(0)]
        name: String,
        #[n(1)]
        payload: Payload,
        #[n(2)]
        expected_version: Option<u64>,
    },
    #[n(15)]
    #[serde(rename = "object.delete")]
    ObjectDelete {
        #[n(0)]
        name: String,
        #[n(1)]
        expected_version: Option<u64>,
    },
    #[n(16)]
    #[serde(rename = "object.list")]
    ObjectList {
        #[n(0)]
        namespace: Option<String>,
    },
    #[n(17)]
    #[serde(rename = "object.namespaces")]
    ObjectNamespaces {
        #[n(0)]
        namespace: Option<String>,
    },
    #[n(18)]
    #[serde(rename = "object.create-namespace")]
    ObjectCreateNamespace {
        #[n(0)]
        namespace: String,
    },
    #[n(19)]
    #[serde(rename = "clock.now")]
    ClockNow,
    #[n(20)]
    #[serde(rename = "clock.sleep")]
    ClockSleep {
        #[n(0)]
        nanoseconds: u64,
    },
    #[n(21)]
    #[serde(rename = "random.bytes")]
    RandomBytes {
        #[n(0)]
        count: u32,
    },
    #[n(22)]
    #[serde(rename = "human.ask")]
    HumanAsk {
        #[n(0)]
        question: String,
        #[n(1)]
        queue: Option<String>,
    },
    #[n(23)]
    #[serde(rename = "human.approve")]
    HumanApprove {
        #[n(0)]
        resource: String,
        #[n(1)]
        rights: Vec<String>,
        #[n(2)]
        reason: String,
        #[n(3)]
        queue: Option<String>,
    },
    #[n(24)]
    #[serde(rename = "human.tell")]
    HumanTell {
        #[n(0)]
        message: String,
        #[n(1)]
        queue: Option<String>,
    },
    #[n(25)]
    #[serde(rename = "log.write")]
    LogWrite {
        #[n(0)]
        level: Level,
        #[n(1)]
        message: String,
    },
    #[n(26)]
    #[serde(rename = "process.self")]
    ProcessSelf,
    #[n(27)]
    #[serde(rename = "process.exit")]
    ProcessExit {
        #[n(0)]
        result: String,
    },
    #[n(28)]
    #[serde(rename = "tools.call")]
    ToolCall {
        #[n(0)]
        tool: String,
        /// JSON.
        #[n(1)]
        arguments: String,
    },

    #[n(30)]
    #[serde(rename = "object.rename")]
    ObjectRename {
        #[n(0)]
        old: String,
        #[n(1)]
        new: String,
        #[n(2)]
        expected_version: Option<u64>,
    },
    #[n(31)]
    #[serde(rename = "object.link")]
    ObjectLink {
        #[n(0)]
        from: String,
        #[n(1)]
        relation: String,
        #[n(2)]
        to: String,
    },
    #[n(32)]
    #[serde(rename = "object.unlink")]
    ObjectUnlink {
        #[n(0)]
        from: String,
        #[n(1)]
        relation: String,
        #[n(2)]
        to: String,
    },
    #[n(33)]
    #[serde(rename = "object.links")]
    ObjectLinks {
        #[n(0)]
        name: String,
    },
    #[n(34)]
    #[serde(rename = "object.query")]
    ObjectQuery {
        #[n(0)]
        filter: Filter,
    },
    #[n(35)]
    #[serde(rename = "object.merge")]
    ObjectMerge {
        /// A process, as the guest writes it.
        #[n(0)]
        child: String,
        #[n(1)]
        resolution: Resolution,
    },
    #[n(59)]
    #[serde(rename = "process.checkpoint")]
    ProcessCheckpoint {
        #[n(0)]
        reason: String,
    },

    #[n(45)]
    #[serde(rename = "process.spawn")]
    ProcessSpawn {
        #[n(0)]
        child: ChildOptions,
    },
    #[n(46)]
    #[serde(rename = "process.fork")]
    ProcessFork {
        #[n(0)]
        child: ChildOptions,
        #[n(1)]
        mode: ViewMode,
        /// Names in the process's own namespace, each with all below it; all of it, if none.
        #[n(2)]
        roots: Option<Vec<String>>,
    },
    #[n(47)]
    #[serde(rename = "process.exec")]
    ProcessExec {
        #[n(0)]
        image: String,
        #[n(1)]
        goal: Option<String>,
    },
    #[n(48)]
    #[serde(rename = "process.wait")]
    ProcessWait {
        /// Any child, if there is none.
        #[n(0)]
        pids: Vec<String>,
        /// Nanoseconds.
        #[n(1)]
        timeout: Option<u64>,
    },
    #[n(49)]
    #[serde(rename = "process.children")]
    ProcessChildren,
    #[n(50)]
    #[serde(rename = "process.signal")]
    ProcessSignal {
        #[n(0)]
        pid: String,
        #[n(1)]
        signal: Signal,
        #[n(2)]
        reason: String,
    },
    #[n(51)]
    #[serde(rename = "process.hand-over")]
    ProcessHandOver {
        #[n(0)]
        pid: String,
    },
    #[n(52)]
    #[serde(rename = "process.exit-with")]
    ProcessExitWith {
        /// Name of an object.
        #[n(0)]
        object: String,
    },
    /// A tool that a planner has chosen. Only a quantum asks for it: no component can.
    #[n(70)]
    #[serde(rename = "agent.call")]
    AgentCall {
        #[n(0)]
        tool: String,
        /// JSON.
        #[n(1)]
        arguments: String,
    },
    #[n(60)]
    #[serde(rename = "message.send")]
    MessageSend {
        /// A process, as the guest writes it.
        #[n(0)]
        to: String,
        /// JSON.
        #[n(1)]
        body: String,
        #[n(2)]
        options: MessageOptions,
    },
    #[n(61)]
    #[serde(rename = "message.receive")]
    MessageReceive {
        #[n(0)]
        filter: MessageFilter,
        /// Nanoseconds; without, it waits until something comes.
        #[n(1)]
        timeout: Option<u64>,
    },
    #[n(62)]
    #[serde(rename = "message.pending")]
    MessagePending,

    #[n(95)]
    #[serde(rename = "process.environment")]
    ProcessEnvironment {
        #[n(0)]
        name: String,
    },

    #[n(90)]
    #[serde(rename = "tickets.next")]
    TicketNext,
    #[n(91)]
    #[serde(rename = "tickets.cancel")]
    TicketCancel {
        /// The position at which it was submitted.
        #[n(0)]
        ticket: u32,
    },
    #[n(80)]
    #[serde(rename = "tools.propose")]
    ToolsPropose {
        #[n(0)]
        proposal: Proposal,
    },
    #[n(81)]
    #[serde(rename = "tools.validate")]
    ToolsValidate {
        /// A candidate, as the guest writes it.
        #[n(0)]
        id: String,
    },
    #[n(82)]
    #[serde(rename = "tools.register")]
    ToolsRegister {
        /// A candidate, as the guest writes it.
        #[n(0)]
        id: String,
        #[n(1)]
        for_children: bool,
    },
    #[n(83)]
    #[serde(rename = "tools.unregister")]
    ToolsUnregister {
        #[n(0)]
        name: String,
    },
    #[n(84)]
    #[serde(rename = "tools.list")]
    ToolsList,

    #[n(105)]
    #[serde(rename = "shell.run")]
    ShellRun {
        #[n(0)]
        command: Command,
    },

    #[n(110)]
    #[serde(rename = "image.register")]
    ImageRegister {
        #[n(0)]
        manifest: String,
        #[n(1)]
        format: Format,
        #[n(2)]
        replace: bool,
    },
    #[n(111)]
    #[serde(rename = "image.list")]
    ImageList,
    #[n(112)]
    #[serde(rename = "image.show")]
    ImageShow {
        #[n(0)]
        id: String,
    },

    /// A question to a model. Only a quantum asks for it: no component can.
    #[n(100)]
    #[serde(rename = "model.ask")]
    ModelAsk {
        #[n(0)]
        profile: String,
        /// JSON, as the client of models reads it.
        #[n(1)]
        request: String,
    },
}

impl Call {
    /// `interface.function` as the WIT names it.
    pub fn operation(&self) -> &'static str {
        self.shape().0
    }

    /// Its class.
    pub fn class(&self) -> Class {
        self.shape().1
    }

    fn shape(&self) -> (&'static str, Class) {
        use Class::{Effect, Internal, Observe, Wait};
        match self {
            Call::FsRead { .. } => ("fs.read", Observe),
            Call::FsReadRange { .. } => ("fs.read-range", Observe),
            Call::FsWrite { .. } => ("fs.write", Effect),
            Call::FsAppend { .. } => ("fs.append", Effect),
            Call::FsList { .. } => ("fs.list", Observe),
            Call::FsStat { .. } => ("fs.stat", Observe),
            Call::FsMakeDir { .. } => ("fs.make-dir", Effect),
            Call::FsRemove { .. } => ("fs.remove", Effect),
            Call::FsRename { .. } => ("fs.rename", Effect),
            Call::FsCopy { .. } => ("fs.copy", Effect),
            Call::FsWorkingDirectory => ("fs.working-directory", Observe),
            Call::FsChangeDirectory { .. } => ("fs.change-directory", Internal),
            Call::ObjectCreate { .. } => ("object.create", Internal),
            Call::ObjectRead { .. } => ("object.read", Observe),
            Call::ObjectUpdate { .. } => ("object.update", Internal),
            Call::ObjectDelete { .. } => ("object.delete", Internal),
            Call::ObjectList { .. } => ("object.list", Observe),
            Call::ObjectNamespaces { .. } => ("object.namespaces", Observe),
            Call::ObjectCreateNamespace { .. } => ("object.create-namespace", Internal),
            Call::ClockNow => ("clock.now", Observe),
            Call::ClockSleep { .. } => ("clock.sleep", Wait),
            Call::RandomBytes { .. } => ("random.bytes", Observe),
            Call::HumanAsk { .. } => ("human.ask", Wait),
            Call::HumanApprove { .. } => ("human.approve", Wait),
            Call::HumanTell { .. } => ("human.tell", Internal),
            Call::LogWrite { .. } => ("log.write", Internal),
            Call::ProcessSelf => ("process.self", Observe),
            Call::ProcessExit { .. } => ("process.exit", Internal),
            Call::ToolCall { .. } => ("tools.call", Wait),

            Call::ObjectRename { .. } => ("object.rename", Internal),
            Call::ObjectLink { .. } => ("object.link", Internal),
            Call::ObjectUnlink { .. } => ("object.unlink", Internal),
            Call::ObjectLinks { .. } => ("object.links", Observe),
            Call::ObjectQuery { .. } => ("object.query", Observe),
            Call::ObjectMerge { .. } => ("object.merge", Internal),
            Call::ProcessCheckpoint { .. } => ("process.checkpoint", Internal),
            Call::ProcessSpawn { .. } => ("process.spawn", Internal),
            Call::ProcessFork { .. } => ("process.fork", Internal),
            Call::ProcessExec { .. } => ("process.exec", Internal),
            Call::ProcessWait { .. } => ("process.wait", Wait),
            Call::ProcessChildren => ("process.children", Observe),
            Call::ProcessSignal { .. } => ("process.signal", Internal),
            Call::ProcessHandOver { .. } => ("process.hand-over", Internal),
            Call::ProcessExitWith { .. } => ("process.exit-with", Internal),
            Call::AgentCall { .. } => ("agent.call", Wait),
            Call::ShellRun { .. } => ("shell.run", Effect),
            Call::MessageSend { .. } => ("message.send", Internal),
            Call::MessageReceive { .. } => ("message.receive", Wait),
            Call::MessagePending => ("message.pending", Observe),
            Call::ProcessEnvironment { .. } => ("process.environment", Observe),

            Call::TicketNext => ("tickets.next", Observe),
            Call::TicketCancel { .. } => ("tickets.cancel", Internal),

            Call::ToolsPropose { .. } => ("tools.propose", Internal),
            Call::ToolsValidate { .. } => ("tools.validate", Wait),
            Call::ToolsRegister { .. } => ("tools.register", Internal),
            Call::ToolsUnregister { .. } => ("tools.unregister", Internal),
            Call::ToolsList => ("tools.list", Observe),
            Call::ImageRegister { .. } => ("image.register", Internal),
            Call::ImageList => ("image.list", Observe),
            Call::ImageShow { .. } => ("image.show", Observe),
            Call::ModelAsk { .. } => ("model.ask", Effect),
        }
    }
}
