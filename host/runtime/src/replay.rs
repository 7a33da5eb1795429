//! Replay: a recorded call is run again on its recorded answers alone. Nothing is decided, performed or stored: behind the guest there is no
//! kernel, no world and no directory, only the file that holds the record.

use crate::engine::compile::{Compile, CompileLimits, Compiler, Origin, PrepareError, Wants};
use crate::engine::{CodeCache, Engine, EngineError, Printed, Run, ScriptError, Wire, failure};
use crate::runtime::{BRIDGE_DIGEST, WrongScript};
use crate::scripts::Script;
use libos_kernel::model::answer::Stop;
use libos_kernel::model::call::Call;
use libos_kernel::model::history::{End, Field, History, Start, differences};
use libos_kernel::model::id::{Digest, Position, hex};
use libos_kernel::model::limit;
use libos_kernel::model::row::FailureReason;
use libos_kernel::syscall::Recorded;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, PoisonError};

/// Instances that a replay has at once; the pool has room for what an instance consists of.
const INSTANCES_MAX: u32 = 2;

/// What a call is replayed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The bytes of the component.
    pub component: Vec<u8>,
    /// The file of the script that it runs; none if it is the tool itself.
    pub script: Option<Vec<u8>>,
}

impl From<Vec<u8>> for Code {
    fn from(component: Vec<u8>) -> Code {
        Code { component, script: None }
    }
}

/// Has what to run for a call, given how that was started and how many calls are around it.
pub type CodeOf<'a> = &'a (dyn Fn(&Start, usize) -> Option<Code> + Sync);

/// How a recorded call went with a component.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its name.
    pub tool: String,
    /// The component that the call was recorded with, or the script, as 64 hexadecimal digits.
    pub recorded_component: String,
    /// What it was replayed with; none if it was not replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// What runs scripts, if the replay had another one of it than the record: then a difference may come from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<Bridge>,
    /// Imports of the record.
    pub imports: usize,
    /// Those that the replay made as recorded.
    pub same_imports: Position,
    /// Whether all went as recorded.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The end of what the guest printed, if it went another way.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub printed: String,
    /// The calls that were made from it, in their order, each replayed by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<Report>,
}

/// Two components that run scripts, as 64 hexadecimal digits each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bridge {
    /// The one that the call was recorded with.
    pub recorded: String,
    /// The one that it was replayed with.
    pub replayed: String,
}

/// Whether a replay went as recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// The same imports with the same arguments in the same order, and the same end.
    Same,
    /// The same as far as the record goes: a clock or a person ended the call.
    SameUntilCut,
    /// Nobody has a component for it. Only a call that another one made can be so.
    NotReplayed,
    /// It went another way.
    Different {
        /// Where, first.
        difference: Box<Difference>,
    },
}

/// The first thing that is different.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Difference {
    /// At this position another import is made, or the same with other arguments.
    Import {
        /// The import's number, from 0.
        position: Position,
        /// The operation of the record.
        recorded: &'static str,
        /// The operation of the replay.
        made: &'static str,
        /// Empty if the operations differ; then nothing can be compared.
        fields: Vec<Field>,
        /// The whole of the recorded one.
        recorded_request: Call,
        /// The whole of the one that was made.
        made_request: Call,
    },
    /// All recorded imports were made, and one more is.
    Extra {
        /// The import's number, from 0.
        position: Position,
        /// Its operation.
        made: &'static str,
        /// The whole of it.
        made_request: Call,
    },
    /// It ended before it made this import and those after it.
    Missing {
        /// The import's number, from 0.
        position: Position,
        /// Its operation.
        recorded: &'static str,
        /// The whole of it.
        recorded_request: Call,
        /// Recorded imports that were not made, with this one.
        left: usize,
        /// How the replay ended.
        ended: Value,
    },
    /// The imports are the same, the end is another one.
    End {
        /// What differs in it.
        fields: Vec<Field>,
        /// The end of the record.
        recorded: Value,
        /// The end of the replay.
        made: Value,
    },
}

impl Report {
    /// Whether this call and all that were made from it were replayed and went as recorded.
    pub fn is_same(&self) -> bool {
        matches!(self.verdict, Verdict::Same | Verdict::SameUntilCut) && self.nested.iter().all(Report::is_same)
    }
}

