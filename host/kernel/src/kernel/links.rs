//! Links between objects. They are part of the object that they lead from; a table finds them by their other end.

use super::objects::NewPayload;
use super::state::State;
use crate::model::call::ObjectInfo;
use crate::model::object::Link;
use crate::store::StoreError;
use crate::store::table::{self, Table};

impl State {
    /// Those that link to a name: relation and full name of each, sorted.
    pub(super) fn links_to(&self, name: &str) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.scan(Table::ObjectLinkBack, &table::of_name(name))?.into_keys();
        let read = |key: Vec<u8>| table::read_link_back(&key).map(|(_, relation, from)| (relation.into(), from.into()));
        Ok(rows.filter_map(read).collect())
    }

    /// Changes what a row of an object links to. That is a version for views and checkpoints, but not one that others count.
    pub(super) fn set_links(&mut self, present: &ObjectInfo, mut links: Vec<Link>) -> Result<ObjectInfo, StoreError> {
        links.sort();
        links.dedup();
        let mut info = present.clone();
        info.set_unseen(|unseen| (unseen.links, unseen.same_as) = (links, None));
        self.put_version(Some(present), info, NewPayload::Same)
    }

    /// Takes away the links of others to what is not there any more.
    pub(super) fn drop_links_to(&mut self, name: &str) -> Result<(), StoreError> {
        for (_, from) in self.links_to(name)? {
            if let Some(present) = self.head(&from)? {
                let left = present.links().iter().filter(|link| link.to != name).cloned().collect();
                self.set_links(&present, left)?;
            }
        }
        Ok(())
    }
}
