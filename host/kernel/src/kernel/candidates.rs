//! Tools that processes propose: rows with the code as a file beside them, their validation as a wait that the run loop ends.
//!
//! To propose needs no right: it changes nothing but rows of the process's own, within limits, and nothing can be called by it. To
//! validate needs none: what is proposed is run without any authority. What takes a name for the process is to register, and that is
//! decided.

use super::Kernel;
use super::admit::Attempt;
use super::approvals::Asked;
use super::calls::Place;
use super::state::State;
use super::tools::{NewTool, check_tool};
use crate::model::answer::{Answer, CallError};
use crate::model::bound::reached;
use crate::model::call::{Call, Reply};
use crate::model::candidate::{CandidateRow, Code, Problem, Proposal, Report, Standing, TestOutcome};
use crate::model::codec::from_bytes;
use crate::model::id::{CallId, CandidateId, Digest, GrantId, Pid, Position};
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record, cut};
use crate::model::row::{ToolRow, Wait};
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::batch::NewRecord;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What is in memory of all candidates.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Whose they are.
    owned: BTreeMap<(Pid, CandidateId), Owned>,
    /// Those whose validation is wanted and that nobody has taken yet.
    wanted: BTreeSet<(CandidateId, Pid)>,
    /// Those that are being validated.
    taken: BTreeSet<CandidateId>,
}

#[derive(Debug)]
struct Owned {
    /// Bytes of its code.
    size: u64,
    /// The component that would run it, if it is a script that was validated.
    runs_by: Option<Digest>,
}

impl Owned {
    fn of(row: &CandidateRow) -> Owned {
        let tool = row.tool.as_ref().filter(|tool| tool.script.is_some());
        Owned { size: row.size, runs_by: tool.map(|tool| tool.component) }
    }
}

/// A candidate that is to be validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    pub row: CandidateRow,
    pub code: Code,
}

/// What the code of a candidate turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTool {
    /// The component that runs it.
    pub component: Digest,
    /// The interfaces that the component imports.
    pub imports: Vec<String>,
    pub tool: NewTool,
    /// Files that it needs beside the code itself.
    pub files: Vec<(Digest, Vec<u8>)>,
}

impl Candidates {
    fn of(&self, pid: Pid) -> impl Iterator<Item = (CandidateId, u64)> {
        let all = (pid, CandidateId(0))..=(pid, CandidateId(u64::MAX));
        self.owned.range(all).map(|((_, id), owned)| (*id, owned.size))
    }

    /// Those that are scripts and would be run by another component.
    pub(super) fn not_run_by(&self, component: &Digest) -> Vec<(Pid, CandidateId)> {
        let other = self.owned.iter().filter(|(_, owned)| owned.runs_by.is_some_and(|runs_by| runs_by != *component));
        other.map(|(key, _)| *key).collect()
    }
}

impl Kernel {
    /// The name of the tool that a call of a process would register; none if it registers nothing that is the process's own.
    pub(crate) fn name_to_register(&self, pid: Pid, call: &Call) -> Option<String> {
        let Call::ToolsRegister { id, .. } = call else { return None };
        let row = self.lock().candidate(pid, id.parse().ok()?).ok()??;
        Some(row.proposal.name)
    }

