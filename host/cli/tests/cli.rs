//! The real binary in directories of its own: verbs, exit codes, output, and several commands over one data directory.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A workspace and its data directory, both gone at the end.
struct Scene {
    root: PathBuf,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn ends(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Scene {
    /// A directory without a policy.
    fn bare(name: &str) -> Scene {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("workspace")).unwrap();
        Scene { root }
    }

    /// A workspace with the policy that `init` writes.
    fn new(name: &str) -> Scene {
        let scene = Scene::bare(name);
        scene.run(&["init"]).ends(0);
        scene
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_libos"));
        command
            .current_dir(self.root.join("workspace"))
            .env("XDG_STATE_HOME", self.root.join("state"))
            .env("XDG_CONFIG_HOME", self.root.join("config"))
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.root.join("workspace").join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root.join("workspace").join(name)).ok()
    }

    /// Starts a command; its first line of output says that it is there.
    fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child, lines }
    }

    fn data(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.root.join("state/libos")).unwrap();
        entries.next().unwrap().unwrap().path()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended");
        line
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const WRITE: &str = r#"{"path": "new.txt", "content": "hello"}"#;

#[test]
fn help_opens_nothing() {
    let scene = Scene::bare("help");
    assert!(scene.run(&["--help"]).ends(0).out.contains("Exit codes"));
    scene.run(&[]).ends(2);
    scene.run(&["fly"]).ends(2);
    assert!(scene.run(&["completions", "bash"]).ends(0).out.contains("libos"));
    assert!(!scene.root.join("state").exists());
}

#[test]
fn nothing_works_before_the_policy_is_accepted() {
    let scene = Scene::bare("trust");
    assert!(scene.run(&["ps"]).ends(2).err.contains("libos init"));
    scene.write("libos.toml", "[mounts]\nworkspace = \".\"\n[image.base]\nallow = [\"read fs:workspace/**\"]\n");
    for verb in [&["ps"][..], &["call", "echo"], &["audit", "verify"], &["grants"]] {
        assert!(scene.run(verb).ends(2).err.contains("libos trust"), "{verb:?}");
    }
    let refused = scene.run(&["trust"]).ends(2);
    assert!(refused.out.contains("read fs:workspace/**") && refused.err.contains("--yes"), "{}", refused.err);
    scene.run(&["trust", "--yes"]).ends(0);
    scene.run(&["call", "echo"]).ends(0);
    let data = scene.data();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(data), 0o700);
}

