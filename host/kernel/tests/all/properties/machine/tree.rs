//! Who descends from whom in the model, and what that means: who may signal and write to whom, and who ends with whom.

use super::model::{Call, Model, Process, Word};
pub use libos_kernel::model::process::Signal;

/// How many are above a process.
pub fn depth(model: &Model, who: usize) -> usize {
    model.processes[who].parent.map_or(0, |parent| 1 + depth(model, parent))
}

/// The live children of a process, oldest first.
fn children(model: &Model, who: usize) -> Vec<usize> {
    model.which(|process| process.is_live() && process.parent == Some(who))
}

pub fn is_live_child(model: &Model, parent: usize, who: usize) -> bool {
    model.processes[who].is_live() && model.processes[who].parent == Some(parent)
}

/// The first child that has ended and of which the parent was not told.
pub fn first_ended(model: &Model, parent: usize) -> Option<usize> {
    let left = |process: &Process| !process.is_live() && process.parent == Some(parent) && !process.waited_for;
    model.which(left).first().copied()
}

/// Whether a process has a child that it could wait for.
pub fn has_children(model: &Model, parent: usize) -> bool {
    !children(model, parent).is_empty()
}

/// A live process gets messages from itself, its parent and its children.
pub fn may_write(model: &Model, from: usize, to: usize) -> bool {
    let (sender, receiver) = (&model.processes[from], &model.processes[to]);
    receiver.is_live() && (from == to || sender.parent == Some(to) || receiver.parent == Some(from))
}

/// A process ends; first all below it, killed.
pub fn end(model: &mut Model, who: usize, how: Word) {
    for child in children(model, who) {
        end(model, child, Word::Killed);
    }
    let process = &mut model.processes[who];
    process.state = how;
    process.calls.clear();
    process.inbox.clear();
}

/// Sleeps end.
pub fn interrupt(model: &mut Model, who: usize) {
    let process = &mut model.processes[who];
    for call in &mut process.calls {
        if *call == Call::Sleeps {
            *call = Call::Left;
        }
    }
    process.refresh();
}

/// A process and all below it, those below first: they end, now if they have no call, else with it.
pub fn cancel(model: &mut Model, who: usize) {
    for child in children(model, who) {
        cancel(model, child);
    }
    model.processes[who].cancelled = true;
    interrupt(model, who);
    if model.processes[who].calls.is_empty() {
        end(model, who, Word::Failed);
    }
}
