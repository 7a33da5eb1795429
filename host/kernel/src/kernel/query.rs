//! Looking for objects by what they are, what they hold and what they are linked to. Bounded in what is looked at; where the bound was met,
//! the answer says from where to go on.

use super::calls::Place;
use super::object_versions::Version;
use super::objects::Author;
use super::state::State;
use super::views::Visible;
use crate::model::answer::CallError;
use crate::model::call::{ObjectInfo, Payload};
use crate::model::codec::from_bytes;
use crate::model::decide::Verdict;
use crate::model::limit;
use crate::model::need::Need;
use crate::model::object::{Filter, Link};
use crate::model::resource::{Kind, Resource};
use crate::model::right::Right;
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::table::Table;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// What a query has found: the objects, and the name after which there may be more.
pub(crate) type Found = (Vec<ObjectInfo>, Option<String>);

/// Objects to look at, sorted by name, and whether there are more.
type Page = (Vec<Visible>, bool);

/// A query while it runs.
struct Query<'a> {
    filter: &'a Filter,
    /// In lower case.
    text: Option<String>,
    linked_to: Option<&'a str>,
    /// Where the links of the object lead that is to link to what is found.
    linked_from: Option<BTreeSet<String>>,
    /// Which namespaces may be listed.
    listed: BTreeMap<String, bool>,
    bytes: usize,
}

impl State {
    /// Whether the process may use a right on an object as it is: without a question, and without taking a use.
    fn may(&self, place: Place, right: Right, name: &str, now: Time) -> bool {
        let need = Need { resource: Resource::new(Kind::Object, name), right, whole: false };
        match self.decide_one(place, &need, now, false) {
            Verdict::Allow(id) => self.grants.in_force(id, now) == Some(false),
            _ => false,
        }
    }

    pub(super) fn may_read(&self, place: Place, name: &str, now: Time) -> bool {
        self.may(place, Right::Read, name, now)
    }

    /// See [`Filter`]. `names` are the namespace and then the objects that the filter names, in the order of its fields.
    pub(crate) fn object_query(
        &self,
        place: Place,
        names: &[Resource],
        filter: &Filter,
        author: Author,
    ) -> Result<Found, CallError> {
        let mut ends = names.iter().skip(1).map(Resource::path);
        let namespace = names.first().map_or("", Resource::path);
        if !self.namespace_exists(namespace, author)? {
            return Err(CallError::NotFound(namespace.to_owned()));
        }
        let linked_to = filter.linked_to.as_ref().and_then(|_| ends.next());
        let linked_from = match filter.linked_from.as_ref().and_then(|_| ends.next()) {
            None => None,
            Some(from) => {
                let links = self.links_of(author, from)?.into_iter();
                Some(links.filter(|link| is_related(filter, link)).map(|link| link.to).collect())
            }
        };
        let text = filter.text.as_ref().map(|text| text.to_ascii_lowercase());
        let mut query = Query { filter, text, linked_to, linked_from, listed: BTreeMap::new(), bytes: 0 };
        query.listed.insert(namespace.to_owned(), true);
        let most = filter.limit.unwrap_or(limit::QUERY_RESULTS_MAX).min(limit::QUERY_RESULTS_MAX) as usize;
        let (page, more) = self.page(author, namespace, filter.after.as_deref())?;
        let mut found = Vec::new();
        let mut last = filter.after.clone();
        for visible in page {
            if found.len() >= most || query.bytes >= limit::QUERY_BYTES_MAX {
                return Ok((found, last));
            }
            last = Some(visible.info.name.clone());
            if self.fits(place, &mut query, &visible, author.now)? {
                found.push(visible.info.told());
            }
        }
        Ok((found, last.filter(|_| more)))
    }

