//! The component that runs scripts, alone: its language, its event loop and its limits. Its host is a table of answers; tests/e2e has
//! the real one.

#![expect(clippy::unwrap_used, reason = "all of this crate is a test")]

use std::collections::VecDeque;
use std::sync::LazyLock;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};

mod depth;

mod bindings {
    #![allow(missing_docs, clippy::all, reason = "generated code")]
    wasmtime::component::bindgen!({ path: "../../../wit", world: "scripts", imports: { default: trappable } });
}

use bindings::Scripts;
use bindings::libos::runtime as wit;
use wit::script::{Description, Failure, Module, Reason};

/// Bytes of memory that a script may have here.
const MEMORY: usize = 256 << 20;
/// Bytes of stack that it may have: those of the host (`WASM_STACK_BYTES` in `host/runtime/src/engine/mod.rs`).
const STACK: usize = 1 << 20;
/// Calls that are open at once (`wit/tickets.wit`).
const OPEN_MAX: usize = 1024;

static ENGINE: LazyLock<(Engine, Component)> = LazyLock::new(|| {
    let mut config = Config::new();
    config.max_wasm_stack(STACK).async_stack_size(STACK + (1 << 20)).epoch_interruption(true);
    let engine = Engine::new(&config).unwrap();
    let component = Component::from_file(&engine, concat!(env!("CARGO_MANIFEST_DIR"), "/../built/js.wasm")).unwrap();
    (engine, component)
});

struct Host {
    limits: StoreLimits,
    now: u64,
    seed: u8,
    log: Vec<String>,
    submitted: Vec<(String, String, Option<Vec<u8>>)>,
    open: VecDeque<u32>,
    last: u32,
}

impl wit::types::Host for Host {}
impl wit::script::Host for Host {}

impl wit::clock::Host for Host {
    fn now(&mut self) -> wasmtime::Result<wit::types::Datetime> {
        Ok(wit::types::Datetime { seconds: self.now / 1_000_000_000, nanoseconds: (self.now % 1_000_000_000) as u32 })
    }
    fn sleep(&mut self, _: u64) -> wasmtime::Result<Result<(), wit::types::Error>> {
        Ok(Ok(()))
    }
}

impl wit::random::Host for Host {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Result<Vec<u8>, wit::types::Error>> {
        Ok(Ok(vec![self.seed; count as usize]))
    }
}

impl wit::log::Host for Host {
    fn write(&mut self, _: wit::log::Level, message: String) -> wasmtime::Result<()> {
        self.log.push(message);
        Ok(())
    }
}

impl wit::tickets::Host for Host {
    fn submit(
        &mut self,
        operation: String,
        arguments: String,
        content: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<u32, wit::types::Error>> {
        if operation == "fs.write" {
            let denial =
                wit::types::Denial { right: "write".into(), resource: "fs:w/x".into(), reason: "no rule".into() };
            return Ok(Err(wit::types::Error::Denied(denial)));
        }
        if self.open.len() == OPEN_MAX {
            return Ok(Err(wit::types::Error::TooLarge("1024 are open".into())));
        }
        self.submitted.push((operation, arguments, content));
        self.last += 1;
        self.open.push_back(self.last);
        Ok(Ok(self.last))
    }

    fn next(&mut self) -> wasmtime::Result<Option<wit::tickets::Answer>> {
        let Some(ticket) = self.open.pop_front() else { return Ok(None) };
        let (operation, arguments, content) = self.submitted[ticket as usize - 1].clone();
        let arguments: serde_json::Value = serde_json::from_str(&arguments).unwrap();
        let reply = match operation.as_str() {
            "clock.sleep" => {
                self.now += arguments["nanoseconds"].as_u64().unwrap();
                wit::tickets::Reply { value: "null".into(), content: None }
            }
            "fs.read" => {
                wit::tickets::Reply { value: "null".into(), content: Some(arguments["path"].as_str().unwrap().into()) }
            }
            "object.read" => wit::tickets::Reply {
                value: r#"[{"name":"process/1/a","type":"note","version":1,"immutable":false},{"json":"[1]"}]"#.into(),
                content: None,
            },
            "fs.stat" => {
                let outcome = Err(wit::types::Error::NotFound("nothing there".into()));
                return Ok(Some(wit::tickets::Answer { ticket, outcome }));
            }
            _ => wit::tickets::Reply { value: arguments.to_string(), content },
        };
        Ok(Some(wit::tickets::Answer { ticket, outcome: Ok(reply) }))
    }

    fn cancel(&mut self, ticket: u32) -> wasmtime::Result<bool> {
        let known = self.open.iter().position(|open| *open == ticket);
        Ok(known.is_some_and(|at| self.open.remove(at).is_some()))
    }
}

struct Instance {
    store: Store<Host>,
    scripts: Scripts,
}

fn instance(seed: u8) -> Instance {
    let (engine, component) = &*ENGINE;
    let mut linker: Linker<Host> = Linker::new(engine);
    wit::clock::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).unwrap();
    wit::random::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).unwrap();
    wit::log::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).unwrap();
    wit::tickets::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).unwrap();
    wit::types::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).unwrap();
    wit::script::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).unwrap();
    linker.define_unknown_imports_as_traps(component).unwrap();
    let host = Host {
        limits: StoreLimitsBuilder::new().memory_size(MEMORY).build(),
        now: 1_700_000_000_123_456_789,
        seed,
        log: Vec::new(),
        submitted: Vec::new(),
        open: VecDeque::new(),
        last: 0,
    };
    let mut store = Store::new(engine, host);
    store.limiter(|host| &mut host.limits);
    store.set_epoch_deadline(u64::MAX / 2);
    let scripts = Scripts::instantiate(&mut store, component, &linker).unwrap();
    Instance { store, scripts }
}

