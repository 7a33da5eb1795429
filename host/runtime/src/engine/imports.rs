//! The imports: each decodes its arguments to a `Call`, sends it down the line, and encodes the answer. No decision is made here.

use super::bindings::libos::runtime as wit;
use super::guest::Guest;
use libos_kernel::model::answer::CallError;
use libos_kernel::model::call::{Approval, Call, EntryKind, Level, ObjectOptions, Reply, Stat, WriteMode};
use libos_kernel::model::message::{Message, MessageFilter, MessageKind, MessageOptions};
use libos_kernel::model::time::Time;
use wasmtime::Result;
use wit::types::Error;

pub(super) type Outcome<T> = Result<std::result::Result<T, Error>>;

impl Guest {
    /// Sends a call whose reply must have one shape.
    pub(super) async fn send<T>(&mut self, call: Call, shape: impl FnOnce(Reply) -> Option<T>) -> Outcome<T> {
        match self.ask(call).await? {
            Ok(reply) => {
                shape(reply).map(Ok).ok_or_else(|| wasmtime::format_err!("a recorded answer has another shape"))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }

    pub(super) async fn sure<T>(&mut self, call: Call, shape: impl FnOnce(Reply) -> Option<T>) -> Result<T> {
        let reply = self.run_sure(call).await?;
        shape(reply).ok_or_else(|| wasmtime::format_err!("a recorded answer has another shape"))
    }
}

macro_rules! shape {
    ($reply:ident) => {
        |reply| if let Reply::$reply(value) = reply { Some(value) } else { None }
    };
}

pub(super) fn unit(reply: Reply) -> Option<()> {
    (reply == Reply::Unit).then_some(())
}

impl wit::types::Host for Guest {}

impl wit::fs::Host for Guest {
    async fn read(&mut self, path: String) -> Outcome<Vec<u8>> {
        self.send(Call::FsRead { path }, shape!(Bytes)).await
    }

    async fn read_range(&mut self, path: String, offset: u64, length: u32) -> Outcome<Vec<u8>> {
        self.send(Call::FsReadRange { path, offset, length }, shape!(Bytes)).await
    }

    async fn write(&mut self, path: String, content: Vec<u8>, mode: wit::fs::WriteMode) -> Outcome<()> {
        let mode = match mode {
            wit::fs::WriteMode::CreateOrReplace => WriteMode::CreateOrReplace,
            wit::fs::WriteMode::CreateNew => WriteMode::CreateNew,
            wit::fs::WriteMode::ReplaceExisting => WriteMode::ReplaceExisting,
        };
        self.send(Call::FsWrite { path, content, mode }, unit).await
    }

    async fn append(&mut self, path: String, content: Vec<u8>) -> Outcome<()> {
        self.send(Call::FsAppend { path, content }, unit).await
    }

    async fn list(&mut self, path: String) -> Outcome<Vec<wit::fs::Entry>> {
        self.send(Call::FsList { path }, |reply| {
            let Reply::Entries(entries) = reply else { return None };
            Some(
                entries
                    .into_iter()
                    .map(|entry| wit::fs::Entry {
                        name: entry.name,
                        kind: entry.stat.kind.into(),
                        size: entry.stat.size,
                        modified: entry.stat.modified.into(),
                    })
                    .collect(),
            )
        })
        .await
    }

    async fn stat(&mut self, path: String) -> Outcome<wit::fs::Metadata> {
        self.send(Call::FsStat { path }, |reply| {
            let Reply::Stat(Stat { kind, size, modified }) = reply else { return None };
            Some(wit::fs::Metadata { kind: kind.into(), size, modified: modified.into() })
        })
        .await
    }

    async fn make_dir(&mut self, path: String) -> Outcome<()> {
        self.send(Call::FsMakeDir { path }, unit).await
    }

    async fn remove(&mut self, path: String, recursive: bool) -> Outcome<()> {
        self.send(Call::FsRemove { path, recursive }, unit).await
    }

    async fn rename(&mut self, old: String, new: String, replace: bool) -> Outcome<()> {
        self.send(Call::FsRename { old, new, replace }, unit).await
    }

    async fn copy(&mut self, source: String, target: String, replace: bool) -> Outcome<()> {
        self.send(Call::FsCopy { source, target, replace }, unit).await
    }

    async fn working_directory(&mut self) -> Result<String> {
        self.sure(Call::FsWorkingDirectory, shape!(Text)).await
    }

    async fn change_directory(&mut self, path: String) -> Outcome<()> {
        self.send(Call::FsChangeDirectory { path }, unit).await
    }
}

impl wit::object::Host for Guest {
    async fn create(
        &mut self,
        name: String,
        payload: wit::object::Payload,
        options: wit::object::Options,
    ) -> Outcome<wit::object::Info> {
        let options = ObjectOptions {
            object_type: options.type_,
            immutable: options.immutable,
            title: options.title,
            tags: options.tags,
            sources: options.sources,
        };
        self.send(Call::ObjectCreate { name, payload: payload.into(), options }, info).await
    }

    async fn read(&mut self, name: String) -> Outcome<(wit::object::Info, wit::object::Payload)> {
        self.send(Call::ObjectRead { name }, |reply| {
            let Reply::Object(info, payload) = reply else { return None };
            Some((info.into(), payload.into()))
        })
        .await
    }

    async fn update(
        &mut self,
        name: String,
        payload: wit::object::Payload,
        expected_version: Option<u64>,
    ) -> Outcome<wit::object::Info> {
        self.send(Call::ObjectUpdate { name, payload: payload.into(), expected_version }, info).await
    }

    async fn delete(&mut self, name: String, expected_version: Option<u64>) -> Outcome<()> {
        self.send(Call::ObjectDelete { name, expected_version }, unit).await
    }

    async fn list(&mut self, namespace: Option<String>) -> Outcome<Vec<wit::object::Info>> {
        self.send(Call::ObjectList { namespace }, |reply| {
            let Reply::Infos(infos) = reply else { return None };
            Some(infos.into_iter().map(Into::into).collect())
        })
        .await
    }

    async fn namespaces(&mut self, namespace: Option<String>) -> Outcome<Vec<String>> {
        self.send(Call::ObjectNamespaces { namespace }, shape!(Names)).await
    }

    async fn rename(&mut self, old: String, new: String, expected_version: Option<u64>) -> Outcome<wit::object::Info> {
        self.send(Call::ObjectRename { old, new, expected_version }, info).await
    }

    async fn link(&mut self, from: String, relation: String, to: String) -> Outcome<()> {
        self.send(Call::ObjectLink { from, relation, to }, unit).await
    }

    async fn unlink(&mut self, from: String, relation: String, to: String) -> Outcome<()> {
        self.send(Call::ObjectUnlink { from, relation, to }, unit).await
    }

    async fn links(&mut self, name: String) -> Outcome<Vec<wit::object::LinkEnd>> {
        self.send(Call::ObjectLinks { name }, |reply| {
            let Reply::Links(ends) = reply else { return None };
            Some(ends.into_iter().map(Into::into).collect())
        })
        .await
    }

    async fn query(&mut self, filter: wit::object::Filter) -> Outcome<wit::object::Found> {
        self.send(Call::ObjectQuery { filter: filter.into() }, |reply| {
            let Reply::Found(objects, next) = reply else { return None };
            Some(wit::object::Found { objects: objects.into_iter().map(Into::into).collect(), next })
        })
        .await
    }

    async fn merge(&mut self, child: String, conflicts: wit::object::Resolution) -> Outcome<wit::object::Merged> {
        let call = Call::ObjectMerge { child, resolution: conflicts.into() };
        self.send(call, |reply| if let Reply::Merged(merged) = reply { Some(merged.into()) } else { None }).await
    }

    async fn create_namespace(&mut self, namespace: String) -> Outcome<()> {
        self.send(Call::ObjectCreateNamespace { namespace }, unit).await
    }
}

fn info(reply: Reply) -> Option<wit::object::Info> {
    if let Reply::Info(info) = reply { Some(info.into()) } else { None }
}

impl wit::clock::Host for Guest {
    async fn now(&mut self) -> Result<wit::types::Datetime> {
        self.sure(Call::ClockNow, shape!(Time)).await.map(Into::into)
    }

    async fn sleep(&mut self, nanoseconds: u64) -> Outcome<()> {
        self.send(Call::ClockSleep { nanoseconds }, unit).await
    }
}

impl wit::random::Host for Guest {
    async fn bytes(&mut self, count: u32) -> Outcome<Vec<u8>> {
        self.send(Call::RandomBytes { count }, shape!(Bytes)).await
    }
}

impl wit::human::Host for Guest {
    async fn ask(&mut self, question: String, queue: Option<String>) -> Outcome<String> {
        self.send(Call::HumanAsk { question, queue }, shape!(Text)).await
    }

    async fn approve(
        &mut self,
        resource: String,
        rights: Vec<String>,
        reason: String,
        queue: Option<String>,
    ) -> Outcome<wit::human::Answer> {
        self.send(Call::HumanApprove { resource, rights, reason, queue }, |reply| {
            let Reply::Approval(approval) = reply else { return None };
            Some(match approval {
                Approval::Allow => wit::human::Answer::Allow,
                Approval::Always => wit::human::Answer::Always,
                Approval::Deny => wit::human::Answer::Deny,
                Approval::Never => wit::human::Answer::Never,
            })
        })
        .await
    }

    async fn tell(&mut self, message: String, queue: Option<String>) -> Outcome<()> {
        self.send(Call::HumanTell { message, queue }, unit).await
    }
}

impl wit::log::Host for Guest {
    async fn write(&mut self, level: wit::log::Level, message: String) -> Result<()> {
        let level = match level {
            wit::log::Level::Debug => Level::Debug,
            wit::log::Level::Info => Level::Info,
            wit::log::Level::Warn => Level::Warn,
            wit::log::Level::Error => Level::Error,
        };
        self.sure(Call::LogWrite { level, message }, unit).await
    }
}

impl wit::message::Host for Guest {
    async fn send(&mut self, to: String, body: String, options: wit::message::Options) -> Outcome<String> {
        let kind = match options.kind {
            wit::message::Kind::Normal => MessageKind::Normal,
            wit::message::Kind::Interrupt => MessageKind::Interrupt,
        };
        let options = MessageOptions { kind, channel: options.channel, correlation: options.correlation };
        let sent = self.send(Call::MessageSend { to, body, options }, shape!(Sent)).await?;
        Ok(sent.map(|id| id.to_string()))
    }

    async fn receive(
        &mut self,
        filter: wit::message::Filter,
        timeout: Option<u64>,
    ) -> Outcome<Option<wit::message::Message>> {
        let filter = MessageFilter { channel: filter.channel, correlation: filter.correlation, from: filter.from };
        let received = self.send(Call::MessageReceive { filter, timeout }, shape!(Message)).await?;
        Ok(received.map(|message| message.map(Into::into)))
    }

    async fn pending(&mut self) -> Result<u64> {
        self.sure(Call::MessagePending, shape!(Count)).await
    }
}

impl From<Message> for wit::message::Message {
    fn from(message: Message) -> Self {
        Self {
            id: message.id.to_string(),
            from: message.from.to_string(),
            kind: match message.kind {
                MessageKind::Normal => wit::message::Kind::Normal,
                MessageKind::Interrupt => wit::message::Kind::Interrupt,
            },
            channel: message.channel,
            correlation: message.correlation,
            body: message.body,
            sent: message.sent.into(),
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Denied(denial) => Error::Denied(wit::types::Denial {
                right: denial.right.word().to_owned(),
                resource: denial.resource,
                reason: denial.reason,
            }),
            CallError::NotFound(what) => Error::NotFound(what),
            CallError::AlreadyExists(what) => Error::AlreadyExists(what),
            CallError::WrongKind(what) => Error::WrongKind(what),
            CallError::NotEmpty(what) => Error::NotEmpty(what),
            CallError::Conflict(version) => Error::Conflict(version),
            CallError::TooLarge(what) => Error::TooLarge(what),
            CallError::Invalid(what) => Error::Invalid(what),
            CallError::OutcomeUnknown(effect) => Error::OutcomeUnknown(effect.to_string()),
            CallError::Io(what) => Error::Io(what),
            CallError::Interrupted(why) => Error::Interrupted(why),
            CallError::Internal => Error::Internal,
        }
    }
}

impl From<Time> for wit::types::Datetime {
    fn from(time: Time) -> Self {
        let (seconds, nanoseconds) = time.parts();
        Self { seconds, nanoseconds }
    }
}

impl From<EntryKind> for wit::fs::Kind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File => Self::File,
            EntryKind::Directory => Self::Directory,
            EntryKind::Link => Self::Link,
            EntryKind::Other => Self::Other,
        }
    }
}
