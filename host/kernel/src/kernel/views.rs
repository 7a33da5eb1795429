//! What a forked process sees of other processes' objects: a name of its own namespace that is not there is looked for through its view.
//! No grant stands behind a view: the denies and asks of whoever sees through it, and of everybody on the way, refuse it.

use super::Kernel;
use super::grants::Asking;
use super::host::HostError;
use super::object_versions::Version;
use super::objects::{Author, owner};
use super::own_namespace;
use super::rules::Changed;
use super::state::State;
use crate::model::answer::{CallError, Denial};
use crate::model::call::ObjectInfo;
use crate::model::decide::{Default as WithoutGrant, Verdict, Why};
use crate::model::grant::Holder;
use crate::model::id::{CallId, Digest, Pid};
use crate::model::limit;
use crate::model::need::Need;
use crate::model::object::Link;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::{Kind, Resource};
use crate::model::right::Right;
use crate::model::row::ProcessRow;
use crate::model::view::{View, ViewMode, Window, check_roots};
use crate::store::StoreError;
use crate::store::table::Table;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What is at a name.
pub(super) enum Seen {
    Nothing,
    /// A row of the name itself.
    Own(ObjectInfo),
    /// Another process's object.
    Through(Version, ViewMode),
}

/// What a view shows at a name.
enum Shown {
    Nothing,
    Refused(&'static str),
    Found(Version),
}

/// What a call may see in a namespace.
pub(super) struct Visible {
    /// Under the name by which it is seen.
    pub info: ObjectInfo,
    pub version: Version,
}

impl Kernel {
    /// Shows a process the objects of another one, as a person, in the place of what it saw before.
    ///
    /// # Errors
    /// One of them is not there, or a root is no name.
    pub fn show_objects(
        &self,
        pid: Pid,
        source: Pid,
        mode: ViewMode,
        roots: Option<Vec<String>>,
    ) -> Result<Changed<View>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        if let Some(missing) = [pid, source].into_iter().find(|pid| !state.processes.contains_key(pid)) {
            return Err(HostError::Usage(format!("there is no live process {missing}")));
        }
        if pid == source {
            return Err(HostError::Usage(format!("{pid} sees its own objects; name another process")));
        }
        let author = Author { pid, call: CallId::default(), now };
        let view = state.make_view(source, mode, roots, author);
        let view = view.map_err(|error| HostError::Usage(error.to_string()))?;
        let before = state.processes.get(&pid).and_then(|process| process.view.clone());
        state.set_view(pid, view.clone());
        state.take_restrictions_left(pid, &view, now)?;
        if let Some(before) = before {
            state.drop_view(&before)?;
        }
        let mut record = Record::new("process.view", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.detail = Some(format!("{} of {source}", mode.word()));
        state.note(record);
        Ok(Changed { what: view, durable: state.mark() })
    }
}

impl State {
    /// The view that a new child of `source` gets. Changes nothing.
    ///
    /// # Errors
    /// `invalid`: a root is no name, or they are too many. `denied`: a rule refuses a root to the source. `too-large`: the views behind it
    /// are too many.
    pub fn make_view(
        &self,
        source: Pid,
        mode: ViewMode,
        roots: Option<Vec<String>>,
        author: Author,
    ) -> Result<View, CallError> {
        let at = self.next_seq;
        let own = own_namespace(source);
        check_roots(roots.as_deref().unwrap_or_default()).map_err(CallError::Invalid)?;
        for root in roots.iter().flatten() {
            if let Some(reason) = self.rule_refuses(source, Right::Read, &format!("{own}/{root}"), author) {
                return Err(denied(&format!("{own}/{root}"), reason));
            }
        }
        let theirs = self.processes.get(&source).and_then(|process| process.view.as_ref());
        let mut beyond = theirs.map(View::windows).unwrap_or_default();
        if mode != ViewMode::Worker {
            // A moment is a moment: what the source sees as it is now is seen as it was then.
            beyond.iter_mut().for_each(|window| window.at = Some(window.at.unwrap_or(at)));
        }
        if beyond.len() >= limit::VIEW_WINDOWS_MAX {
            let most = limit::VIEW_WINDOWS_MAX;
            return Err(CallError::TooLarge(format!("a view through a view through a view: at most {most} deep")));
        }
        Ok(View { mode, source, at, roots, beyond })
    }

    /// Gives a process a view and pins what it shows.
    pub fn set_view(&mut self, pid: Pid, view: View) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        for window in view.windows() {
            if let Some(at) = window.at {
                self.pin(window.source, at);
            }
        }
        self.put_process(ProcessRow { view: Some(view), ..process });
    }