fn module(name: &str, code: &str, imports: &[(&str, &str)]) -> Module {
    let imports = imports.iter().map(|(text, target)| ((*text).to_owned(), (*target).to_owned())).collect();
    Module { name: name.into(), code: code.into(), mappings: String::new(), imports }
}

fn compile(modules: &[Module]) -> Result<Vec<u8>, Vec<wit::script::Problem>> {
    let mut one = instance(0);
    one.scripts.call_compile(&mut one.store, modules).unwrap()
}

fn describe(code: &str) -> Result<Vec<Description>, Vec<wit::script::Problem>> {
    let program = compile(&[module("main.ts", code, &[])])?;
    let mut one = instance(0);
    one.scripts.call_describe(&mut one.store, &program).unwrap()
}

fn call(code: &str, tool: &str, arguments: &str) -> Result<String, Failure> {
    let program = compile(&[module("main.ts", code, &[])]).unwrap();
    let mut one = instance(7);
    one.scripts.call_call(&mut one.store, &program, tool, arguments).unwrap()
}

/// Runs it where the stack of the host is, which a thread of a test has not.
fn with_the_stack_of_a_host<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK + (2 << 20));
        thread.spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

/// What the body of `run(args, libos)` returns.
fn body(body: &str) -> Result<String, Failure> {
    with_the_stack_of_a_host(|| call(&format!("export async function run(args, libos) {{ {body} }}"), "", "{}"))
}

