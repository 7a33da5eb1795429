//! Steps of agents: what the host adds to a step, and many agents that wait for a model at once.

use crate::guests;
use crate::measure::{median, nanoseconds};
use crate::report::{Report, Row, Target, Unit};
use crate::stage::{self, Scratch};
use libos::kernel::model::id::Pid;
use libos::kernel::model::image::BASE;
use libos::kernel::store::disk::Memory;
use libos::{Config, NewAgent, Runtime};
use libos_provider::{Asked, Clock, Provider, Step, Turn, json as said};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
/// Steps of one turn.
const STEPS: usize = 1_000;
const AGENTS: usize = 1_000;
/// What the model takes for an answer.
const LATENCY: Duration = Duration::from_millis(500);
/// Answers with a tool call, for each agent; two without one follow, by which it ends.
const CALLS: usize = 6;

/// A step that a script chooses, with one tool call.
pub fn quantum(report: &mut Report) {
    let tokio = stage::tokio();
    let scratch = Scratch::new("quantum");
    let mut samples = tokio.block_on(async {
        let runtime = runtime(&scratch, stage::POLICY).await;
        let script = vec![r#"{"tool":"noop"}"#; STEPS].join("\n");
        let mut samples = Vec::new();
        for round in 0..=ROUNDS {
            let began = Instant::now();
            let pid = start(&runtime, &script).await;
            ended(&runtime, &[pid]).await;
            if round > 0 {
                samples.push(nanoseconds(began.elapsed()) / STEPS as f64);
            }
        }
        runtime.close().await;
        samples
    });
    let what = "a quantum of a script with one tool call that does nothing, over a store in memory";
    report.row(Row::time("quantum.scripted", what, median(&mut samples)).target(Target::AtMost(300_000.0)));
}

/// Agents that ask a model, all at once.
pub fn many(report: &mut Report) {
    let name = format!("agents.{AGENTS}");
    if !has_descriptors(AGENTS as u64 * 3) {
        return report.skip(&name, "this process may not have so many files open: ulimit -n");
    }
    let tokio = stage::tokio();
    let scratch = Scratch::new("agents");
    let (rate, asked) = tokio.block_on(async {
        let provider = Provider::answering(&Arc::new(Clock::default()), answer).await.unwrap();
        let model = format!("[model.bench]\nbase-url = \"{}\"\nmodel = \"mock\"\n", provider.base_url());
        let policy = stage::POLICY.replace("allow = [", "allow = [\n    \"use model:bench\",");
        let runtime = runtime(&scratch, &format!("{policy}{model}")).await;
        let began = Instant::now();
        let mut pids = Vec::with_capacity(AGENTS);
        for _ in 0..AGENTS {
            pids.push(start(&runtime, "model:bench").await);
        }
        ended(&runtime, &pids).await;
        let took = began.elapsed().as_secs_f64();
        runtime.close().await;
        let asked = provider.connections();
        (asked as f64 / took, asked)
    });
    assert_eq!(asked, AGENTS * (CALLS + 2), "each question goes out once");
    let ideal = AGENTS as f64 / LATENCY.as_secs_f64();
    let what = format!(
        "answers a second of {AGENTS} agents, each with a tool call, the model takes {} ms",
        LATENCY.as_millis()
    );
    let row = Row::new(name, what, rate, Unit::PerSecond).against("nothing but the model takes time", ideal);
    let note = "from the first agent to the end of the last; the mock model runs in the same process";
    report.row(row.target(Target::TimesAtLeast(0.8)).note(note));
}

fn answer(asked: &Asked) -> Turn {
    let messages = asked.json()["messages"].as_array().cloned().unwrap_or_default();
    let results = messages.iter().filter(|message| message["role"] == json!("tool")).count();
    let function = json!({ "name": "noop", "arguments": "{}" });
    let calls = if results < CALLS {
        json!([{ "id": format!("call_{results}"), "type": "function", "function": function }])
    } else {
        json!([])
    };
    let message = json!({ "role": "assistant", "content": "", "tool_calls": calls });
    let message = if results < CALLS { message } else { json!({ "role": "assistant", "content": "Done." }) };
    let reply = json!({
        "choices": [{ "index": 0, "message": message, "finish_reason": if results < CALLS { "tool_calls" } else { "stop" } }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 10 },
    });
    let mut turn = vec![Step::Wait(LATENCY)];
    turn.extend(said(&reply));
    turn
}

async fn runtime(scratch: &Scratch, policy: &str) -> Arc<Runtime> {
    let runtime = Runtime::open(Config::new(Arc::new(Memory::default()), scratch.world())).unwrap();
    runtime.kernel().set_policy(policy).unwrap();
    runtime.add_component(guests::NOOP.to_vec(), None, false).await.unwrap();
    runtime
}

async fn start(runtime: &Arc<Runtime>, planner: &str) -> Pid {
    let new = NewAgent { image: BASE, goal: "to be measured", planner: Some(planner), new: true };
    runtime.start_agent(new).await.unwrap().what.pid
}

/// Waits for the ends of processes; they are looked for often, so that the wait is not measured.
async fn ended(runtime: &Arc<Runtime>, pids: &[Pid]) {
    for pid in pids {
        while !runtime.kernel().progress(*pid).is_over {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Whether this process may have so many files open; it allows itself what it may.
fn has_descriptors(count: u64) -> bool {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return true;
    }
    let more = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, more).is_ok() && limit.maximum.is_none_or(|maximum| maximum >= count)
}
