//! What must hold of a store and its provider whenever a host is dead, whatever moment that was. The numbers are those of the plan:
//! I1 what was acknowledged is there, I2 no gaps, I3 no effect twice or silently, I4 a grant for once is used once, I6 nothing goes back.

use crate::forest::{Trees, check_trees};
use crate::guest::{Person, Round};
use crate::provider::Executions;
use libos_kernel::kernel::audit;
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::Approval;
use libos_kernel::model::id::{CallId, EffectId, GrantId, QuestionId, hex};
use libos_kernel::model::question::QuestionState;
use libos_kernel::model::record::{Decided, Outcome, Record};
use libos_kernel::model::tree::Frontier;
use libos_kernel::store::StoreError;
use libos_kernel::store::reader::{Snapshot, record};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What hosts have acknowledged.
#[derive(Debug, Default)]
pub struct Witness {
    /// Size of the log and its root.
    heads: BTreeMap<u64, String>,
    versions: BTreeMap<String, u64>,
    effects: BTreeSet<(CallId, u32, String)>,
    ends: BTreeSet<CallId>,
    asked: BTreeSet<(QuestionId, CallId)>,
    trees: Trees,
}

impl Witness {
    /// Hears a line. One that was cut off says nothing.
    pub fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let call = |word: &str| word.parse::<CallId>().ok();
        match words[..] {
            ["head", size, root] => self.heads.extend(size.parse().ok().map(|size| (size, root.to_owned()))),
            ["version", name, version] => {
                let known = self.versions.entry(name.to_owned()).or_default();
                *known = (*known).max(version.parse().unwrap_or(0));
            }
            ["effect", id, position, word] => {
                self.effects.extend(call(id).zip(position.parse().ok()).map(|(id, at)| (id, at, word.to_owned())));
            }
            ["end", id] => self.ends.extend(call(id)),
            ["asked", question, id] => self.asked.extend(question.parse().ok().zip(call(id))),
            _ => self.trees.hear(&words),
        }
    }

    /// How much was heard.
    pub fn size(&self) -> usize {
        self.heads.len() + self.effects.len() + self.ends.len() + self.asked.len() + self.trees.size()
    }
}

/// What a store has, counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seen {
    pub records: u64,
    pub effects: usize,
    pub unknown: usize,
    pub found_by_recovery: usize,
    pub not_started: usize,
    pub waiting: usize,
    pub ended: usize,
}

/// An effect in the log.
#[derive(Debug, Default)]
struct Try {
    key: String,
    place: Option<Position>,
    grants: Vec<GrantId>,
    ends: Vec<Outcome>,
}

/// A call, and where in it.
type Position = (CallId, u32);

type Found = Result<(), String>;

