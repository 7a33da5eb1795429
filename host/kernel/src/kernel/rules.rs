//! Grants as people make and take them: by command and by answer.

use super::Kernel;
use super::host::HostError;
use super::state::State;
use crate::model::decide::Ceiling;
use crate::model::grant::{Effect, Grant, Holder, Issuer, OnlyTool};
use crate::model::id::{CallId, GrantId, Pid};
use crate::model::image::ALL_IMAGES;
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::Pattern;
use crate::model::right::Rights;
use crate::model::row::ProcessRow;
use crate::model::time::Time;
use std::time::Duration;

/// A grant that a person makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    pub holder: Holder,
    pub rights: Rights,
    pub pattern: Pattern,
    pub effect: Effect,
    pub uses: Option<u32>,
    pub expires_in: Option<Duration>,
    /// Name of a tool; bound to the component that it has now.
    pub only_tool: Option<String>,
}

/// What a person's verb changed, and the batch that must be on the disk before anybody learns of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<T> {
    pub what: T,
    pub durable: u64,
}

impl Kernel {
    /// Makes a grant. Over an ask it makes an allow that names the ask, one for each.
    ///
    /// # Errors
    /// The holder or tool is not there, or the resource has not these rights.
    pub fn grant(&self, new: NewGrant) -> Result<Changed<Vec<Grant>>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let known = new.pattern.kind().rights();
        if new.rights.is_empty() || !known.contains_all(new.rights) {
            let kind = new.pattern.kind().word();
            return Err(HostError::Usage(format!("'{kind}' has the rights {known}, not all of {}", new.rights)));
        }
        match &new.holder {
            Holder::Process(pid) if !state.processes.contains_key(pid) => {
                return Err(HostError::Usage(format!("there is no live process {pid}")));
            }
            Holder::Image(name) if **name != *ALL_IMAGES && !state.images.contains_key(&**name) => {
                return Err(HostError::Usage(format!("there is no image '{name}'")));
            }
            _ => {}
        }
        if state.grants.count(&new.holder) >= limit::GRANTS_PER_HOLDER_MAX {
            return Err(HostError::Usage(format!(
                "{} has {} grants, as many as there can be",
                new.holder,
                limit::GRANTS_PER_HOLDER_MAX
            )));
        }
        let only_tool = match new.only_tool {
            None => None,
            Some(name) => match state.tools.get(&name) {
                Some(tool) => Some(OnlyTool { name: name.into(), component: *tool.code() }),
                None => return Err(HostError::Usage(format!("there is no tool '{name}'"))),
            },
        };
        let made = state.add_grants(
            Grant {
                id: GrantId(0),
                holder: new.holder,
                pattern: new.pattern,
                rights: new.rights,
                effect: new.effect,
                uses_left: new.uses,
                not_after: new.expires_in.map(|duration| now.after(duration)),
                only_tool,
                answers: None,
                parent: None,
                issuer: Issuer::Host,
                revoked: false,
                created: now,
                moved: false,
            },
            now,
        );
        Ok(Changed { what: made, durable: state.mark() })
    }

    /// Revokes a grant and with it all that hangs on it.
    ///
    /// # Errors
    /// It is not there, or is revoked already.
    pub fn revoke(&self, id: GrantId) -> Result<Changed<Grant>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let grant = state.grants.get(id).cloned();
        let grant = grant.ok_or_else(|| HostError::Usage(format!("there is no grant {id} in force")))?;
        if grant.revoked {
            return Err(HostError::Usage(format!("grant {id} is revoked already")));
        }
        let grant = state.set_revoked(grant, now);
        Ok(Changed { what: grant, durable: state.mark() })
    }

    /// Sets what no grant can give.
    pub fn set_ceiling(&self, ceiling: Ceiling) {
        self.lock().ceiling = ceiling;
    }
}

