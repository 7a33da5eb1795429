//! Says why something is allowed, asked or refused: the grants that decide it with all that they hang on, and what comes nearest if
//! nothing does. For people only: no guest sees any of it.

use super::Kernel;
use super::grants::{Asking, Grants};
use super::host::HostError;
use super::view::View;
use crate::model::bound::Bound;
use crate::model::decide::{Ceiling, Default as WithoutGrant, Verdict, Why};
use crate::model::grant::{Effect, Grant, Holder};
use crate::model::id::{Digest, GrantId, Pid};
use crate::model::image::ALL_IMAGES;
use crate::model::index::Leaf;
use crate::model::need::Need;
use crate::model::row::ToolRow;
use crate::model::time::Time;
use crate::store::StoreError;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Why a right on a resource is allowed, asked or refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// `allow`, `ask` or `deny`.
    pub verdict: &'static str,
    /// In one sentence.
    pub because: String,
    /// The grants that decide it, each followed by what it hangs on up to the root.
    pub grants: Vec<Vec<Grant>>,
    /// A grant would allow it.
    pub grantable: bool,
    /// What comes nearest to allowing it, and what it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
}

/// A grant that nearly allows something.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Nearest {
    /// It and what it hangs on.
    pub chain: Vec<Grant>,
    /// What it lacks.
    pub lacks: String,
}

/// The grants that count: those of images and of live processes. What a process had ends with it.
pub struct Held {
    grants: Grants,
}

impl Held {
    /// What is held now.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub fn of(view: &View<'_>) -> Result<Held, StoreError> {
        let mut grants = Grants::default();
        held(view)?.into_iter().for_each(|grant| grants.insert(grant));
        Ok(Held { grants })
    }

    /// Why a grant is of no use to anybody; none if it and all that it hangs on are in force.
    pub fn why_not(&self, grant: &Grant, now: Time) -> Option<String> {
        if self.grants.in_force(grant.id, now).is_some() {
            return None;
        }
        // What ended before its process did is told first.
        Some(match (own_end(grant, true, now), end_on_chain(&self.grants, grant.id, now)) {
            (Some(why), _) => why.to_owned(),
            (None, Some((above, why))) => format!("{above} {why}"),
            (None, None) if self.grants.get(grant.id).is_some() => PARENT_GONE.to_owned(),
            (None, None) => "its process has ended".to_owned(),
        })
    }
}

fn held(view: &View<'_>) -> Result<Vec<Grant>, StoreError> {
    let processes = view.processes()?.into_iter().filter(|row| !row.state.is_final());
    let living: HashSet<Pid> = processes.map(|row| row.pid).collect();
    let mut rows = view.grants()?;
    rows.retain(|grant| match &grant.holder {
        Holder::Process(pid) => living.contains(pid),
        Holder::Image(_) => true,
    });
    Ok(rows)
}

/// What decides for one process, or for those that will be started from an image, read from rows.
pub struct Authority {
    grants: Grants,
    holder: Holder,
    default: WithoutGrant,
    ceiling: Ceiling,
}

/// The tool in whose name something would be asked.
pub(super) struct As<'a> {
    name: &'a str,
    component: &'a Digest,
    bound: Option<Bound>,
}

/// Nobody has this name or this component.
const NO_TOOL: As<'static> = As { name: "", component: &[0; 32], bound: None };

impl<'a> As<'a> {
    pub(super) fn of(tool: Option<&'a ToolRow>) -> As<'a> {
        tool.map_or(NO_TOOL, |tool| As {
            name: &tool.name,
            component: tool.code(),
            bound: Some(Bound::new(&tool.imports, tool.needs.clone())),
        })
    }
}

impl Authority {
    /// What a live process has; none if there is no such process.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub fn of_process(view: &View<'_>, pid: Pid, ceiling: Ceiling) -> Result<Option<Authority>, StoreError> {
        let Some(process) = view.process(pid)?.filter(|process| !process.state.is_final()) else { return Ok(None) };
        let Held { grants } = Held::of(view)?;
        Ok(Some(Authority { grants, holder: Holder::Process(pid), default: process.default, ceiling }))
    }