#[test]
fn a_script_runs_and_answers_json() {
    for (text, result) in [
        ("return 1 + 1", "2"),
        (
            "return await libos.message.send('p1', '1', { kind: 'normal', channel: '' })",
            r#"{"body":"1","options":{"channel":"","kind":"normal"},"to":"p1"}"#,
        ),
        (
            "return await libos.object.read('a')",
            r#"[{"name":"process/1/a","type":"note","version":1,"immutable":false},{"json":"[1]"}]"#,
        ),
        (
            "return await libos.syscall('memory.read_object', { name: 'a' })",
            r#"{"oid":"process/1/a","namespace":"process/1","name":"a","type":"note","version":1,"immutable":false,"payload":[1],"truncated":false}"#,
        ),
        (
            "return await libos.syscall('filesystem.read_text', { path: 'abc' })",
            r#"{"path":"abc","content":"abc","bytes_read":3,"truncated":false}"#,
        ),
        (
            "return await libos.syscall('clock.now')",
            r#"{"iso8601":"2023-11-14T22:13:20.123Z","unix_seconds":1700000000.1234567,"timezone":"UTC"}"#,
        ),
        ("return await libos.clock.now()", r#"{"seconds":1700000000,"nanoseconds":123456789}"#),
        ("await libos.log.write('info', 'x'); return [...await libos.random.bytes(2)]", "[7,7]"),
        ("return undefined", "null"),
        ("return { a: [1, 'ü'] }", r#"{"a":[1,"ü"]}"#),
        ("return { toJSON() { return 7 } }", "7"),
        ("return new TextDecoderTest", ""),
        ("return (await libos.fs.read('a.txt')).length", "5"),
        (
            "return (await Promise.all([1, 2, 3].map((n) => libos.fs.read('x'.repeat(n))))).map((a) => a.length)",
            "[1,2,3]",
        ),
        (
            "Array.prototype[Symbol.iterator] = null; Promise.prototype.then = null; JSON.stringify = () => '9'; return 3",
            "3",
        ),
        ("Object.prototype.toJSON = () => 5; return {}", "5"),
    ] {
        let got = body(text);
        if result.is_empty() {
            let failure = got.unwrap_err();
            assert_eq!(
                failure.message.lines().next(),
                Some("ReferenceError: TextDecoderTest is not defined"),
                "{text}"
            );
            assert!(failure.message.contains("at run (main.ts:1:"), "{}", failure.message);
        } else {
            assert_eq!(got.as_deref(), Ok(result), "{text}");
        }
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Failure) -> bool {
        self.message == other.message && self.reason == other.reason
    }
}

#[test]
fn what_goes_wrong_is_said() {
    for (text, reason, message) in [
        ("return 1n", Reason::Failed, "the result is no JSON"),
        ("const a = {}; a.a = a; return a", Reason::Failed, "the result is no JSON"),
        ("throw 7", Reason::Failed, "Uncaught 7"),
        ("await new Promise(() => {})", Reason::Failed, "can never be settled"),
        ("Promise.reject(new Error('lost')); await libos.fs.read('a')", Reason::Failed, "Error: lost"),
        (
            "setTimeout(() => { throw new Error('late') }, 5); await new Promise(() => {})",
            Reason::Failed,
            "Error: late",
        ),
        ("await libos.fs.write('a', 'b')", Reason::Denied, "LibosError: write on fs:w/x was refused: no rule"),
        ("await libos.syscall('shell.run', {})", Reason::Failed, "no system call `shell.run`"),
        ("await libos.fs.stat('a')", Reason::Failed, "LibosError: nothing there"),
        ("await import('./x.ts')", Reason::Failed, "cannot import `./x.ts`"),
        ("const f = () => f() + 1; f()", Reason::Failed, "RangeError: Maximum call stack size exceeded"),
        ("new Uint8Array(1.5e9)", Reason::Failed, "out of memory"),
        ("const a = []; for (;;) a.push('x'.repeat(1e6) + a.length)", Reason::Failed, "out of memory"),
    ] {
        let failure = body(text).unwrap_err();
        assert!(failure.message.contains(message), "{text}: {}", failure.message);
        assert_eq!(failure.reason, reason, "{text}");
    }
}

#[test]
fn what_does_not_fit_waits_for_its_turn() {
    let text = "export async function run(args, libos) {
        const bytes = new Uint8Array([1]);
        const all = Array.from({ length: 5000 }, (_, n) => libos.fs.append(`${n}`, bytes).then(() => n));
        bytes[0] = 2;
        const now = Deno.readTextFileSync('now');
        let late = false;
        setTimeout(() => { late = true }, 5);
        const ended = await Promise.all(all);
        return [now, late, ended.length, ended.every((n, at) => n === at)];
    }";
    let program = compile(&[module("main.ts", text, &[])]).unwrap();
    let mut one = instance(0);
    let got = one.scripts.call_call(&mut one.store, &program, "", "{}").unwrap();
    assert_eq!(got.as_deref(), Ok("[\"now\",true,5000,true]"));
    let submitted = &one.store.data().submitted;
    let appended: Vec<_> = submitted.iter().filter(|(operation, _, _)| operation == "fs.append").collect();
    for (at, (_, arguments, content)) in appended.iter().enumerate() {
        assert_eq!(
            (arguments.as_str(), content.as_deref()),
            (format!("{{\"path\":\"{at}\"}}").as_str(), Some(&[1][..]))
        );
    }
    assert_eq!(appended.len(), 5000);
    // What is waited for at once does not wait for its turn.
    let read = submitted.iter().position(|(operation, _, _)| operation == "fs.read").unwrap();
    assert!(read < OPEN_MAX, "{read}");
}

#[test]
fn a_sleep_that_is_given_up_leaves_its_place_to_others() {
    let text = "export async function run(args, libos) {
        const all = Array.from({ length: 3000 }, (_, n) => libos.fs.append(`${n}`, 'x'));
        let fired = 0;
        for (let n = 0; n < 1100; n++) {
            // Each is due before all others, so the sleep for those is given up.
            setTimeout(() => fired++, 5000 - n);
            await all[n * 2];
        }
        await Promise.all(all);
        await new Promise((done) => setTimeout(done, 6000));
        return fired;
    }";
    let program = compile(&[module("main.ts", text, &[])]).unwrap();
    let mut one = instance(0);
    let got = one.scripts.call_call(&mut one.store, &program, "", "{}").unwrap();
    assert_eq!(got.as_deref(), Ok("1100"));
    let submitted = &one.store.data().submitted;
    let last = submitted.iter().rposition(|(operation, _, _)| operation == "fs.append").unwrap();
    let sleeps = submitted[..last].iter().filter(|(operation, _, _)| operation == "clock.sleep").count();
    assert!(sleeps < 1050, "{sleeps}");
}