impl State {
    /// Adds a grant with a number of its own; an allow over asks once for each ask, naming it.
    pub(super) fn add_grants(&mut self, grant: Grant, now: Time) -> Vec<Grant> {
        let asks = if grant.effect == Effect::Allow { self.grants.asks_met(&grant, now) } else { Vec::new() };
        let answers: Vec<Option<GrantId>> =
            if asks.is_empty() { vec![None] } else { asks.into_iter().map(Some).collect() };
        let mut made = Vec::new();
        for answers in answers {
            let mut grant = Grant { id: self.new_grant(), answers, ..grant.clone() };
            // The uses are those of all together: the others hang on the first.
            if let Some(first) = made.first().map(|first: &Grant| first.id) {
                grant.parent = Some(first);
                grant.uses_left = None;
            }
            let mut record = Record::new("host.grant", now, Decided::Host, Outcome::Done);
            record.detail = Some(format!("{} {grant}", grant.id));
            self.note(record);
            self.put_template(grant.clone(), now);
            made.push(grant);
        }
        made
    }

    /// Adds a grant. A restriction reaches at once those that it is to hold for: on an image the processes that were started from it, on
    /// a process those that have something from it. An allow reaches nobody else.
    pub(super) fn put_template(&mut self, grant: Grant, now: Time) {
        self.put_grant(grant.clone());
        if grant.effect == Effect::Allow {
            return;
        }
        let image = match &grant.holder {
            Holder::Image(image) => image,
            Holder::Process(pid) => return self.restrict_heirs(*pid, grant.id, now),
        };
        // Who was handed something of the image's, or became another one, still has what this is to restrict.
        let holding = self.grants.hanging_on_lines(image, now);
        let of_image = |process: &&ProcessRow| {
            **image == *ALL_IMAGES || process.image == **image || holding.contains(&process.pid)
        };
        let started: Vec<Pid> = self.processes.values().filter(of_image).map(|process| process.pid).collect();
        // One look at all grants, so that this costs what there is, not that for each process.
        let givers = self.grants.givers();
        for pid in started {
            let id = self.new_grant();
            let parent = Some(grant.id);
            self.put_grant(Grant { id, holder: Holder::Process(pid), uses_left: None, parent, ..grant.clone() });
            if givers.contains(&pid) || self.has_viewers(pid) {
                self.restrict_heirs(pid, id, now);
            }
        }
    }

    /// The grant and all that hangs on it and names the component that it names come to name the one that the call runs.
    pub(super) fn rebind(&mut self, id: GrantId, call: CallId, now: Time) -> Vec<Grant> {
        let Some((tool, component, _)) = self.asking_tool(call) else { return Vec::new() };
        let new = OnlyTool { name: tool.into(), component: *component };
        let Some(old) = self.grants.get(id).and_then(|grant| grant.only_tool.clone()) else { return Vec::new() };
        let mut changed = Vec::new();
        for grant in self.grants.tree(id) {
            if grant.only_tool.as_ref() != Some(&old) {
                continue;
            }
            let grant = Grant { only_tool: Some(new.clone()), ..grant };
            let mut record = Record::new("host.rebind", now, Decided::Host, Outcome::Done);
            record.detail =
                Some(format!("{} counts for {} {}", grant.id, new.name, crate::model::id::hex(&new.component)));
            self.note(record);
            self.put_grant(grant.clone());
            changed.push(grant);
        }
        changed
    }

    /// Ends the allows whose time is over, for good: a clock that goes back does not bring them back. A restriction whose time is over
    /// is none any more only as long as the clock says so.
    pub(super) fn expire_grants(&mut self, now: Time) {
        while let Some(mut grant) = self.grants.ended(now) {
            grant.revoked = true;
            let mut record = Record::new("grant.expire", now, Decided::Free, Outcome::Done);
            record.detail = Some(format!("{} {grant}", grant.id));
            self.note(record);
            self.put_grant(grant);
        }
    }

    pub(super) fn set_revoked(&mut self, mut grant: Grant, now: Time) -> Grant {
        grant.revoked = true;
        let mut record = Record::new("host.revoke", now, Decided::Host, Outcome::Done);
        record.detail = Some(format!("{} {grant}", grant.id));
        self.note(record);
        self.put_grant(grant.clone());
        grant
    }
}
