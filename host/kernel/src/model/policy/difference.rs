//! What a new policy changes: which lines keep their grants, which grants are revoked, which lines are new, which settings differ. The
//! kernel does what the plan says, and the person who is asked sees the same plan.

use super::{Mount, Policy, Template, Witness, budget, environment, models, unit};
use crate::model::decide::Default as WithoutGrant;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::GrantId;
use crate::model::limit;
use crate::model::resource::Pattern;
use crate::model::right::Rights;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

/// What becomes of the grants of a policy when another one takes its place.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    /// Grants that stay, with what was used up of them, and the lines that they stand on now.
    pub kept: Vec<(&'a Grant, u32)>,
    /// Grants whose lines are gone.
    pub gone: Vec<&'a Grant>,
    /// Lines without a grant.
    pub new: Vec<&'a Template>,
}

type Key<'a> = (&'a str, Effect, Rights, &'a Pattern);

impl<'a> Plan<'a> {
    /// Compares the lines with the grants that there are; those that are not a policy's, or revoked, do not count.
    pub fn new(lines: &'a [Template], grants: impl IntoIterator<Item = &'a Grant>) -> Plan<'a> {
        let mut wanted: HashMap<Key<'a>, VecDeque<usize>> = HashMap::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let key = (line.image.as_str(), line.effect, line.rights, &line.pattern);
            wanted.entry(key).or_default().push_back(index);
        }
        let mut plan = Plan::default();
        let mut is_kept = vec![false; lines.len()];
        for grant in grants {
            let (Holder::Image(image), Issuer::Policy(_), false) = (&grant.holder, &grant.issuer, grant.revoked) else {
                continue;
            };
            let key = (&**image, grant.effect, grant.rights, &grant.pattern);
            match wanted.get_mut(&key).and_then(VecDeque::pop_front) {
                Some(index) => {
                    is_kept[index] = true;
                    plan.kept.push((grant, lines[index].line));
                }
                None => plan.gone.push(grant),
            }
        }
        plan.new = lines.iter().zip(is_kept).filter(|(_, kept)| !kept).map(|(line, _)| line).collect();
        plan
    }
}

/// The allows that answer an ask whose line is gone, and stay: nothing asks any more where they hold. Not those that hang on another
/// one of them. `grants` are those that count, in the order of their numbers.
pub fn answers_left<'a>(plan: &Plan<'_>, grants: &'a [Grant]) -> Vec<&'a Grant> {
    let mut gone: BTreeSet<GrantId> = plan.gone.iter().map(|grant| grant.id).collect();
    for grant in grants {
        if grant.parent.is_some_and(|parent| gone.contains(&parent)) {
            gone.insert(grant.id);
        }
    }
    let left = |grant: &&Grant| grant.answers.is_some_and(|ask| gone.contains(&ask)) && !gone.contains(&grant.id);
    let left: Vec<&Grant> = grants.iter().filter(left).collect();
    let known: BTreeSet<GrantId> = left.iter().map(|grant| grant.id).collect();
    left.into_iter().filter(|grant| grant.parent.is_none_or(|parent| !known.contains(&parent))).collect()
}

/// How many grants hang on each, directly or not; `grants` are those that count, in the order of their numbers.
pub fn hanging(grants: &[Grant]) -> HashMap<GrantId, usize> {
    let mut counts: HashMap<GrantId, usize> = HashMap::new();
    // A grant is younger than what it hangs on: from the youngest on, what hangs on each is known when it is its turn.
    for grant in grants.iter().rev() {
        if let Some(parent) = grant.parent {
            let own = counts.get(&grant.id).copied().unwrap_or(0);
            *counts.entry(parent).or_default() += own + 1;
        }
    }
    counts
}

