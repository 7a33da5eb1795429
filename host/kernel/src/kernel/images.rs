//! Images of the host: what processes are started from. An image is known by its name; what a process goes by is the version that it was
//! started from, which is kept by its digest as long as the store, whatever becomes of the name.
//!
//! An image adds no authority. Its rules are grants that only deny or ask, of each process that is or becomes one of it: they stay when the
//! process becomes one of another image, and what is handed to children hands them on. An ask alone would let a process ask where it is
//! refused otherwise, so an image's ask becomes asks on what the process is allowed at that moment, and nothing else.

use super::Kernel;
use super::explain::{As, explain};
use super::host::HostError;
use super::rules::Changed;
use super::state::State;
use crate::model::answer::CallError;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{Digest, Pid};
use crate::model::image::{BASE, Image, ImageInfo, Registered, difference, is_standard, standard};
use crate::model::limit;
use crate::model::need::Need;
use crate::model::overlap::overlap;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::{Kind, Pattern, Resource};
use crate::model::right::{Right, Rights};
use crate::model::row::ProcessRow;
use crate::model::rule::Rule;
use crate::model::time::Time;
use crate::model::view::View;
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An image and the digest of what its processes go by.
#[derive(Debug, Clone)]
pub(super) struct KnownImage {
    pub image: Image,
    pub digest: Digest,
}

impl std::ops::Deref for KnownImage {
    type Target = Image;

    fn deref(&self) -> &Image {
        &self.image
    }
}

impl From<Image> for KnownImage {
    fn from(image: Image) -> KnownImage {
        KnownImage { digest: image.digest(), image }
    }
}

/// What an image forbids or asks for, for one process.
pub(super) type Restrictions = Vec<(Effect, Rule)>;

/// The versions that are kept: image, digest → version.
pub(super) type ImageVersions = BTreeMap<(String, Digest), String>;

/// Why an image is not taken.
enum Refused {
    Standard,
    NoTool(String),
    /// The lines of the difference.
    OtherContent(Vec<String>),
    Full(String),
}

impl Kernel {
    /// Adds an image; the one that had its name has it no more. `replace`: also if a version of that number says something else.
    ///
    /// # Errors
    /// It comes with the program, names a tool that the host has not, or is another than the one of this version.
    pub fn register_image(&self, image: Image, replace: bool) -> Result<Changed<Registered>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let has = |state: &State, name: &str| name == "*" || state.tools.contains_key(name);
        let done = state.put_registered(image.clone(), replace, has)?.map_err(|refused| {
            HostError::Usage(match refused {
                Refused::Standard => format!("the image '{0}' comes with the program; add yours under another id", image.name),
                Refused::NoTool(missing) => format!("the image names the tool '{missing}', which the host has not"),
                Refused::OtherContent(lines) => format!(
                    "the image '{}' {} is there already and says something else; give yours another version, or put it in its place with \
                     --replace\n{}",
                    image.name,
                    image.version,
                    lines.join("\n")
                ),
                Refused::Full(why) => why,
            })
        })?;
        if done != Registered::Unchanged {
            let mut record = Record::new("host.image-add", now, Decided::Host, Outcome::Done);
            record.detail = Some(format!("{} {}", image.name, image.version));
            state.note(record);
        }
        Ok(Changed { what: done, durable: state.mark() })
    }

    /// As [`Kernel::register_image`], in the place of whatever has its name.
    ///
    /// # Errors
    /// It comes with the program, or names a tool that the host has not.
    pub fn add_image(&self, image: Image) -> Result<Changed<()>, HostError> {
        self.register_image(image, true).map(|Changed { durable, .. }| Changed { what: (), durable })
    }

    /// Takes an image away. Processes that were started from it keep it. If one came with the program under its name, that one is back.
    ///
    /// # Errors
    /// There is none of that name, or it comes with the program.
    pub fn remove_image(&self, name: &str) -> Result<Changed<()>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        if !state.images.contains_key(name) {
            return Err(HostError::Usage(format!("there is no image '{name}'; `libos image list` shows them")));
        }
        if !state.has_row_of_image(name)? {
            return Err(HostError::Usage(format!("the image '{name}' comes with the program and stays")));
        }
        state.note_versions_of(name);
        state.remove(Table::Image, name.as_bytes().to_vec());
        let before = state.images.remove(name);
        if let Some(memory) = before.and_then(|before| before.memory.clone()) {
            state.drop_view(&memory)?;
        }
        state.refresh_standard_images();
        let mut record = Record::new("host.image-rm", now, Decided::Host, Outcome::Done);
        record.detail = Some(name.to_owned());
        state.note(record);
        Ok(Changed { what: (), durable: state.mark() })
    }
}

