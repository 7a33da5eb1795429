//! The rows of the store are read as they were written.

use super::codec::{flag, number, same, small, text};
use super::config;
use super::values::{any_pattern, any_resource, effect, file_rights};
use libos_kernel::model::bound::Bound;
use libos_kernel::model::call::Approval;
use libos_kernel::model::grant::{Grant, Holder, Issuer, OnlyTool};
use libos_kernel::model::id::{CallId, GrantId, Pid, QuestionId};
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::need::Need;
use libos_kernel::model::question::{Consent, Field, FingerprintPart, QuestionRow, QuestionState, Subject};
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::model::right::Right;
use libos_kernel::model::row::{CallRow, CallState, Caller, Failure, FailureReason, Moved};
use libos_kernel::model::rule::Rule;
use libos_kernel::model::time::Time;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

fn time() -> impl Strategy<Value = Time> {
    number().prop_map(Time)
}

fn grant_id() -> impl Strategy<Value = GrantId> {
    number().prop_map(GrantId)
}

fn holder() -> impl Strategy<Value = Holder> {
    prop_oneof![number().prop_map(|pid| Holder::Process(Pid(pid))), text().prop_map(|name| Holder::Image(name.into())),]
}

fn caller() -> impl Strategy<Value = Caller> {
    (number(), small()).prop_map(|(call, position)| Caller { call: CallId(call), position })
}

fn bound() -> impl Strategy<Value = Bound> {
    let rule = (any_pattern(), file_rights()).prop_map(|(pattern, rights)| Rule { rights, pattern });
    let imports = vec(select(&["fs", "object", "human", "tools"][..]).prop_map(str::to_owned), 0..4);
    (imports, of(vec(rule, 0..3))).prop_map(|(imports, needs)| Bound::new(&imports, needs))
}

fn need() -> impl Strategy<Value = Need> {
    (any_resource(), select(&Right::ALL[..]), flag()).prop_map(|(resource, right, whole)| Need {
        resource,
        right,
        whole,
    })
}

fn consent() -> impl Strategy<Value = Consent> {
    (grant_id(), vec(text(), 0..3), any::<[u8; 32]>()).prop_map(|(grant, gained, component)| Consent {
        grant,
        gained,
        component,
    })
}

fn subject() -> impl Strategy<Value = Subject> {
    let part = (select(&Field::ALL[..]), any::<[u8; 32]>());
    let part = part.prop_map(|(field, digest)| FingerprintPart { field, digest });
    let lists = (vec(need(), 0..3), vec(text(), 0..3), vec(part, 0..3));
    let approval = (text(), lists, of(grant_id()), of(consent())).prop_map(
        |(operation, (needs, preview, parts), rule, consent)| Subject::Approval {
            operation,
            needs,
            rule,
            preview,
            parts,
            consent,
        },
    );
    let permission = (any_pattern(), file_rights(), text());
    prop_oneof![
        approval,
        permission.prop_map(|(resource, rights, reason)| Subject::Permission { resource, rights, reason }),
        text().prop_map(|text| Subject::Question { text }),
        text().prop_map(|text| Subject::Note { text }),
    ]
}

fn question_state() -> impl Strategy<Value = QuestionState> {
    let approval = || select(&[Approval::Allow, Approval::Always, Approval::Deny, Approval::Never][..]);
    prop_oneof![
        Just(QuestionState::Open),
        (approval(), of(text()), time()).prop_map(|(approval, note, at)| QuestionState::Answered {
            approval,
            note,
            at
        }),
        (text(), time()).prop_map(|(text, at)| QuestionState::Told { text, at }),
        (approval(), time(), of(text())).prop_map(|(approval, at, note)| QuestionState::Applied { approval, at, note }),
        text().prop_map(|why| QuestionState::Withdrawn { why }),
    ]
}

