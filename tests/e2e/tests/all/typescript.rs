//! Scripts through the whole line: what they get and give, how they fail, how they wait, and what they cannot do to others.

use libos::kernel::kernel::NewGrant;
use libos::kernel::model::call::Approval;
use libos::kernel::model::grant::{Effect, Holder};
use libos::kernel::model::history;
use libos::kernel::model::limit::CallLimits;
use libos::kernel::model::preview;
use libos::kernel::model::record::Outcome;
use libos::kernel::model::row::FailureReason::{Denied, Failed, InvalidArguments, Limit};
use libos::kernel::model::rule::Rule;
use libos::{BRIDGE, CallEvent, CallRequest, Code, Compile, Replayer, Runtime, RuntimeError, Waiting, WrongScript};
use libos_e2e::script::{one, run};
use libos_e2e::{Host, OPEN, result};
use serde_json::{Value, json};
use std::fs;

const ASKING: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list fs:workspace/**", "write fs:workspace/free/**", "sleep clock:sleep"]
ask = ["write fs:workspace/asked/**"]
"#;

/// Two writes of which the second asks. Each writes what the script has seen so far of everything that a replay could get wrong.
const TWO_WRITES: &str = r#"
export async function run(args: { a: string, b: string }, libos: any) {
  const seen: unknown[] = [];
  const look = () => {
    const bytes = [...crypto.getRandomValues(new Uint8Array(4))];
    seen.push([Date.now(), performance.now(), Math.random(), crypto.randomUUID(), bytes]);
    console.log(JSON.stringify(seen.at(-1)));
    return new TextEncoder().encode(JSON.stringify(seen));
  };
  await libos.fs.write(args.a, look(), "create-new");
  await libos.fs.write(args.b, look(), "create-new");
  await new Promise((done) => setTimeout(done, 5));
  look();
  return seen;
}
"#;

const WRITES_ONE: &str = "export async function run(args: any, libos: any) {
    await libos.fs.write(args.path, new TextEncoder().encode('1'));
    return 1;
}";

#[tokio::test]
async fn a_script_gets_its_arguments_and_gives_its_result() {
    let text = "export async function run(args: { n: number }) { return { m: args.n + 1 }; }";
    assert_eq!(one(text, json!({ "n": 1 }), &[]).await.result, Ok(json!({ "m": 2 })));
}

#[tokio::test]
async fn a_script_has_the_tools_that_it_exports_and_each_gets_what_it_declares() {
    let host = Host::new(OPEN, &[]).await;
    host.put("a", "text");
    let text = r#"
        const read = async (args, libos) => (await libos.fs.read(args.path)).length;
        export const tools = {
            reads: { summary: "Reads.", needs: ["read fs:workspace/**"], run: read },
            bound: { needs: [], run: read },
            free: { args: { type: "object", required: ["path"] }, run: read },
        };"#;
    let added = host.add_script("several.ts", text).await;
    let names: Vec<&str> = added.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["reads", "bound", "free"]);
    assert!(added.iter().all(|tool| tool.component == *libos::BRIDGE_DIGEST && tool.script == added[0].script));
    for (tool, arguments, expected) in [
        ("reads", json!({ "path": "a" }), Ok(json!(4))),
        ("bound", json!({ "path": "a" }), Err(Denied)),
        ("free", json!({ "path": "a" }), Ok(json!(4))),
        ("free", json!({}), Err(InvalidArguments)),
    ] {
        match expected {
            Ok(value) => assert_eq!(host.done(tool, arguments).await, value, "{tool}"),
            Err(reason) => assert_eq!(host.failed(tool, arguments).await.reason, reason, "{tool}"),
        }
    }
}

#[tokio::test]
async fn a_failure_says_where_in_the_authors_lines_and_why() {
    for (text, reason, message, place) in [
        (
            "type A = 1;\nexport function run(a: any) {\n  throw new TypeError('no');\n}",
            Failed,
            "TypeError: no",
            "main.ts:3:",
        ),
        (
            "interface A { b: string }\n\nexport async function run(a: any, libos: any) {\n  await libos.fs.read('secret');\n}",
            Denied,
            "was refused",
            "",
        ),
        ("export async function run() {\n  await new Promise(() => {});\n}", Failed, "", ""),
    ] {
        let policy = "[mounts]\nworkspace = \".\"\n[image.base]\nallow = []\n";
        let failure = run(policy, text, json!({}), &[("secret", "x")]).await.result.unwrap_err();
        assert_eq!(failure.reason, reason, "{failure:?}");
        assert!(failure.message.contains(message) && failure.message.contains(place), "{failure:?}");
    }
}

#[tokio::test]
async fn what_is_no_script_is_refused_at_the_authors_lines_and_leaves_nothing() {
    let host = Host::new(OPEN, &[]).await;
    for (text, line) in [
        ("export function run() {\n  let x = ;\n}", 2),
        ("import { a } from './b.ts';\nexport function run() { return a; }", 1),
        ("export const needs = ['fly fs:a'];\nexport function run() {}", 0),
        ("export const x = 1;", 0),
        ("export function run() {}\nthrow new Error('at once');", 2),
    ] {
        let RuntimeError::Script(wrong) = host.try_script("wrong.ts", text).await.expect_err(text) else {
            panic!("{text}")
        };
        match wrong {
            WrongScript::Problems(problems) => assert_eq!(problems[0].line, line, "{problems:?}"),
            WrongScript::Whole(why) => assert_eq!(line, 0, "{why}"),
        }
    }
    assert!(host.runtime.kernel().tools().is_empty());
}

/// Writes that were done.
async fn written(host: &Host) -> usize {
    let done = |record: &&libos::Record| record.operation == "fs.write" && record.outcome == Outcome::Done;
    host.records().await.iter().filter(done).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_is_killed_at_any_import_and_while_it_waits_does_each_thing_once_and_sees_the_same() {
    let mut host = Host::new(ASKING, &[]).await;
    for folder in ["free", "asked"] {
        fs::create_dir(host.workspace().join(folder)).unwrap();
    }
    host.add_script("two.ts", TWO_WRITES).await;
    for stop in 0..12 {
        host.runtime.interrupt_first_runs_at(Some(stop));
        let (a, b) = (format!("free/{stop}"), format!("asked/{stop}"));
        let request = CallRequest::new("two", json!({ "a": a, "b": b }).to_string());
        let before = written(&host).await;
        let (call, mut events) = host.runtime.start(request).await.unwrap();
        let mut event = Runtime::settle(&mut events).await;
        if matches!(event, CallEvent::Interrupted(_)) {
            host = host.restart().await;
            event = Runtime::settle(&mut host.runtime.resume(call).await.unwrap()).await;
        }
        if let CallEvent::Waits(Waiting::Question(id)) = event {
            // While it waits, too.
            host = host.restart().await;
            event = host.answer(id, Approval::Allow).await;
        }
        host.runtime.interrupt_first_runs_at(None);
        let seen = result(event).as_array().unwrap().clone();
        let wrote = |file: &str| serde_json::from_str::<Vec<Value>>(&host.content(file).unwrap()).unwrap();
        assert_eq!((&wrote(&a)[..], &wrote(&b)[..]), (&seen[..1], &seen[..2]), "{stop}");
        assert_eq!(written(&host).await - before, 2, "{stop}");
        let logged: Vec<Value> = host.log(call).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(logged, seen, "{stop}: each line once");
        for pair in seen.windows(2) {
            for clock in [0, 1] {
                assert!(pair[0][clock].as_f64().unwrap() <= pair[1][clock].as_f64().unwrap(), "{stop}: {pair:?}");
            }
            assert!((2..5).all(|random| pair[0][random] != pair[1][random]), "{stop}: {pair:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_calls_share_random_numbers() {
    let host = Host::new(OPEN, &[]).await;
    host.add_script("random.ts", "export function run() { return [Math.random(), Math.random()]; }").await;
    let (one, two) = tokio::join!(host.done("random", json!({})), host.done("random", json!({})));
    let numbers: Vec<String> =
        [one, two].iter().flat_map(|pair| pair.as_array().unwrap().clone()).map(|n| n.to_string()).collect();
    let different: std::collections::HashSet<&String> = numbers.iter().collect();
    assert_eq!(different.len(), 4, "{numbers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reads_at_once_all_end() {
    let text = "export async function run(args: any, libos: any) {
        const all = await Promise.all(Array.from({ length: 1000 }, () => libos.fs.read('a')));
        return all.reduce((sum: number, bytes: Uint8Array) => sum + bytes.length, 0);
    }";
    assert_eq!(one(text, json!({}), &[("a", "four")]).await.result, Ok(json!(4_000)));
}

/// More than may be open at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_reads_at_once_all_end() {
    let text = "export async function run(args: any, libos: any) {
        const all = await Promise.all(Array.from({ length: 5000 }, () => libos.fs.read('a')));
        return all.reduce((sum: number, bytes: Uint8Array) => sum + bytes.length, 0);
    }";
    assert_eq!(one(text, json!({}), &[("a", "four")]).await.result, Ok(json!(20_000)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_when_a_script_ends_delays_nothing() {
    let text = "export function run(args: any, libos: any) {
        setTimeout(() => {}, 100000);
        libos.fs.read('a').catch(() => {});
        setInterval(() => {}, 1000);
        return 1;
    }";
    let ran = one(text, json!({}), &[("a", "x")]).await;
    assert_eq!(ran.result, Ok(json!(1)));
    let snapshot = ran.host.runtime.kernel().snapshot().unwrap();
    let row = libos::kernel::kernel::view::View(&snapshot).call(ran.call).unwrap().unwrap();
    assert!(row.state.is_final(), "{row:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_script_ends_in_a_typed_failure_and_others_go_on() {
    let host = Host::with_limits(OPEN, &[], |limits| (limits.cpu_ticks, limits.memory_bytes) = (100, 64 << 20)).await;
    host.add_script("fine.ts", "export function run() { return 1; }").await;
    // Whether memory or processor time ends first is the machine's; either is a limit.
    for (index, (body, reason)) in [
        ("for (;;) {}", Limit),
        ("const spin = () => Promise.resolve().then(spin); await spin();", Limit),
        ("const all = []; for (;;) all.push(new Uint8Array(1 << 20));", Limit),
        ("return 'x'.repeat(1 << 28);", Limit),
        ("const deep = () => 1 + deep(); return deep();", Failed),
        ("return new Function('for (;;) {}')();", Limit),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("bad{index}");
        host.add_script(&format!("{name}.ts"), &format!("export async function run() {{ {body} }}")).await;
        let (failure, fine) = tokio::join!(host.failed(&name, json!({})), host.done("fine", json!({})));
        assert_eq!(failure.reason, reason, "{body}: {failure:?}");
        assert_eq!(fine, json!(1), "{body}");
    }
    let text = "export function run() { try { (function deep() { return 1 + deep(); })(); } catch (error) { return error.name; } }";
    host.add_script("caught.ts", text).await;
    assert_eq!(host.done("caught", json!({})).await, json!("RangeError"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_has_no_memory_left_is_told_so_whatever_it_throws() {
    // So much time that memory ends first on any machine.
    let limits = |limits: &mut CallLimits| (limits.cpu_ticks, limits.memory_bytes) = (60_000, 64 << 20);
    let host = Host::with_limits(OPEN, &[], limits).await;
    for (index, (body, said)) in [
        ("const spin = () => Promise.resolve().then(spin); await spin();", ""),
        ("const all = []; for (;;) all.push(new Uint8Array(1 << 20));", ""),
        ("return 'x'.repeat(1 << 28);", "out of memory"),
        ("try { 'x'.repeat(1 << 28); } catch {} throw null;", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("bad{index}");
        host.add_script(&format!("{name}.ts"), &format!("export async function run() {{ {body} }}")).await;
        let failure = host.failed(&name, json!({})).await;
        assert_eq!(failure.reason, Limit, "{body}: {failure:?}");
        let told =
            failure.message.strip_prefix("memory: the tool wanted more than its 64 MiB").expect(&failure.message);
        assert!(told.contains(said) && !told.contains("null"), "{body}: {failure:?}");
    }
    let text = "export function run() { try { 'x'.repeat(1 << 28); } catch { return 1; } }";
    host.add_script("caught.ts", text).await;
    assert_eq!(host.done("caught", json!({})).await, json!(1), "what it does without that memory counts");
    let text = "export function run() { try { 'x'.repeat(1 << 28); } catch {} throw new TypeError('no such column'); }";
    host.add_script("later.ts", text).await;
    let later = host.failed("later", json!({})).await;
    assert_eq!(later.reason, Failed, "{later:?}");
    assert!(later.message.starts_with("TypeError: no such column"), "{later:?}");
    let text =
        "const all: string[] = [];\nfor (;;) all.push('x'.repeat(1 << 20) + all.length);\nexport function run() {}";
    let error = host.try_script("greedy.ts", text).await.map(drop).unwrap_err().to_string();
    // Looked at, a script has little of both.
    assert!(error.contains("memory: the tool wanted more than its 64 MiB") || error.contains("cpu-time"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_was_changed_after_it_was_approved_asks_again() {
    let host = Host::new(ASKING, &[]).await;
    fs::create_dir(host.workspace().join("asked")).unwrap();
    let text = WRITES_ONE;
    host.add_script("writes.ts", text).await;
    let rule = Rule::parse("write fs:workspace/asked/**").unwrap();
    let only = NewGrant {
        holder: Holder::Image("base".into()),
        rights: rule.rights,
        pattern: rule.pattern,
        effect: Effect::Allow,
        uses: None,
        expires_in: None,
        only_tool: Some("writes".into()),
    };
    host.runtime.kernel().grant(only).unwrap();
    assert_eq!(host.done("writes", json!({ "path": "asked/a" })).await, json!(1), "it was allowed for good");
    host.add_script("writes.ts", text).await;
    assert_eq!(host.done("writes", json!({ "path": "asked/a" })).await, json!(1), "it is the same script");
    host.add_script("writes.ts", &text.replace("'1'", "'2'")).await;
    let asked = host.asks("writes", json!({ "path": "asked/a" })).await;
    assert_eq!(result(host.answer(asked.id, Approval::Always).await), json!(1));
    assert_eq!(host.content("asked/a").as_deref(), Some("2"));
    assert_eq!(host.done("writes", json!({ "path": "asked/a" })).await, json!(1), "it counts for what it is now");
    // And for nothing else: neither for another change nor for what it was.
    for text in [text.replace("'1'", "'3'"), text.to_owned()] {
        host.add_script("writes.ts", &text).await;
        host.asks("writes", json!({ "path": "asked/a" })).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_always_allowed_is_a_name_to_a_holder_whatever_code_asks_and_is_shown_so() {
    let host = Host::new(ASKING, &[]).await;
    fs::create_dir(host.workspace().join("asked")).unwrap();
    host.add_script("writes.ts", WRITES_ONE).await;
    let asked = host.asks("writes", json!({ "path": "asked/a" })).await;
    let shown = preview::standing(&asked).join("\n");
    assert!(shown.contains("always makes for image:base: allow write fs:workspace/asked/a"), "{shown}");
    assert_eq!(result(host.answer(asked.id, Approval::Always).await), json!(1));
    host.add_script("writes.ts", &WRITES_ONE.replace("'1'", "'2'")).await;
    assert_eq!(host.done("writes", json!({ "path": "asked/a" })).await, json!(1));
    assert_eq!(host.content("asked/a").as_deref(), Some("2"));
    host.asks("writes", json!({ "path": "asked/b" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_is_changed_or_removed_while_it_waits_goes_on_as_it_was() {
    for (removed, path) in [(false, "asked/a"), (true, "asked/b")] {
        let host = Host::new(ASKING, &[]).await;
        fs::create_dir(host.workspace().join("asked")).unwrap();
        host.add_script("writes.ts", WRITES_ONE).await;
        let asked = host.asks("writes", json!({ "path": path })).await;
        if removed {
            host.runtime.kernel().remove_tool("writes").unwrap();
        } else {
            host.add_script("writes.ts", &WRITES_ONE.replace("'1'", "'2'")).await;
        }
        let host = host.restart().await;
        assert_eq!(result(host.answer(asked.id, Approval::Allow).await), json!(1));
        assert_eq!(host.content(path).as_deref(), Some("1"), "what was approved is what is done");
        if !removed {
            host.asks("writes", json!({ "path": path })).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_goes_on_after_a_restart_that_has_lost_its_compiled_form() {
    let host = Host::new(OPEN, &[]).await;
    host.add_script("fine.ts", "export function run() { return 1; }").await;
    let script = host.runtime.kernel().tools()[0].script.unwrap();
    let name = &libos::kernel::model::id::hex(&script)[..32];
    let of_script = |root: &std::path::Path| {
        let entries = fs::read_dir(root.join("data/code")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(name)).collect::<Vec<_>>()
    };
    // Of another script, as somebody could have written it there.
    let host = host
        .restart_with(
            |root| {
                let files = of_script(root);
                assert_eq!(files.len(), 1, "what was compiled is kept");
                fs::write(&files[0], b"libosjs1 forged").unwrap();
            },
            |_| {},
        )
        .await;
    assert_eq!(host.done("fine", json!({})).await, json!(1));
    let host =
        host.restart_with(|root| of_script(root).iter().for_each(|path| fs::remove_file(path).unwrap()), |_| {}).await;
    assert_eq!(host.done("fine", json!({})).await, json!(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_call_of_a_script_is_replayed_and_a_changed_one_is_told_apart() {
    let host = Host::new(OPEN, &[]).await;
    host.put("a", "text");
    let text = "export async function run(args: any, libos: any) { return [Math.random(), Date.now(), (await libos.fs.read('a')).length]; }";
    let script = host.add_script("kept.ts", text).await[0].script.unwrap();
    let request = CallRequest { keep: true, ..CallRequest::new("kept", "{}") };
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    result(Runtime::settle(&mut events).await);
    host.runtime.kernel().barrier().await.unwrap();
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    let history = libos::kernel::kernel::view::View(&snapshot).history(call).unwrap();
    let history = history::read(&history::write(&history)).unwrap();
    assert_eq!(history.start.script, Some(script));
    let bytes = host.runtime.kernel().script(&script).unwrap();
    host.add_script("kept.ts", &text.replace("'a'", "'b'")).await;
    let changed = host.runtime.kernel().script(&host.runtime.kernel().tools()[0].script.unwrap()).unwrap();
    let replayer = Replayer::new(Compile::InProcess).unwrap();
    for (script, same) in [(bytes, true), (changed, false)] {
        let code =
            move |_: &history::Start, _: usize| Some(Code { component: BRIDGE.to_vec(), script: Some(script.clone()) });
        let report = replayer.replay(&history, &code).await.unwrap();
        assert_eq!(report.is_same(), same, "{report:#?}");
    }
}