#[test]
fn a_changed_policy_warns_and_does_not_hold_until_it_is_trusted() {
    let scene = Scene::new("changed");
    scene.write("a.txt", "a");
    let text = scene.read("libos.toml").unwrap();
    scene.write("libos.toml", &text.replace("\"read,list fs:workspace/**\",\n", ""));
    let said = scene.run(&["call", "read_text_file", r#"{"path": "a.txt"}"#]).ends(0);
    assert!(said.err.starts_with("warning: libos.toml has changed"), "{}", said.err);
    let shown = scene.run(&["trust", "--yes"]).ends(0).out;
    assert!(shown.contains("-     \"read,list fs:workspace/**\","), "{shown}");
    scene.run(&["call", "read_text_file", r#"{"path": "a.txt"}"#]).ends(3);
    scene.write("libos.toml", "[image.base]\nalow = []\n");
    let wrong = scene.run(&["trust", "--yes"]).ends(2).err;
    assert!(wrong.contains("libos.toml:2:1"), "{wrong}");
    assert_eq!(scene.run(&["--json", "policy", "check", "libos.toml"]).ends(1).json()["line"], 2);
}

#[test]
fn a_call_prints_its_result() {
    let scene = Scene::new("call");
    assert_eq!(scene.run(&["call", "echo", r#"{"a": [ 1, {}] }"#]).ends(0).out, "{\"a\":[1,{}]}\n");
    assert_eq!(scene.run(&["call", "echo"]).ends(0).out, "{}\n");
    let value = scene.run(&["--json", "call", "echo", r#"{"a": 1}"#]).ends(0).json();
    assert_eq!((&value["id"], &value["state"], &value["result"]), (&json!("c3"), &json!("done"), &json!({"a": 1})));
    let mut child = scene.command(&["call", "echo", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"in\": 1}").unwrap();
    assert_eq!(Said::from(child.wait_with_output().unwrap()).ends(0).out, "{\"in\":1}\n");
    assert!(scene.run(&["call", "echo", "{"]).ends(2).err.contains("not JSON"));
    let unknown = scene.run(&["call", "ecko"]).ends(2).err;
    assert!(unknown.contains("did you mean 'echo'?"), "{unknown}");
    let failed = scene.run(&["call", "read_text_file", r#"{"path": "none"}"#]).ends(1).err;
    assert!(failed.contains("error: ") && failed.contains("hint: libos calls show"), "{failed}");
}

#[test]
fn a_denied_call_says_so_and_is_recorded() {
    let scene = Scene::new("denied");
    scene.write(".env", "secret");
    let said = scene.run(&["call", "read_text_file", r#"{"path": ".env"}"#]).ends(3);
    assert!(said.out.is_empty() && said.err.contains("denied") && !said.err.contains("secret"), "{}", said.err);
    let value = scene.run(&["--json", "call", "read_text_file", r#"{"path": "libos.toml"}"#]).ends(3).json();
    assert_eq!(value["failure"]["reason"], "denied");
    let records = scene.run(&["--json", "audit", "show"]).ends(0).json();
    let denied = |record: &&Value| record["operation"] == "fs.read-range" && record["outcome"]["outcome"] == "denied";
    assert_eq!(records.as_array().unwrap().iter().filter(denied).count(), 2);
    let shown = scene.run(&["--json", "calls", "show", "c1"]).ends(0).json();
    assert_eq!(shown["denied"][0]["resources"][0], "fs:workspace/.env");
    assert!(scene.run(&["audit", "verify"]).ends(0).out.contains("as they were written"));
}

#[test]
fn a_write_waits_for_a_person_and_goes_on_at_the_answer() {
    let scene = Scene::new("answer");
    let said = scene.run(&["call", "write_text_file", WRITE]).ends(4);
    assert_eq!(said.out, "c1 waits for q1\n");
    assert!(
        said.err.contains("creates a file of 5 bytes") && said.err.contains("libos answer q1 allow"),
        "{}",
        said.err
    );
    let inbox = scene.run(&["--json", "inbox"]).ends(0).json();
    assert_eq!((&inbox[0]["id"], &inbox[0]["call"]), (&json!("q1"), &json!("c1")));
    assert_eq!(scene.run(&["--json", "calls", "--waiting"]).ends(0).json()[0]["id"], "c1");
    assert_eq!(scene.read("new.txt"), None);
    let done = scene.run(&["--json", "answer", "q1", "allow"]).ends(0).json();
    assert_eq!((&done["id"], &done["state"]), (&json!("c1"), &json!("done")));
    assert_eq!(scene.read("new.txt").as_deref(), Some("hello"));
    assert_eq!(scene.run(&["--json", "inbox"]).ends(0).json(), json!([]));
    scene.run(&["answer", "q1", "allow"]).ends(2);

    scene.run(&["--unattended", "deny", "call", "write_text_file", WRITE]).ends(3);
    scene.run(&["call", "write_text_file", WRITE]).ends(4);
    assert!(scene.run(&["answer", "q3", "deny", "--no-run"]).ends(0).out.contains("calls --resume c3"));
    scene.run(&["calls", "--resume"]).ends(3);
    scene.run(&["call", "write_text_file", WRITE]).ends(4);
    scene.run(&["calls", "cancel", "c4"]).ends(0);
    assert_eq!(scene.run(&["--json", "calls"]).ends(0).json()[3]["state"], "cancelled");
}

#[test]
fn an_open_question_is_answered_with_words() {
    let scene = Scene::new("words");
    scene.run(&["call", "ask_human", r#"{"question": "Which?\u001b[2J"}"#]).ends(4);
    let inbox = scene.run(&["inbox"]).ends(0).out;
    assert!(inbox.contains("Which?\\u{1b}[2J") && !inbox.contains('\x1b'), "{inbox}");
    scene.run(&["answer", "q1", "allow"]).ends(2);
    let said = scene.run(&["answer", "q1", "--text", "this one"]).ends(0);
    assert!(said.out.contains("this one"), "{}", said.out);
    scene.run(&["--unattended", "deny", "call", "ask_human", r#"{"question": "Which?"}"#]).ends(3);
}

#[test]
fn grants_are_made_used_up_and_revoked() {
    let scene = Scene::new("grants");
    scene.run(&["grant", "image:base", "write", "fs:workspace/new.txt", "--once"]).ends(0);
    scene.run(&["call", "write_text_file", WRITE]).ends(0);
    scene.run(&["call", "write_text_file", WRITE]).ends(4);
    let made = scene.run(&["--json", "grant", "image:base", "read", "fs:workspace/x", "--deny", "--expires", "1h"]);
    let id = made.ends(0).json()[0]["id"].as_str().unwrap().to_owned();
    let listed = scene.run(&["grants", "image:base"]).ends(0).out;
    assert!(listed.contains(&format!("{id}\timage:base\tdeny\tread\tfs:workspace/x")), "{listed}");
    scene.run(&["revoke", &id]).ends(0);
    assert!(!scene.run(&["grants"]).ends(0).out.contains(&format!("{id}\t")));
    assert!(scene.run(&["grants", "--all"]).ends(0).out.contains("revoked"));
    scene.run(&["grant", "p99", "read", "fs:workspace/x"]).ends(2);
    scene.run(&["grant", "image:base", "sleep", "fs:workspace/x"]).ends(2);
}

#[test]
fn lists_are_arrays_with_ids() {
    let scene = Scene::new("lists");
    scene.run(&["call", "echo"]).ends(0);
    scene.run(&["call", "create_memory_object", r#"{"name": "a", "payload": {"x": 1}}"#]);
    for (verb, key) in [
        (&["tool", "list"][..], "id"),
        (&["ps", "--all"], "pid"),
        (&["calls"], "id"),
        (&["grants"], "id"),
        (&["image", "list"], "id"),
        (&["doctor"], "id"),
        (&["events"], "seq"),
    ] {
        let rows = scene.run(&[&["--json"], verb].concat()).ends(0).json();
        let rows = rows.as_array().unwrap_or_else(|| panic!("{verb:?}"));
        assert!(!rows.is_empty() && rows.iter().all(|row| !row[key].is_null()), "{verb:?}: {rows:?}");
    }
    assert_eq!(scene.run(&["--json", "show", "p1"]).ends(0).json()["calls"][0]["id"], "c1");
    assert!(scene.run(&["--json", "objects"]).ends(0).json().is_array());
    scene.run(&["show", "p99"]).ends(2);
    scene.run(&["object", "show", "none"]).ends(2);
}

#[test]
fn what_a_tool_can_ever_do_is_told() {
    let scene = Scene::new("inspect");
    let shown = scene.run(&["tool", "inspect", "read_text_file"]).ends(0).out;
    assert!(shown.contains("can ever: read and change files (fs)"), "{shown}");
    assert!(shown.contains("reach the network") && shown.contains("path (string)"), "{shown}");
    scene.write("bad.wasm", "no component");
    assert!(scene.run(&["tool", "inspect", "bad.wasm"]).ends(2).err.contains("not WebAssembly"));
    assert!(scene.run(&["tool", "add", "bad.wasm"]).ends(2).err.contains("not WebAssembly"));
    scene.run(&["tool", "rm", "echo"]).ends(2);
    scene.run(&["tool", "inspect", "none"]).ends(2);
    scene.write("image.toml", "name = \"small\"\nversion = \"1\"\ntools = [\"echo\"]\n");
    scene.run(&["image", "add", "image.toml"]).ends(0);
    scene.run(&["call", "echo", "--image", "small"]).ends(0);
    scene.run(&["call", "sleep", "--image", "small"]).ends(2);
}

#[test]
fn commands_share_the_host_that_runs() {
    let scene = Scene::new("serve");
    let mut host = scene.start(&["serve", "--json"]);
    let ready: Value = serde_json::from_str(&host.line()).unwrap();
    let secret = scene.data().join("secret");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    scene.run(&["call", "echo", r#"{"a": 1}"#]).ends(0);
    scene.run(&["call", "write_text_file", WRITE]).ends(4);
    scene.run(&["answer", "q1", "always"]).ends(0);
    assert_eq!(scene.read("new.txt").as_deref(), Some("hello"));
    scene.run(&["serve"]).ends(5);
    // Who does not know the secret is not heard.
    let mut stranger = std::os::unix::net::UnixStream::connect(ready["socket"].as_str().unwrap()).unwrap();
    stranger.write_all(b"0000\n").unwrap();
    assert_eq!(BufReader::new(&stranger).lines().next().transpose().ok().flatten(), None);
    let text = scene.read("libos.toml").unwrap();
    scene.write("libos.toml", &text.replace("workspace = \".\"", "workspace = \".\"\nother = \"..\""));
    assert!(scene.run(&["trust", "--yes"]).ends(5).err.contains("mounted"));
    scene.write("libos.toml", &text.replace("sleep clock:sleep", "sleep clock:*"));
    scene.run(&["trust", "--yes"]).ends(0);
    host.signal("INT");
    assert_eq!(host.end(), Some(0));
    assert!(!secret.exists());
    scene.run(&["call", "echo"]).ends(0);
}

#[test]
fn a_sleeping_call_is_interrupted_and_resumed() {
    let scene = Scene::new("interrupt");
    let mut events = scene.start(&["events", "--follow", "--json", "--from", "0"]);
    let sleeper = scene.start(&["call", "sleep", r#"{"seconds": 0.6}"#]);
    while !events.line().contains("\"clock.sleep\"") {}
    sleeper.signal("INT");
    assert_eq!(sleeper.end(), Some(130));
    let state = scene.run(&["--json", "calls"]).ends(0).json()[0]["state"].clone();
    assert!(state == "waiting" || state == "runnable", "{state}");
    scene.run(&["calls", "--resume", "c1"]).ends(0);
}

#[test]
fn a_killed_host_loses_nothing_that_was_shown() {
    let scene = Scene::new("kill");
    let mut host = scene.start(&["serve", "--json"]);
    host.line();
    scene.run(&["call", "write_text_file", WRITE]).ends(4);
    host.signal("KILL");
    assert_eq!(host.end(), None);
    assert_eq!(scene.run(&["--json", "inbox"]).ends(0).json()[0]["id"], "q1");
    scene.run(&["audit", "verify"]).ends(0);
    scene.run(&["answer", "q1", "allow"]).ends(0);
    assert_eq!(scene.read("new.txt").as_deref(), Some("hello"));
}

#[test]
fn a_call_is_taken_over_from_a_host_that_ends() {
    let scene = Scene::new("takeover");
    let mut host = scene.start(&["serve", "--json"]);
    host.line();
    let mut events = scene.start(&["events", "--follow", "--json", "--from", "0"]);
    let mut caller = scene.start(&["call", "sleep", r#"{"seconds": 1.0}"#]);
    while !events.line().contains("\"clock.sleep\"") {}
    host.signal("INT");
    assert_eq!(host.end(), Some(0));
    assert!(caller.line().contains("requested_seconds"));
    assert_eq!(caller.end(), Some(0));
}

#[test]
fn a_damaged_store_is_a_finding() {
    let scene = Scene::new("damaged");
    scene.run(&["call", "echo"]).ends(0);
    let file = scene.data().join("store.redb");
    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    // Pages that are not in use any more may hold it too.
    for at in (0..whole.len() - 10).filter(|at| whole[*at..].starts_with(b"call.start")) {
        changed[at] = b'C';
    }
    fs::write(&file, &changed).unwrap();
    let found = scene.run(&["audit", "verify"]).ends(1).err;
    assert!(found.contains("record"), "{found}");
    for cut in [0, 100, whole.len() / 2] {
        fs::write(&file, &whole[..cut]).unwrap();
        let code = scene.run(&["audit", "verify"]).code;
        assert!(matches!(code, Some(1 | 2)), "{cut}: {code:?}");
    }
}

#[test]
fn two_calls_at_once_share_one_store() {
    let scene = Scene::new("two");
    let calls: Vec<Running> = (0..4).map(|_| scene.start(&["call", "sleep", r#"{"seconds": 0.3}"#])).collect();
    for mut call in calls {
        assert!(call.line().contains("requested_seconds"));
        assert_eq!(call.end(), Some(0));
    }
    assert_eq!(scene.run(&["--json", "calls"]).ends(0).json().as_array().unwrap().len(), 4);
    scene.run(&["audit", "verify"]).ends(0);
}

#[test]
fn a_follower_misses_nothing_and_sees_nothing_twice_while_others_write() {
    let scene = Scene::new("follow");
    let mut host = scene.start(&["serve", "--json"]);
    host.line();
    let mut events = scene.start(&["events", "--follow", "--json", "--from", "0"]);
    let mut ends = scene.start(&["events", "--follow", "--json", "--from", "0", "--kind", "call.ended"]);
    let writers: Vec<Running> = (0..4).map(|_| scene.start(&["call", "echo"])).collect();
    let more = writers.into_iter().map(Running::end).chain((0..6).map(|_| scene.start(&["call", "echo"]).end()));
    assert!(more.into_iter().all(|code| code == Some(0)));
    let (mut next, mut ended) = (0, 0);
    while ended < 10 {
        let event: Value = serde_json::from_str(&events.line()).unwrap();
        assert_eq!((&event["seq"], &event["schema"]), (&json!(next), &json!(1)), "{event}");
        assert_ne!(event["kind"], "other", "{event}");
        next += 1;
        ended += usize::from(event["kind"] == "call.ended");
    }
    let calls: Vec<String> = (0..10)
        .map(|_| serde_json::from_str::<Value>(&ends.line()).unwrap())
        .map(|event| event["call"].as_str().unwrap().to_owned())
        .collect();
    let all: std::collections::BTreeSet<&String> = calls.iter().collect();
    assert_eq!(all.len(), 10, "{calls:?}");
}

#[test]
fn events_are_chosen_by_kind_process_call_place_and_time() {
    let scene = Scene::new("events");
    scene.run(&["call", "echo"]).ends(0);
    scene.run(&["call", "write_text_file", WRITE]).ends(4);
    let kinds = scene.run(&["--json", "events", "--kinds"]).ends(0).json();
    assert!(kinds.as_array().unwrap().iter().any(|kind| kind["id"] == "question.asked"));
    let all = scene.run(&["--json", "events", "--from", "0"]).ends(0).json();
    let all = all.as_array().unwrap();
    let count = |want: &dyn Fn(&Value) -> bool| all.iter().filter(|event| want(event)).count();
    for (options, want) in [
        (&["--kind", "call"][..], count(&|event| event["kind"].as_str().unwrap().starts_with("call."))),
        (&["--kind", "call.ended", "--kind", "question"], 2),
        (&["--kind", "question.asked", "--call", "c2"], 1),
        (&["--pid", "p1"], count(&|event| event["pid"] == "p1")),
        (&["--pid", "p1", "--tree", "--kind", "process"], 2),
        (&["--call", "c1"], count(&|event| event["call"] == "c1")),
        (&["--from", "3"], all.len() - 3),
        (&["--since", "1h"], all.len()),
    ] {
        let chosen = scene.run(&[&["--json", "events"], options].concat()).ends(0).json();
        assert_eq!(chosen.as_array().unwrap().len(), want, "{options:?}: {chosen}");
    }
    for wrong in
        [&["--kind", "calls"][..], &["--pid", "p99"], &["--call", "c99"], &["--tree"], &["--kinds", "--follow"]]
    {
        scene.run(&[&["events"], wrong].concat()).ends(2);
    }
}