/// Why a call could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Whoever was asked has no component or script for the call.
    #[error("there is no component or script {digest}, which the call of {tool} was recorded with")]
    NoComponent {
        /// The tool's name.
        tool: String,
        /// The component's digest, or the script's, as 64 hexadecimal digits.
        digest: String,
    },
    /// The component is none of this world, or cannot be compiled.
    #[error(transparent)]
    Component(PrepareError),
    /// The script is wrong.
    #[error(transparent)]
    Script(#[from] WrongScript),
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The machine could not, for example for want of memory.
    #[error("the replay could not go on: {0}")]
    Host(String),
}

impl From<ScriptError> for ReplayError {
    fn from(error: ScriptError) -> Self {
        match error {
            ScriptError::Problems(problems) => WrongScript::Problems(problems).into(),
            ScriptError::Failed(why) => WrongScript::Whole(why).into(),
            ScriptError::Machine(why) => ReplayError::Host(why),
        }
    }
}

impl From<PrepareError> for ReplayError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Machine(why) => ReplayError::Host(why),
            error => ReplayError::Component(error),
        }
    }
}

/// Replays calls. Components that were compiled once are ready for the next call.
pub struct Replayer {
    engine: Engine,
    compiler: Compiler,
}

impl Replayer {
    /// A replayer; `compile` says where components are compiled.
    ///
    /// # Errors
    /// The engine cannot start.
    pub fn new(compile: Compile) -> Result<Replayer, EngineError> {
        let compiler = Compiler { place: compile, limits: CompileLimits::default() };
        Ok(Replayer { engine: Engine::new(INSTANCES_MAX)?, compiler })
    }

    /// Replays a call and those that were made from it, each by itself against its own record. `code` has what to run for a call, given how
    /// that was started and how many calls are around it: what was recorded, or another build.
    ///
    /// # Errors
    /// There is no component for the outermost call, it is none of this world, or the machine cannot.
    pub async fn replay(&self, history: &History, code: CodeOf<'_>) -> Result<Report, ReplayError> {
        let Some(first) = code(&history.start, 0) else {
            let (tool, digest) = (history.start.tool.clone(), hex(history.start.code()));
            return Err(ReplayError::NoComponent { tool, digest });
        };
        let mut whole = self.replay_one(history, Some(first)).await?;
        // The calls whose own calls are still to be replayed, with the way to their reports.
        let mut left: Vec<(&History, Vec<usize>)> = vec![(history, Vec::new())];
        while let Some((history, way)) = left.pop() {
            let nested = history.imports.iter().filter_map(|import| import.nested.as_deref());
            for (index, nested) in nested.enumerate() {
                let report = self.replay_one(nested, code(&nested.start, way.len() + 1)).await?;
                let caller = way.iter().fold(&mut whole, |report, index| &mut report.nested[*index]);
                caller.nested.push(report);
                left.push((nested, [&way[..], &[index]].concat()));
            }
        }
        Ok(whole)
    }

