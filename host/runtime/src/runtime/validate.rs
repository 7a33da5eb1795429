//! Validates what processes propose: compiled, described and tried in the sandbox, without any authority. Who waits for it may be dropped
//! from memory; a host that dies in the middle does it again.

use super::drive::until;
use super::meter::Validating;
use super::scripts::{self, WrongScript};
use super::{BRIDGE, BRIDGE_DIGEST, Runtime, RuntimeError, blocking};
use crate::engine::{Engine, Prepared, Run, Trial, Wire, declared, inspect, spending};
use libos_kernel::kernel::{FoundTool, NewTool, Validation};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::candidate::{CandidateRow, Code, Expectation, Problem, Report, Test, TestOutcome};
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit::{self, CallLimits};
use libos_kernel::model::row::Failure;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// A tool that is there to be tried.
struct Ready {
    found: FoundTool,
    prepared: Arc<Prepared>,
    /// If it is a script.
    program: Option<Arc<Vec<u8>>>,
}

/// Why there is nothing to try.
enum Unready {
    /// The proposal is wrong.
    Wrong(Vec<Problem>),
    /// The machine could not.
    Machine(RuntimeError),
}

impl From<RuntimeError> for Unready {
    fn from(error: RuntimeError) -> Self {
        if error.is_of_the_component() { Unready::Wrong(problems(error)) } else { Unready::Machine(error) }
    }
}

impl Runtime {
    /// Starts the validations that are wanted, each on a task of its own.
    pub(super) fn begin_validations(self: &Arc<Self>) {
        for of in self.kernel.take_validations() {
            let runtime = Arc::clone(self);
            self.tasks.spawn(async move {
                let mut closing = runtime.closing.subscribe();
                tokio::select! {
                    () = runtime.validate(&of) => {}
                    // The next host finds who waits for it.
                    () = until(&mut closing, |closing| *closing) => {}
                }
            });
        }
    }

    async fn validate(self: &Arc<Self>, of: &Validation) {
        // It is closed never.
        let _turn = self.validations.acquire().await.ok();
        let row = &of.row;
        if let Err(empty) = self.kernel.can_validate(row.pid) {
            return self.kernel.give_validation_up(row, &empty.reason());
        }
        let validated = {
            let ticks = Arc::default();
            // Who is told of the end has paid.
            let _meter = Validating { kernel: &self.kernel, pid: row.pid, ticks: Arc::clone(&ticks) };
            spending(ticks, self.ready_and_try(of)).await
        };
        match validated {
            Ok((found, report)) => self.kernel.end_validation(row, Ok(found), report),
            Err(Unready::Wrong(problems)) => self.kernel.end_validation(row, Err(problems), Report::default()),
            Err(Unready::Machine(error)) => self.kernel.give_validation_up(row, &error.to_string()),
        }
    }

    async fn ready_and_try(self: &Arc<Self>, of: &Validation) -> Result<(FoundTool, Report), Unready> {
        let ready = self.ready(of).await?;
        let report = self.try_all(&ready, &of.row).await;
        let report = report.map_err(|stop| Unready::Machine(RuntimeError::Machine(stop.to_string())))?;
        Ok((ready.found, report))
    }

    async fn ready(self: &Arc<Self>, of: &Validation) -> Result<Ready, Unready> {
        match &of.code {
            Code::Component(bytes) => self.ready_component(&of.row, bytes.clone()).await,
            Code::Typescript(text) => self.ready_script(&of.row, text).await,
        }
    }

    async fn ready_component(self: &Arc<Self>, row: &CandidateRow, bytes: Vec<u8>) -> Result<Ready, Unready> {
        let digest: Digest = row.digest;
        let look = move || inspect::inspect(&bytes).map(|inspected| (inspected, bytes));
        let (inspected, bytes) = blocking(look).await?.map_err(RuntimeError::from)?;
        let prepared = self.prepare(digest, false, || Ok(bytes)).await?;
        let engine = self.engine().await?;
        let mut tools = engine.describe(&prepared).await.map_err(RuntimeError::from)?;
        declared::attach(inspected.declarations, &mut tools).map_err(RuntimeError::from)?;
        let tool = the_one(tools, &row.proposal.name)?;
        Ok(Ready {
            found: FoundTool { component: digest, imports: inspected.imports, tool, files: Vec::new() },
            prepared,
            program: None,
        })
    }

    async fn ready_script(self: &Arc<Self>, row: &CandidateRow, text: &str) -> Result<Ready, Unready> {
        let script = self.script_of_proposal(&row.proposal.name, text).await?;
        let bytes = script.to_bytes();
        let digest: Digest = Sha256::digest(&bytes).into();
        let (prepared, imports) = self.script_engine().await?;
        let engine = self.engine().await?;
        let program = engine.compile_script(&prepared, &script.modules).await.map_err(RuntimeError::from)?;
        let program = Arc::new(program);
        let described = engine.describe_script(&prepared, &program).await.map_err(RuntimeError::from)?;
        let tools = scripts::tools(described, None, &script.modules, digest).map_err(RuntimeError::from)?;
        let tool = the_one(tools, &row.proposal.name)?;
        self.keep_program((digest, *BRIDGE_DIGEST), Arc::clone(&program)).await?;
        let files = vec![(digest, bytes), (*BRIDGE_DIGEST, BRIDGE.to_vec())];
        let found = FoundTool { component: *BRIDGE_DIGEST, imports, tool, files };
        Ok(Ready { found, prepared, program: Some(program) })
    }

