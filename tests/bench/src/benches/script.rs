//! Tools that are scripts: what a call, an import and a waiting one cost, beside a component in Rust and beside Deno.

use crate::guests;
use crate::measure::{each, median, nanoseconds, turns};
use crate::report::{Report, Row, Target, Unit};
use crate::stage::{self, Scratch};
use libos::engine::compile::Origin;
use libos::engine::{CodeCache, Engine, Prepared, Run};
use libos::kernel::model::id::Pid;
use libos::kernel::model::image::BASE;
use libos::kernel::store::disk::Memory;
use libos::kernel::syscall::Line;
use libos::scripts::{Module, Source};
use libos::{CallEvent, CallRequest, Config, Runtime};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// What runs scripts.
const BRIDGE: &[u8] = include_bytes!("../../../../tools/js/built/js.wasm");
const ROUNDS: usize = 9;
/// Calls of one turn.
const CALLS: usize = 500;
/// System calls of one turn.
const IMPORTS: usize = 4_000;
/// Scripts that wait at once.
const WAITING: usize = 1_000;
/// Starts of Deno.
const STARTS: usize = 15;

const TRIVIAL: &str = "export async function run() { return 1; }\n";
const READS: &str =
    "export async function run({ count }, libos) { for (let i = 0; i < count; i++) await libos.object.read('note'); }";
const MADE: &str = "export async function run(_, libos) { await libos.object.create('note', { json: '{}' }, { type: 'note', \
                    immutable: false, title: '', tags: [], sources: [] }); }";
const LOOKS: &str =
    "export async function run({ count }, libos) { for (let i = 0; i < count; i++) await libos.clock.now(); }";
const SLEEPS: &str = "export async function run(_, libos) { await libos.clock.sleep(3600000000000); }";

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    let scratch = Scratch::new("script");
    let stage = tokio.block_on(Stage::new(&scratch, tokio.handle().clone()));
    call(report, &stage, &scratch);
    import(report, &stage);
    ready(report, &stage);
    waiting(report, &stage);
    tokio.block_on(stage.runtime.close());
}

fn call(report: &mut Report, stage: &Stage, scratch: &Scratch) {
    let recorded = |tool: &'static str| move || each(CALLS, || stage.recorded_calls(tool));
    let whole = |tool: &'static str| move || each(CALLS, || (0..CALLS).for_each(|_| stage.call(tool, "{}")));
    let [script, component, whole_script, whole_component] =
        turns(ROUNDS, [&mut recorded("trivial"), &mut recorded("noop"), &mut whole("trivial"), &mut whole("noop")]);
    let what = "one after another: start_call, a fresh instance, end_call, as call.recorded";
    let against = "a component in Rust that does nothing";
    let row = Row::time("script.call", what, script).against(against, component);
    report.row(row.target(Target::AtMost(150_000.0)));
    let what = "one after another, Runtime::start to Ended, over a store in memory";
    report.row(Row::time("script.runtime", what, whole_script).against(against, whole_component));
    let Some(deno) = deno() else {
        println!(
            "script.deno is not measured: there is no Deno; `cargo xtask test tests` installs it, LIBOS_DENO names one"
        );
        return;
    };
    let file = scratch.workspace().join("trivial.ts");
    std::fs::write(&file, TRIVIAL).unwrap();
    let once = || {
        let began = Instant::now();
        let flags = ["run", "--no-check", "--no-remote", "--no-npm", "--no-config", "--no-lock", "--no-prompt"];
        let status = Command::new(&deno).args(flags).arg(&file).stdout(Stdio::null()).status().unwrap();
        assert!(status.success());
        nanoseconds(began.elapsed())
    };
    once();
    let mut times: Vec<f64> = (0..STARTS).map(|_| once()).collect();
    let row = Row::time("script.deno", "the same call, beside Deno with its fastest flags", script);
    report.row(row.against("deno run of the same file", median(&mut times)).target(Target::TimesAtMost(0.01)));
}

