//! A policy as Cedar's policies, and Cedar's opinion of a request.
//!
//! A resource is an entity below those of the directories that it is in, with its segments as attributes. A pattern whose only
//! wildcard is at its end is a place in that hierarchy, any other is a condition on segments: both ways of Cedar are used.

use crate::cases::Rule;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use libos_kernel::model::need::Need;
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::model::right::Rights;
use std::collections::{HashMap, HashSet};
use std::str::FromStr;

/// Policies that Cedar has read.
pub struct Policies {
    set: PolicySet,
    authorizer: Authorizer,
}

impl Policies {
    pub fn new(rules: &[Rule]) -> Result<Policies, String> {
        let text: String = rules.iter().map(policy).collect();
        let set = PolicySet::from_str(&text).map_err(|error| format!("Cedar cannot read\n{text}\n{error}"))?;
        Ok(Policies { set, authorizer: Authorizer::new() })
    }

    /// Whether Cedar allows it.
    pub fn allow(&self, need: &Need) -> Result<bool, String> {
        let principal = uid("Process", "p1")?;
        let action = uid("Action", &need.right.to_string())?;
        let (resource, entities) = entities(&need.resource)?;
        let request = Request::new(principal, action, resource, Context::empty(), None).map_err(said)?;
        let answer = self.authorizer.is_authorized(&request, &self.set, &entities);
        match answer.diagnostics().errors().next() {
            Some(error) => Err(format!("Cedar: {error}")),
            None => Ok(answer.decision() == Decision::Allow),
        }
    }
}

fn said(error: impl std::fmt::Display) -> String {
    format!("Cedar: {error}")
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind = EntityTypeName::from_str(kind).map_err(said)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn entity_type(kind: Kind) -> String {
    let word = kind.word();
    format!("{}{}", word[..1].to_uppercase(), &word[1..])
}

/// The resource, with its segments as attributes `s0`, `s1` and so on, their number, and what it lies below as its parents.
fn entities(resource: &Resource) -> Result<(EntityUid, Entities), String> {
    let kind = entity_type(resource.kind());
    let segments: Vec<&str> = resource.segments().collect();
    let mut all = Vec::new();
    let mut parents = HashSet::from([uid(&kind, "")?]);
    for length in 1..=segments.len() {
        let id = uid(&kind, &segments[..length].join("/"))?;
        let attributes: HashMap<String, RestrictedExpression> = segments[..length]
            .iter()
            .enumerate()
            .map(|(at, segment)| (format!("s{at}"), RestrictedExpression::new_string((*segment).to_owned())))
            .chain([("count".to_owned(), RestrictedExpression::new_long(length as i64))])
            .collect();
        all.push(Entity::new(id.clone(), attributes, parents.clone()).map_err(said)?);
        parents = HashSet::from([id]);
    }
    let id = uid(&kind, resource.path())?;
    Ok((id, Entities::from_entities(all, None).map_err(said)?))
}

/// `permit` or `forbid`. A pattern without a wildcard but at its end is a place in the hierarchy; any other is a condition on segments.
fn policy(rule: &Rule) -> String {
    let head = if rule.allows { "permit" } else { "forbid" };
    let kind = entity_type(rule.pattern.kind());
    let segments: Vec<&str> = rule.pattern.segments().collect();
    let (open, fixed) = match segments.split_last() {
        Some((last, before)) if *last == "**" => (true, before),
        _ => (false, &segments[..]),
    };
    let actions = actions(rule.rights);
    if fixed.iter().all(|segment| !segment.starts_with('*')) {
        let place = format!("{kind}::{:?}", fixed.join("/"));
        let relation = if open { "in" } else { "==" };
        return format!("{head}(principal, action in [{actions}], resource {relation} {place});\n");
    }
    let mut conditions = vec![format!("resource.count {} {}", if open { ">=" } else { "==" }, fixed.len())];
    for (at, segment) in fixed.iter().enumerate() {
        conditions.push(match segment.strip_prefix('*') {
            Some("") => continue,
            // At least one character before the suffix.
            Some(suffix) => format!("resource.s{at} like \"*{suffix}\" && resource.s{at} != {suffix:?}"),
            None => format!("resource.s{at} == {segment:?}"),
        });
    }
    let conditions = conditions.join(" && ");
    format!("{head}(principal, action in [{actions}], resource is {kind}) when {{ {conditions} }};\n")
}

fn actions(rights: Rights) -> String {
    let names: Vec<String> = rights.iter().map(|right| format!("Action::{:?}", right.to_string())).collect();
    names.join(", ")
}
