//! A full disk, a read-only one, and answers to what is gone: a clear error, and nothing is lost.

#![expect(clippy::disallowed_methods, reason = "a test of the real program starts it and looks at its files")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const POLICY: &str = r#"
[space]
keep-free = "1 MiB"

[mounts]
workspace = "."
[image.base]
allow = ["read,list,write fs:workspace/**", "read,list,write object:**", "ask human:owner"]
"#;

/// A directory of this test, with a workspace in it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("workspace")).unwrap();
        fs::create_dir_all(root.join("disk")).unwrap();
        fs::write(root.join("workspace/libos.toml"), POLICY).unwrap();
        Place(root)
    }

    fn data(&self) -> PathBuf {
        self.0.join("disk/data")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_libos"))
            .current_dir(self.0.join("workspace"))
            .env("XDG_CONFIG_HOME", self.0.join("config"))
            .arg("--data")
            .arg(self.data())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    #[track_caller]
    fn fine(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, text: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
}

/// A small disk of its own, unmounted at the end. None where this user may not mount.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, options: &str) -> Option<Disk> {
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).stderr(Stdio::null()).status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Disk(at.to_owned()));
        }
        println!("skipped: this user may not mount a file system");
        None
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_stops_the_host_and_nothing_acknowledged_is_lost() {
    let place = Place::new("full");
    let Some(disk) = Disk::mount(&place.0.join("disk"), "size=24m") else { return };
    place.fine(&["trust", "--yes"]);
    place.fine(&["call", "echo", "{}"]);
    // What is in the namespace of a process goes with it.
    place.fine(&["call", "create_memory_namespace", r#"{"namespace": "kept"}"#]);
    // Incompressible or not, it is kept as it is: the disk is full after a few of them.
    let arguments = place.0.join("arguments.json");
    let mut acknowledged = Vec::new();
    let full = (0..200).find_map(|number| {
        let name = format!("big-{number}");
        let payload = "x".repeat(900_000);
        let json =
            serde_json::json!({"namespace": "kept", "name": name, "type": "note", "payload": payload}).to_string();
        fs::write(&arguments, json).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_libos"))
            .current_dir(place.0.join("workspace"))
            .env("XDG_CONFIG_HOME", place.0.join("config"))
            .arg("--data")
            .arg(place.data())
            .args(["--json", "call", "create_memory_object", "-"])
            .stdin(fs::File::open(&arguments).unwrap())
            .output()
            .unwrap();
        if output.status.success() {
            acknowledged.push(output);
            None
        } else {
            // A call that had begun below the mark is refused its object, and fails as a tool does; the next one does not begin.
            (output.status.code() != Some(1)).then_some(output)
        }
    });
    let full = full.expect("24 MiB were never full");
    let said = String::from_utf8_lossy(&full.stderr);
    assert_eq!(full.status.code(), Some(5), "{said}");
    // Which of the two comes first depends on what the last command needed.
    assert!(said.to_lowercase().contains("no space left") || said.contains("must stay free"), "{said}");
    assert!(!acknowledged.is_empty());
    disk.remount("size=64m");
    let verified = place.fine(&["audit", "verify"]);
    assert!(verified.contains("records"), "{verified}");
    place.fine(&["calls", "--resume"]);
    place.fine(&["call", "echo", "{}"]);
    let objects: serde_json::Value = serde_json::from_str(&place.fine(&["--json", "objects"])).unwrap();
    assert!(objects.as_array().unwrap().len() >= acknowledged.len(), "an acknowledged object is gone");
    drop(disk);
    fs::remove_dir_all(&place.0).unwrap();
}

#[test]
fn a_read_only_disk_is_a_clear_error_and_can_still_be_looked_at() {
    let place = Place::new("read-only");
    let Some(disk) = Disk::mount(&place.0.join("disk"), "size=128m") else { return };
    place.fine(&["trust", "--yes"]);
    place.fine(&["call", "echo", "{}"]);
    disk.remount("ro");
    place.fails(&["call", "echo", "{}"], 5, "ead-only");
    drop(disk);
    fs::remove_dir_all(&place.0).unwrap();
}

#[test]
fn an_answer_to_what_is_gone_is_a_clear_error() {
    let place = Place::new("gone");
    place.fine(&["trust", "--yes"]);
    place.fails(&["answer", "q7", "allow"], 2, "there is no question q7");
    let output = place.run(&["--json", "call", "ask_human", r#"{"question":"Which?"}"#]);
    assert_eq!(output.status.code(), Some(4));
    place.fails(&["answer", "q1", "allow"], 2, "wants words");
    place.fine(&["answer", "q1", "--text", "this"]);
    place.fails(&["answer", "q1", "--text", "that"], 2, "answered already");
    let output = place.run(&["--json", "call", "ask_human", r#"{"question":"Which?"}"#]);
    assert_eq!(output.status.code(), Some(4));
    place.fine(&["calls", "cancel", "c2"]);
    place.fails(&["answer", "q2", "--text", "late"], 2, "gone");
    fs::remove_dir_all(&place.0).unwrap();
}

#[test]
fn a_damaged_store_is_a_finding_and_no_panic() {
    let place = Place::new("damaged");
    place.fine(&["trust", "--yes"]);
    place.fine(&["call", "echo", "{}"]);
    let store = place.data().join("store.redb");
    let good = fs::read(&store).unwrap();
    // In the first half there may be all of the log: then it is as it was written.
    for (length, may_be_whole) in [(0, false), (100, false), (good.len() / 16, false), (good.len() / 2, true)] {
        fs::write(&store, &good[..length]).unwrap();
        let output = place.run(&["audit", "verify"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked") && (may_be_whole || !output.status.success()), "{length} bytes: {said}");
    }
    fs::remove_dir_all(&place.0).unwrap();
}
