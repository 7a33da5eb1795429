//! Messages between processes. What waits is rows; in memory is how many, and who waits for what, so that sending costs the same however
//! many processes and messages there are.
//!
//! A message is handed over once: to take it from the queue, to write the answer to the journal and to record it is one change. Whoever
//! waits for a message gets it when it is sent; so what lies in a queue fits none of those that wait.

use super::admit::Attempt;
use super::approvals::Asked;
use super::calls::Place;
use super::state::State;
use crate::model::answer::{Answer, CallError};
use crate::model::call::Reply;
use crate::model::codec::from_bytes;
use crate::model::id::{CallId, MessageId, Pid, Position};
use crate::model::limit;
use crate::model::message::{Message, MessageFilter, MessageKind, MessageOptions};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::Wait;
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::batch::NewRecord;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// What is in memory of all queues.
#[derive(Debug, Default)]
pub struct Mail {
    waiting: HashMap<Pid, Waiting>,
    /// Where messages are waited for.
    receivers: BTreeSet<(Pid, CallId, Position)>,
}

/// The messages that wait for one process.
#[derive(Debug, Default, Clone, Copy)]
struct Waiting {
    count: u32,
    bytes: u64,
}

impl Mail {
    /// Reads what waits.
    ///
    /// # Errors
    /// The disk failed, or a row is damaged.
    pub(super) fn load(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        snapshot.scan(Table::Message, &[], |key, value| {
            if let Some((pid, ..)) = table::read_message(key) {
                self.add(pid, from_bytes::<Message>(&value)?.size());
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    pub(super) fn open_receiver(&mut self, pid: Pid, call: CallId, position: Position) {
        self.receivers.insert((pid, call, position));
    }

    pub(super) fn close_receiver(&mut self, pid: Pid, call: CallId, position: Position) {
        self.receivers.remove(&(pid, call, position));
    }

    /// How many messages wait for a process.
    pub(super) fn waiting(&self, pid: Pid) -> u64 {
        self.waiting.get(&pid).map_or(0, |waiting| u64::from(waiting.count))
    }

    fn receivers_of(&self, pid: Pid) -> impl Iterator<Item = (CallId, Position)> {
        let all = (pid, CallId(0), 0)..=(pid, CallId(u64::MAX), Position::MAX);
        self.receivers.range(all).map(|(_, call, position)| (*call, *position))
    }

    fn add(&mut self, pid: Pid, size: usize) {
        let waiting = self.waiting.entry(pid).or_default();
        waiting.count += 1;
        waiting.bytes += size as u64;
    }

    fn take(&mut self, pid: Pid, size: usize) {
        let Some(waiting) = self.waiting.get_mut(&pid) else { return };
        waiting.count = waiting.count.saturating_sub(1);
        waiting.bytes = waiting.bytes.saturating_sub(size as u64);
        if waiting.count == 0 {
            self.waiting.remove(&pid);
        }
    }

    /// Why a message of this size finds no room.
    fn check_room(&self, pid: Pid, size: usize) -> Result<(), CallError> {
        let Waiting { count, bytes } = self.waiting.get(&pid).copied().unwrap_or_default();
        if count >= limit::MESSAGES_WAITING_MAX {
            let most = limit::MESSAGES_WAITING_MAX;
            return Err(CallError::TooLarge(format!("{most} messages wait for {pid}, the most that can")));
        }
        if bytes + size as u64 > limit::MESSAGES_WAITING_BYTES_MAX {
            let most = limit::MESSAGES_WAITING_BYTES_MAX;
            return Err(CallError::TooLarge(format!(
                "the messages that wait for {pid} would have more than {most} bytes"
            )));
        }
        Ok(())
    }
}

impl State {
    /// Puts a message into a queue where it is not yet.
    pub(super) fn enqueue(&mut self, to: Pid, message: &Message) {
        self.mail.add(to, message.size());
        self.put(Table::Message, table::message(to, message.kind, message.id), message);
    }

    /// Takes a message out of a queue, if it is there.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn unqueue(&mut self, to: Pid, message: &Message) -> Result<(), StoreError> {
        let key = table::message(to, message.kind, message.id);
        if self.get(Table::Message, &key)?.is_some() {
            self.mail.take(to, message.size());
            self.remove(Table::Message, key);
        }
        Ok(())
    }

    /// Sends a message: whoever waits for it gets it now, the one that has waited longest first; else it waits.
    pub(crate) fn send_message(
        &mut self,
        place: Place,
        to: Pid,
        body: &str,
        options: &MessageOptions,
        now: Time,
    ) -> Result<MessageId, CallError> {
        if !self.processes.contains_key(&to) {
            // Of its own kin a process may know that it was there.
            let was = self.by_descent(place.pid, &super::lineage::need_of_message(to));
            let what = if was { format!("{to} has ended") } else { format!("{to} is no live process") };
            return Err(CallError::NotFound(what));
        }
        let mut message = Message {
            id: MessageId(0),
            from: place.pid,
            kind: options.kind,
            channel: options.channel.clone(),
            correlation: options.correlation.clone(),
            body: body.to_owned(),
            sent: now,
        };
        let receiver = self.receiver_of(to, &message);
        if receiver.is_none() {
            self.mail.check_room(to, message.size())?;
        }
        let id = self.new_message();
        message.id = id;
        match receiver {
            Some((call, position)) => self.hand_over(call, position, message, now),
            None => {
                self.mail.add(to, message.size());
                self.put(Table::Message, table::message(to, message.kind, id), &message);
            }
        }
        if options.kind == MessageKind::Interrupt {
            self.interrupt_waits(to, &format!("{id} came from {}", place.pid), now);
        }
        Ok(id)
    }

    /// Who waits for a message: of several the one that has waited longest.
    fn receiver_of(&self, to: Pid, message: &Message) -> Option<(CallId, Position)> {
        let wanted = self.mail.receivers_of(to).filter_map(|place| match self.waits.get(&place) {
            Some(row) => match &row.kind {
                Wait::Message { filter, .. } if filter.wants(message) => Some((row.since, place)),
                _ => None,
            },
            None => None,
        });
        wanted.min().map(|(_, place)| place)
    }

    fn hand_over(&mut self, call: CallId, position: Position, message: Message, now: Time) {
        let record = self.end_of_receive(call, position, Some(&message), now);
        self.end_wait(call, position, Some(Answer::Done(Reply::Message(Some(message)))), record, now);
    }

    fn end_of_receive(&self, call: CallId, position: Position, message: Option<&Message>, now: Time) -> Record {
        let mut record = received(message, now);
        let since = self.waits.get(&(call, position)).map_or(now, |row| row.since);
        record.duration = u64::try_from(now.since(since).as_nanos()).unwrap_or(u64::MAX);
        record
    }

    /// Nothing came in time.
    pub(super) fn end_receive_in_vain(&mut self, call: CallId, position: Position, now: Time) {
        let record = self.end_of_receive(call, position, None, now);
        self.end_wait(call, position, Some(Answer::Done(Reply::Message(None))), record, now);
    }

    /// Hands over a message that waits already; else says what is to be waited for. Nothing is waited for if there is no time.
    pub(super) fn receive_message(
        &mut self,
        attempt: &Attempt,
        filter: &MessageFilter,
        timeout: Option<u64>,
        now: Time,
    ) -> Result<Wait, Asked> {
        let found = match self.take_message(attempt.place.pid, filter) {
            Ok(found) => found,
            Err(error) => {
                return Err(Asked::Over(self.fail(attempt.place, &attempt.call, error.into(), now)));
            }
        };
        if found.is_none() && timeout != Some(0) {
            let until = timeout.map(|timeout| now.after(Duration::from_nanos(timeout)));
            return Ok(Wait::Message { filter: filter.clone(), until });
        }
        let mut record = received(found.as_ref(), now);
        attempt.place.mark(&mut record);
        let answer = Arc::new(Answer::Done(Reply::Message(found)));
        self.journal_answer(attempt.place, &attempt.call, &answer, now, true);
        let request = Some(Arc::clone(&attempt.call));
        self.record(NewRecord { record, request, answer: Some(Arc::clone(&answer)) });
        Err(Asked::Answered(answer))
    }

    /// Takes the first message that is wanted from a queue.
    fn take_message(&mut self, pid: Pid, filter: &MessageFilter) -> Result<Option<Message>, StoreError> {
        if !self.mail.waiting.contains_key(&pid) {
            return Ok(None);
        }
        let Some((key, message)) = self.first_message(pid, filter)? else { return Ok(None) };
        self.mail.take(pid, message.size());
        self.remove(Table::Message, key);
        Ok(Some(message))
    }

    /// The first message that is wanted. What is on the disk is read only as far as it must be.
    fn first_message(&self, pid: Pid, filter: &MessageFilter) -> Result<Option<(Vec<u8>, Message)>, StoreError> {
        let prefix = table::number(pid.0);
        let mut new: BTreeMap<&[u8], Option<&[u8]>> = BTreeMap::new();
        for batch in [self.in_flight.as_deref(), Some(&self.batch)].into_iter().flatten() {
            let rows = batch.rows.range((Table::Message, prefix.clone())..);
            let own = rows.take_while(|((table, key), _)| *table == Table::Message && key.starts_with(&prefix));
            new.extend(own.map(|((_, key), value)| (key.as_slice(), value.as_deref())));
        }
        let mut found: Option<(Vec<u8>, Message)> = None;
        for (key, value) in new.iter().filter_map(|(key, value)| Some((*key, (*value)?))) {
            let message: Message = from_bytes(value)?;
            if filter.wants(&message) {
                found = Some((key.to_vec(), message));
                break;
            }
        }
        self.snapshot()?.scan(Table::Message, &prefix, |key, value| {
            if found.as_ref().is_some_and(|(first, _)| first.as_slice() <= key) {
                return Ok(ControlFlow::Break(()));
            }
            // What was changed since is known better.
            if !new.contains_key(key) {
                let message: Message = from_bytes(&value)?;
                if filter.wants(&message) {
                    found = Some((key.to_vec(), message));
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Messages that wait for a process.
    pub(crate) fn messages_waiting(&self, pid: Pid) -> u64 {
        self.mail.waiting.get(&pid).map_or(0, |waiting| u64::from(waiting.count))
    }

    /// Ends what the calls of a process sleep or wait for; not what they wait for from people and from other calls.
    pub(super) fn interrupt_waits(&mut self, pid: Pid, why: &str, now: Time) {
        let calls: Vec<CallId> = self.live_calls(pid).collect();
        for call in calls {
            let open = self.waits.range((call, 0)..=(call, Position::MAX));
            let open: Vec<(Position, String)> = open
                .filter(|(_, row)| row.kind.is_interruptible())
                .map(|((_, position), row)| (*position, row.operation.clone()))
                .collect();
            for (position, operation) in open {
                let error = CallError::Interrupted(why.to_owned());
                let record = Record::new(operation, now, Decided::Free, Outcome::Failed(error.to_string()));
                self.end_wait(call, position, Some(Answer::Failed(error)), record, now);
            }
        }
    }

    /// Drops what waits for a process that has ended.
    pub(super) fn drop_messages(&mut self, pid: Pid) {
        if self.mail.waiting.remove(&pid).is_none() {
            return;
        }
        // A disk that cannot be read now stops the host at its next commit; what stays is dropped with the process's row.
        for key in self.scan(Table::Message, &table::number(pid.0)).unwrap_or_default().into_keys() {
            self.remove(Table::Message, key);
        }
    }
}

/// The record of a hand-over, or of none.
fn received(message: Option<&Message>, now: Time) -> Record {
    let mut record = Record::new("message.receive", now, Decided::Free, Outcome::Done);
    record.detail = Some(match message {
        Some(message) => format!("{} from {}", message.id, message.from),
        None => "nothing came".to_owned(),
    });
    record
}