fn question() -> impl Strategy<Value = QuestionRow> {
    let ids = (number(), number(), caller(), vec(caller(), 0..3));
    let words = (text(), text(), of(text()), vec(text(), 0..3));
    let rest = (time(), of(time()), of(holder()), flag(), flag());
    (ids, words, subject(), question_state(), rest).prop_map(
        |((id, pid, first, also), (tool, queue, again, callers), subject, state, rest)| QuestionRow {
            id: QuestionId(id),
            pid: Pid(pid),
            call: first.call,
            position: first.position,
            tool,
            queue,
            subject,
            asked: rest.0,
            state,
            again,
            also,
            expires: rest.1,
            lasting: rest.2,
            callers,
            expired: rest.3,
            unattended: rest.4,
        },
    )
}

fn call_state() -> impl Strategy<Value = CallState> {
    let reason = select(&[FailureReason::InvalidArguments, FailureReason::Denied, FailureReason::Fault][..]);
    let failure = (reason, text(), of(text()));
    prop_oneof![
        select(&[CallState::Running, CallState::Waiting, CallState::Runnable, CallState::Done][..]),
        failure.prop_map(|(reason, message, import)| CallState::Failed(Failure { reason, message, import })),
        text().prop_map(CallState::Cancelled),
    ]
}

fn call_row() -> impl Strategy<Value = CallRow> {
    let head = (any::<[u64; 4]>(), text(), text(), call_state(), any::<[[u8; 32]; 2]>());
    let counts = (any::<[u32; 2]>(), any::<[u64; 3]>(), time(), of(time()));
    (head, counts, of(caller()), vec(bound(), 0..4)).prop_map(
        |((ids, tool, export, state, digests), (small, large, started, ended), caller, bounds)| CallRow {
            id: CallId(ids[0]),
            pid: Pid(ids[1]),
            tool,
            export,
            component: digests[0],
            state,
            seed: digests[1],
            limits: CallLimits { memory_bytes: ids[2], ..CallLimits::default() },
            incarnation: small[0],
            started,
            ended,
            record: ids[3],
            log_lines: small[1],
            log_bytes: large[0],
            log_dropped: large[1],
            printed: large[2],
            caller,
            bounds,
            nested: small[1],
            moved: Some(Moved {
                from: Resource::new(Kind::Fs, "workspace"),
                to: Resource::new(Kind::Fs, "workspace/src"),
            }),
            kept: small[0] % 2 == 1,
            script: (small[0] % 3 == 1).then_some(digests[1]),
        },
    )
}

fn grant() -> impl Strategy<Value = Grant> {
    let issuer = prop_oneof![
        select(&[Issuer::Host, Issuer::Runtime][..]),
        small().prop_map(Issuer::Policy),
        number().prop_map(|id| Issuer::Question(QuestionId(id))),
        number().prop_map(|pid| Issuer::Process(Pid(pid))),
    ];
    let only = (text(), any::<[u8; 32]>()).prop_map(|(name, component)| OnlyTool { name: name.into(), component });
    let what = (grant_id(), holder(), any_pattern(), file_rights(), effect());
    let limits = (of(small()), of(time()), of(only), of(grant_id()), of(grant_id()));
    (what, limits, issuer, (flag(), flag(), time())).prop_map(
        |((id, holder, pattern, rights, effect), limits, issuer, (revoked, moved, created))| Grant {
            id,
            holder,
            pattern,
            rights,
            effect,
            uses_left: limits.0,
            not_after: limits.1,
            only_tool: limits.2,
            answers: limits.3,
            parent: limits.4,
            issuer,
            revoked,
            created,
            moved,
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_question_is_read_as_it_was_written(question in question()) {
        same(&question)?;
    }

    #[test]
    fn a_call_s_row_is_read_as_it_was_written(row in call_row()) {
        same(&row)?;
    }

    #[test]
    fn a_grant_is_read_as_it_was_written(grant in grant()) {
        same(&grant)?;
    }
}