#[test]
fn a_stack_is_at_the_authors_lines() {
    // Line 1 is the author's line 3, and line 3, where nothing is, his line 9.
    let mapped = |code: &str| Module { mappings: "AAEA;;AAMA".into(), ..module("main.ts", code, &[]) };
    let run = |body: &str| {
        let program = compile(&[mapped(&format!("export async function run() {{ {body} }}"))]).unwrap();
        let mut one = instance(0);
        one.scripts.call_call(&mut one.store, &program, "", "{}").unwrap()
    };
    let frame = r#""    at run (main.ts:3:1)""#;
    for (body, expected) in [
        ("return new Error('a').stack", frame),
        ("try { null.x } catch (error) { return error.stack }", frame),
        ("const e = {}; Error.captureStackTrace(e); return e.stack", frame),
        ("const f = () => { const e = {}; Error.captureStackTrace(e, f); return e }; return f().stack", frame),
        ("const e = new Error('a'); e.stack = 'own (main.ts:1:1)'; return e.stack", r#""own (main.ts:1:1)""#),
        (
            r"Error.prepareStackTrace = () => 'own\n\nmain.ts:1:1'; return new Error('a').stack",
            r#""own\n\nmain.ts:1:1""#,
        ),
        ("return Object.hasOwn(new Error('a'), 'stack')", "false"),
        ("return Error.prototype.stack ?? 'none'", "\"none\""),
    ] {
        assert_eq!(run(body).as_deref(), Ok(expected), "{body}");
    }
    for (body, expected) in [
        ("throw new Error('a')", "Error: a\n    at run (main.ts:3:1)"),
        ("Error.prepareStackTrace = () => { throw 1 }; throw new Error('a')", "Error: a"),
        ("Error.prepareStackTrace = () => ({}); throw new Error('a')", "Error: a"),
        ("const e = new Error('a'); Object.defineProperty(e, 'stack', { get() { throw 1 } }); throw e", "Error: a"),
    ] {
        assert_eq!(run(body).unwrap_err().message, expected, "{body}");
    }
}

#[test]
fn an_await_that_never_ends_is_told_with_its_module() {
    let never = "await new Promise(() => {});";
    let told =
        "an `await` at the top waits for a promise that can never be settled: no system call and no timer is open";
    let imports: &[(&str, &str)] = &[("./a.ts", "a.ts"), ("./b.ts", "b.ts")];
    for (main, a, b, module_name) in [
        (never, "", "", "main.ts"),
        ("import './a.ts'; import './b.ts';", "export {}", never, "b.ts"),
        ("import './a.ts';", "import './b.ts'", never, "b.ts"),
        ("import './a.ts'; import './b.ts';", never, never, "a.ts"),
        ("import './a.ts'; await import('./b.ts');", "export {}", never, "b.ts"),
    ] {
        let modules = [
            module("main.ts", &format!("{main} export const run = () => 1"), imports),
            module("a.ts", a, if a.contains("b.ts") { &imports[1..] } else { &[] }),
            module("b.ts", b, &[]),
        ];
        let program = compile(&modules).unwrap();
        let mut one = instance(0);
        let problems = one.scripts.call_describe(&mut one.store, &program).unwrap().unwrap_err();
        assert_eq!((problems[0].module.as_str(), problems[0].message.as_str()), (module_name, told), "{main} {a}");
        let mut one = instance(0);
        let failure = one.scripts.call_call(&mut one.store, &program, "", "{}").unwrap().unwrap_err();
        assert_eq!(failure.message, format!("{module_name}: {told}"), "{main} {a}");
    }
}

#[test]
fn timers_run_in_the_order_of_their_times() {
    let text = "const order = []; const at = (ms, name) => setTimeout(() => order.push(name), ms);
        at(30, 'c'); at(10, 'a'); at(10, 'b'); at(0, 'z'); const gone = setTimeout(() => order.push('gone'), 5); clearTimeout(gone);
        queue: Promise.resolve().then(() => order.push('micro'));
        let n = 0; const i = setInterval(() => { order.push('i' + ++n); if (n === 2) clearInterval(i) }, 12);
        await new Promise((done) => setTimeout(done, 40)); return order.join(' ')";
    assert_eq!(body(text).as_deref(), Ok("\"micro z a b i1 i2 c\""));
}

#[test]
fn instances_share_no_random_stream_and_know_the_time() {
    let program =
        compile(&[module("main.ts", "export const run = () => [Math.random(), Math.random(), Date.now()]", &[])])
            .unwrap();
    let run = |seed| {
        let mut one = instance(seed);
        one.scripts.call_call(&mut one.store, &program, "", "{}").unwrap().unwrap()
    };
    let (one, same, other) = (run(1), run(1), run(2));
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert!(one.ends_with(",1700000000123]"), "{one}");
}

#[test]
fn modules_are_those_of_the_script() {
    let main = "import { two } from './lib/two.ts'; import * as again from 'jsr:@std/again';
        export async function run() { return [two, again.three, (await import('./lib/late.ts')).default] }";
    let imports: &[(&str, &str)] =
        &[("./lib/two.ts", "lib/two.ts"), ("jsr:@std/again", "jsr:@std/again"), ("./lib/late.ts", "lib/late.ts")];
    let modules = [
        module("main.ts", main, imports),
        module(
            "lib/two.ts",
            "import { three } from 'a'; export const two = 2; export const four = () => three + 1",
            &[("a", "jsr:@std/again")],
        ),
        module(
            "jsr:@std/again",
            "import { two } from 'b'; export const three = 3; export const f = () => two",
            &[("b", "lib/two.ts")],
        ),
        module("lib/late.ts", "export default 'late'", &[]),
    ];
    let program = compile(&modules).unwrap();
    let mut one = instance(0);
    let result = one.scripts.call_call(&mut one.store, &program, "", "{}").unwrap();
    assert_eq!(result.as_deref(), Ok(r#"[2,3,"late"]"#));
    let problems = compile(&[module("main.ts", "import './other.ts';", &[])]).unwrap_err();
    assert!(problems[0].message.contains("cannot import `./other.ts`"), "{problems:?}");
    let problems = compile(&[module("main.ts", "export const a = 1;\nlet b = ;", &[])]).unwrap_err();
    assert_eq!((problems[0].module.as_str(), problems[0].line), ("main.ts", 2), "{problems:?}");
}

#[test]
fn tools_are_described_and_called_by_name() {
    let rows = describe("export const tools = { add: { summary: 'Adds.', args: { type: 'object', required: ['a'], properties: { a: { type: 'number' } } },
        needs: ['read fs:workspace/**'], run: (args) => args.a + 1 }, no: { run() {} } };").unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].name.as_deref(), rows[0].summary.as_str()), (Some("add"), "Adds."));
    assert_eq!(rows[0].needs.as_deref(), Some(&["read fs:workspace/**".to_owned()][..]));
    assert_eq!(rows[1].needs, None);
    let code = "export const tools = { add: { args: { type: 'object', required: ['a'], properties: { a: { type: 'number' } } }, run: ({ a }) => a + 1 } }";
    assert_eq!(call(code, "add", r#"{"a":2}"#).as_deref(), Ok("3"));
    for (tool, arguments, message) in [
        ("add", "{}", "args.a is missing"),
        ("add", r#"{"a":"x"}"#, "args.a is not of type number"),
        ("add", "[]", "args is not of type object"),
        ("add", "{", "JSON"),
        ("sub", "{}", "no tool `sub`"),
    ] {
        let failure = call(code, tool, arguments).unwrap_err();
        assert_eq!(failure.reason, Reason::InvalidArguments, "{tool} {arguments}: {}", failure.message);
        assert!(failure.message.contains(message), "{}", failure.message);
    }
    assert!(describe("export const a = 1").unwrap_err()[0].message.contains("has no tool"));
    assert!(describe("await libos.fs.read('a')").unwrap_err()[0].message.contains("no system calls"));
    assert!(describe("export const run = 1; export default () => 2").is_ok());
}

#[test]
fn an_endless_loop_is_stopped_from_outside() {
    for text in [
        "for (;;);",
        "const f = () => Promise.resolve().then(f); await f()",
        "const f = () => setTimeout(f, 0); f(); await new Promise(() => {})",
        "/(a*)*b/.test('a'.repeat(40))",
        "for (;;) try { (() => { for (;;); })() } catch {}",
    ] {
        let program = compile(&[module("main.ts", &format!("export async function run() {{ {text} }}"), &[])]).unwrap();
        let mut one = instance(0);
        one.store.set_epoch_deadline(1);
        let engine = ENGINE.0.clone();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    std::thread::yield_now();
                    engine.increment_epoch();
                }
            });
            let ended = one.scripts.call_call(&mut one.store, &program, "", "{}");
            // On a machine that starts the thread late, what takes memory may be out of it before.
            assert!(!matches!(ended, Ok(Ok(_))), "{text}: {ended:?}");
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
