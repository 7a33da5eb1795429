//! What happens in a history, chosen by what is possible.

use super::model::{Call, Model, Process, Word};
use super::tree::Signal;
use crate::properties::values::{effect, file_rights, near_file, near_pattern};
use libos_kernel::model::grant::Effect;
use libos_kernel::model::resource::{Pattern, Resource};
use libos_kernel::model::right::Rights;
use libos_kernel::model::view::ViewMode;
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
    /// A call of a paused process comes to its next import.
    Held {
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
    /// A fork, if there is a mode.
    Spawn {
        by: usize,
        fork: Option<ViewMode>,
        lines: Vec<Line>,
        has_purse: bool,
    },
    /// By a person, if by nobody.
    Signal {
        by: Option<usize>,
        who: usize,
        signal: Signal,
    },
    HandOver {
        by: usize,
        who: usize,
    },
    Exit {
        who: usize,
    },
    Exec {
        who: usize,
    },
    /// Asks whether any child has ended.
    Wait {
        by: usize,
    },
    Send {
        from: usize,
        to: usize,
    },
    /// Asks whether a message is there.
    Receive {
        by: usize,
    },
    Checkpoint {
        who: usize,
    },
    /// Goes back to a checkpoint, if its process lives.
    Restore {
        at: usize,
    },
    /// Begins again from a checkpoint.
    Fork {
        at: usize,
    },
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

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(line(), 0..3)
}

/// Steps, each as likely as the number beside it says.
type May = Vec<(u32, BoxedStrategy<Step>)>;

/// A step that the model allows.
pub fn step(model: &Model) -> BoxedStrategy<Step> {
    let mut may: May =
        vec![(1, any::<Index>().prop_map(|which| Step::Revoke { which }).boxed()), (1, Just(Step::Pass).boxed())];
    let has_room = model.processes.len() < super::model::PROCESSES;
    if has_room {
        may.push((if model.live().len() < 2 { 20 } else { 2 }, Just(Step::New).boxed()));
    }
    of_authority(model, &mut may);
    of_processes(model, has_room, &mut may);
    of_calls(model, &mut may);
    of_moments(model, &mut may);
    let often = proptest::strategy::Union::new_weighted(may);
    // A restart takes longer than all else.
    prop_oneof![200 => often, 1 => Just(Step::Restart), 1 => Just(Step::Crash)].boxed()
}

fn of_authority(model: &Model, may: &mut May) {
    let live = model.live();
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
    if live.is_empty() {
        return;
    }
    let who = || select(live.clone());
    may.push((4, (who(), who(), lines()).prop_map(|(from, to, lines)| Step::Delegate { from, to, lines }).boxed()));
    may.push((1, who().prop_map(|who| Step::End { who }).boxed()));
}

fn of_processes(model: &Model, has_room: bool, may: &mut May) {
    let (open, all) = (model.which(Process::is_open), 0..model.processes.len());
    if !model.live().is_empty() {
        let host = (select(model.live()), select(&Signal::ALL[..]));
        may.push((2, host.prop_map(|(who, signal)| Step::Signal { by: None, who, signal }).boxed()));
    }
    if open.is_empty() {
        return;
    }
    let who = || select(open.clone());
    let fork = prop_oneof![
        2 => Just(None),
        1 => select(&[ViewMode::ReadOnly, ViewMode::CopyOnWrite, ViewMode::Worker][..]).prop_map(Some),
    ];
    if has_room {
        let able = model.which(Process::is_able);
        let parents: Vec<usize> =
            able.iter().copied().filter(|at| super::tree::depth(model, *at) < super::model::DEPTH).collect();
        if !parents.is_empty() {
            let spawn = (select(parents), fork, lines(), any::<bool>())
                .prop_map(|(by, fork, lines, has_purse)| Step::Spawn { by, fork, lines, has_purse });
            may.push((8, spawn.boxed()));
        }
    }
    // Mostly of children: what concerns others is refused.
    let children: Vec<(usize, usize)> = all
        .clone()
        .filter_map(|at| model.processes[at].parent.filter(|by| model.is_open(*by)).map(|by| (by, at)))
        .collect();
    let others = (who(), all);
    let pairs = || {
        if children.is_empty() {
            others.clone().boxed()
        } else {
            prop_oneof![4 => select(children.clone()), 1 => others.clone()].boxed()
        }
    };
    let signal = (pairs(), select(&Signal::ALL[..]));
    may.push((5, signal.prop_map(|((by, who), signal)| Step::Signal { by: Some(by), who, signal }).boxed()));
    may.push((2, pairs().prop_map(|(by, who)| Step::HandOver { by, who }).boxed()));
    may.push((2, pairs().prop_map(|(from, to)| Step::Send { from, to }).boxed()));
    may.push((2, who().prop_map(|by| Step::Receive { by }).boxed()));
    let bereft = |at: &usize| model.processes.iter().any(|child| child.parent == Some(*at) && !child.is_live());
    let bereft: Vec<usize> = open.iter().copied().filter(bereft).collect();
    may.push(if bereft.is_empty() {
        (1, who().prop_map(|by| Step::Wait { by }).boxed())
    } else {
        (8, select(bereft).prop_map(|by| Step::Wait { by }).boxed())
    });
    may.push((1, who().prop_map(|who| Step::Exit { who }).boxed()));
    let able = model.which(Process::is_able);
    if !able.is_empty() {
        may.push((1, select(able).prop_map(|who| Step::Exec { who }).boxed()));
    }
    may.push((2, who().prop_map(|who| Step::Start { who }).boxed()));
    may.push((2, (who(), near_file()).prop_map(|(by, name)| Step::Use { by, name }).boxed()));
}

fn of_calls(model: &Model, may: &mut May) {
    type Holds = fn(&Process) -> bool;
    type OfCall = fn((usize, usize)) -> Step;
    let all: [(u32, &[Call], Holds, OfCall); 5] = [
        (4, &[Call::Runs], Process::is_able, |(who, call)| Step::Sleep { who, call }),
        (6, &[Call::Left], |process| process.state != Word::Paused, |(who, call)| Step::GoOn { who, call }),
        (6, &[Call::Runs], |process| process.state == Word::Paused, |(who, call)| Step::Held { who, call }),
        (3, &[Call::Runs], Process::is_live, |(who, call)| Step::Finish { who, call }),
        (1, &[Call::Runs, Call::Sleeps, Call::Left], Process::is_live, |(who, call)| Step::Cancel { who, call }),
    ];
    for (weight, states, holds, step) in all {
        let calls = model.calls(states, holds);
        if !calls.is_empty() {
            may.push((weight, select(calls).prop_map(step).boxed()));
        }
    }
}

fn of_moments(model: &Model, may: &mut May) {
    let live = model.live();
    if model.moments.len() < super::model::MOMENTS && !live.is_empty() {
        may.push((3, select(live).prop_map(|who| Step::Checkpoint { who }).boxed()));
    }
    if !model.moments.is_empty() {
        let at = || 0..model.moments.len();
        may.push((3, at().prop_map(|at| Step::Restore { at }).boxed()));
        let room = super::model::ALL - model.processes.len();
        let fits: Vec<usize> = at().filter(|at| model.moments[*at].members.len() <= room).collect();
        if !fits.is_empty() {
            may.push((2, select(fits).prop_map(|at| Step::Fork { at }).boxed()));
        }
    }
}