    /// Writes the code of a proposal where its row will name it.
    pub(crate) fn keep_code(&self, code: &Code) -> Result<crate::store::files::Pin<'_>, CallError> {
        let digest: Digest = Sha256::digest(code.as_bytes()).into();
        self.pin_file("code", &digest, code.as_bytes()).map_err(|error| CallError::Io(error.to_string()))
    }

    /// The candidates that are to be validated, each once, until [`Kernel::end_validation`] or [`Kernel::give_validation_up`]. One that
    /// cannot be read is not among them: whoever waits for it learns of that.
    pub fn take_validations(&self) -> Vec<Validation> {
        let rows: Vec<CandidateRow> = {
            let now = self.now();
            let mut state = self.lock();
            let wanted = std::mem::take(&mut state.candidates.wanted);
            wanted.into_iter().filter_map(|(id, pid)| state.take_candidate(pid, id, now)).collect()
        };
        let mut found = Vec::new();
        for row in rows {
            match self.component(&row.digest) {
                Ok(bytes) => found.push(Validation { code: read_code(&row.proposal.code, bytes), row }),
                Err(error) => self.give_validation_up(&row, &format!("its code cannot be read: {error}")),
            }
        }
        found
    }

    /// Ends the validation of a candidate: with a tool, if there is nothing wrong with it. Whoever waits for it learns of it.
    pub fn end_validation(&self, of: &CandidateRow, found: Result<FoundTool, Vec<Problem>>, report: Report) {
        let now = self.now();
        // To the end of this function, where the row that names them is in the batch.
        let files = found.iter().flat_map(|found| &found.files);
        let pins: Result<Vec<_>, _> = files.map(|(digest, bytes)| self.pin_file("tool", digest, bytes)).collect();
        if let Err(error) = &pins {
            return self.give_validation_up(of, &error.to_string());
        }
        let mut state = self.lock();
        state.candidates.taken.remove(&of.id);
        let (pid, id) = (of.pid, of.id);
        let mut row = match state.candidate(pid, id) {
            Ok(Some(row)) => row,
            // Its process has ended, and so has who waited.
            Ok(None) => return,
            Err(error) => return state.fail_validation(pid, id, &unreadable(&error), now),
        };
        let mut report = bounded(report);
        let tool = found.and_then(|found| tool_row(&row, found, now).map_err(|error| vec![Problem::of(error)]));
        match tool {
            Ok(tool) => row.tool = Some(Box::new(tool)),
            Err(problems) => report.problems.extend(problems),
        }
        report = bounded(report);
        report.ok = report.problems.is_empty()
            && report.tests.len() == row.proposal.tests.len()
            && report.tests.iter().all(|test| test.passed);
        if !report.ok {
            row.tool = None;
        }
        row.standing = if report.ok { Standing::Validated } else { Standing::Rejected };
        row.report = Some(report.clone());
        let mut record = Record::new("tools.validate", now, Decided::Free, Outcome::Done);
        record.detail = Some(format!("{id} {} {}", row.proposal.name, report.line()));
        state.put_candidate(&row);
        let answer = Answer::Done(Reply::Report(report));
        state.end_validation_waits(pid, id, &answer, record, now);
    }

    /// Ends the wait for a validation that the machine could not make now. It can be asked for again.
    pub fn give_validation_up(&self, of: &CandidateRow, why: &str) {
        let now = self.now();
        self.lock().fail_validation(of.pid, of.id, why, now);
    }

    /// The candidates of a process, oldest first.
    ///
    /// # Errors
    /// The disk failed.
    pub fn candidates_of(&self, pid: Pid) -> Result<Vec<CandidateRow>, StoreError> {
        let state = self.lock();
        state.candidates.of(pid).filter_map(|(id, _)| state.candidate(pid, id).transpose()).collect()
    }
}

impl State {
    pub(super) fn load_candidates(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        snapshot.scan(Table::Candidate, &[], |_, value| {
            let row: CandidateRow = from_bytes(&value)?;
            self.candidates.owned.insert((row.pid, row.id), Owned::of(&row));
            Ok(ControlFlow::Continue(()))
        })?;
        for ((call, _), row) in &self.waits {
            if let (Wait::Validation(id), Some(live)) = (&row.kind, self.calls.get(call)) {
                self.candidates.wanted.insert((*id, live.row.pid));
            }
        }
        Ok(())
    }

    /// A candidate of this process; nobody has those of others.
    pub(super) fn candidate(&self, pid: Pid, id: CandidateId) -> Result<Option<CandidateRow>, StoreError> {
        if !self.candidates.owned.contains_key(&(pid, id)) {
            return Ok(None);
        }
        self.row(Table::Candidate, &table::numbers(pid.0, id.0))
    }

    pub(super) fn own_candidate(&self, pid: Pid, id: &str) -> Result<CandidateRow, CallError> {
        let id: CandidateId =
            id.parse().map_err(|error: crate::model::id::NotAnId| CallError::Invalid(error.to_string()))?;
        self.candidate(pid, id)?.ok_or_else(|| CallError::NotFound(format!("candidate {id}")))
    }

    pub(super) fn put_candidate(&mut self, row: &CandidateRow) {
        self.candidates.owned.insert((row.pid, row.id), Owned::of(row));
        self.put(Table::Candidate, table::numbers(row.pid.0, row.id.0), row);
    }