    /// Objects below a namespace after a name, as many as one query looks at.
    fn page(&self, author: Author, namespace: &str, after: Option<&str>) -> Result<Page, CallError> {
        let most = limit::QUERY_OBJECTS_MAX;
        if self.view_for(author, namespace).is_some() {
            let mut seen = self.visible(author, namespace)?;
            if let Some(after) = after {
                seen = seen.split_off(after);
                seen.remove(after);
            }
            let more = seen.len() > most;
            return Ok((seen.into_values().take(most).collect(), more));
        }
        let (rows, more) = self.scan_page(Table::Object, &format!("{namespace}/"), after, most)?;
        let mut page = Vec::new();
        for row in rows {
            let info: ObjectInfo = from_bytes(&row).map_err(StoreError::from)?;
            if !info.is_gone() {
                page.push(Visible { info: info.clone(), version: Version { info, until: None } });
            }
        }
        Ok((page, more))
    }

    /// The first rows whose keys start with `prefix` and come after one, committed or not, and whether there are more.
    fn scan_page(
        &self,
        table: Table,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<(Vec<Vec<u8>>, bool), StoreError> {
        let first = after.filter(|after| *after >= prefix).unwrap_or(prefix).as_bytes();
        let new = |key: &[u8]| key.starts_with(prefix.as_bytes()) && Some(key) != after.map(str::as_bytes);
        let mut changed: BTreeMap<&[u8], Option<&Vec<u8>>> = BTreeMap::new();
        for batch in [self.in_flight.as_deref(), Some(&self.batch)].into_iter().flatten() {
            let rows = batch.rows.range((Bound::Included((table, first.to_vec())), Bound::Unbounded));
            let ours = rows.take_while(|((found, key), _)| *found == table && key.starts_with(prefix.as_bytes()));
            changed.extend(ours.map(|((_, key), value)| (key.as_slice(), value.as_ref())));
        }
        let mut changed = changed.into_iter().filter(|(key, _)| new(key)).peekable();
        let mut found: Vec<Vec<u8>> = Vec::new();
        self.snapshot()?.scan_from(table, prefix.as_bytes(), first, |key, value| {
            while let Some((_, value)) = changed.next_if(|(changed, _)| *changed < key) {
                found.extend(value.cloned());
            }
            match changed.next_if(|(changed, _)| *changed == key) {
                Some((_, value)) => found.extend(value.cloned()),
                None if new(key) => found.push(value),
                None => {}
            }
            Ok(if found.len() > most { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) })
        })?;
        for (_, value) in changed {
            if found.len() > most {
                break;
            }
            found.extend(value.cloned());
        }
        let more = found.len() > most;
        found.truncate(most);
        Ok((found, more))
    }

    fn fits(&self, place: Place, query: &mut Query<'_>, seen: &Visible, now: Time) -> Result<bool, CallError> {
        let Query { filter, linked_to, .. } = *query;
        let info = &seen.info;
        let plain = filter.object_type.as_ref().is_none_or(|wanted| *wanted == info.object_type)
            && filter.tags.iter().all(|tag| info.tags.contains(tag))
            && linked_to.is_none_or(|to| info.links().iter().any(|link| link.to == to && is_related(filter, link)))
            && query.linked_from.as_ref().is_none_or(|names| names.contains(&info.name));
        if !plain {
            return Ok(false);
        }
        let (namespace, last) = info.name.rsplit_once('/').unwrap_or_default();
        let listed = match query.listed.get(namespace) {
            Some(listed) => *listed,
            None => {
                let listed = self.may(place, Right::List, namespace, now);
                query.listed.insert(namespace.to_owned(), listed);
                listed
            }
        };
        if !listed || !self.may_read(place, &info.name, now) {
            return Ok(false);
        }
        let Some(text) = &query.text else { return Ok(true) };
        if [last, &info.title].iter().any(|place| place.to_ascii_lowercase().contains(text)) {
            return Ok(true);
        }
        query.bytes += info.size as usize;
        Ok(match self.payload_of(&seen.version)? {
            Payload::Json(payload) => payload.to_ascii_lowercase().contains(text),
            Payload::Bytes(bytes) => str::from_utf8(&bytes).is_ok_and(|held| held.to_ascii_lowercase().contains(text)),
        })
    }
}

fn is_related(filter: &Filter, link: &Link) -> bool {
    filter.relation.as_ref().is_none_or(|relation| *relation == link.relation)
}
