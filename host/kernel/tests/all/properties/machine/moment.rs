//! Checkpoints in the model: what they hold of a tree, and what going back to one and beginning again from one mean.

use super::model::{Model, Process, Word};
use super::tree;

/// A checkpoint.
#[derive(Debug, Clone)]
pub struct Moment {
    pub root: usize,
    /// The process and those below it that lived, parents first, as they were.
    pub members: Vec<(usize, Process)>,
}

/// A process and all below it that lives, parents first.
fn below(model: &Model, root: usize) -> Vec<usize> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(who) = all.get(next).copied() {
        all.extend(model.which(|process| process.is_live() && process.parent == Some(who)));
        next += 1;
    }
    all
}

pub fn take(model: &mut Model, root: usize) {
    let members = below(model, root).into_iter().map(|who| (who, model.processes[who].clone())).collect();
    model.moments.push(Moment { root, members });
}

/// Everybody of then who lives below is as he was, without the calls that he had; who was made since ends.
pub fn go_back(model: &mut Model, at: usize) {
    let moment = model.moments[at].clone();
    if !model.processes[moment.root].is_live() {
        return;
    }
    let there = below(model, moment.root);
    let was = |who: &usize| moment.members.iter().any(|(member, _)| member == who);
    let since: Vec<usize> = there.iter().copied().filter(|who| !was(who)).collect();
    let inside = |who: usize| was(&who) || since.contains(&who);
    for who in since.iter().rev() {
        tree::end(model, *who, Word::Killed);
    }
    for (who, then) in moment.members.iter().filter(|(who, _)| there.contains(who)) {
        let process = &mut model.processes[*who];
        process.calls.clear();
        process.cancelled = false;
        process.state = if then.state == Word::Paused { Word::Paused } else { Word::Ready };
        process.held_by_host = then.held_by_host;
        process.other_image = then.other_image;
        process.incarnation += 1;
        process.inbox.retain(|message| !inside(message.from));
        for message in &then.inbox {
            if !process.inbox.contains(message) {
                process.inbox.push(message.clone());
            }
        }
        process.inbox.sort_by_key(|message| message.order);
    }
}

/// New processes that stand for those of then. They have what of their authority still is, so what needs some is not asked of them.
pub fn begin_again(model: &mut Model, at: usize) {
    let moment = model.moments[at].clone();
    let first = model.processes.len();
    let new = |old: usize| moment.members.iter().position(|(who, _)| *who == old).map(|at| first + at);
    for (who, then) in &moment.members {
        let parent = if *who == moment.root { None } else { then.parent.and_then(new) };
        let mut process = Process::new(parent, then.other_image);
        process.is_weak = true;
        process.held_by_host = then.held_by_host;
        if then.state == Word::Paused {
            process.state = Word::Paused;
        }
        process.inbox.clone_from(&then.inbox);
        model.processes.push(process);
    }
    // The messages are new ones, in the order of the old.
    let mut orders: Vec<(usize, usize, usize)> = Vec::new();
    for who in first..model.processes.len() {
        orders.extend(model.processes[who].inbox.iter().enumerate().map(|(at, message)| (message.order, who, at)));
    }
    orders.sort_unstable();
    for (_, who, at) in orders {
        model.sent += 1;
        let message = &mut model.processes[who].inbox[at];
        message.order = model.sent;
        message.from = new(message.from).unwrap_or(message.from);
    }
}
