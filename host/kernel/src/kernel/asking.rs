//! What is known of the questions that are open, so that people are not asked too much: identical ones are one, a process may ask only
//! so often, what was refused stays refused, and what nobody answers expires.

use crate::model::codec::to_bytes;
use crate::model::id::{Digest, Pid, QuestionId};
use crate::model::limit;
use crate::model::policy::QuestionRules;
use crate::model::question::{QuestionRow, QuestionState, Subject};
use crate::model::time::Time;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// Why a request is refused without anybody being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A person said no when this question asked the same.
    ByPerson(QuestionId),
    /// A limit, in a sentence.
    TooMany(String),
}

/// The open questions of all processes, and what was refused to each.
#[derive(Debug, Default)]
pub struct Asking {
    open: BTreeMap<(Pid, QuestionId), Option<Digest>>,
    /// By what makes two questions the same.
    same: HashMap<Digest, QuestionId>,
    expiries: BTreeSet<(Time, QuestionId)>,
    /// When the hour began that counts, and the questions since.
    hours: HashMap<Pid, (Time, u32)>,
    /// What a person refused, by what makes two requests the same whatever is there now.
    refused: HashMap<Pid, HashMap<Digest, QuestionId>>,
}

impl Asking {
    /// Takes note of a question's row as it is now.
    pub fn note(&mut self, row: &QuestionRow) {
        let Some(key) = same_key(row) else { return };
        let expiry = row.expires.map(|time| (time, row.id));
        if row.state == QuestionState::Open {
            self.open.insert((row.pid, row.id), refusal_key(row));
            self.same.entry(key).or_insert(row.id);
            self.expiries.extend(expiry);
        } else {
            self.open.remove(&(row.pid, row.id));
            if self.same.get(&key) == Some(&row.id) {
                self.same.remove(&key);
            }
            if let Some(expiry) = expiry {
                self.expiries.remove(&expiry);
            }
        }
    }

    /// The open question that asks the same of the same process.
    pub fn same(&self, row: &QuestionRow) -> Option<QuestionId> {
        self.same.get(&same_key(row)?).copied()
    }

    /// The question to which a person said no when it was asked before.
    pub fn refused(&self, row: &QuestionRow) -> Option<QuestionId> {
        self.refused.get(&row.pid)?.get(&refusal_key(row)?).copied()
    }

    /// Remembers a person's no. Answers the key, if it was not known and there is room.
    pub fn refuse(&mut self, row: &QuestionRow) -> Option<Digest> {
        let key = refusal_key(row)?;
        let refused = self.refused.entry(row.pid).or_default();
        (refused.len() < limit::REFUSALS_KEPT_MAX && refused.insert(key, row.id).is_none()).then_some(key)
    }

    /// Remembers a person's no that was read from the disk.
    pub fn load_refusal(&mut self, pid: Pid, key: Digest, id: QuestionId) {
        self.refused.entry(pid).or_default().insert(key, id);
    }

    /// Whether one more question of a process may be open. Answers the sentence of the limit, if it is reached.
    pub fn room(&self, pid: Pid, rules: &QuestionRules) -> Result<(), String> {
        if self.open_of(pid).take(rules.open_max as usize).count() < rules.open_max as usize {
            return Ok(());
        }
        Err(format!("{} questions of this process wait already, as many as may", rules.open_max))
    }

    fn open_of(&self, pid: Pid) -> impl Iterator<Item = &Option<Digest>> {
        self.open.range((pid, QuestionId(0))..=(pid, QuestionId(u64::MAX))).map(|(_, key)| key)
    }

    /// Why a request is refused without anybody being asked, as far as can be told before somebody looks at what is there: a person
    /// refused it, or the process asks too much and none of its open questions can be the same.
    pub fn refuses(&self, row: &QuestionRow, rules: &QuestionRules, now: Time) -> Option<Refusal> {
        if let Some(before) = self.refused(row) {
            return Some(Refusal::ByPerson(before));
        }
        let key = refusal_key(row);
        if self.open_of(row.pid).any(|open| *open == key) {
            return None;
        }
        let over = self.room(row.pid, rules).err().or_else(|| self.over_hour(row.pid, rules, now));
        over.map(Refusal::TooMany)
    }

    fn over_hour(&self, pid: Pid, rules: &QuestionRules, now: Time) -> Option<String> {
        let (since, count) = self.hours.get(&pid)?;
        let over = now.since(*since) < HOUR && now >= *since && *count >= rules.per_hour;
        over.then(|| format!("this process has asked {} times within an hour, as often as it may", rules.per_hour))
    }

    /// Counts a question or note that a process wants to put. Answers the sentence of the limit, if it is reached.
    pub fn count(&mut self, pid: Pid, rules: &QuestionRules, now: Time) -> Result<(), String> {
        if let Some(over) = self.over_hour(pid, rules, now) {
            return Err(over);
        }
        let (since, count) = self.hours.entry(pid).or_insert((now, 0));
        // A clock that was set back begins a new hour too; otherwise it would never end.
        if now.since(*since) >= HOUR || now < *since {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        Ok(())
    }

    /// When the next question expires, and which.
    pub fn next_expiry(&self) -> Option<(Time, QuestionId)> {
        self.expiries.first().copied()
    }

    /// Takes the next question that has expired.
    pub fn take_expiry(&mut self, now: Time) -> Option<QuestionId> {
        let (due, _) = self.expiries.first()?;
        if *due > now {
            return None;
        }
        self.expiries.pop_first().map(|(_, id)| id)
    }

    /// Forgets a process that has ended. Answers the keys of what was refused to it.
    pub fn forget(&mut self, pid: Pid) -> Vec<Digest> {
        self.hours.remove(&pid);
        self.refused.remove(&pid).unwrap_or_default().into_keys().collect()
    }
}

/// Equal for two questions exactly if one answer does for both. None for a note.
fn same_key(row: &QuestionRow) -> Option<Digest> {
    let subject = match &row.subject {
        Subject::Approval { rule, parts, .. } => to_bytes(&(0u8, rule, parts)),
        Subject::Permission { resource, rights, reason } => to_bytes(&(1u8, resource, rights, reason)),
        Subject::Question { text } => to_bytes(&(2u8, text)),
        Subject::Note { .. } => return None,
    };
    Some(digest(row, &subject))
}

/// Equal for two requests if a person's no to the one is a no to the other. None for what has no such answer.
fn refusal_key(row: &QuestionRow) -> Option<Digest> {
    let subject = match &row.subject {
        Subject::Approval { rule, parts, .. } => {
            let asked: Vec<_> = parts.iter().filter(|part| !part.field.is_present_state()).collect();
            to_bytes(&(0u8, rule, asked))
        }
        Subject::Permission { resource, rights, .. } => to_bytes(&(1u8, resource, rights)),
        Subject::Question { .. } | Subject::Note { .. } => return None,
    };
    Some(digest(row, &subject))
}

fn digest(row: &QuestionRow, subject: &[u8]) -> Digest {
    let who = to_bytes(&(row.pid, &row.tool, &row.queue, &row.callers));
    Sha256::new()
        .chain_update((who.len() as u64).to_be_bytes())
        .chain_update(who)
        .chain_update(subject)
        .finalize()
        .into()
}