    /// What a process will have that is started from an image.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub fn of_image(
        view: &View<'_>,
        image: &str,
        default: WithoutGrant,
        ceiling: Ceiling,
    ) -> Result<Authority, StoreError> {
        let (holder, all) = (Holder::Image(image.into()), Holder::Image(ALL_IMAGES.into()));
        let mut grants = Grants::default();
        for grant in held(view)? {
            let of_all = grant.holder == all;
            grants.insert(if of_all { Grant { holder: holder.clone(), ..grant } } else { grant });
        }
        Ok(Authority { grants, holder, default, ceiling })
    }

    /// Explains one need, in the name of a tool or of none.
    pub fn explain(&self, need: &Need, tool: Option<&ToolRow>, now: Time) -> Explanation {
        explain(&self.grants, &self.ceiling, &self.holder, self.default, need, &As::of(tool), now)
    }
}

impl Kernel {
    /// Explains whether a process may do something now, in the name of a tool or of none.
    ///
    /// # Errors
    /// There is no such process or tool.
    pub fn explain(&self, pid: Pid, need: &Need, tool: Option<&str>) -> Result<Explanation, HostError> {
        let now = self.now();
        let state = self.lock();
        let process = state.processes.get(&pid);
        let process = process.ok_or_else(|| HostError::Usage(format!("there is no live process {pid}")))?;
        let tool = match tool {
            None => None,
            Some(name) => {
                let row = state.tools.get(name);
                Some(row.ok_or_else(|| HostError::Usage(format!("there is no tool '{name}'")))?)
            }
        };
        let asking = As::of(tool.map(|tool| &**tool));
        let holder = Holder::Process(pid);
        Ok(explain(&state.grants, &state.ceiling, &holder, process.default, need, &asking, now))
    }
}

pub(super) fn explain(
    grants: &Grants,
    ceiling: &Ceiling,
    holder: &Holder,
    default: WithoutGrant,
    need: &Need,
    tool: &As<'_>,
    now: Time,
) -> Explanation {
    let refused = |why: &Why| Explanation {
        verdict: "deny",
        because: why.reason().to_owned(),
        grants: Vec::new(),
        grantable: false,
        nearest: None,
    };
    if let Some(reason) = ceiling.refuses(&need.resource, need.right, need.whole) {
        return refused(&Why::Ceiling(reason));
    }
    if tool.bound.as_ref().is_some_and(|bound| !bound.covers(need)) {
        return refused(&Why::Undeclared);
    }
    let asking = Asking { tool: tool.name, component: tool.component, now, default };
    let chain =
        |id: GrantId| -> Vec<Grant> { grants.chain(id).into_iter().filter_map(|id| grants.get(id).cloned()).collect() };
    match grants.decide(holder, need, asking, false) {
        Verdict::Allow(id) => {
            let answers = grants.get(id).and_then(|grant| grant.answers);
            let because = match answers {
                Some(ask) => format!("{id} allows it, and answers {ask}, which would ask a person"),
                None => format!("{id} allows it"),
            };
            let grants = [Some(id), answers].into_iter().flatten().map(chain).collect();
            Explanation { verdict: "allow", because, grants, grantable: false, nearest: None }
        }
        Verdict::Ask(Some(id)) => {
            let lapsed = grants.get(id).is_some_and(|grant| grant.effect == Effect::Allow);
            let because = if lapsed {
                format!("{id} names the tool as it was; a person is asked whether it is for the tool as it is")
            } else {
                format!("{id} asks a person each time")
            };
            Explanation { verdict: "ask", because, grants: vec![chain(id)], grantable: true, nearest: None }
        }
        Verdict::Ask(None) => Explanation {
            verdict: "ask",
            because: "no grant allows it, and the process's default is to ask a person".into(),
            grants: Vec::new(),
            grantable: true,
            nearest: nearest(grants, holder, need, asking),
        },
        Verdict::Deny(why) => {
            let rule = if let Why::Rule(id) | Why::Inside(id) = why { Some(id) } else { None };
            let because = match rule {
                Some(id) => format!("{id}: {}", why.reason()),
                None => why.reason().to_owned(),
            };
            let nearest = if rule.is_none() { nearest(grants, holder, need, asking) } else { None };
            let grants = rule.into_iter().map(chain).collect();
            Explanation { verdict: "deny", because, grants, grantable: rule.is_none(), nearest }
        }
    }
}

