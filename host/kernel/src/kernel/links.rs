//! Links between objects. They are part of the object that they lead from; a table finds them by their other end.

use super::calls::Place;
use super::objects::{Author, NewPayload, ToChange};
use super::own_namespace;
use super::state::State;
use super::views::{Seen, moved};
use crate::model::answer::CallError;
use crate::model::call::ObjectInfo;
use crate::model::limit;
use crate::model::object::{Link, LinkEnd};
use crate::model::resource::Resource;
use crate::store::StoreError;
use crate::store::table::{self, Table};

impl State {
    /// Links an object to another one. Nothing happens if it is linked so already.
    pub(crate) fn object_link(
        &mut self,
        from: &Resource,
        relation: &str,
        to: &Resource,
        author: Author,
    ) -> Result<(), CallError> {
        let found = self.to_change(from.path(), None, author)?;
        if matches!(self.seen(author, to.path())?, Seen::Nothing) {
            return Err(CallError::NotFound(to.path().to_owned()));
        }
        let link = Link { relation: relation.to_owned(), to: to.path().to_owned() };
        let mut links = found.info.links().to_vec();
        if links.contains(&link) {
            return Ok(());
        }
        if links.len() >= limit::OBJECT_LINKS_MAX {
            let most = limit::OBJECT_LINKS_MAX;
            return Err(CallError::TooLarge(format!("{} has {most} links, as many as there can be", from.path())));
        }
        if self.links_to(to.path())?.len() >= limit::OBJECT_LINKS_BACK_MAX {
            let most = limit::OBJECT_LINKS_BACK_MAX;
            return Err(CallError::TooLarge(format!("{most} objects link to {}, as many as there can be", to.path())));
        }
        links.push(link);
        let row = self.own_row(found, author)?;
        self.set_links(&row, links)?;
        Ok(())
    }

    /// Takes a link away.
    pub(crate) fn object_unlink(
        &mut self,
        from: &Resource,
        relation: &str,
        to: &Resource,
        author: Author,
    ) -> Result<(), CallError> {
        let found = self.to_change(from.path(), None, author)?;
        let mut links = found.info.links().to_vec();
        let before = links.len();
        links.retain(|link| link.relation != relation || link.to != to.path());
        if links.len() == before {
            return Err(CallError::NotFound(format!("a link '{relation}' from {} to {}", from.path(), to.path())));
        }
        let row = self.own_row(found, author)?;
        self.set_links(&row, links)?;
        Ok(())
    }

    /// The links of an object in both directions, sorted; those whose other end may not be read, or is not there, are left out.
    pub(crate) fn object_links(
        &self,
        place: Place,
        name: &Resource,
        author: Author,
    ) -> Result<Vec<LinkEnd>, CallError> {
        let name = name.path();
        let info = match self.seen(author, name)? {
            Seen::Nothing => return Err(CallError::NotFound(name.to_owned())),
            Seen::Own(info) => info,
            Seen::Through(version, _) => self.as_own(author, name, &version),
        };
        let mut ends = Vec::new();
        for (relation, from) in self.all_links_to(author, name)? {
            if self.may_read(place, &from, author.now) && self.links_of(author, &from)?.contains(&link(&relation, name))
            {
                ends.push(LinkEnd { relation, name: from, outgoing: false });
            }
        }
        for Link { relation, to } in info.links() {
            let there =
                self.may_read(place, to, author.now) && !matches!(self.seen(author, to), Ok(Seen::Nothing) | Err(_));
            if there {
                ends.push(LinkEnd { relation: relation.clone(), name: to.clone(), outgoing: true });
            }
        }
        Ok(ends)
    }

    /// Where the links of an object lead, as whoever asks sees it; nowhere, if it is not there.
    pub(super) fn links_of(&self, author: Author, name: &str) -> Result<Vec<Link>, CallError> {
        Ok(match self.seen(author, name) {
            Ok(Seen::Own(info)) => info.links().to_vec(),
            Ok(Seen::Through(version, _)) => self.as_own(author, name, &version).links().to_vec(),
            Ok(Seen::Nothing) | Err(CallError::Denied(_)) => Vec::new(),
            Err(error) => return Err(error),
        })
    }

    /// Those that may link to a name, also through the view of whoever asks: the rows say more than what is seen.
    fn all_links_to(&self, author: Author, name: &str) -> Result<Vec<(String, String)>, StoreError> {
        let mut found = self.links_to(name)?;
        if let Some((view, inside)) = self.view_for(author, name) {
            let windows = view.windows();
            let sources: Vec<_> = windows.iter().map(|window| window.source).collect();
            for source in &sources {
                for (relation, from) in self.links_to(&format!("{}/{inside}", own_namespace(*source)))? {
                    let seen = moved(&link(&relation, &from), &sources, author.pid);
                    found.push((relation, seen.to));
                }
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// The row of an object that is to be changed; what is seen through a view is copied first.
    pub(super) fn own_row(&mut self, found: ToChange, author: Author) -> Result<ObjectInfo, CallError> {
        let Some(version) = &found.behind else { return Ok(found.info) };
        let payload = self.payload_of(version)?;
        let info = ObjectInfo { written_by: author.call, ..found.info };
        Ok(self.put_version(None, info, NewPayload::Payload(payload.into()))?)
    }

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

fn link(relation: &str, to: &str) -> Link {
    Link { relation: relation.to_owned(), to: to.to_owned() }
}
