//! Policies as people put them in force: the lines of the file become grants of images.

use super::Kernel;
use super::host::HostError;
use super::rules::Changed;
use super::state::State;
use crate::model::codec::from_bytes;
use crate::model::facility::{Facilities, Facility};
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::limit::CallLimits;
use crate::model::policy::{ModelProfile, Plan, Policy, Template};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::Kind;
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::table::{self, Table, meta};

impl Kernel {
    /// The profile of a model in the policy in force.
    ///
    /// # Errors
    /// There is none of this name: a sentence that names those that there are.
    pub fn model_profile(&self, name: &str) -> Result<ModelProfile, String> {
        let state = self.lock();
        state.policy.models.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = state.policy.models.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!("model:{name}; libos.toml has no [model.{name}] (there: {known}), and `libos policy reload` puts it in force")
        })
    }

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
        state.apply_templates(&policy.templates, now)?;
        let mut record = Record::new("host.policy", now, Decided::Host, Outcome::Done);
        let mut detail = crate::model::id::hex(&crate::model::policy::digest(text));
        let accepted: Vec<&str> = policy.accepted.iter().map(Facility::word).collect();
        if !accepted.is_empty() {
            detail.push_str(&format!("; accepts to do without {}", accepted.join(", ")));
        }
        let any = |line: &&Template| {
            line.effect == Effect::Allow && line.pattern.kind() == Kind::Shell && line.pattern.is_unbounded()
        };
        for line in policy.templates.iter().filter(any) {
            detail.push_str(&format!("; image {} runs any program (high risk)", line.image));
        }
        record.detail = Some(detail);
        state.policy = policy;
        state.put_bytes(Table::Meta, meta::POLICY.to_vec(), text.as_bytes().to_vec());
        state.note(record);
        Ok(Changed { what: (), durable: state.mark() })
    }

    /// Records that the host runs without what it relies on, as its policy accepts.
    pub fn note_weakened(&self, lacking: Facilities) {
        for facility in lacking.iter() {
            let mut record = Record::new("host.weakened", self.now(), Decided::Host, Outcome::Done);
            record.detail = Some(format!("{}: {}", facility.word(), facility.weakens()));
            self.lock().note(record);
        }
    }

    /// What a call may use that starts now.
    pub fn call_limits(&self) -> CallLimits {
        self.lock().policy.limits
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
    fn apply_templates(&mut self, lines: &[Template], now: Time) -> Result<(), HostError> {
        // All lines of images are rows of one place, those too of a policy that this version cannot read.
        let rows = self.scan(Table::Grant, &table::number(0))?;
        let grants: Vec<Grant> =
            rows.values().map(|row| from_bytes(row).map_err(StoreError::from)).collect::<Result<_, _>>()?;
        let plan = Plan::new(lines, &grants);
        for (grant, line) in plan.kept {
            let issuer = Issuer::Policy(line);
            if grant.issuer != issuer {
                self.put_grant(Grant { issuer, ..grant.clone() });
            }
        }
        for grant in plan.gone {
            self.set_revoked(grant.clone(), now);
        }
        for line in plan.new {
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
        Ok(())
    }
}
