//! What is written is read back, byte for byte; and no bytes at all make a reader panic.

use super::config;
use libos_kernel::model::answer::{Answer, CallError, Denial};
use libos_kernel::model::call::{
    Approval, Call, Called, Entry, EntryKind, Identity, Level, ObjectInfo, ObjectOptions, Payload, Reply, Stat,
    WriteMode,
};
use libos_kernel::model::child::{Amount, ChildInfo, ChildOptions, End, EndedChild, Handed};
use libos_kernel::model::codec::{from_bytes, to_bytes};
use libos_kernel::model::id::{CallId, EffectId, EffectKey, GrantId, MessageId, Pid, QuestionId};
use libos_kernel::model::limit::RECORD_BYTES_MAX;
use libos_kernel::model::message::{Message, MessageFilter, MessageKind, MessageOptions};
use libos_kernel::model::planner::Priority;
use libos_kernel::model::process::Signal;
use libos_kernel::model::purse::Coin;
use libos_kernel::model::record::{Commitment, Decided, Outcome, Record};
use libos_kernel::model::right::Right;
use libos_kernel::model::row::request_digest;
use libos_kernel::model::time::Time;
use libos_kernel::model::view::ViewMode;
use minicbor::{CborLen, Decode, Encode};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseResult;

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", "[a-z/*.]{0,12}", Just(String::new())]
}

pub fn number() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0u64..300]
}

pub fn small() -> impl Strategy<Value = u32> {
    any::<u32>()
}

pub fn flag() -> impl Strategy<Value = bool> {
    any::<bool>()
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![text().prop_map(Payload::Json), bytes().prop_map(Payload::Bytes)]
}

fn file_call() -> impl Strategy<Value = Call> {
    let mode = select(&[WriteMode::CreateOrReplace, WriteMode::CreateNew, WriteMode::ReplaceExisting][..]);
    prop_oneof![
        text().prop_map(|path| Call::FsRead { path }),
        (text(), number(), small()).prop_map(|(path, offset, length)| Call::FsReadRange { path, offset, length }),
        (text(), bytes(), mode).prop_map(|(path, content, mode)| Call::FsWrite { path, content, mode }),
        (text(), bytes()).prop_map(|(path, content)| Call::FsAppend { path, content }),
        text().prop_map(|path| Call::FsList { path }),
        text().prop_map(|path| Call::FsStat { path }),
        text().prop_map(|path| Call::FsMakeDir { path }),
        (text(), flag()).prop_map(|(path, recursive)| Call::FsRemove { path, recursive }),
        (text(), text(), flag()).prop_map(|(old, new, replace)| Call::FsRename { old, new, replace }),
        (text(), text(), flag()).prop_map(|(source, target, replace)| Call::FsCopy { source, target, replace }),
        text().prop_map(|path| Call::FsChangeDirectory { path }),
    ]
}

fn object_call() -> impl Strategy<Value = Call> {
    let options = (text(), flag(), text(), prop::collection::vec(text(), 0..3), prop::collection::vec(text(), 0..3))
        .prop_map(|(object_type, immutable, title, tags, sources)| ObjectOptions {
            object_type,
            immutable,
            title,
            tags,
            sources,
        });
    prop_oneof![
        (text(), payload(), options).prop_map(|(name, payload, options)| Call::ObjectCreate { name, payload, options }),
        text().prop_map(|name| Call::ObjectRead { name }),
        (text(), payload(), of(number())).prop_map(|(name, payload, expected_version)| Call::ObjectUpdate {
            name,
            payload,
            expected_version
        }),
        (text(), of(number())).prop_map(|(name, expected_version)| Call::ObjectDelete { name, expected_version }),
        of(text()).prop_map(|namespace| Call::ObjectList { namespace }),
        of(text()).prop_map(|namespace| Call::ObjectNamespaces { namespace }),
        text().prop_map(|namespace| Call::ObjectCreateNamespace { namespace }),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let level = select(&[Level::Debug, Level::Info, Level::Warn, Level::Error][..]);
    let rights = prop::collection::vec(text(), 0..4);
    prop_oneof![
        file_call(),
        object_call(),
        select(Call::examples()),
        number().prop_map(|nanoseconds| Call::ClockSleep { nanoseconds }),
        small().prop_map(|count| Call::RandomBytes { count }),
        (text(), of(text())).prop_map(|(question, queue)| Call::HumanAsk { question, queue }),
        (text(), of(text())).prop_map(|(message, queue)| Call::HumanTell { message, queue }),
        (text(), rights, text(), of(text())).prop_map(|(resource, rights, reason, queue)| Call::HumanApprove {
            resource,
            rights,
            reason,
            queue
        }),
        (level, text()).prop_map(|(level, message)| Call::LogWrite { level, message }),
        (text(), text()).prop_map(|(tool, arguments)| Call::ToolCall { tool, arguments }),
        text().prop_map(|result| Call::ProcessExit { result }),
        text().prop_map(|reason| Call::ProcessCheckpoint { reason }),
        text().prop_map(|name| Call::ProcessEnvironment { name }),
        process_call(),
        (text(), text(), message_options()).prop_map(|(to, body, options)| Call::MessageSend { to, body, options }),
        (of(text()), of(text()), of(text()), of(number())).prop_map(|(channel, correlation, from, timeout)| {
            Call::MessageReceive { filter: MessageFilter { channel, correlation, from }, timeout }
        }),
    ]
}

fn info() -> impl Strategy<Value = ObjectInfo> {
    let words = (text(), text(), text(), prop::collection::vec(text(), 0..3));
    (words, any::<[u64; 6]>(), flag()).prop_map(|((name, object_type, title, tags), numbers, immutable)| ObjectInfo {
        name,
        object_type,
        version: numbers[0],
        immutable,
        title,
        tags,
        size: numbers[1],
        created: Time(numbers[2]),
        updated: Time(numbers[3]),
        created_by: Pid(numbers[4]),
        written_by: CallId(numbers[5]),
        changed: numbers[0],
        sources: Vec::new(),
        unseen: None,
    })
}

fn stat() -> impl Strategy<Value = Stat> {
    let kind = select(&[EntryKind::File, EntryKind::Directory, EntryKind::Link, EntryKind::Other][..]);
    (kind, number(), number()).prop_map(|(kind, size, modified)| Stat { kind, size, modified: Time(modified) })
}

fn message_options() -> impl Strategy<Value = MessageOptions> {
    let kind = select(&MessageKind::ALL[..]);
    (kind, text(), of(text())).prop_map(|(kind, channel, correlation)| MessageOptions { kind, channel, correlation })
}

fn message() -> impl Strategy<Value = Message> {
    let numbers = (number(), number(), number());
    (numbers, message_options(), text()).prop_map(|((id, from, sent), options, body)| {
        let MessageOptions { kind, channel, correlation } = options;
        Message { id: MessageId(id), from: Pid(from), kind, channel, correlation, body, sent: Time(sent) }
    })
}

fn reply() -> impl Strategy<Value = Reply> {
    let entry = (text(), stat()).prop_map(|(name, stat)| Entry { name, stat });
    let approval = select(&[Approval::Allow, Approval::Always, Approval::Deny, Approval::Never][..]);
    let identity = (number(), of(number()), text(), number(), text()).prop_map(|(pid, parent, image, call, tool)| {
        Reply::Identity(Identity { pid: Pid(pid), parent: parent.map(Pid), image, call: CallId(call), tool })
    });
    prop_oneof![
        Just(Reply::Unit),
        of(message()).prop_map(Reply::Message),
        number().prop_map(|id| Reply::Sent(MessageId(id))),
        number().prop_map(Reply::Count),
        of(text()).prop_map(Reply::Variable),
        bytes().prop_map(Reply::Bytes),
        prop::collection::vec(entry, 0..3).prop_map(Reply::Entries),
        stat().prop_map(Reply::Stat),
        text().prop_map(Reply::Text),
        info().prop_map(Reply::Info),
        (info(), payload()).prop_map(|(info, payload)| Reply::Object(info, payload)),
        prop::collection::vec(info(), 0..3).prop_map(Reply::Infos),
        prop::collection::vec(text(), 0..3).prop_map(Reply::Names),
        number().prop_map(|time| Reply::Time(Time(time))),
        approval.prop_map(Reply::Approval),
        identity,
        text().prop_map(|result| Reply::Called(Called::Done(result))),
        text().prop_map(|why| Reply::Called(Called::Failed(why))),
        child_reply(),
    ]
}

fn child_reply() -> impl Strategy<Value = Reply> {
    let end = prop_oneof![text().prop_map(End::Exited), text().prop_map(End::Failed), text().prop_map(End::Killed),];
    let ended = (number(), end, of(text())).prop_map(|(pid, end, result_object)| EndedChild {
        pid: Pid(pid),
        end,
        result_object,
    });
    let child = (number(), text(), of(text()), text(), of(text()), number()).prop_map(
        |(pid, state, why, image, goal, created)| ChildInfo {
            pid: Pid(pid),
            state,
            why,
            image,
            goal,
            created: Time(created),
        },
    );
    prop_oneof![
        number().prop_map(|pid| Reply::Pid(Pid(pid))),
        of(ended).prop_map(Reply::EndedChild),
        prop::collection::vec(child, 0..3).prop_map(Reply::Children),
    ]
}

fn child() -> impl Strategy<Value = ChildOptions> {
    let handed =
        (text(), of(any::<u32>()), of(number())).prop_map(|(rule, uses, expires_in)| Handed { rule, uses, expires_in });
    let coin = select(&[Coin::ToolCalls, Coin::Tokens, Coin::Objects][..]);
    let amount = (coin, number()).prop_map(|(coin, amount)| Amount { coin, amount });
    let priority = of(select(&[Priority::Low, Priority::Normal, Priority::High][..]));
    let lists = (prop::collection::vec(handed, 0..3), of(prop::collection::vec(amount, 0..3)));
    (of(text()), text(), lists, of(text()), priority, of(text())).prop_map(
        |(image, goal, (grants, budget), working_directory, priority, planner)| ChildOptions {
            image,
            goal,
            grants,
            budget,
            working_directory,
            priority,
            planner,
        },
    )
}

fn process_call() -> impl Strategy<Value = Call> {
    let mode = select(&[ViewMode::ReadOnly, ViewMode::CopyOnWrite, ViewMode::Worker][..]);
    let roots = of(prop::collection::vec(text(), 0..3));
    prop_oneof![
        child().prop_map(|child| Call::ProcessSpawn { child }),
        (child(), mode, roots).prop_map(|(child, mode, roots)| Call::ProcessFork { child, mode, roots }),
        (text(), of(text())).prop_map(|(image, goal)| Call::ProcessExec { image, goal }),
        (prop::collection::vec(text(), 0..3), of(number()))
            .prop_map(|(pids, timeout)| Call::ProcessWait { pids, timeout }),
        Just(Call::ProcessChildren),
        (text(), select(&Signal::ALL[..]), text()).prop_map(|(pid, signal, reason)| Call::ProcessSignal {
            pid,
            signal,
            reason
        }),
        text().prop_map(|pid| Call::ProcessHandOver { pid }),
        text().prop_map(|object| Call::ProcessExitWith { object }),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let right = select(&Right::ALL[..]);
    let denial = (right, text(), text())
        .prop_map(|(right, resource, reason)| CallError::Denied(Denial { right, resource, reason }));
    let error = prop_oneof![
        denial,
        text().prop_map(CallError::NotFound),
        text().prop_map(CallError::AlreadyExists),
        text().prop_map(CallError::WrongKind),
        text().prop_map(CallError::NotEmpty),
        number().prop_map(CallError::Conflict),
        text().prop_map(CallError::TooLarge),
        text().prop_map(CallError::Invalid),
        number().prop_map(|id| CallError::OutcomeUnknown(EffectId(id))),
        text().prop_map(CallError::Io),
        text().prop_map(CallError::Interrupted),
        Just(CallError::Internal),
    ];
    prop_oneof![reply().prop_map(Answer::Done), error.prop_map(Answer::Failed)]
}

fn decided() -> impl Strategy<Value = Decided> {
    let grants = prop::collection::vec(number().prop_map(GrantId), 0..4);
    let rule = || of(number().prop_map(GrantId));
    prop_oneof![
        Just(Decided::Free),
        grants.prop_map(|grants| Decided::Allow { grants }),
        rule().prop_map(|rule| Decided::Ask { rule }),
        (select(&Right::ALL[..]), text(), rule(), text()).prop_map(|(right, resource, rule, reason)| Decided::Deny {
            right,
            resource,
            rule,
            reason
        }),
        Just(Decided::Host),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let outcome = prop_oneof![
        select(
            &[Outcome::Intent, Outcome::Done, Outcome::Denied, Outcome::Waiting, Outcome::Unknown, Outcome::NotStarted]
                [..]
        ),
        text().prop_map(Outcome::Failed),
    ];
    let commitment = || of((any::<[u8; 32]>(), number()).prop_map(|(digest, size)| Commitment { digest, size }));
    let names = || prop::collection::vec(".{0,700}", 0..3);
    let ids = (of(number()), of(number()), of(small()), of(number()), of(number()), of(number()));
    let head = (number(), number(), text(), decided(), outcome);
    let rest = (commitment(), commitment(), number(), small(), small(), of(".{0,400}"));
    (head, ids, rest, names(), names()).prop_map(|(head, ids, rest, resources, asked)| {
        let (seq, time, operation, decided, outcome) = head;
        let (pid, call, position, question, effect, parent) = ids;
        let (request, answer, duration, incarnation, count, detail) = rest;
        Record {
            seq,
            pid: pid.map(Pid),
            call: call.map(CallId),
            position,
            incarnation,
            resources,
            asked,
            question: question.map(QuestionId),
            effect: effect.map(EffectId),
            request,
            answer,
            duration,
            parent,
            count,
            detail,
            key: effect.map(|effect| EffectKey([effect as u8; 32])),
            ..Record::new(operation, Time(time), decided, outcome)
        }
    })
}

/// It is read as it was written.
pub fn same<T>(value: &T) -> TestCaseResult
where
    T: Encode<()> + CborLen<()> + for<'bytes> Decode<'bytes, ()> + PartialEq + std::fmt::Debug,
{
    let bytes = to_bytes(value);
    let read = from_bytes::<T>(&bytes);
    prop_assert_eq!(read.as_ref(), Ok(value));
    Ok(())
}

/// What bytes that are nearly right are read as, if they are read at all, is itself.
fn broken(mut bytes: Vec<u8>, at: usize, byte: u8, cut: usize) -> Vec<u8> {
    if !bytes.is_empty() {
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len().min(4));
    }
    bytes
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_call_is_read_as_it_was_written(call in call(), other in call()) {
        let bytes = to_bytes(&call);
        prop_assert_eq!(from_bytes::<Call>(&bytes), Ok(call.clone()));
        prop_assert_eq!(request_digest(&call) == request_digest(&other), call == other);
    }

    #[test]
    fn an_answer_is_read_as_it_was_written(answer in answer()) {
        prop_assert_eq!(from_bytes::<Answer>(&to_bytes(&answer)), Ok(answer));
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_keeps_to_its_size(mut record in record()) {
        prop_assert_eq!(from_bytes::<Record>(&to_bytes(&record)), Ok(record.clone()));
        record.clamp();
        let bytes = to_bytes(&record);
        prop_assert!(bytes.len() <= RECORD_BYTES_MAX, "{} bytes", bytes.len());
        prop_assert_eq!(from_bytes::<Record>(&bytes), Ok(record));
    }

    #[test]
    fn bytes_that_are_damaged_are_refused_or_mean_something_else(
        record in record(),
        call in call(),
        answer in answer(),
        (at, byte, cut) in any::<(usize, u8, usize)>(),
    ) {
        // None may panic; what is read is a value that can be written.
        if let Ok(read) = from_bytes::<Record>(&broken(to_bytes(&record), at, byte, cut)) {
            prop_assert_eq!(from_bytes::<Record>(&to_bytes(&read)), Ok(read));
        }
        if let Ok(read) = from_bytes::<Call>(&broken(to_bytes(&call), at, byte, cut)) {
            prop_assert_eq!(from_bytes::<Call>(&to_bytes(&read)), Ok(read));
        }
        if let Ok(read) = from_bytes::<Answer>(&broken(to_bytes(&answer), at, byte, cut)) {
            prop_assert_eq!(from_bytes::<Answer>(&to_bytes(&read)), Ok(read));
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in bytes()) {
        let _ = (from_bytes::<Record>(&bytes), from_bytes::<Call>(&bytes), from_bytes::<Answer>(&bytes));
    }
}