impl State {
    /// What comes with the program and has no row: as the tools of the host are now.
    pub(super) fn refresh_standard_images(&mut self) {
        let tools = &self.tools;
        for image in standard(|name| tools.get(name).is_some_and(|tool| tool.standard)) {
            let is_own = self.images.get(&image.name).is_some_and(|known| !self.standard_images.contains(&known.name));
            if !is_own {
                self.standard_images.insert(image.name.clone());
                self.images.insert(image.name.clone(), Arc::new(image.into()));
            }
        }
    }

    /// Takes over an image from its row.
    pub(super) fn load_image(&mut self, image: Image) {
        self.standard_images.remove(&image.name);
        self.images.insert(image.name.clone(), Arc::new(image.into()));
    }

    fn has_row_of_image(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.images.contains_key(name) && !self.standard_images.contains(name))
    }

    /// Adds an image or replaces one. It holds its memory; the one that it replaces lets go of its own.
    pub(super) fn put_image(&mut self, image: Image) -> Result<(), StoreError> {
        for window in image.memory.iter().flat_map(View::windows) {
            if let Some(at) = window.at {
                self.pin(window.source, at);
            }
        }
        self.note_versions_of(&image.name);
        self.put(Table::Image, image.name.clone().into_bytes(), &image);
        self.standard_images.remove(&image.name);
        let known = Arc::new(KnownImage::from(image));
        self.keep_image_version(&known);
        let before = self.images.insert(known.name.clone(), known);
        before.and_then(|before| before.memory.clone()).map_or(Ok(()), |memory| self.drop_view(&memory))
    }

    /// Registers an image unless it is refused. `has`: which tools it may name.
    fn put_registered(
        &mut self,
        image: Image,
        replace: bool,
        has: impl Fn(&State, &str) -> bool,
    ) -> Result<Result<Registered, Refused>, StoreError> {
        // What comes with the program means the same everywhere; what had the name before the program did keeps it.
        if is_standard(&image.name) && (image.name == BASE || !self.has_row_of_image(&image.name)?) {
            return Ok(Err(Refused::Standard));
        }
        if let Some(missing) = image.tools.iter().find(|name| !has(self, name)) {
            return Ok(Err(Refused::NoTool(missing.clone())));
        }
        let digest = image.digest();
        let before = self.images.get(&image.name).cloned();
        if before.as_ref().is_some_and(|before| before.digest == digest && before.memory.is_none()) {
            return Ok(Ok(Registered::Unchanged));
        }
        if !replace && let Some(other) = self.other_content(&image, &digest)? {
            return Ok(Err(Refused::OtherContent(difference(&other, &image))));
        }
        if before.is_none() && self.images.len() >= limit::IMAGES_MAX {
            return Ok(Err(Refused::Full(format!("there are {} images, the most that a host has", limit::IMAGES_MAX))));
        }
        let is_kept = self.image_versions.contains_key(&(image.name.clone(), digest));
        if !is_kept && self.image_versions.len() >= limit::IMAGE_VERSIONS_MAX {
            let most = limit::IMAGE_VERSIONS_MAX;
            return Ok(Err(Refused::Full(format!("{most} versions of images are kept, the most that a host has"))));
        }
        self.put_image(image)?;
        Ok(Ok(if before.is_some() { Registered::Replaced } else { Registered::Added }))
    }

    /// Registers an image that a process wrote. Of tools it can name those that the process itself has of the host: what others there are
    /// is not for it to know, and what it registers gives nobody more than it sees.
    pub(crate) fn register_image_of(&mut self, pid: Pid, image: Image, replace: bool) -> Result<Registered, CallError> {
        self.check_space().map_err(|_| super::space::no_space())?;
        let own = self.processes.get(&pid).and_then(|process| self.image_of(process)).ok_or(CallError::Internal)?;
        let has = move |state: &State, name: &str| match name {
            "*" => own.tools.iter().any(|tool| tool == "*"),
            name => own.has(name) && state.tools.contains_key(name),
        };
        let name = format!("image:{} {}", image.name, image.version);
        match self.put_registered(image, replace, has) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Refused::Standard)) => Err(CallError::AlreadyExists(format!("{name}: it comes with the program"))),
            Ok(Err(Refused::NoTool(tool))) => Err(CallError::NotFound(format!("tool:{tool}"))),
            Ok(Err(Refused::OtherContent(_))) => {
                Err(CallError::AlreadyExists(format!("{name}: it says something else; choose another version")))
            }
            Ok(Err(Refused::Full(why))) => Err(CallError::TooLarge(why)),
            Err(_) => Err(CallError::Internal),
        }
    }

    /// The images that a process may become or start a child from, or is asked about.
    pub(crate) fn images_for(&self, pid: Pid, now: Time) -> Vec<ImageInfo> {
        let Some(process) = self.processes.get(&pid) else { return Vec::new() };
        let holder = Holder::Process(pid);
        let may = |resource: Resource, right: Right| {
            let need = Need { resource, right, whole: false };
            explain(&self.grants, &self.ceiling, &holder, process.default, &need, &As::of(None), now).verdict != "deny"
        };
        let is_seen = |image: &&Arc<KnownImage>| {
            may(Resource::new(Kind::Image, image.name.as_str()), Right::Use)
                || may(Resource::new(Kind::Process, format!("image/{}", image.name)), Right::Spawn)
        };
        self.images.values().filter(is_seen).map(|image| image.info()).collect()
    }

    /// All that an image says, as JSON.
    pub(crate) fn show_image(&self, id: &str) -> Result<String, CallError> {
        let image = self.images.get(id).ok_or_else(|| CallError::NotFound(format!("image:{id}")))?;
        let mut value = serde_json::to_value(image.without_memory()).map_err(|_| CallError::Internal)?;
        value["digest"] = crate::model::id::hex(&image.digest).into();
        Ok(value.to_string())
    }

    /// A kept image of the same name and version that says something else.
    fn other_content(&self, image: &Image, digest: &Digest) -> Result<Option<Image>, StoreError> {
        let of_name = self.image_versions.range((image.name.clone(), [0; 32])..);
        let mut of_name = of_name.take_while(|((name, _), _)| *name == image.name);
        let other = of_name.find(|((_, other), version)| other != digest && **version == image.version);
        other.map_or(Ok(None), |((name, digest), _)| self.image_version(name, digest))
    }

    /// A kept version.
    pub(super) fn image_version(&self, name: &str, digest: &Digest) -> Result<Option<Image>, StoreError> {
        self.row(Table::ImageVersion, &table::image_version(name, digest))
    }

    /// Keeps what the processes of an image go by.
    fn keep_image_version(&mut self, image: &KnownImage) {
        let key = (image.name.clone(), image.digest);
        if !self.image_versions.contains_key(&key) {
            let row = table::image_version(&image.name, &image.digest);
            self.put(Table::ImageVersion, row, &image.without_memory());
            self.image_versions.insert(key, image.version.clone());
        }
    }

    /// Before a name means something else: processes from a time when they did not say which version they are from, say so now.
    fn note_versions_of(&mut self, name: &str) {
        let Some(image) = self.images.get(name).cloned() else { return };
        let is_one = |process: &&ProcessRow| process.image == name && process.image_digest.is_none();
        let unsaid: Vec<ProcessRow> = self.processes.values().filter(is_one).cloned().collect();
        for process in unsaid {
            self.keep_image_version(&image);
            self.put_process(ProcessRow { image_digest: Some(image.digest), ..process });
        }
    }

    /// The version of an image that a new process is from; kept from now on.
    pub(super) fn take_image(&mut self, name: &str) -> Option<Arc<KnownImage>> {
        let image = self.images.get(name).cloned()?;
        self.keep_image_version(&image);
        Some(image)
    }

    /// What a process is one of: the version that it was started from. None: that is not there any more, and it has no tools of it.
    pub(super) fn image_of(&self, process: &ProcessRow) -> Option<Arc<KnownImage>> {
        let current = self.images.get(&process.image);
        match process.image_digest {
            None => current.cloned(),
            Some(digest) => match current.filter(|current| current.digest == digest) {
                Some(current) => Some(Arc::clone(current)),
                None => {
                    let image = self.image_version(&process.image, &digest).ok().flatten()?;
                    Some(Arc::new(KnownImage { image, digest }))
                }
            },
        }
    }

    /// What the rules of an image come to for a process: denies as they are, and asks on what it is allowed now. What it is refused anyway
    /// it cannot ask for either.
    pub(super) fn restrictions_of(&self, image: &Image, pid: Pid, now: Time) -> Restrictions {
        let lines = image.policy.iter().flatten();
        let mut made: Restrictions = Vec::new();
        let holder = Holder::Process(pid);
        let allows: Vec<(&Pattern, Rights)> = self
            .grants
            .of(&holder)
            .filter(|grant| grant.effect == Effect::Allow && self.grants.in_force(grant.id, now).is_some())
            .map(|grant| (&grant.pattern, grant.rights))
            .collect();
        for line in lines {
            if line.effect != Effect::Ask {
                made.push((Effect::Deny, line.rule.clone()));
                continue;
            }
            let mut asks: Vec<Rule> = Vec::new();
            for (pattern, rights) in &allows {
                let both: Vec<Right> = rights.iter().filter(|right| line.rule.rights.contains(*right)).collect();
                let rights = Rights::of(&both);
                let Some(pattern) = overlap(pattern, &line.rule.pattern).filter(|_| !rights.is_empty()) else {
                    continue;
                };
                let is_covered = |ask: &Rule| ask.rights.contains_all(rights) && ask.pattern.contains(&pattern);
                if !asks.iter().any(is_covered) {
                    asks.push(Rule { rights, pattern });
                }
            }
            let count = made.iter().filter(|(effect, _)| *effect == Effect::Ask).count();
            if count + asks.len() > limit::IMAGE_ASKS_MAX {
                made.push((Effect::Deny, line.rule.clone()));
            } else {
                made.extend(asks.into_iter().map(|rule| (Effect::Ask, rule)));
            }
        }
        let is_there = |(effect, rule): &(Effect, Rule)| {
            self.grants.of(&holder).any(|grant| {
                grant.issuer == Issuer::Image
                    && grant.effect == *effect
                    && grant.rights == rule.rights
                    && grant.pattern == rule.pattern
                    && self.grants.in_force(grant.id, now).is_some()
            })
        };
        made.retain(|line| !is_there(line));
        made
    }

    /// Whether a process can hold so many grants more.
    pub(super) fn has_room_for_grants(&self, pid: Pid, more: usize) -> bool {
        self.grants.count(&Holder::Process(pid)) + more <= limit::GRANTS_PER_HOLDER_MAX
    }

    /// Gives a process the restrictions of its image.
    pub(super) fn restrict(&mut self, pid: Pid, restrictions: Restrictions, now: Time) {
        for (effect, Rule { rights, pattern }) in restrictions {
            let id = self.new_grant();
            self.put_grant(Grant {
                id,
                holder: Holder::Process(pid),
                pattern,
                rights,
                effect,
                uses_left: None,
                not_after: None,
                only_tool: None,
                answers: None,
                parent: None,
                issuer: Issuer::Image,
                revoked: false,
                created: now,
                moved: false,
            });
        }
    }

    /// As [`State::restrict`] with all that an image says.
    pub(super) fn restrict_as(&mut self, image: &Image, pid: Pid, now: Time) {
        let restrictions = self.restrictions_of(image, pid, now);
        self.restrict(pid, restrictions, now);
    }
}
