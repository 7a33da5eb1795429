//! The store and the space that it takes, with the real binary: `gc`, `backup`, the low-space mark, and a disk that is full.

#![expect(clippy::disallowed_methods, reason = "a test of the real program starts it and looks at its files")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod scene;

use scene::Scene;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list,write fs:workspace/**", "ask,tell human:owner", "read,list,write object:**"]
"#;

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name}: {value}"))
}

#[test]
fn gc_drops_what_has_ended_and_the_log_and_what_waits_stay() {
    let scene = Scene::new("gc", POLICY, &[]);
    for _ in 0..3 {
        scene.run(&["call", "echo", "{}"]).ends(0);
    }
    scene.run(&["call", "ask_human", r#"{"question": "Which?"}"#]).ends(4);
    let log = scene.json(&["audit", "verify"]);
    // Nobody asked for anything to go.
    scene.run(&["gc", "--older-than", "30d"]).ends(0);
    assert_eq!(scene.json(&["calls"]).as_array().unwrap().len(), 4);
    scene.write("libos.toml", &format!("{POLICY}[retain]\ncalls = \"1s\"\nprocesses = \"1s\"\n"));
    scene.run(&["policy", "reload", "--yes"]).ends(0).says(&["calls that have ended are kept for: forever -> 1s"]);
    let would = loop {
        let would = scene.json(&["gc", "--dry-run"]);
        if number(&would, "calls") == 3 {
            break would;
        }
    };
    assert_eq!(scene.json(&["calls"]).as_array().unwrap().len(), 4, "a dry run drops nothing");
    let did = scene.json(&["gc"]);
    for name in ["calls", "processes", "rows", "journal_lines"] {
        assert_eq!(number(&did, name), number(&would, name), "{name}");
    }
    assert!(number(&did["store_bytes"], "after") <= number(&did["store_bytes"], "before"));
    let left = scene.json(&["calls"]);
    assert_eq!((left.as_array().unwrap().len(), &left[0]["state"]), (1, &json!("waiting")));
    assert!(number(&scene.json(&["audit", "verify"]), "records") > number(&log, "records"));
    scene.run(&["events"]).ends(0).says(&["host.gc", "rows dropped: ", "call 3"]);
    scene.run(&["answer", "q1", "--text", "this"]).ends(0).says(&["this"]);
    scene.run(&["gc", "--older-than", "30d"]).ends(0);
}

#[test]
fn what_the_store_holds_is_copied_to_no_place_that_agents_read() {
    let scene = Scene::new("copies", POLICY, &[]);
    std::os::unix::fs::symlink(".", scene.path("link")).unwrap();
    let run = |arguments: &[&str]| scene.run(&[&["--data", "../data"], arguments].concat());
    run(&["trust", "--yes"]).ends(0);
    run(&["call", "echo", "{}"]).ends(0);
    for verb in [&["backup"][..], &["audit", "export"]] {
        for (target, why) in [
            ("copy", "lies in the mount 'workspace'"),
            ("link/copy", "lies in the mount 'workspace'"),
            ("../data/copy", "lies in the data directory"),
        ] {
            run(&[verb, &[target]].concat()).ends(2).says(&[why, "outside the mounts"]);
        }
    }
    assert!(!scene.path("copy").exists() && !scene.path("../data/copy").exists());
    run(&["audit", "export", "made/deep/copy"]).ends(2).says(&["lies in the mount"]);
    assert!(!scene.path("made").exists());
    run(&["backup", "../nowhere/copy"]).ends(2).says(&["no directory to put the copy in"]);
}

#[test]
fn gc_removes_compiled_code_that_nothing_uses_and_minds_no_stray_file() {
    let scene = Scene::new("code", POLICY, &[]);
    let run = |arguments: &[&str]| scene.run(&[&["--data", "../data"], arguments].concat());
    run(&["trust", "--yes"]).ends(0);
    run(&["call", "echo", "{}"]).ends(0);
    let code = scene.path("../data/code");
    let count = || fs::read_dir(&code).unwrap().count();
    let before = count();
    assert!(before > 0);
    for name in ["code/old.cwasm", "code/half.new", "payloads/stray"] {
        fs::write(scene.path("../data").join(name), b"x").unwrap();
    }
    run(&["gc"]).ends(0).says(&["dropped 2 files of compiled code"]);
    assert_eq!(count(), before);
    assert!(scene.path("../data/payloads/stray").exists());
}

#[test]
fn beside_a_host_gc_goes_through_it_and_backup_copies_what_it_has() {
    let scene = Scene::new("beside", POLICY, &[]);
    let host = scene.serve();
    scene.run(&["call", "echo", "{}"]).ends(0);
    scene.run(&["call", "ask_human", r#"{"question": "Which?"}"#]).ends(4);
    scene.run(&["gc"]).ends(0).says(&["a host runs: the store's file shrinks at the next `libos gc` without one"]);
    let copied = scene.json(&["backup", "../copy"]);
    assert!(number(&copied, "files") > 0);
    scene
        .run(&["backup", "../copy"])
        .ends(2)
        .says(&["there is something of that name already", "never put over anything"]);
    scene.run(&["call", "echo", "{}"]).ends(0);
    host.signal("INT");
    host.end().ends(0);
    // To look at a copy changes nothing; to change something takes it over.
    let in_copy = |arguments: &[&str]| scene.run(&[&["--data", "../copy"], arguments].concat());
    in_copy(&["audit", "verify"]).ends(0).says(&[&format!("{} records", number(&copied, "records"))]);
    in_copy(&["inbox"]).ends(0).says(&["Which?"]);
    in_copy(&["call", "echo", r#"{"here": 1}"#]).ends(0).says(&["here"]);
    in_copy(&["events"]).ends(0).says(&["host.restored", "1 calls are cancelled"]);
    in_copy(&["calls"]).ends(0).says(&["this store is a copy"]);
    in_copy(&["answer", "q1", "--text", "x"]).ends(2);
    scene.run(&["answer", "q1", "--text", "the original"]).ends(0).says(&["the original"]);
}

#[test]
fn below_the_mark_a_call_is_refused_with_numbers_and_a_way_out() {
    let scene = Scene::new("mark", POLICY, &[]);
    scene.run(&["call", "ask_human", r#"{"question": "Which?"}"#]).ends(4);
    scene.write("libos.toml", &format!("{POLICY}[space]\nkeep-free = \"1024 GiB\"\n"));
    scene.run(&["policy", "reload", "--yes"]).ends(0).says(&["space that stays free: 64 MiB -> 1024 GiB"]);
    let free = rustix::fs::statvfs(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if free.f_bavail * free.f_frsize > 1 << 40 {
        return println!("this disk has more free space than a mark can be: the test is left out");
    }
    scene.run(&["call", "echo", "{}"]).ends(5).says(&[
        "are free where the store lies",
        "1024 GiB must stay free",
        "libos gc",
    ]);
    scene.run(&["inbox"]).ends(0).says(&["Which?"]);
    scene.run(&["gc"]).ends(0);
    // What was begun ends.
    scene.run(&["answer", "q1", "--text", "this"]).ends(0).says(&["this"]);
}

/// A small file system of its own; none where it cannot be mounted.
struct Mounted(PathBuf);

impl Mounted {
    fn new(path: &Path, size: &str) -> Option<Mounted> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"]).arg(path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Mounted(path.to_owned()))
    }

    fn free(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.0).unwrap();
        found.f_bavail * found.f_frsize
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_the_host_stops_loses_nothing_and_goes_on_when_there_is_room() {
    let scene = Scene::new("full", &format!("{POLICY}[space]\nkeep-free = \"1 MiB\"\n"), &[]);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("space-full");
    let Some(disk) = Mounted::new(&path, "32m") else {
        return println!("no file system can be mounted here: the test of a full disk is left out");
    };
    let data = path.join("data");
    let run = |arguments: &[&str]| scene.run(&[&["--data", data.to_str().unwrap()], arguments].concat());
    let make = |name: &str, bytes: usize| {
        let payload = "x".repeat(bytes);
        let arguments = json!({ "name": name, "namespace": "kept", "type": "note", "payload": payload });
        scene.write("arguments.json", &arguments.to_string());
        let file = fs::File::open(scene.path("arguments.json")).unwrap();
        scene.run_with(&["--data", data.to_str().unwrap(), "call", "create_memory_object", "-"], file.into())
    };
    run(&["trust", "--yes"]).ends(0);
    run(&["call", "create_memory_namespace", r#"{"namespace": "kept"}"#]).ends(0);
    make("small", 100).ends(0);
    make("file", 100_000).ends(0);
    // Somebody else fills the disk, but for a little more than the mark.
    let spare = (1 << 20) + (400 << 10);
    fs::write(path.join("ballast"), vec![0; usize::try_from(disk.free() - spare).unwrap()]).unwrap();
    make("large", 3 << 20).ends(5).says(&["space left on device", "what is on the disk is whole"]);
    // With less than the mark left, it is not even tried.
    fs::write(path.join("more"), vec![0; usize::try_from(disk.free().saturating_sub(300 << 10)).unwrap()]).unwrap();
    run(&["call", "echo", "{}"]).ends(5).says(&["nothing new is begun", "libos gc"]);
    run(&["object", "show", "kept/small"]).ends(0);
    fs::remove_file(path.join("ballast")).unwrap();
    fs::remove_file(path.join("more")).unwrap();
    run(&["audit", "verify"]).ends(0);
    for name in ["kept/small", "kept/file"] {
        run(&["object", "show", name]).ends(0).says(&["xxx"]);
    }
    run(&["object", "show", "kept/large"]).ends(2);
    make("large", 1 << 20).ends(0);
    run(&["gc"]).ends(0);
    run(&["object", "show", "kept/large"]).ends(0).says(&["xxx"]);
    run(&["audit", "verify"]).ends(0);
}