/// What differs beside the rules, a line for each, ready to be escaped and printed.
// long: each setting has its line.
pub fn settings(old: &Policy, new: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |name: &str, old: String, new: String| {
        if old != new {
            lines.push(format!("{name}: {old} -> {new}"));
        }
    };
    let names: BTreeSet<&String> = old.mounts.keys().chain(new.mounts.keys()).collect();
    for name in names {
        tell(&format!("mount {name}"), mount(&old.mounts, name), mount(&new.mounts, name));
    }
    let images: BTreeSet<&String> = old.defaults.keys().chain(new.defaults.keys()).collect();
    for image in images {
        let default = |policy: &Policy| match policy.defaults.get(image).copied().unwrap_or_default() {
            WithoutGrant::Deny => "deny".to_owned(),
            WithoutGrant::Ask => "ask".to_owned(),
            WithoutGrant::AskPrograms => "ask about programs, else deny".to_owned(),
        };
        tell(&format!("default of image {image}, for processes started from now on"), default(old), default(new));
    }
    let images: BTreeSet<&String> = old.budgets.keys().chain(new.budgets.keys()).collect();
    for image in images {
        let name = format!("budget of a process of image {image}, for those started from now on");
        tell(&name, budget::told(old, image), budget::told(new, image));
    }
    let (was, is) = (&old.limits, &new.limits);
    let processor = |ticks: u64| unit::time(limit::CALL_TICK * u32::try_from(ticks).unwrap_or(u32::MAX));
    let wall = |milliseconds| unit::time(Duration::from_millis(milliseconds));
    tell("memory of a call", unit::size(was.memory_bytes), unit::size(is.memory_bytes));
    tell("processor time of a call", processor(was.cpu_ticks), processor(is.cpu_ticks));
    tell("wall time of a call", wall(was.wall_milliseconds), wall(is.wall_milliseconds));
    tell("imports of a call", was.imports.to_string(), is.imports.to_string());
    tell("journal of a call", unit::size(was.journal_bytes), unit::size(is.journal_bytes));
    let (was, is) = (&old.questions, &new.questions);
    let life = |time: Option<Duration>| time.map_or_else(|| "never".to_owned(), unit::time);
    tell("questions expire after", life(was.expire_after), life(is.expire_after));
    tell("open questions of a process", was.open_max.to_string(), is.open_max.to_string());
    tell("questions of a process in an hour", was.per_hour.to_string(), is.per_hour.to_string());
    let (was, is) = (&old.audit, &new.audit);
    let place = |place: &Option<Witness>| place.as_ref().map_or_else(|| "nowhere".to_owned(), Witness::to_string);
    tell("signed heads of the log are brought to", place(&was.witness), place(&is.witness));
    tell("the host stops when a head is not brought there", was.strict.to_string(), is.strict.to_string());
    let (was, is) = (&old.retain, &new.retain);
    let kept = |time: Option<Duration>| time.map_or_else(|| "forever".to_owned(), unit::time);
    tell("calls that have ended are kept for", kept(was.calls), kept(is.calls));
    tell("questions that are closed are kept for", kept(was.questions), kept(is.questions));
    tell("processes that have ended are kept for", kept(was.processes), kept(is.processes));
    let journals = |time: Duration| if time.is_zero() { "none".to_owned() } else { unit::time(time) };
    tell("journals of calls that have ended are kept for", journals(was.journals), journals(is.journals));
    tell("space that stays free", unit::size(old.space.keep_free), unit::size(new.space.keep_free));
    for ((name, old), (_, new)) in old.programs.told().into_iter().zip(new.programs.told()) {
        tell(name, old, new);
    }
    let names: BTreeSet<&String> = old.environment.keys().chain(new.environment.keys()).collect();
    for name in names {
        let told = |policy: &Policy| environment::told(&policy.environment, name);
        tell(&format!("variable {name}"), told(old), told(new));
    }
    let names: BTreeSet<&String> = old.models.keys().chain(new.models.keys()).collect();
    for name in names {
        let told = |policy: &Policy| models::told(&policy.models, name);
        tell(&format!("model {name}"), told(old), told(new));
    }
    for facility in old.accepted.iter().filter(|facility| !new.accepted.contains(*facility)) {
        lines.push(format!("no host starts without {} any more", facility.word()));
    }
    for facility in new.accepted.iter().filter(|facility| !old.accepted.contains(*facility)) {
        lines.push(format!("a host may start without {}: {}", facility.word(), facility.weakens()));
    }
    lines
}

fn mount(mounts: &BTreeMap<String, Mount>, name: &str) -> String {
    match mounts.get(name) {
        None => "none".into(),
        Some(Mount { path, allow_hard_links: false }) => path.clone(),
        Some(Mount { path, allow_hard_links: true }) => format!("{path}, files with several names allowed"),
    }
}
