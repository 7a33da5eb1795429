//! Kills the real host at random moments: nothing acknowledged is lost, nothing is done twice.

#![expect(clippy::disallowed_methods, reason = "a test of the real program starts it, kills it and looks at its files")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const KILLS: u32 = 300;
/// After so many kills everything that waits is answered and brought to its end.
const DRAIN_EVERY: u32 = 12;
/// The latest moment of a kill, in microseconds after the start of the process.
const LATEST_MICROSECONDS: u64 = 70_000;

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list,write fs:workspace/**", "ask,tell human:owner", "sleep clock:sleep"]
ask = ["write fs:workspace/asked/**"]
"#;

struct Place {
    root: PathBuf,
}

impl Place {
    fn new() -> Place {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kill-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for folder in ["workspace/made", "workspace/asked"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("workspace/libos.toml"), POLICY).unwrap();
        fs::write(root.join("workspace/seed.md"), "seed").unwrap();
        Place { root }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_libos"));
        command
            .current_dir(self.root.join("workspace"))
            .env("XDG_CONFIG_HOME", self.root.join("config"))
            .arg("--data")
            .arg(self.root.join("data"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Runs a command and kills it; its output if it was faster.
    fn kill_after(&self, arguments: &[&str], delay: Duration) -> Option<Output> {
        let mut child: Child = self.command(arguments).spawn().unwrap();
        std::thread::sleep(delay);
        match child.try_wait().unwrap() {
            Some(_) => Some(child.wait_with_output().unwrap()),
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                None
            }
        }
    }

    /// Brings every call to its end, answering what is asked.
    fn drain(&self) {
        for _ in 0..200 {
            let questions = self.json(&["inbox"]);
            let questions = questions.as_array().unwrap();
            if questions.is_empty() {
                let waiting = self.json(&["calls"]);
                let open =
                    |call: &&Value| ["running", "waiting", "runnable"].contains(&call["state"].as_str().unwrap_or(""));
                if waiting.as_array().unwrap().iter().filter(open).count() == 0 {
                    return;
                }
                self.run(&["calls", "--resume"]);
            }
            for question in questions {
                let id = question["id"].as_str().unwrap();
                let answer = match question["kind"].as_str().unwrap() {
                    "question" => self.run(&["answer", id, "--text", "yes", "--no-run"]),
                    _ => self.run(&["answer", id, "allow", "--no-run"]),
                };
                assert!(answer.status.success(), "{id}: {}", String::from_utf8_lossy(&answer.stderr));
            }
            self.run(&["calls", "--resume"]);
        }
        panic!("not everything came to its end");
    }
}

/// xorshift64*: the same moments at every run of the test, as far as the machine goes.
fn random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

#[test]
fn three_hundred_kills_lose_nothing_and_do_nothing_twice() {
    let place = Place::new();
    assert!(place.run(&["trust", "--yes"]).status.success());
    let component = libos_e2e::GUESTS.iter().find(|(name, _)| *name == "endurance").unwrap().1;
    let added = place.run(&["tool", "add", component]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let (mut killed, mut round) = (0, 0);
    let mut acknowledged = BTreeSet::new();
    while killed < KILLS {
        round += 1;
        let delay = Duration::from_micros(random(&mut state) % LATEST_MICROSECONDS);
        let resumes = random(&mut state).is_multiple_of(3);
        let arguments = format!("{{\"run\":\"r{round}\"}}");
        let verb: &[&str] = if resumes { &["calls", "--resume"] } else { &["--json", "call", "endurance", &arguments] };
        match place.kill_after(verb, delay) {
            None => killed += 1,
            Some(output) if !resumes => {
                let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
                if let Some(question) = said["question"].as_str() {
                    acknowledged.insert(question.to_owned());
                }
            }
            Some(_) => {}
        }
        if killed % DRAIN_EVERY == 0 {
            check_verifies(&place);
            place.drain();
        }
    }
    place.drain();
    check_verifies(&place);
    check_once(&place.root.join("workspace"));
    check_acknowledged(&place, &acknowledged);
    check_hit(&place);
    fs::remove_dir_all(&place.root).unwrap();
}

fn check_verifies(place: &Place) {
    let verified = place.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// Every line that a run wrote is there once, and a run that wrote its second line wrote all else before.
fn check_once(workspace: &Path) {
    let log = fs::read_to_string(workspace.join("log.md")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let once: BTreeSet<&str> = lines.iter().copied().collect();
    assert_eq!(lines.len(), once.len(), "a line was written twice");
    for run in lines.iter().filter_map(|line| line.strip_suffix(" two")) {
        assert!(once.contains(format!("{run} one").as_str()), "{run} lost its first line");
        assert_eq!(fs::read_to_string(workspace.join(format!("made/{run}.a"))).unwrap(), "seed");
        assert_eq!(fs::read_to_string(workspace.join(format!("asked/{run}.b"))).unwrap(), "yes");
    }
    let leftovers = fs::read_dir(workspace.join("made")).unwrap().chain(fs::read_dir(workspace.join("asked")).unwrap());
    for entry in leftovers {
        let name = entry.unwrap().file_name();
        assert!(!name.to_string_lossy().starts_with(".libos-"), "{name:?} was left behind");
    }
}

/// The kills came at all kinds of moments: in calls that were then resumed, and between an intent and its outcome.
fn check_hit(place: &Place) {
    let records = place.json(&["audit", "show"]);
    let count = |wanted: &dyn Fn(&Value) -> bool| records.as_array().unwrap().iter().filter(|row| wanted(row)).count();
    let resumed = count(&|row| row["operation"] == "call.resume");
    let recovered = count(&|row| row["detail"] == "found by recovery");
    println!("{} records, {resumed} resumed, {recovered} effects found by recovery", records.as_array().unwrap().len());
    assert!(resumed >= 20 && recovered >= 1, "{resumed} resumed, {recovered} recovered: the kills missed");
}

/// Every call ended well, and every question that somebody was shown was there to be answered.
fn check_acknowledged(place: &Place, acknowledged: &BTreeSet<String>) {
    for call in place.json(&["calls"]).as_array().unwrap() {
        assert_eq!(call["state"], "done", "{call}");
    }
    let all = place.json(&["inbox", "--all"]);
    let known: BTreeSet<&str> = all.as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect();
    for question in acknowledged {
        assert!(known.contains(question.as_str()), "{question} was shown and is gone");
    }
}
