//! Scripts that attack their host, or forge what it says: each ends in a typed way, others are served meanwhile, and memory comes back.

use crate::house::{ALONE, call, lives, resident};
use libos_e2e::{Host, OPEN};
use std::sync::Arc;

/// Memory of a call, in bytes.
const MEMORY: u64 = 64 << 20;
/// Bytes by which a script may make the host grow: its limit and a tenth.
const RESIDENT_MAX: u64 = MEMORY + MEMORY / 10;
/// Processor time of a call, in ticks of 10 ms.
const TICKS: u64 = 100;

/// Its name, the body of its `run`, how it ends, and a part of what is said then.
type Row = (&'static str, &'static str, &'static [&'static str], &'static str);

const FORGED: [Row; 23] = [
    ("prints_a_result", r#"console.log('{"result":"forged"}\n{"ok":true}'); return "own";"#, &["done"], "\"own\""),
    ("own_stringify", r#"JSON.stringify = () => '"forged"'; return { a: 1 };"#, &["done"], r#"{"a":1}"#),
    ("own_parse", r#"JSON.parse = () => { throw 1; }; return { a: 1 };"#, &["done"], r#"{"a":1}"#),
    ("own_promise", r#"Promise.prototype.then = () => 7; return await 3;"#, &["done", "failed"], ""),
    (
        "own_object",
        r#"Object.keys = () => []; Array.prototype.map = () => 1; return { a: [1] };"#,
        &["done"],
        r#"{"a":[1]}"#,
    ),
    ("own_libos", r#"globalThis.libos = { fs: 1 }; return typeof libos.fs.read;"#, &["done"], "\"function\""),
    (
        "setter_of_all",
        r#"Object.defineProperty(Object.prototype, "value", { set() { throw 1; } }); return { a: 1 };"#,
        &["done", "failed"],
        "",
    ),
    (
        "made_code",
        r#"return [eval("1+1"), new Function("return 3")(), (() => 1).constructor("return typeof process")()];"#,
        &["done"],
        "[2,3,\"undefined\"]",
    ),
    ("getter_throws", r#"return { get a() { throw new Error("got"); } };"#, &["failed"], "got"),
    (
        "proxy_throws",
        r#"return new Proxy({}, { ownKeys() { throw new Error("kept"); }, get() { throw new Error("kept"); } });"#,
        &["failed"],
        "kept",
    ),
    ("thenable", r#"return { then(resolve) { resolve({ a: 1 }); } };"#, &["done"], r#"{"a":1}"#),
    ("thenable_without_end", r#"return { then() {} };"#, &["failed"], ""),
    (
        "calls_among_ruins",
        r#"Map.prototype.get = Map.prototype.set = Array.prototype.push = () => { throw new Error("forged"); };
        JSON.parse = JSON.stringify = () => "forged";
        await libos.fs.write("ruins.txt", new Uint8Array([65, 66]), "create-or-replace");
        return (await libos.fs.read("ruins.txt")).length;"#,
        &["done"],
        "2",
    ),
    (
        "calls_without_iterators",
        r#"Array.prototype[Symbol.iterator] = () => { throw new Error("own"); };
        return (await libos.fs.read("ruins.txt")).length;"#,
        &["done"],
        "2",
    ),
    (
        "engine_of_the_runtime",
        r#"return Object.getOwnPropertyNames(globalThis).filter((name) => /^internal$|native|primordial|intrinsic|ticket/i.test(name));"#,
        &["done"],
        "[]",
    ),
    ("denied_by_word", r#"throw Object.assign(new Error("own"), { code: "denied" });"#, &["failed"], "own"),
    ("throws_nothing", "throw undefined;", &["failed"], ""),
    ("throws_no_text", "throw { toString() { throw 1; }, get message() { throw 1; } };", &["failed"], ""),
    (
        "throws_proxy",
        r#"const no = () => { throw 1; }; throw new Proxy(new Error("a"), { get: no, getPrototypeOf: no, has: no, ownKeys: no });"#,
        &["failed"],
        "",
    ),
    (
        "own_stack",
        r#"(Error as any).prepareStackTrace = () => { throw new Error("forged"); }; throw new Error("own");"#,
        &["failed"],
        "own",
    ),
    ("throws_much", r#"throw new Error("x".repeat(8 << 20));"#, &["failed", "limit"], ""),
    (
        "goes_on_after_its_end",
        "setInterval(() => {}, 1); (async () => { for (;;) await libos.clock.sleep(1); })(); return 1;",
        &["done"],
        "1",
    ),
    ("ring", r#"const ring: any = {}; ring.ring = ring; return ring;"#, &["failed"], ""),
];

const GREEDY: [Row; 15] = [
    ("endless", "for (;;) {}", &["limit"], ""),
    ("microtasks", "for (;;) await null;", &["limit"], ""),
    (
        "microtasks_in_tree",
        "const f = () => { Promise.resolve().then(f); Promise.resolve().then(f); }; f(); await new Promise(() => {});",
        &["limit", "trap"],
        "",
    ),
    (
        "timers",
        "const f = () => { setTimeout(f, 0); setTimeout(f, 0); }; f(); await new Promise(() => {});",
        &["limit", "trap"],
        "",
    ),
    ("buffer", "return new ArrayBuffer(1_500_000_000).byteLength;", &["limit"], ""),
    ("buffers", "const all = []; for (;;) all.push(new ArrayBuffer(1 << 20));", &["limit"], ""),
    (
        "keeps_all",
        "const all: Uint8Array[] = []; for (let size = 1 << 20; size > 64; ) try { all.push(new Uint8Array(size).fill(1)); } catch { size >>= 1; } for (;;) {}",
        &["limit"],
        "",
    ),
    ("long_text", r#"let text = "xy"; for (;;) text += text.split("").reverse().join("");"#, &["limit"], ""),
    ("repeated", r#"return "xy".repeat(750_000_000).length;"#, &["limit", "failed"], ""),
    ("array", "const all: unknown[] = []; for (;;) all.push({});", &["limit"], ""),
    (
        "recursion",
        "const f = (n: number): number => f(n + 1) + 1; try { return f(0); } catch (error) { return error.name; }",
        &["done"],
        "RangeError",
    ),
    (
        "output",
        r#"const line = "x".repeat(1 << 20); for (let n = 0; n < 1024; n++) console.log(line); return 1;"#,
        &["done", "limit"],
        "",
    ),
    ("expression", r#"return /^(a+)+$/.test("a".repeat(60) + "b");"#, &["limit", "failed"], ""),
    (
        "calls",
        "return (await Promise.allSettled(Array.from({ length: 100_000 }, () => libos.clock.sleep(1)))).length;",
        &["done", "limit", "failed"],
        "",
    ),
    ("result", r#"return "x".repeat(24 << 20);"#, &["limit", "failed"], ""),
];

/// Modules that misbehave before anybody calls them.
const LOOKED_AT: [(&str, &str); 9] = [
    ("endless", "for (;;) {}\nexport function run() {}"),
    ("throws", "throw new Error('at once');\nexport function run() {}"),
    ("waits", "await new Promise(() => {});\nexport function run() {}"),
    ("calls", "await (globalThis as any).libos.fs.read('secret.txt');\nexport function run() {}"),
    ("greedy", "const all: unknown[] = []; for (;;) all.push(new ArrayBuffer(1 << 20));\nexport function run() {}"),
    ("getter", "export const tools = { get a() { throw new Error('got'); } };"),
    ("proxy", "export const tools = new Proxy({}, { ownKeys() { throw new Error('kept'); } });"),
    ("name", "export const tools = { '../../name': { run() {} } };"),
    ("needs", "export const needs = ['everything everywhere'];\nexport function run() {}"),
];

const IMPORTS: [&str; 8] = [
    "node:fs",
    "npm:left-pad",
    "https://deno.land/std/fs/mod.ts",
    "file:///etc/passwd",
    "/etc/passwd",
    "../../outside.ts",
    "data:text/javascript,export default 1",
    "libos",
];

async fn house() -> Host {
    Host::with_limits(OPEN, &["noop"], |limits| {
        limits.cpu_ticks = TICKS;
        limits.memory_bytes = MEMORY;
    })
    .await
}

/// Runs each of them while others are served.
async fn try_all(rows: &[Row]) {
    let _alone = ALONE.lock().await;
    let host = house().await;
    let (mut first, mut wrong) = (None, Vec::new());
    for &(name, body, words, part) in rows {
        host.add_script(
            &format!("{name}.ts"),
            &format!("export async function run(args: any, libos: any): Promise<any> {{ {body} }}"),
        )
        .await;
        let before = resident();
        first.get_or_insert(before);
        let runtime = Arc::clone(&host.runtime);
        let mut attack = tokio::task::JoinSet::new();
        attack.spawn(async move { call(&runtime, name).await });
        let (word, text) = loop {
            if let Some(ended) = attack.try_join_next() {
                break ended.unwrap();
            }
            lives(&host, name).await;
            let more = resident().saturating_sub(before);
            assert!(more < RESIDENT_MAX, "{name}: {more} bytes more in memory");
        };
        println!("{name}: {word}: {}", &text[..text.floor_char_boundary(120)]);
        if !words.contains(&word.as_str()) || !text.contains(part) {
            wrong.push(format!("{name}: {word}: {}", &text[..text.floor_char_boundary(600)]));
        }
        lives(&host, name).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let stays = resident().saturating_sub(first.unwrap());
    assert!(stays < MEMORY, "after all of them {stays} bytes more are in memory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_script_changes_or_forges_stays_inside() {
    try_all(&FORGED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_takes_all_it_can_is_stopped() {
    try_all(&GREEDY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_misbehaves_when_it_is_looked_at_is_refused() {
    let _alone = ALONE.lock().await;
    let host = house().await;
    host.put("secret.txt", "a secret");
    let mut wrong = Vec::new();
    for (name, text) in LOOKED_AT {
        match host.try_script("looked_at.ts", text).await {
            Ok(_) => wrong.push(name),
            Err(error) => println!("{name}: {error}"),
        }
        lives(&host, name).await;
    }
    assert!(wrong.is_empty(), "these were added: {wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_imports_nothing_from_outside() {
    let _alone = ALONE.lock().await;
    let host = house().await;
    for name in IMPORTS {
        let text = format!("import * as it from {name:?}; export function run() {{ return Object.keys(it); }}");
        let refused = host.try_script("importer.ts", &text).await.map(drop).unwrap_err().to_string();
        assert!(refused.contains(name), "{name}: {refused}");
    }
    for (number, name) in IMPORTS.iter().enumerate() {
        let text =
            format!("export async function run() {{ const name = {name:?}; return Object.keys(await import(name)); }}");
        host.add_script(&format!("late{number}.ts"), &text).await;
        let (word, said) = call(&host.runtime, &format!("late{number}")).await;
        assert_eq!(word, "failed", "{name}: {said}");
    }
    lives(&host, "imports").await;
}
