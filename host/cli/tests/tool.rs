//! The real binary and tools: what each can have at most, in plain words and as JSON, and what changes when one is replaced.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

use libos_e2e::guest;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A workspace with the policy that `init` writes and the components that a test needs; gone at the end.
struct Scene {
    root: PathBuf,
}

impl Scene {
    fn new(name: &str, guests: &[&str]) -> Scene {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tool").join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("workspace")).unwrap();
        for guest_name in guests {
            fs::write(root.join(format!("workspace/{guest_name}.wasm")), guest(guest_name)).unwrap();
        }
        let scene = Scene { root };
        scene.run("init");
        scene
    }

    /// The code, the output and the errors of a command line.
    fn output(&self, line: &str) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_libos"))
            .current_dir(self.root.join("workspace"))
            .env("XDG_STATE_HOME", self.root.join("state"))
            .env("XDG_CONFIG_HOME", self.root.join("config"))
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .args(line.split_whitespace())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// The output of a command line that does what it says.
    #[track_caller]
    fn run(&self, line: &str) -> String {
        let (code, out, err) = self.output(line);
        assert_eq!(code, Some(0), "{line}\nout: {out}\nerr: {err}");
        out
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(&format!("--json {line}"))).unwrap()
    }

    /// Runs a command line whose output has these lines.
    #[track_caller]
    fn says(&self, line: &str, expected: &[&str]) {
        let out = self.run(line);
        for expected in expected {
            assert!(out.lines().any(|line| line == *expected), "{line} does not say: {expected}\n{out}");
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

const COUNT_NEEDS: &str = "word_count needs: read fs:workspace/**; gets nothing else, whatever is granted";

#[test]
fn what_a_component_and_its_tools_can_have_is_told_in_plain_words() {
    let scene = Scene::new("words", &["word_count", "declares", "noop"]);
    let never = "can never: read and change objects in the memory, ask a person, call other tools, exchange messages with other processes, \
        run programs, reach the network, ask a model, call the tools of other servers, use secrets, use images, make checkpoints, \
        tell the time and wait, draw random numbers, end its own process";
    let rest = "a tool that is not named here declares nothing: what the component can ever do is the bound";
    let file = ["can ever: read and change files (fs)", never, COUNT_NEEDS, rest];
    scene.says("tool inspect ./word_count.wasm", &file);
    scene.says("tool add word_count.wasm", &["added word_count", file[0], never, COUNT_NEEDS]);
    scene.says("tool inspect word_count", &[file[0], never, COUNT_NEEDS, "tool       word_count"]);
    scene.says("tool inspect noop.wasm", &["can ever: nothing but compute"]);
    scene.says("tool inspect echo", &["echo needs: nothing; gets nothing, whatever is granted"]);
    scene.says(
        "tool add declares.wasm",
        &[
            "can ever: read and change files (fs), ask a person (human), tell the time and wait (clock)",
            "needs_nothing needs: nothing; gets nothing, whatever is granted",
            "undeclared declares nothing: what its component can ever do is its bound",
            "loop needs: sleep clock:sleep; gets nothing else, whatever is granted",
        ],
    );
    assert!(!scene.run("tool list").contains("needs:"));
}

#[test]
fn what_a_component_and_its_tools_can_have_is_told_as_json() {
    let scene = Scene::new("json", &["word_count", "noop"]);
    let file = scene.json("tool inspect ./word_count.wasm");
    assert_eq!(file["declarations"], json!([{ "tool": "word_count", "needs": ["read fs:workspace/**"] }]));
    assert_eq!(file["can"], json!(["read and change files (fs)"]));
    let added = scene.json("tool add word_count.wasm");
    let tool = scene.json("tool inspect word_count");
    for value in [&added[0], &tool] {
        assert_eq!((&value["id"], &value["can"]), (&json!("word_count"), &file["can"]));
        assert_eq!((&value["needs"], &value["cannot"]), (&json!(["read fs:workspace/**"]), &file["cannot"]));
        assert_eq!((&value["component"], value.get("replaced")), (&file["component"], None));
    }
    assert_eq!(scene.json("tool add noop.wasm")[0].get("needs"), None);
    assert_eq!(scene.json("tool inspect echo")["needs"], json!([]));
}

#[test]
fn a_tool_that_is_replaced_says_what_it_gained_and_lost_and_which_grants_name_the_old_one() {
    let scene = Scene::new("replaced", &["word_count", "noop", "ask"]);
    scene.run("tool add word_count.wasm --name counter");
    let grant = |more: &str| scene.json(&format!("grant image:base read fs:workspace/** {more}"))[0]["id"].clone();
    let (bound, once) = (grant("--only-tool counter"), grant("--only-tool counter --once"));
    let (revoked, denied, free) =
        (grant("--only-tool counter"), grant("--only-tool counter --deny"), grant("--expires 1h"));
    scene.run(&format!("revoke {}", revoked.as_str().unwrap()));
    let again = scene.json("tool add word_count.wasm --name counter");
    assert_eq!(again[0].get("replaced"), None, "it is the same component");

    let replaced = scene.json("tool add ask.wasm --name counter")[0]["replaced"].clone();
    assert_eq!(replaced["gained"], json!(["can now ask a person"]));
    assert_eq!(replaced["lost"], json!(["no longer needs read fs:workspace/**"]));
    assert_eq!(replaced["grants"], json!([bound, once]), "and not {revoked}, {denied} or {free}");
    let ids = format!("{}, {}", bound.as_str().unwrap(), once.as_str().unwrap());
    let stale = format!("{ids} name the component as it was; the next call that needs one of them asks again");
    scene.says("tool add noop.wasm --name counter", &["added counter", "counter can no longer ask a person", &stale]);

    // Taking the old one away first hides nothing.
    scene.run("tool rm counter");
    let lost = "counter no longer needs read fs:workspace/**";
    scene.says("tool add ask.wasm --name counter", &["counter can now ask a person", lost, &stale]);
    // The one that the grants name is back.
    let back = scene.json("tool add word_count.wasm --name counter")[0]["replaced"].clone();
    assert_eq!(back["gained"], json!(["now needs read fs:workspace/**"]));
    assert_eq!((&back["lost"], &back["grants"]), (&json!(["can no longer ask a person"]), &json!([])));
}

#[test]
fn a_component_whose_declaration_lies_is_refused_when_it_is_looked_at() {
    let scene = Scene::new("lies", &["noop"]);
    let section = b"\x0blibos:needs{\"tool\":\"noop\",\"needs\":[\"read fs:a\"]}\n";
    let bytes = [guest("noop"), vec![0, section.len() as u8], section.to_vec()].concat();
    fs::write(scene.root.join("workspace/bad.wasm"), bytes).unwrap();
    for line in ["tool inspect bad.wasm", "tool add bad.wasm"] {
        let (code, out, err) = scene.output(line);
        assert_eq!(code, Some(2), "{out}");
        assert!(err.contains("'noop' declares 'read fs:a' but does not import fs"), "{err}");
    }
}

#[test]
fn what_is_no_regular_file_is_refused_and_nobody_waits_for_it() {
    let scene = Scene::new("no-file", &[]);
    let pipe = scene.root.join("workspace/pipe.wasm");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for line in
        ["tool add pipe.wasm", "tool add /dev/zero", "tool add .", "tool inspect pipe.wasm", "tool inspect /dev/zero"]
    {
        let (code, _, err) = scene.output(line);
        assert_eq!(code, Some(2), "{line}: {err}");
        assert!(err.contains("it cannot be read") || err.contains("directory"), "{line}: {err}");
    }
    scene.run("call echo {}");
}