    async fn try_all(&self, ready: &Ready, row: &CandidateRow) -> Result<Report, Stop> {
        let engine = self.engine().await.map_err(|error| Stop::Host(error.to_string()))?;
        let mut report = Report::default();
        let mut left = limit::CANDIDATE_TESTS_TICKS;
        for test in &row.proposal.tests {
            let (outcome, log) = try_one(engine, ready, test, &mut left).await?;
            report.tests.push(outcome);
            report.log.extend(log);
            report.log.truncate(limit::REPORT_LINES_MAX);
        }
        Ok(report)
    }
}

/// What is wrong, at its lines if somebody knows them.
fn problems(error: RuntimeError) -> Vec<Problem> {
    match error {
        RuntimeError::Script(WrongScript::Problems(problems)) => problems
            .into_iter()
            .map(|crate::scripts::Problem { module, line, column, message }| Problem { module, line, column, message })
            .collect(),
        error => vec![Problem::of(error.to_string())],
    }
}

/// The tool that a proposal is about: the one of its name, or the only one.
fn the_one(mut tools: Vec<NewTool>, name: &str) -> Result<NewTool, Unready> {
    let index = match tools.iter().position(|tool| tool.name == name) {
        Some(index) => index,
        None if tools.len() == 1 => 0,
        None => {
            let count = tools.len();
            let why =
                format!("it has {count} tools and none is named '{name}'; name one of them, or propose code with one");
            return Err(Unready::Wrong(vec![Problem::of(why)]));
        }
    };
    Ok(tools.swap_remove(index))
}

/// How one test goes, and what it logs.
async fn try_one(
    engine: &Engine,
    ready: &Ready,
    test: &Test,
    left: &mut u64,
) -> Result<(TestOutcome, Vec<String>), Stop> {
    let failed = |message: String| TestOutcome { passed: false, message };
    if *left == 0 {
        let seconds = limit::CANDIDATE_TESTS_TICKS / 100;
        return Ok((failed(format!("not run: the tests before it took all of {seconds} seconds")), Vec::new()));
    }
    let trial = Trial::default();
    let limits = CallLimits {
        memory_bytes: limit::CANDIDATE_TEST_MEMORY_BYTES,
        cpu_ticks: limit::CANDIDATE_TEST_TICKS.min(*left),
        imports: limit::CANDIDATE_TEST_IMPORTS,
        ..CallLimits::default()
    };
    let program = ready.program.as_ref().map(|program| program.as_slice());
    let run = Run { program, export: &ready.found.tool.export, arguments: &test.arguments, seed: [0; 32], limits };
    // Processor time is counted by the engine; this is for what waits where nothing is counted.
    let most = Duration::from_millis(limits.cpu_ticks * 20);
    let begun = tokio::time::Instant::now();
    let ended = tokio::time::timeout(most, engine.call(&ready.prepared, Wire::Trial(trial.clone()), run)).await;
    *left = left.saturating_sub(begun.elapsed().as_millis() as u64 / 10 + 1);
    let outcome = match ended {
        Err(_) => failed(format!("it ran for more than {} seconds", most.as_secs_f64())),
        Ok(Err(Stop::Fault(fault))) => failed(fault.to_string()),
        Ok(Err(stop)) => return Err(stop),
        Ok(Ok(ended)) => match (trial.refused(), why_not(&test.expect, ended)) {
            (Some(operation), _) => {
                failed(format!("it called {operation}: tests have no authority; test what needs none"))
            }
            (None, Some(why)) => failed(why),
            (None, None) => TestOutcome { passed: true, message: String::new() },
        },
    };
    Ok((outcome, trial.log()))
}

/// Why an end is not as expected, if it is not.
fn why_not(expected: &Expectation, ended: Result<String, Failure>) -> Option<String> {
    let shown = |text: &str| -> String { text.chars().take(200).collect() };
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    match (expected, ended) {
        (Expectation::Returns(wanted), Ok(result)) => {
            let same = value(wanted).is_some() && value(wanted) == value(&result);
            (!same).then(|| format!("it returned {}, not {}", shown(&result), shown(wanted)))
        }
        (Expectation::Returns(wanted), Err(failure)) => {
            Some(format!("it failed: {}; it was to return {}", shown(&failure.message), shown(wanted)))
        }
        (Expectation::Fails(text), Ok(result)) => {
            Some(format!("it returned {}; it was to fail with '{}'", shown(&result), shown(text)))
        }
        (Expectation::Fails(text), Err(failure)) => (!failure.message.contains(text.as_str()))
            .then(|| format!("it failed with '{}', not with '{}'", shown(&failure.message), shown(text))),
    }
}