fn demand(holds: bool, otherwise: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn store(error: StoreError) -> String {
    format!("the store cannot be read: {error}")
}

/// Checks all of it. The error says what does not hold.
///
/// # Errors
/// Something does not hold.
pub fn check(snapshot: &Snapshot, executions: &Executions, witness: &Witness) -> Result<Seen, String> {
    let verified = audit::verify(snapshot).map_err(store)?;
    demand(verified.problem.is_none(), || format!("I2: the log does not verify: {:?}", verified.problem))?;
    let (records, tries) = read(snapshot, witness)?;
    let by_place: BTreeMap<Position, Vec<&Record>> = records.iter().fold(BTreeMap::new(), |mut map, record| {
        if let (Some(call), Some(position)) = (record.call, record.position) {
            map.entry((call, position)).or_insert_with(Vec::new).push(record);
        }
        map
    });
    for (call, position, word) in &witness.effects {
        let here = by_place.get(&(*call, *position)).map_or(&[][..], Vec::as_slice);
        let is = |record: &&&Record| match word.as_str() {
            "done" => record.outcome == Outcome::Done,
            // What was taken back, or whose process ended, before it started is told as denied.
            "denied" => matches!(record.outcome, Outcome::Denied | Outcome::NotStarted),
            "unknown" => record.outcome == Outcome::Unknown,
            _ => true,
        };
        demand(here.iter().any(|record| is(&record)), || format!("I1: {call} at {position} was {word}, says nothing"))?;
    }
    check_provider(&tries, executions)?;
    check_grants(snapshot, &tries)?;
    check_people(snapshot, &tries, executions, witness)?;
    check_trees(snapshot, &records, &witness.trees)?;
    check_rows(snapshot, witness, &tries, &records)
}

/// Reads the log, and compares its tree with every head that was acknowledged.
fn read(snapshot: &Snapshot, witness: &Witness) -> Result<(Vec<Record>, BTreeMap<EffectId, Try>), String> {
    let (mut records, mut tries) = (Vec::new(), BTreeMap::<EffectId, Try>::new());
    let mut tree = Frontier::default();
    let mut wrong = None;
    let read = snapshot.log(0, |seq, stored| {
        tree.push(stored.leaf);
        if witness.heads.get(&tree.size()).is_some_and(|root| *root != hex(&tree.root())) {
            wrong = Some(format!("I1: the log up to record {seq} is not the one that was acknowledged"));
        }
        let record = record(&stored.bytes)?;
        if let Some(effect) = record.effect {
            let tried = tries.entry(effect).or_default();
            match &record.outcome {
                Outcome::Intent => {
                    tried.key = record.key.map(|key| key.to_string()).unwrap_or_default();
                    tried.place = record.call.zip(record.position);
                    if let Decided::Allow { grants } = &record.decided {
                        tried.grants.clone_from(grants);
                    }
                }
                outcome => tried.ends.push(outcome.clone()),
            }
        }
        records.push(record);
        Ok(ControlFlow::Continue(()))
    });
    read.map_err(store)?;
    wrong.map_or(Ok(()), Err)?;
    let last = witness.heads.last_key_value().map_or(0, |(size, _)| *size);
    demand(tree.size() >= last, || format!("I1: {last} records were acknowledged, there are {}", tree.size()))?;
    Ok((records, tries))
}

/// I3.
fn check_provider(tries: &BTreeMap<EffectId, Try>, executions: &Executions) -> Found {
    let mut by_key: BTreeMap<&str, (BTreeSet<Position>, Vec<&Outcome>)> = BTreeMap::new();
    let mut keys: BTreeMap<Position, &String> = BTreeMap::new();
    for (effect, tried) in tries {
        demand(tried.ends.len() == 1, || format!("I3: {effect} ended {:?}", tried.ends))?;
        let key = tried.place.map(|place| *keys.entry(place).or_insert(&tried.key));
        demand(key == Some(&tried.key), || format!("I3: {effect} is another try and has another key"))?;
        let (places, ends) = by_key.entry(&tried.key).or_default();
        places.extend(tried.place);
        ends.extend(&tried.ends);
    }
    for (key, (places, ends)) in &by_key {
        let times = executions.get(*key).map_or(0, |(count, _)| *count);
        let done = ends.iter().filter(|end| ***end == Outcome::Done).count();
        let open = ends.iter().any(|end| matches!(end, Outcome::Unknown | Outcome::Failed(_)));
        let what = || format!("I3: {places:?} was carried out {times} times and ended {ends:?}");
        demand(times <= 1 && done <= 1 && places.len() == 1, what)?;
        demand(open || times as usize == done, what)?;
    }
    for (key, (_, name)) in executions {
        demand(by_key.contains_key(key.as_str()), || format!("I3: {name} was carried out without an intent"))?;
        demand(!name.ends_with(" second"), || format!("I4: {name} was carried out under a grant for the first"))?;
    }
    Ok(())
}

/// I4: a use is taken with the intent, and comes back only from what is known not to have started.
fn check_grants(snapshot: &Snapshot, tries: &BTreeMap<EffectId, Try>) -> Found {
    let mut used: BTreeMap<GrantId, u32> = BTreeMap::new();
    for tried in tries.values().filter(|tried| tried.ends != [Outcome::NotStarted]) {
        for grant in &tried.grants {
            *used.entry(*grant).or_default() += 1;
        }
    }
    for grant in View(snapshot).grants().map_err(store)? {
        if let Some(left) = grant.uses_left {
            let used = used.get(&grant.id).copied().unwrap_or(0);
            demand(used + left == 1, || format!("I4: {} was used {used} times and has {left} uses left", grant.id))?;
        }
    }
    Ok(())
}

/// What was asked is asked still or answered; nothing that a person did not allow was done.
fn check_people(
    snapshot: &Snapshot,
    tries: &BTreeMap<EffectId, Try>,
    executions: &Executions,
    witness: &Witness,
) -> Found {
    let questions = View(snapshot).questions(false).map_err(store)?;
    let by_id: BTreeMap<QuestionId, _> = questions.iter().map(|question| (question.id, question)).collect();
    for (id, call) in &witness.asked {
        let question = by_id.get(id).ok_or_else(|| format!("{id} was asked and is gone"))?;
        demand(question.is_of(*call), || format!("{id} was asked by {call}, now by {}", question.call))?;
    }
    let allowed: BTreeSet<Position> = questions
        .iter()
        .filter(|question| {
            let approval = match &question.state {
                QuestionState::Applied { approval, .. } | QuestionState::Answered { approval, .. } => Some(approval),
                _ => None,
            };
            approval == Some(&Approval::Allow)
        })
        .flat_map(|question| question.places().collect::<Vec<_>>())
        .collect();
    for tried in tries.values() {
        let Some((_, name)) = executions.get(&tried.key).filter(|(_, name)| name.contains("/asked/")) else { continue };
        let round = name.split(['/', ' ']).nth(2).and_then(Round::read).ok_or_else(|| format!("what is {name}?"))?;
        demand(tried.place.is_some_and(|place| allowed.contains(&place)), || {
            format!("{name} was done, nobody allowed it")
        })?;
        demand(!matches!(round.person(), Person::Denies | Person::Never), || format!("{name} was done against a no"))?;
    }
    Ok(())
}

/// I1 and I6 of what is no record.
fn check_rows(
    snapshot: &Snapshot,
    witness: &Witness,
    tries: &BTreeMap<EffectId, Try>,
    records: &[Record],
) -> Result<Seen, String> {
    let view = View(snapshot);
    for (name, version) in &witness.versions {
        let now = view.object(name).map_err(store)?.map_or(0, |(info, _)| info.version);
        demand(now >= *version, || format!("I6: {name} had version {version}, now {now}"))?;
    }
    let calls = view.calls().map_err(store)?;
    let ended: BTreeSet<CallId> = calls.iter().filter(|row| row.state.is_final()).map(|row| row.id).collect();
    for call in &witness.ends {
        demand(ended.contains(call), || format!("I1: {call} had ended"))?;
    }
    let starts = records.iter().filter(|record| record.operation == "call.start").filter_map(|record| record.call);
    let starts: Vec<CallId> = starts.collect();
    demand(starts.is_sorted_by(|one, other| one < other), || "I6: a call's number came again".into())?;
    let open = view.effects().map_err(store)?;
    let rows: BTreeSet<EffectId> = open.iter().map(|row| row.id).collect();
    let ends = |wanted: &Outcome| -> BTreeSet<EffectId> {
        tries.iter().filter(|(_, tried)| tried.ends.contains(wanted)).map(|(id, _)| *id).collect()
    };
    let unknown = ends(&Outcome::Unknown);
    demand(rows == unknown, || format!("I3: {unknown:?} are unknown, {rows:?} can be settled"))?;
    Ok(Seen {
        records: records.len() as u64,
        effects: tries.len(),
        unknown: unknown.len(),
        not_started: ends(&Outcome::NotStarted).len(),
        found_by_recovery: records.iter().filter(|row| row.detail.as_deref() == Some("found by recovery")).count(),
        waiting: calls.len() - ended.len(),
        ended: ended.len(),
    })
}