/// What comes nearest: a grant that would do if it were in force or for this tool, else one on the same thing with other rights, else
/// one with the right on something near by.
fn nearest(grants: &Grants, holder: &Holder, need: &Need, asking: Asking<'_>) -> Option<Nearest> {
    let index = grants.index(holder)?;
    let mut best: Option<(u8, GrantId)> = None;
    let mut consider = |rank: u8, leaf: Leaf| {
        if let Some(grant) = grants.at(leaf).filter(|grant| grant.effect == Effect::Allow) {
            best = Some(best.map_or((rank, grant.id), |known| known.min((rank, grant.id))));
        }
        ControlFlow::<()>::Continue(())
    };
    let _ =
        index.covering_any(&need.resource, |leaf| consider(if leaf.rights.contains(need.right) { 0 } else { 1 }, leaf));
    let _ = index.near(&need.resource, need.right, |leaf| consider(2, leaf));
    let (rank, id) = best?;
    let grant = grants.get(id)?;
    let lacks = match rank {
        0 if need.whole && grants.in_force(id, asking.now).is_some() => {
            format!("it does not cover all that is below {}", need.resource)
        }
        0 => why_not(grants, id, asking),
        1 => format!("it gives {}, not {}", grant.rights, need.right),
        _ => format!("it gives {} on {}, not on {}", need.right, grant.pattern, need.resource),
    };
    let chain = grants.chain(id).into_iter().filter_map(|id| grants.get(id).cloned()).collect();
    Some(Nearest { chain, lacks })
}

const PARENT_GONE: &str = "what it hangs on has ended with its process";

/// Why a grant that covers something is of no use.
fn why_not(grants: &Grants, id: GrantId, asking: Asking<'_>) -> String {
    match end_on_chain(grants, id, asking.now) {
        Some((above, why)) if above == id => return format!("it {why}"),
        Some((above, why)) => return format!("{above}, on which it hangs, {why}"),
        None if grants.in_force(id, asking.now).is_none() => return PARENT_GONE.to_owned(),
        None => {}
    }
    match grants.get(id).and_then(|grant| grant.only_tool.as_ref()) {
        Some(only) if *only.name != *asking.tool => format!("it is only for the tool {}", only.name),
        Some(only) => format!("it is for the tool {} as it was", only.name),
        None => PARENT_GONE.to_owned(),
    }
}

/// The first of a grant and what it hangs on that is not in force, and why.
fn end_on_chain(grants: &Grants, id: GrantId, now: Time) -> Option<(GrantId, &'static str)> {
    // What was given uses of its own does not count those of the giver.
    let mut counts = true;
    grants.chain(id).into_iter().find_map(|id| {
        let grant = grants.get(id)?;
        let end = own_end(grant, counts, now);
        counts = !grant.moved;
        Some((id, end?))
    })
}

fn own_end(grant: &Grant, counts: bool, now: Time) -> Option<&'static str> {
    if grant.not_after.is_some_and(|last| now > last) {
        Some("has expired")
    } else if grant.revoked {
        // Also what had expired before the clock was set back.
        Some("is revoked")
    } else if counts && grant.uses_left == Some(0) {
        Some("is used up")
    } else {
        None
    }
}