    fn drop_candidate(&mut self, pid: Pid, id: CandidateId) {
        self.candidates.owned.remove(&(pid, id));
        self.candidates.wanted.remove(&(id, pid));
        self.remove(Table::Candidate, table::numbers(pid.0, id.0));
    }

    /// Drops the candidates of a process that has ended.
    pub(super) fn drop_candidates(&mut self, pid: Pid) {
        let ids: Vec<CandidateId> = self.candidates.of(pid).map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.drop_candidate(pid, id));
    }

    /// Takes a proposal down. Its code is in its file already. What was rejected or registered makes room for it.
    pub(crate) fn propose_tool(&mut self, place: Place, proposal: &Proposal, now: Time) -> Result<String, CallError> {
        let size = proposal.code.as_bytes().len() as u64;
        self.make_room_for_candidate(place.pid, size)?;
        let id = self.new_candidate();
        self.put_candidate(&CandidateRow {
            id,
            pid: place.pid,
            proposal: proposal.without_code(),
            digest: Sha256::digest(proposal.code.as_bytes()).into(),
            size,
            standing: Standing::Proposed,
            report: None,
            tool: None,
            proposed: now,
        });
        Ok(id.to_string())
    }

    fn make_room_for_candidate(&mut self, pid: Pid, size: u64) -> Result<(), CallError> {
        let fits = |state: &State| {
            let (count, bytes) = state.candidates.of(pid).fold((0, size), |(n, sum), (_, size)| (n + 1, sum + size));
            count < limit::CANDIDATES_PER_PROCESS_MAX && bytes <= limit::CANDIDATES_BYTES_MAX
        };
        if fits(self) {
            return Ok(());
        }
        let all: Vec<CandidateId> = self.candidates.of(pid).map(|(id, _)| id).collect();
        for id in all {
            let over = [Standing::Rejected, Standing::Registered];
            if self.candidate(pid, id)?.is_some_and(|row| over.contains(&row.standing)) {
                self.drop_candidate(pid, id);
                if fits(self) {
                    return Ok(());
                }
            }
        }
        let (count, bytes) = (limit::CANDIDATES_PER_PROCESS_MAX, limit::CANDIDATES_BYTES_MAX);
        Err(CallError::TooLarge(format!(
            "a process has at most {count} proposals with {bytes} bytes of code that are neither rejected nor registered"
        )))
    }

    /// Answers at once if the validation was made, else says what is to be waited for.
    pub(super) fn validate_tool(&mut self, attempt: &Attempt, id: &str, grants: &[GrantId], now: Time) -> Asked {
        let row = match self.own_candidate(attempt.place.pid, id) {
            Ok(row) => row,
            Err(error) => return Asked::Over(self.fail(attempt.place, &attempt.call, error, now)),
        };
        if let Some(report) = row.report {
            return self.answer_wait(attempt, Reply::Report(report), grants, now);
        }
        if !self.candidates.taken.contains(&row.id) {
            self.candidates.wanted.insert((row.id, row.pid));
            self.changed.notify_one();
        }
        let mut record = Record::new(attempt.call.operation(), now, self.decided(grants), Outcome::Waiting);
        record.detail = Some(format!("{} {}", row.id, row.proposal.name));
        Asked::Waits(self.start_wait(attempt, Wait::Validation(row.id), record, now))
    }

    /// A candidate that is validated from now on.
    fn take_candidate(&mut self, pid: Pid, id: CandidateId, now: Time) -> Option<CandidateRow> {
        match self.candidate(pid, id) {
            Ok(row) => {
                self.candidates.taken.extend(row.is_some().then_some(id));
                row
            }
            Err(error) => {
                self.fail_validation(pid, id, &unreadable(&error), now);
                None
            }
        }
    }

    fn fail_validation(&mut self, pid: Pid, id: CandidateId, why: &str, now: Time) {
        self.candidates.taken.remove(&id);
        let error = CallError::Io(why.to_owned());
        let mut record = Record::new("tools.validate", now, Decided::Free, Outcome::Failed(error.to_string()));
        record.detail = Some(id.to_string());
        self.end_validation_waits(pid, id, &Answer::Failed(error), record, now);
    }

    fn end_validation_waits(&mut self, pid: Pid, id: CandidateId, answer: &Answer, mut record: Record, now: Time) {
        let calls: Vec<CallId> = self.live_calls(pid).collect();
        let mut places: Vec<(CallId, Position)> = Vec::new();
        for call in calls {
            let open = self.waits.range((call, 0)..=(call, Position::MAX));
            places.extend(open.filter(|(_, wait)| wait.kind == Wait::Validation(id)).map(|(place, _)| *place));
        }
        if places.is_empty() {
            // Whoever asked is gone; what was found stays.
            record.pid = Some(pid);
            self.record(NewRecord { record, request: None, answer: None });
            return;
        }
        for (call, position) in places {
            self.end_wait(call, position, Some(answer.clone()), record.clone(), now);
        }
    }
}

