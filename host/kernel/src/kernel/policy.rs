//! Policies as people put them in force: the lines of the file become grants of images.

use super::Kernel;
use super::host::HostError;
use super::rules::Changed;
use super::state::State;
use crate::model::grant::{Grant, Holder, Issuer};
use crate::model::id::GrantId;
use crate::model::policy::{Policy, Template};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::time::Time;
use crate::store::table::{Table, meta};

impl Kernel {
    /// Puts a policy in force, as a person who has read it. Lines that were there before keep their grants, with what was used up of
    /// them; lines that are gone are revoked.
    ///
    /// # Errors
    /// It is no policy, or the host has stopped.
    pub fn set_policy(&self, text: &str) -> Result<Changed<()>, HostError> {
        let policy = Policy::parse(text).map_err(|error| HostError::Usage(format!("libos.toml: {error}")))?;
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        state.apply_templates(&policy.templates, now);
        state.policy = policy;
        state.put_bytes(Table::Meta, meta::POLICY.to_vec(), text.as_bytes().to_vec());
        let mut record = Record::new("host.policy", now, Decided::Host, Outcome::Done);
        record.detail = Some(crate::model::id::hex(&crate::model::policy::digest(text)));
        state.note(record);
        Ok(Changed { what: (), durable: state.mark() })
    }

    /// The text of the policy in force, if there is one.
    ///
    /// # Errors
    /// The store failed.
    pub fn policy_text(&self) -> Result<Option<String>, HostError> {
        let bytes = self.lock().get(Table::Meta, meta::POLICY)?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    /// The policy in force.
    pub fn policy(&self) -> Policy {
        self.lock().policy.clone()
    }
}

impl State {
    fn apply_templates(&mut self, lines: &[Template], now: Time) {
        let mut wanted: Vec<(&Template, Option<GrantId>)> = lines.iter().map(|line| (line, None)).collect();
        let images: std::collections::BTreeSet<&str> =
            self.policy.templates.iter().chain(lines).map(|line| line.image.as_str()).collect();
        let holders: Vec<Holder> = images.into_iter().map(|name| Holder::Image(name.into())).collect();
        let known: Vec<Grant> = holders
            .iter()
            .flat_map(|holder| self.grants.of(holder))
            .filter(|grant| matches!(grant.issuer, Issuer::Policy(_)) && !grant.revoked)
            .cloned()
            .collect();
        for grant in known {
            let same = |line: &Template| {
                Holder::Image(line.image.as_str().into()) == grant.holder
                    && line.effect == grant.effect
                    && line.rights == grant.rights
                    && line.pattern == grant.pattern
            };
            match wanted.iter_mut().find(|(line, id)| id.is_none() && same(line)) {
                Some((line, id)) => {
                    *id = Some(grant.id);
                    let issuer = Issuer::Policy(line.line);
                    if grant.issuer != issuer {
                        self.put_grant(Grant { issuer, ..grant });
                    }
                }
                None => drop(self.set_revoked(grant, now)),
            }
        }
        for (line, _) in wanted.into_iter().filter(|(_, id)| id.is_none()) {
            let id = self.new_grant();
            let grant = Grant {
                id,
                holder: Holder::Image(line.image.as_str().into()),
                pattern: line.pattern.clone(),
                rights: line.rights,
                effect: line.effect,
                uses_left: None,
                not_after: None,
                only_tool: None,
                answers: None,
                parent: None,
                issuer: Issuer::Policy(line.line),
                revoked: false,
                created: now,
                moved: false,
            };
            self.put_template(grant, now);
        }
    }
}
