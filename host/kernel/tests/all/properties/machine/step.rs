//! What happens in a history, chosen by what is possible.

use super::model::{Call, Model};
use crate::properties::values::{effect, file_rights, near_file, near_pattern};
use libos_kernel::model::grant::Effect;
use libos_kernel::model::resource::{Pattern, Resource};
use libos_kernel::model::right::Rights;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What is handed on: like one of the giver's own, if there is one, or made up.
#[derive(Debug, Clone)]
pub struct Line {
    pub like: Option<Index>,
    pub pattern: Pattern,
    pub rights: Rights,
    pub uses: Option<u32>,
}

/// One step. Processes and their calls are named by their places in the model.
#[derive(Debug, Clone)]
pub enum Step {
    New,
    Grant {
        to: Option<usize>,
        pattern: Pattern,
        rights: Rights,
        effect: Effect,
        uses: Option<u32>,
        seconds: Option<u64>,
    },
    Delegate {
        from: usize,
        to: usize,
        lines: Vec<Line>,
    },
    Revoke {
        which: Index,
    },
    Use {
        by: usize,
        name: Resource,
    },
    Start {
        who: usize,
    },
    Sleep {
        who: usize,
        call: usize,
    },
    GoOn {
        who: usize,
        call: usize,
    },
    Finish {
        who: usize,
        call: usize,
    },
    Cancel {
        who: usize,
        call: usize,
    },
    End {
        who: usize,
    },
    Pass,
    Restart,
    Crash,
}

fn uses() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![2 => Just(None), 1 => (1u32..4).prop_map(Some)]
}

fn line() -> impl Strategy<Value = Line> {
    let like = prop::option::weighted(0.8, any::<Index>());
    (like, near_pattern(), file_rights(), uses()).prop_map(|(like, pattern, rights, uses)| Line {
        like,
        pattern,
        rights,
        uses,
    })
}

/// A step that the model allows.
pub fn step(model: &Model) -> BoxedStrategy<Step> {
    let live = model.live();
    let mut may: Vec<(u32, BoxedStrategy<Step>)> =
        vec![(1, any::<Index>().prop_map(|which| Step::Revoke { which }).boxed()), (1, Just(Step::Pass).boxed())];
    if model.processes.len() < super::model::PROCESSES {
        may.push((if live.len() < 2 { 20 } else { 2 }, Just(Step::New).boxed()));
    }
    let to =
        if live.is_empty() { Just(None).boxed() } else { prop::option::weighted(0.8, select(live.clone())).boxed() };
    let seconds = prop::option::weighted(0.2, 1u64..80);
    let grant = (to, near_pattern(), file_rights(), effect(), uses(), seconds);
    let grant = grant.prop_map(|(to, pattern, rights, effect, uses, seconds)| Step::Grant {
        to,
        pattern,
        rights,
        effect,
        uses: uses.filter(|_| effect == Effect::Allow),
        seconds,
    });
    may.push((6, grant.boxed()));
    if !live.is_empty() {
        let who = || select(live.clone());
        let lines = prop::collection::vec(line(), 1..3);
        let delegate = (who(), who(), lines).prop_map(|(from, to, lines)| Step::Delegate { from, to, lines });
        may.push((6, delegate.boxed()));
        may.push((3, (who(), near_file()).prop_map(|(by, name)| Step::Use { by, name }).boxed()));
        may.push((3, who().prop_map(|who| Step::Start { who }).boxed()));
        may.push((1, who().prop_map(|who| Step::End { who }).boxed()));
    }
    type OfCall = fn((usize, usize)) -> Step;
    let of_calls: [(u32, &[Call], OfCall); 4] = [
        (4, &[Call::Runs], |(who, call)| Step::Sleep { who, call }),
        (6, &[Call::Left], |(who, call)| Step::GoOn { who, call }),
        (3, &[Call::Runs], |(who, call)| Step::Finish { who, call }),
        (1, &[Call::Runs, Call::Sleeps, Call::Left], |(who, call)| Step::Cancel { who, call }),
    ];
    for (weight, states, step) in of_calls {
        let calls = model.calls(states);
        if !calls.is_empty() {
            may.push((weight, select(calls).prop_map(step).boxed()));
        }
    }
    let often = proptest::strategy::Union::new_weighted(may);
    // A restart takes longer than all else.
    prop_oneof![200 => often, 1 => Just(Step::Restart), 1 => Just(Step::Crash)].boxed()
}
