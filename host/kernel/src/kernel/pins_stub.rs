//! Until versions are here.

use super::objects::Author;
use super::state::State;
use crate::model::id::{Pid, Seq};
use crate::store::StoreError;

pub struct Difference {
    pub name: String,
}

impl State {
    pub(super) fn pin(&mut self, _source: Pid, _at: Seq) {}

    pub(super) fn unpin(&mut self, _source: Pid, _at: Seq) -> Result<(), StoreError> {
        Ok(())
    }

    pub(super) fn objects_restore(
        &mut self,
        _namespace: &str,
        _at: Seq,
        _author: Author,
    ) -> Result<Vec<Difference>, StoreError> {
        Ok(Vec::new())
    }
}
