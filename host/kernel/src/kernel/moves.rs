//! Moving an object to another name, in its namespace or to another one. Its links go along, from it and to it.

use super::objects::{Author, NewPayload};
use super::state::State;
use crate::model::answer::CallError;
use crate::model::call::ObjectInfo;
use crate::model::object::Link;
use crate::model::resource::Resource;
use std::sync::Arc;

impl State {
    /// Gives an object another name; what is seen through a view that copies is copied to it.
    pub(crate) fn object_rename(
        &mut self,
        old: &Resource,
        new: &Resource,
        expected: Option<u64>,
        author: Author,
    ) -> Result<ObjectInfo, CallError> {
        let (old, new) = (old.path(), new.path());
        let mut found = self.to_change(old, expected, author)?;
        self.check_is_no_goal(&found)?;
        let free = self.room_for(new, author)?;
        let here = super::object_versions::Version { info: found.info.clone(), until: None };
        let payload = self.payload_of(found.behind.as_ref().unwrap_or(&here))?;
        let mut info = ObjectInfo {
            name: new.to_owned(),
            version: found.info.version + 1,
            updated: author.now,
            written_by: author.call,
            ..found.info.clone()
        };
        let renamed = |link: &Link| Link { to: if link.to == old { new } else { &link.to }.to_owned(), ..link.clone() };
        let links: Vec<Link> = info.links().iter().map(renamed).collect();
        info.set_unseen(|unseen| {
            unseen.links = links;
            unseen.links.sort();
            (unseen.same_as, unseen.merged, unseen.unaware) = (None, None, free.unaware);
        });
        let info = self.put_version(free.row.as_ref(), info, NewPayload::Payload(Arc::new(payload)))?;
        for (_, from) in self.links_to(old)? {
            if from != old
                && let Some(present) = self.head(&from)?
            {
                let links = present.links().iter().map(renamed).collect();
                self.set_links(&present, links)?;
            }
        }
        // The charge for it has moved.
        found.info.set_unseen(|unseen| unseen.paid_by = None);
        self.forget_object(&found, author)?;
        Ok(info.told())
    }
}