    async fn replay_one(&self, history: &History, code: Option<Code>) -> Result<Report, ReplayError> {
        let start = &history.start;
        let mut report = Report {
            tool: start.tool.clone(),
            recorded_component: hex(start.code()),
            component: None,
            bridge: None,
            imports: history.imports.len(),
            same_imports: 0,
            verdict: Verdict::NotReplayed,
            printed: String::new(),
            nested: Vec::new(),
        };
        let Some(Code { component, script }) = code else { return Ok(report) };
        let digest: Digest = Sha256::digest(&component).into();
        let (engine, compiler) = (self.engine.clone(), self.compiler.clone());
        // Whoever does not wait any more ends the compiler too.
        let wants = Wants::default();
        let wanted = wants.told();
        let prepare = move || {
            let own = digest == *BRIDGE_DIGEST;
            let origin = if own { Origin::Program } else { Origin::Outside(&compiler, &wanted) };
            engine.prepare(&digest, &CodeCache::none(), origin, || Ok(component))
        };
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let prepared = prepared.map_err(|error| ReplayError::Host(error.to_string()))??;
        let program = match &script {
            Some(bytes) => {
                let script = Script::from_bytes(bytes).map_err(|error| WrongScript::Whole(error.to_string()))?;
                Some(self.engine.compile_script(&prepared, &script.modules).await?)
            }
            None => None,
        };
        let mut limits = start.limits;
        // Each run of the call had this time to itself.
        let ticks_max = (limit::CALL_PROCESSOR_TIME_MAX.as_millis() / limit::CALL_TICK.as_millis()) as u64;
        limits.cpu_ticks = limits.cpu_ticks.saturating_mul(u64::from(start.resumes) + 1).min(ticks_max);
        let line = Recorded::new(history.imports.clone().into(), limits.imports, start.started, history.is_cut());
        let printed = Printed::default();
        let program = program.as_deref();
        let run = Run { program, export: &start.export, arguments: &start.arguments, seed: start.seed, limits };
        let wire = Wire::Recorded(line.clone(), Arc::clone(&printed));
        let ended = match self.engine.call(&prepared, wire, run).await {
            Ok(ended) => ended,
            Err(Stop::Ended) => Err(failure(FailureReason::Fault, "the record is at its end", None)),
            Err(stop) => return Err(ReplayError::Host(stop.to_string())),
        };
        if start.script.is_some() && script.is_some() && start.component != digest {
            report.bridge = Some(Bridge { recorded: hex(&start.component), replayed: hex(&digest) });
        }
        report.component = Some(hex(&script.map_or(digest, |script| Sha256::digest(script).into())));
        report.same_imports = line.answered();
        report.verdict = verdict(history, &line, ended.map_or_else(End::Failed, End::Done));
        if matches!(report.verdict, Verdict::Different { .. }) {
            let printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
            report.printed = String::from_utf8_lossy(&printed).into_owned();
        }
        Ok(report)
    }
}

fn verdict(history: &History, line: &Recorded, ended: End) -> Verdict {
    let different = |difference| Verdict::Different { difference: Box::new(difference) };
    if let Some(divergence) = line.divergence() {
        let (position, made_request) = (divergence.position, divergence.made);
        let made = made_request.operation();
        return different(match divergence.recorded {
            None => Difference::Extra { position, made, made_request },
            Some(recorded_request) => {
                let fields = differences(&request_value(&recorded_request), &request_value(&made_request));
                let recorded = recorded_request.operation();
                let fields = if recorded == made { fields } else { Vec::new() };
                Difference::Import { position, recorded, made, fields, recorded_request, made_request }
            }
        });
    }
    if line.reached_cut() {
        return Verdict::SameUntilCut;
    }
    let position = line.answered();
    if let Some(next) = history.imports.get(position as usize) {
        let left = history.imports.len() - position as usize;
        let (recorded_request, recorded) = (next.call.clone(), next.call.operation());
        return different(Difference::Missing { position, recorded, recorded_request, left, ended: end_value(&ended) });
    }
    if ended == history.end {
        return Verdict::Same;
    }
    if history.is_cut() {
        // The clock of this machine, or a build that ends where the recorded one was stopped.
        return Verdict::SameUntilCut;
    }
    let (recorded, made) = (end_value(&history.end), end_value(&ended));
    match differences(&recorded, &made) {
        // The same value, written in another way.
        fields if fields.is_empty() => Verdict::Same,
        fields => different(Difference::End { fields, recorded, made }),
    }
}

/// The fields of a request, without its operation.
pub fn request_value(call: &Call) -> Value {
    match serde_json::to_value(call) {
        Ok(Value::Object(map)) => map.into_iter().next().map_or(Value::Null, |(_, fields)| fields),
        _ => Value::Null,
    }
}

fn end_value(end: &End) -> Value {
    match end {
        End::Done(text) => json!({ "done": serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())) }),
        End::Failed(failure) => json!({ "failed": failure }),
        End::Cancelled(why) => json!({ "cancelled": why }),
    }
}

/// Replays one call; see [`Replayer::replay`].
///
/// # Errors
/// As [`Replayer::replay`].
pub async fn replay(history: &History, code: CodeOf<'_>) -> Result<Report, ReplayError> {
    Replayer::new(Compile::InProcess)?.replay(history, code).await
}