fn import(report: &mut Report, stage: &Stage) {
    stage.call("made", "{}");
    let difference = |tool: &str, arguments: &dyn Fn(usize) -> String| {
        let time = |count| {
            let began = Instant::now();
            stage.call(tool, &arguments(count));
            nanoseconds(began.elapsed())
        };
        (time(IMPORTS) - time(0)) / IMPORTS as f64
    };
    let script = || difference("reads", &|count| format!(r#"{{"count":{count}}}"#));
    let component = || difference("read_object", &|count| format!(r#"{{"name":"note","count":{count}}}"#));
    let direct = || difference("looks", &|count| format!(r#"{{"count":{count}}}"#));
    let [script, component, direct] = turns(ROUNDS, [&mut { script }, &mut { component }, &mut { direct }]);
    let what = "`await libos.clock.now()`, which needs no ticket";
    report.row(Row::time("script.import.free", what, direct).target(Target::AtMost(4_000.0)));
    let row = Row::time("script.import", "`await libos.object.read(...)`, by a ticket", script);
    report.row(row.against("object.read from Rust", component).target(Target::OverAtMost(4_000.0)));
}

/// Scripts that nobody has seen: every time another text.
fn ready(report: &mut Report, stage: &Stage) {
    let mut number = 0;
    let mut fresh = |module: &dyn Fn(usize) -> String| {
        number += 1;
        let text = module(number);
        assert_eq!(text.lines().count(), 500);
        let began = Instant::now();
        stage.on.block_on(async {
            let source = Source::Text { name: "large.ts".into(), text, vendor: None };
            let script = stage.runtime.load_script(source).await.unwrap();
            stage.runtime.inspect_script(&script, None).await.unwrap();
        });
        nanoseconds(began.elapsed())
    };
    let [ordinary] = turns(ROUNDS, [&mut || fresh(&ordinary_module)]);
    let [dense] = turns(ROUNDS, [&mut || fresh(&dense_module)]);
    let what = "a module of 500 lines, 50 functions of ten: types taken out, compiled, described";
    report.row(Row::time("script.ready", what, ordinary).target(Target::AtMost(4_000_000.0)));
    report.row(Row::time("script.ready.dense", "the same, 500 functions in as many lines", dense));
}

fn ordinary_module(number: usize) -> String {
    let function = |at: usize| {
        format!(
            "
/** Sums up what was sold of one kind in a month, number {number}. */
export function total{at}(rows: Row{at}[], month: number): Map<string, number> {{
  const totals = new Map<string, number>();
  for (const row of rows.filter((row) => row.month === month)) {{
    const before: number = totals.get(row.name) ?? 0;
    totals.set(row.name, before + row.count * (row.price as number));
  }}
  return totals;
}}
interface Row{at} {{ name: string; month: number; count: number; price?: number }}"
        )
    };
    let functions: String = (0..50).map(function).collect();
    functions.trim_start().to_owned() + " export const run = () => total0([], 1).size;\n"
}

fn dense_module(number: usize) -> String {
    let function = |line: usize| {
        format!("function f{line}(a: number, b: {{ c: string }}): string {{ return b.c.repeat(a) + {line}; }}\n")
    };
    (0..499).map(function).collect::<String>() + &format!("export const run = () => f0({number}, {{ c: 'x' }});\n")
}

fn waiting(report: &mut Report, stage: &Stage) {
    let before = stage::proportional_bytes();
    let began = Instant::now();
    stage.on.block_on(async {
        for _ in 0..WAITING {
            let (_, mut events) = stage.runtime.start(stage.request("sleeps", "{}")).await.unwrap();
            assert!(matches!(events.recv().await, Some(CallEvent::Waits(_))));
        }
    });
    let each = nanoseconds(began.elapsed()) / WAITING as f64;
    let bytes = stage::proportional_bytes().saturating_sub(before) as f64 / WAITING as f64;
    let row = Row::new(
        "script.waiting",
        format!("memory of each of {WAITING} that sleep, in memory; what they share counts once"),
        bytes,
        Unit::Bytes,
    );
    report.row(row.target(Target::AtMost(450.0 * 1_024.0)).phase("to get there, each", each));
}

/// The Deno that the test command has installed, or another one.
fn deno() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("LIBOS_DENO") {
        return Some(named.into());
    }
    let target = std::env::current_exe().ok()?.parent()?.parent()?.to_path_buf();
    let packages = std::fs::read_dir(target.join("deno/node_modules/@deno")).ok()?;
    packages.flatten().map(|package| package.path().join("deno")).find(|program| program.is_file())
}

struct Stage {
    on: Handle,
    runtime: Arc<Runtime>,
    pid: Pid,
    engine: Engine,
    bridge: Arc<Prepared>,
    noop: Arc<Prepared>,
    /// The trivial script, compiled.
    program: Vec<u8>,
}

impl Stage {
    async fn new(scratch: &Scratch, on: Handle) -> Stage {
        let mut config = Config::new(Arc::new(Memory::default()), scratch.world());
        config.resident_max = WAITING as u32 + 64;
        config.park_after = Duration::from_secs(3_600);
        let runtime = Runtime::open(config).unwrap();
        runtime.kernel().set_policy(stage::POLICY).unwrap();
        for component in [guests::NOOP, guests::BENCH_LOOPS] {
            runtime.add_component(component.to_vec(), None, false).await.unwrap();
        }
        for (name, text) in
            [("trivial", TRIVIAL), ("reads", READS), ("looks", LOOKS), ("made", MADE), ("sleeps", SLEEPS)]
        {
            runtime.add_source(&format!("{name}.js"), text, None).await.unwrap();
        }
        let pid = stage::process(runtime.kernel());
        let engine = Engine::new(8).unwrap();
        let cache = CodeCache::new(Arc::clone(runtime.kernel()), None);
        let prepare = |bytes: &'static [u8]| {
            let digest = Sha256::digest(bytes).into();
            engine.prepare(&digest, &cache, Origin::Program, || Ok(bytes.to_vec())).unwrap()
        };
        let (bridge, noop) = (prepare(BRIDGE), prepare(guests::NOOP));
        let (name, code) = ("trivial.js".to_owned(), TRIVIAL.to_owned());
        let module = Module { name, source: code.clone(), code, mappings: String::new(), imports: Vec::new() };
        let program = engine.compile_script(&bridge, &[module]).await.unwrap();
        Stage { on, runtime, pid, engine, bridge, noop, program }
    }

    /// Calls through the line without the runtime around them; the disk is awaited once for all, outside of the time.
    fn recorded_calls(&self, tool: &str) {
        let kernel = self.runtime.kernel();
        let (prepared, program) = match tool {
            "noop" => (&self.noop, None),
            _ => (&self.bridge, Some(self.program.as_slice())),
        };
        self.on.block_on(async {
            for _ in 0..CALLS {
                let started = stage::start(kernel, self.pid, tool, "{}".into());
                let line = Line::new(Arc::clone(kernel), &started);
                let run = Run { program, ..Run::from(&started) };
                let result = self.engine.call(prepared, line, run).await.unwrap();
                assert!(result.is_ok(), "{result:?}");
                kernel.end_call(started.row.id, result).unwrap();
            }
        });
    }

    fn request(&self, tool: &str, arguments: &str) -> CallRequest {
        let (tool, arguments, image) = (tool.to_owned(), arguments.to_owned(), BASE.to_owned());
        CallRequest { tool, arguments, pid: Some(self.pid), image, keep: false }
    }

    fn call(&self, tool: &str, arguments: &str) {
        let event = self.on.block_on(self.runtime.call(self.request(tool, arguments))).unwrap();
        assert!(matches!(&event, CallEvent::Ended(ended) if ended.result.is_ok()), "{event:?}");
    }
}