    /// Lets go of what a view holds.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn drop_view(&mut self, view: &View) -> Result<(), StoreError> {
        for window in view.windows() {
            if let Some(at) = window.at {
                self.unpin(window.source, at)?;
            }
        }
        Ok(())
    }

    /// The view of the process in whose namespace a name is, if it is that process who asks; and the name in there.
    pub(super) fn view_for<'a>(&self, author: Author, name: &'a str) -> Option<(&View, &'a str)> {
        let view = self.processes.get(&author.pid)?.view.as_ref()?;
        let inside = name.strip_prefix(&own_namespace(author.pid))?;
        if inside.is_empty() { Some((view, "")) } else { Some((view, inside.strip_prefix('/')?)) }
    }

    /// What is at a name, for whoever asks.
    ///
    /// # Errors
    /// A rule refuses what is there; or the disk failed.
    pub(super) fn seen(&self, author: Author, name: &str) -> Result<Seen, CallError> {
        match self.head(name)? {
            Some(info) if info.is_gone() => return Ok(Seen::Nothing),
            Some(info) => return Ok(Seen::Own(info)),
            None => {}
        }
        let Some((view, inside)) = self.view_for(author, name) else { return Ok(Seen::Nothing) };
        match self.through(view, author.pid, inside, Some(author))? {
            Shown::Nothing => Ok(Seen::Nothing),
            Shown::Refused(reason) => Err(denied(name, reason)),
            Shown::Found(version) => Ok(Seen::Through(version, view.mode)),
        }
    }

    /// Whether a view of the process would show something at a name if the process had nothing there itself, or refuses to tell.
    pub(super) fn is_behind(&self, author: Author, name: &str) -> Result<bool, CallError> {
        let Some((view, inside)) = self.view_for(author, name) else { return Ok(false) };
        let shown = self.through(view, author.pid, inside, Some(author))?;
        Ok(view.mode == ViewMode::CopyOnWrite && !matches!(shown, Shown::Nothing))
    }

    /// What a view showed at a name when it was made, whatever the rules are: what a change through it started from. A live window has
    /// no such moment.
    pub(super) fn base(&self, view: &View, inside: &str) -> Result<Option<Version>, StoreError> {
        if view.mode == ViewMode::Worker {
            return Ok(None);
        }
        match self.through(view, view.source, inside, None)? {
            Shown::Found(version) => Ok(Some(version)),
            Shown::Nothing | Shown::Refused(_) => Ok(None),
        }
    }

    fn through(&self, view: &View, pid: Pid, inside: &str, reader: Option<Author>) -> Result<Shown, StoreError> {
        let mut holders = vec![pid];
        for window in view.windows() {
            if !window.shows(inside) {
                return Ok(Shown::Nothing);
            }
            let name = format!("{}/{inside}", own_namespace(window.source));
            holders.push(window.source);
            // Before the look: a refusal says the same of what exists and what does not.
            if let Some(reason) = reader.and_then(|reader| self.refused_to(&holders, Right::Read, &name, reader)) {
                return Ok(Shown::Refused(reason));
            }
            match self.version_as_of(&name, window.at)? {
                Some(version) if version.info.is_gone() => return Ok(Shown::Nothing),
                Some(version) => return Ok(Shown::Found(version)),
                None => {}
            }
        }
        Ok(Shown::Nothing)
    }

    fn refused_to(&self, holders: &[Pid], right: Right, name: &str, reader: Author) -> Option<&'static str> {
        holders.iter().find_map(|holder| self.rule_refuses(*holder, right, name, reader))
    }

    /// Whether a rule of whoever looks through these windows, or of anybody on the way, refuses a right on what has this name in them.
    fn is_refused(&self, windows: &[Window], right: Right, inside: &str, reader: Author) -> bool {
        let mut holders = vec![reader.pid];
        windows.iter().any(|window| {
            holders.push(window.source);
            let theirs = own_namespace(window.source);
            let name = if inside.is_empty() { theirs } else { format!("{theirs}/{inside}") };
            self.refused_to(&holders, right, &name, reader).is_some()
        })
    }

    /// Why a rule of a process keeps an object from being read, or a namespace from being listed, without a question.
    pub(super) fn rule_refuses(&self, holder: Pid, right: Right, name: &str, author: Author) -> Option<&'static str> {
        const NO_TOOL: (&str, &Digest) = ("", &[0; 32]);
        let need = Need { resource: Resource::new(Kind::Object, name), right, whole: false };
        if let Some(reason) = self.ceiling.refuses(&need.resource, need.right, need.whole) {
            return Some(reason);
        }
        let (tool, component) = self.asking_tool(author.call).map_or(NO_TOOL, |(tool, component, _)| (tool, component));
        let asking = Asking { tool, component, now: author.now, default: WithoutGrant::Deny };
        match self.grants.decide(&Holder::Process(holder), &need, asking, false) {
            Verdict::Deny(Why::NoGrant) | Verdict::Allow(_) | Verdict::Ask(None) => None,
            Verdict::Deny(why) => Some(why.reason()),
            Verdict::Ask(Some(_)) => Some("a rule asks a person about it"),
        }
    }

    /// What a process sees through its view as it would be if it were its own.
    pub(super) fn as_own(&self, author: Author, name: &str, version: &Version) -> ObjectInfo {
        let mut info = ObjectInfo { name: name.to_owned(), unseen: None, ..version.info.clone() };
        let view = self.processes.get(&author.pid).and_then(|process| process.view.as_ref());
        let sources: Vec<Pid> = view.iter().flat_map(|view| view.windows()).map(|window| window.source).collect();
        let links: Vec<Link> = version.info.links().iter().map(|link| moved(link, &sources, author.pid)).collect();
        info.set_unseen(|unseen| unseen.links = links);
        info
    }

    /// The objects below a namespace that are there for whoever asks, at whatever depth, by the name by which they are seen. Rules on these
    /// names are the caller's to ask for; what is refused under the name that it has at its source is left out.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn visible(&self, author: Author, namespace: &str) -> Result<BTreeMap<String, Visible>, CallError> {
        let mut found: BTreeMap<String, Option<Visible>> = BTreeMap::new();
        for (name, version) in self.versions_as_of(namespace, None)? {
            let there = !version.info.is_gone();
            found.insert(name, there.then(|| Visible { info: version.info.clone(), version }));
        }
        let Some((view, inside)) = self.view_for(author, namespace) else {
            return Ok(found.into_iter().filter_map(|(name, there)| Some((name, there?))).collect());
        };
        let (windows, own) = (view.windows(), own_namespace(author.pid));
        for (depth, window) in windows.iter().enumerate() {
            let passed = &windows[..=depth];
            let mut unlisted: BTreeMap<String, bool> = BTreeMap::new();
            let theirs = own_namespace(window.source);
            let below = if inside.is_empty() { theirs.clone() } else { format!("{theirs}/{inside}") };
            for (name, version) in self.versions_as_of(&below, window.at)? {
                let inside = name.strip_prefix(&theirs).unwrap_or_default().trim_start_matches('/');
                let Entry::Vacant(place) = found.entry(format!("{own}/{inside}")) else { continue };
                if !passed.iter().all(|window| window.shows(inside)) {
                    continue;
                }
                let namespace = above(inside);
                let is_unlisted = *unlisted
                    .entry(namespace.to_owned())
                    .or_insert_with(|| self.is_refused(passed, Right::List, namespace, author));
                // What is refused or gone here hides what is behind it.
                let there =
                    !version.info.is_gone() && !is_unlisted && !self.is_refused(passed, Right::Read, inside, author);
                let info = there.then(|| self.as_own(author, place.key(), &version));
                place.insert(info.map(|info| Visible { info, version }));
            }
        }
        Ok(found.into_iter().filter_map(|(name, there)| Some((name, there?))).collect())
    }

    /// Whether a view of the process shows a namespace, and no rule keeps it from being listed where it is.
    pub(super) fn sees_namespace(&self, author: Author, namespace: &str) -> Result<bool, StoreError> {
        let Some((view, inside)) = self.view_for(author, namespace) else { return Ok(false) };
        let windows = view.windows();
        for (depth, window) in windows.iter().enumerate() {
            if !window.opens_on(inside) || self.is_refused(&windows[..=depth], Right::List, inside, author) {
                return Ok(false);
            }
            let theirs = format!("{}/{inside}", own_namespace(window.source));
            if self.get(Table::Namespace, theirs.as_bytes())?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The namespaces below one that a view of the process shows, at whatever depth, as names of its own.
    pub(super) fn seen_namespaces(&self, author: Author, namespace: &str) -> Result<BTreeSet<String>, StoreError> {
        let mut found = BTreeSet::new();
        let Some((view, inside)) = self.view_for(author, namespace) else { return Ok(found) };
        let own = own_namespace(author.pid);
        let mut shown: Vec<Window> = Vec::new();
        for window in view.windows() {
            let theirs = own_namespace(window.source);
            let below = if inside.is_empty() { format!("{theirs}/") } else { format!("{theirs}/{inside}/") };
            shown.push(window);
            for (key, _) in self.scan(Table::Namespace, below.as_bytes())? {
                let Ok(name) = String::from_utf8(key) else { continue };
                let inside = &name[theirs.len() + 1..];
                let is_listed = |inside: &str| !self.is_refused(&shown, Right::List, inside, author);
                if shown.iter().all(|window| window.opens_on(inside)) && is_listed(inside) && is_listed(above(inside)) {
                    found.insert(format!("{own}/{inside}"));
                }
            }
        }
        Ok(found)
    }
}

/// The namespace in which a name is.
fn above(inside: &str) -> &str {
    inside.rsplit_once('/').map_or("", |(namespace, _)| namespace)
}

/// A link to what is seen through a view leads to the name by which it is seen.
pub(super) fn moved(link: &Link, from: &[Pid], to: Pid) -> Link {
    let source = owner(&link.to).filter(|pid| from.contains(pid));
    let inside = source.and_then(|pid| link.to.strip_prefix(&own_namespace(pid)));
    match inside {
        Some(inside) => Link { relation: link.relation.clone(), to: format!("{}{inside}", own_namespace(to)) },
        None => link.clone(),
    }
}

fn denied(name: &str, reason: &str) -> CallError {
    CallError::Denied(Denial {
        right: Right::Read,
        resource: Resource::new(Kind::Object, name).to_string(),
        reason: reason.to_owned(),
    })
}