fn unreadable(error: &StoreError) -> String {
    format!("the proposal cannot be read: {error}")
}

fn read_code(form: &Code, bytes: Vec<u8>) -> Code {
    match form {
        Code::Typescript(_) => Code::Typescript(String::from_utf8_lossy(&bytes).into_owned()),
        Code::Component(_) => Code::Component(bytes),
    }
}

/// The tool as it would be registered. Its name, and what it is said to do and to take, are the proposal's; what it may ever use is what
/// the code says.
fn tool_row(row: &CandidateRow, found: FoundTool, now: Time) -> Result<ToolRow, String> {
    let (proposal, mut tool) = (&row.proposal, found.tool);
    tool.name.clone_from(&proposal.name);
    if !proposal.summary.is_empty() {
        tool.summary.clone_from(&proposal.summary);
    }
    if let Some(schema) = &proposal.arguments {
        tool.arguments.clone_from(schema);
    }
    if let Some(schema) = &proposal.result {
        tool.result.clone_from(schema);
    }
    check_tool(&tool).map_err(|error| error.to_string())?;
    Ok(ToolRow {
        name: tool.name,
        export: tool.export,
        component: found.component,
        summary: tool.summary,
        arguments: tool.arguments,
        result: tool.result,
        imports: reached(&found.imports, tool.needs.iter().flatten()),
        added: now,
        standard: false,
        needs: tool.needs,
        script: tool.script,
        within: Vec::new(),
    })
}

/// What a guest is told of it, and what is kept, has an end.
fn bounded(mut report: Report) -> Report {
    report.problems.truncate(limit::REPORT_LINES_MAX);
    report.log.truncate(limit::REPORT_LINES_MAX);
    report.tests.truncate(limit::CANDIDATE_TESTS_MAX);
    let problems = report.problems.iter_mut().flat_map(|problem| [&mut problem.module, &mut problem.message]);
    let tests = report.tests.iter_mut().map(|TestOutcome { message, .. }| message);
    for text in problems.chain(tests).chain(&mut report.log) {
        cut(text, limit::REPORT_LINE_BYTES_MAX);
    }
    report
}

/// What a person must know who is asked whether a candidate may be registered.
impl State {
    pub(super) fn preview_of_register(&self, pid: Pid, call: &Call) -> Vec<String> {
        let Call::ToolsRegister { id, for_children } = call else { return Vec::new() };
        let Ok(row) = self.own_candidate(pid, id) else { return Vec::new() };
        let whom = if *for_children { "the process and all below it" } else { "the process" };
        let digest = crate::model::id::hex(&row.digest);
        let mut lines = vec![format!(
            "gives {whom} a tool that was written at run time: {} {}, {} bytes, SHA-256 {digest}",
            row.id,
            row.proposal.code.word(),
            row.size
        )];
        if let Some(tool) = &row.tool {
            lines.push(match &tool.needs {
                Some(needs) if needs.is_empty() => "it declares that it needs nothing".to_owned(),
                Some(needs) => {
                    let needs: Vec<String> = needs.iter().map(ToString::to_string).collect();
                    format!("it declares that it needs {}", crate::model::preview::escape(&needs.join(", ")))
                }
                None => format!("it may use, where the process may: {}", tool.imports.join(", ")),
            });
        }
        if let Code::Typescript(_) = row.proposal.code {
            match self.storage.get_file(&row.digest) {
                Ok(source) => lines.extend(crate::model::preview::whole_bytes(&source)),
                Err(error) => lines.push(format!("its text cannot be read: {error}")),
            }
        }
        lines
    }
}
