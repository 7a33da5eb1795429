//! Tamper evidence of the real binary: keys, the second place, checks of a store that was damaged or exchanged, and evidence to take
//! away.

#![expect(clippy::disallowed_methods, reason = "a test of the real program starts it and looks at its files")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list,write fs:workspace/**", "read,list,write object:**", "ask human:owner"]
"#;

/// A directory of this test: a workspace, its data, its keys, and a place outside.
struct Place(PathBuf);

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
    fn says(self, text: &str) -> Said {
        assert!(self.out.contains(text) || self.err.contains(text), "not {text}\nout: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Place {
    /// With a policy in force that brings heads to `witness` in the place outside, and a few calls done.
    fn new(name: &str) -> Place {
        let place = Place::bare(name);
        place.policy(&place.with_witness(""));
        place.run(&["trust", "--yes"]).ends(0);
        for _ in 0..2 {
            place.call();
        }
        place
    }

    fn bare(name: &str) -> Place {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("evidence-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for directory in ["workspace", "outside"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        Place(root)
    }

    fn with_witness(&self, more: &str) -> String {
        format!("[audit]\nwitness = \"file:{}\"\n{more}\n", self.witness().display())
    }

    fn policy(&self, more: &str) {
        fs::write(self.0.join("workspace/libos.toml"), format!("{POLICY}{more}")).unwrap();
    }

    fn witness(&self) -> PathBuf {
        self.0.join("outside/notes")
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn store(&self) -> PathBuf {
        self.data().join("store.redb")
    }

    /// The file with the secret key.
    fn key(&self) -> PathBuf {
        let keys = fs::read_dir(self.0.join("config/libos")).unwrap().map(|entry| entry.unwrap().path());
        keys.map(|path| path.with_extension("key")).next().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_libos"));
        command
            .current_dir(self.0.join("workspace"))
            .env("XDG_CONFIG_HOME", self.0.join("config"))
            .stdin(Stdio::null());
        command.arg("--data").arg(self.data()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[&["--json"], arguments].concat()).ends(0).json()
    }

    #[track_caller]
    fn call(&self) {
        self.run(&["call", "echo", "{}"]).ends(0);
    }

    /// A check with the witness.
    fn verify(&self) -> Said {
        self.run(&["audit", "verify", "--witness", self.witness().to_str().unwrap()])
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn the_first_start_makes_a_key_that_nobody_else_reads_and_every_head_reaches_the_witness() {
    let place = Place::new("first");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place.key()), mode(place.key().parent().unwrap())), (0o600, 0o700));
    let public = fs::read_to_string(place.key().with_extension("pub")).unwrap();
    place.run(&["audit", "key"]).ends(0).says(public.trim());
    place.verify().ends(0).says("records, as they were written").says("the witness has").says(public.trim());
    let verified = place.json(&["audit", "verify", "--witness", place.witness().to_str().unwrap()]);
    assert_eq!((&verified["signed"], &verified["witness"]["newest"]), (&verified["records"], &verified["records"]));
    assert_eq!(verified["cannot_exclude"], serde_json::json!([]));
    place.run(&["audit", "verify"]).ends(0).says("without a witness");
    place.run(&["doctor"]).says("log-key");
    let secret = fs::read_to_string(place.key()).unwrap();
    let seen = fs::read(place.store()).unwrap();
    // The key in base64, which may have that sign too, is the last of five parts.
    let secret = secret.trim().splitn(5, '+').last().unwrap().as_bytes();
    assert!(!seen.windows(secret.len()).any(|bytes| bytes == secret), "the secret is in the store");
}

#[test]
fn an_older_copy_of_the_directory_is_found_by_the_witness() {
    let place = Place::new("older");
    copy(&place.data(), &place.0.join("older"));
    place.call();
    place.verify().ends(0);
    fs::remove_dir_all(place.data()).unwrap();
    copy(&place.0.join("older"), &place.data());
    place.run(&["audit", "verify"]).ends(0).says("older copy");
    place.verify().ends(1).says("older copy").says("record ");
    // A workspace that was begun anew, with the key that is still there.
    fs::remove_dir_all(place.data()).unwrap();
    place.run(&["trust", "--yes"]).ends(0);
    place.verify().ends(1).says("the log was changed");
}

#[test]
fn a_key_that_is_gone_open_to_others_or_another_one_is_told_and_recorded() {
    let place = Place::new("key");
    let (key, public) = (place.key(), place.key().with_extension("pub"));
    let (secret, name) = (fs::read_to_string(&key).unwrap(), fs::read_to_string(&public).unwrap());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    place.run(&["call", "echo", "{}"]).ends(0).says("the log is not signed").says("chmod 600");
    fs::remove_file(&key).unwrap();
    place.run(&["call", "echo", "{}"]).ends(0).says("the log is not signed").says("is gone");
    assert!(!key.exists(), "another key is made in silence");
    let doctor = place.run(&["--json", "doctor"]).json();
    let row = doctor.as_array().unwrap().iter().find(|row| row["id"] == "log-key").unwrap();
    assert_eq!(row["state"], "missing");
    place.verify().ends(0).says("are in no signed head");
    let records = place.json(&["audit", "show"]);
    let count =
        |operation: &str| records.as_array().unwrap().iter().filter(|row| row["operation"] == operation).count();
    assert!(count("host.unsigned") >= 2 && count("host.key") == 1);

    place.run(&["audit", "key"]).ends(5).says("audit key --new");
    place.run(&["audit", "key", "--new"]).ends(0);
    place.run(&["audit", "key", "--new"]).ends(2).says("already");
    place.run(&["call", "echo", "{}"]).ends(0).says("another key");
    place.verify().ends(0).says("signed with another key");
    // Whoever knows the key of before is not taken in.
    place.run(&["audit", "verify", "--key", name.trim()]).ends(1).says("the key that is known outside");
    place.run(&["audit", "verify", "--key", "nonsense"]).ends(2).says("is no key");
    fs::write(&key, secret.replace("AAAA", "AAAB")).unwrap();
    fs::remove_dir_all(place.0.join("config")).unwrap();
    place.run(&["audit", "verify"]).ends(0).says("no key outside the store is known");
}

#[test]
fn a_store_that_is_cut_is_a_finding() {
    let place = Place::new("cut");
    let good = fs::read(place.store()).unwrap();
    for length in [0, 1, 100, 4_096, good.len() / 4, good.len() / 2, good.len() - 4_096, good.len() - 1] {
        fs::write(place.store(), &good[..length]).unwrap();
        let said = place.verify();
        let is_finding = said.code == Some(1) && !said.err.contains("panicked");
        // What was cut off may be nothing that is in use: then the witness agrees.
        let is_whole = said.code == Some(0) && length > 4_096 && said.out.contains("the witness has");
        assert!(is_finding || is_whole, "{length}: {} {}", said.out, said.err);
        let json = place.run(&["--json", "audit", "verify"]);
        let value = json.json();
        assert_eq!(json.code == Some(1), value["problem"]["what"].is_string(), "{value}");
    }
}

/// One step of splitmix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn bytes_that_are_changed_anywhere_in_the_store_end_no_check_and_hide_no_record() {
    let place = Place::new("flips");
    let good = fs::read(place.store()).unwrap();
    let truth = place.json(&["audit", "verify"]);
    // Most of the file is empty: bytes are changed where there are any, and in the header.
    let used: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
    let mut found = 0;
    for turn in 0..48u64 {
        let at = if turn < 8 { (mix(turn) % 320) as usize } else { used[(mix(turn) % used.len() as u64) as usize] };
        let mut bad = good.clone();
        bad[at] ^= 1 << (mix(turn ^ 99) % 8);
        if turn % 3 == 0 {
            let from = (at + 1).min(bad.len() - 16);
            bad[from..from + 16].copy_from_slice(&[0xff; 16]);
        }
        fs::write(place.store(), &bad).unwrap();
        let said = place.run(&["--json", "audit", "verify", "--witness", place.witness().to_str().unwrap()]);
        let value = said.json();
        match said.code {
            Some(0) => {
                let same = |field: &str| value[field] == truth[field];
                assert!(same("root") && same("records"), "byte {at}: {value}\n{truth}");
            }
            Some(1) => {
                found += 1;
                assert!(value["problem"]["what"].is_string(), "byte {at}: {value}");
            }
            other => panic!("byte {at}: ended with {other:?}: {} {}", said.out, said.err),
        }
    }
    assert!(found > 0, "no change hit anything that is in use");
}

#[test]
fn a_proof_is_good_where_there_is_nothing_else_and_a_changed_one_is_not() {
    let place = Place::new("proof");
    let file = place.0.join("7.tlog-proof");
    place.run(&["audit", "prove", "7", "--out", file.to_str().unwrap()]).ends(0).says("libos/");
    place.run(&["audit", "prove", "7", "--out", file.to_str().unwrap()]).ends(2);
    place.run(&["audit", "prove", "100000"]).ends(2).says("there is no record");
    let key = fs::read_to_string(place.key().with_extension("pub")).unwrap();
    let elsewhere = place.0.join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    let check = |arguments: &[&str]| -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_libos"));
        command.current_dir(&elsewhere).env_clear().args(["audit", "check"]).args(arguments);
        command.output().unwrap().into()
    };
    let path = file.to_str().unwrap();
    check(&[path]).ends(0).says("came with the proof").says(key.trim());
    let value = check(&["--json", path, "--key", key.trim()]).ends(0).json();
    let record = &place.json(&["audit", "show", "--from", "7"])[0];
    assert_eq!((&value["record"], &value["known"]), (record, &Value::Bool(true)));
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    check(&[path, "--key", other]).ends(1).says("proves nothing");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("index 7", "index 6")).unwrap();
    check(&[path]).ends(1).says("not in the log");
    fs::write(&file, "hello\n").unwrap();
    check(&[path]).ends(1).says("no proof");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn an_export_is_a_directory_of_tiles() {
    let place = Place::new("export");
    let directory = place.0.join("tiles");
    let value = place.json(&["audit", "export", directory.to_str().unwrap()]);
    assert_eq!(value["left"], 0);
    let records = value["records"].as_u64().unwrap();
    let leaves = fs::read(directory.join(format!("tile/0/000.p/{records}"))).unwrap();
    assert_eq!(leaves.len() as u64, 32 * records);
    assert!(directory.join(format!("tile/entries/000.p/{records}")).is_file());
    let checkpoint = fs::read_to_string(directory.join("checkpoint")).unwrap();
    assert_eq!(checkpoint.lines().nth(1).unwrap(), records.to_string());
    place.run(&["audit", "export", directory.to_str().unwrap()]).ends(2).says("not empty");
}

#[test]
fn a_second_place_where_agents_or_the_data_are_is_refused() {
    let place = Place::bare("refused");
    fs::create_dir_all(place.data()).unwrap();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o700)).unwrap();
    for (path, says) in [
        (place.0.join("workspace/notes"), "lies in the mount 'workspace'"),
        (place.data().join("notes"), "lies in the data directory"),
        (place.0.join("workspace/nowhere/notes"), "lies in the mount 'workspace'"),
    ] {
        place.policy(&format!("[audit]\nwitness = \"file:{}\"\n", path.display()));
        place.run(&["trust", "--yes"]).ends(2).says(says);
    }
    place.policy("[audit]\nwitness = \"stderr\"\n");
    place.run(&["trust", "--yes"]).ends(0).says("\u{2014} libos/");
}

#[test]
fn a_second_place_whose_directory_is_not_there_stops_only_a_strict_host() {
    let place = Place::new("nowhere");
    fs::rename(place.0.join("outside"), place.0.join("away")).unwrap();
    place.run(&["call", "echo", "{}"]).ends(0).says("second place");
    place.run(&["doctor"]);
    let write = r#"{"path":"made","content":"x"}"#;
    place.policy(&place.with_witness("strict = true"));
    place.run(&["policy", "reload", "--yes"]).ends(5).says("needs a directory that is there").says("[audit]");
    place.run(&["call", "write_text_file", write]).ends(0);
    // A link that leads nowhere says nothing about where notes would go one day.
    std::os::unix::fs::symlink(place.0.join("workspace/later"), place.0.join("outside")).unwrap();
    place.run(&["call", "echo", "{}"]).ends(0).says("the way there is broken");
    fs::create_dir(place.0.join("workspace/later")).unwrap();
    place.run(&["call", "echo", "{}"]).ends(2).says("lies in the mount 'workspace'");
    fs::remove_file(place.0.join("outside")).unwrap();
    fs::rename(place.0.join("away"), place.0.join("outside")).unwrap();
    place.call();
    place.verify().ends(0);
    assert!(!place.0.join("workspace/later/notes").exists());
}

/// Waits for what another process does.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed().as_secs() < 60, "{what} does not happen");
        std::thread::yield_now();
    }
}

#[test]
fn nobody_moves_the_second_place_of_a_host_that_runs() {
    let place = Place::bare("link");
    let link = place.0.join("workspace/link");
    std::os::unix::fs::symlink(place.0.join("outside"), &link).unwrap();
    place.policy(&format!("[audit]\nwitness = \"file:{}\"\n", link.join("notes").display()));
    place.run(&["trust", "--yes"]).ends(0);
    let size = || fs::metadata(place.witness()).map_or(0, |metadata| metadata.len());
    let mut host = place.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("a host that listens", || place.run(&["--json", "doctor"]).out.contains("a host runs"));
    let before = size();
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    place.call();
    until("a head in the second place", || {
        place.call();
        size() > before
    });
    host.kill().unwrap();
    host.wait().unwrap();
    assert_eq!(fs::read_dir(&link).unwrap().count(), 0, "heads went where agents write");
}

#[test]
fn a_warning_that_nobody_can_read_ends_no_call() {
    let place = Place::new("deaf");
    fs::remove_file(place.witness()).unwrap();
    fs::create_dir(place.witness()).unwrap();
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let write_file = r#"{"path":"made","content":"x"}"#;
    let output = place.command(&["call", "write_text_file", write_file]).stderr(write).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(place.0.join("workspace/made").exists());
}

#[test]
fn a_file_that_is_no_witness_is_a_finding_about_that_file() {
    let place = Place::new("stranger");
    fs::write(place.witness(), "\n\n\u{2014} x y\nhello\n").unwrap();
    let said = place.verify().ends(1).says("the witness file has no signed head of this log");
    assert!(!said.err.contains("the log was changed"), "{}", said.err);
    let value = place.run(&["--json", "audit", "verify", "--witness", place.witness().to_str().unwrap()]).json();
    assert!(value["problem"]["record"].is_null() && value["problem"]["what"].is_string(), "{value}");
    // Nobody ever writes to it.
    let pipe = place.0.join("outside/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    place.run(&["audit", "verify", "--witness", pipe.to_str().unwrap()]).ends(2).says("no regular file");
}

#[test]
fn a_key_that_was_just_made_anew_does_not_make_an_honest_log_look_changed() {
    let place = Place::new("anew");
    let before = fs::read_to_string(place.key().with_extension("pub")).unwrap();
    fs::remove_file(place.key()).unwrap();
    place.run(&["audit", "key", "--new"]).ends(0);
    let new = fs::read_to_string(place.key().with_extension("pub")).unwrap();
    assert_ne!(new, before);
    place.verify().ends(0).says("has signed nothing yet");
    place.run(&["audit", "verify", "--key", new.trim()]).ends(1);
    place.call();
    let said = place.verify().ends(0);
    assert!(!said.err.contains("has signed nothing yet"), "{}", said.err);
}

#[test]
fn a_file_that_is_no_key_is_named_and_never_replaced() {
    let place = Place::new("empty");
    fs::write(place.key(), "").unwrap();
    for arguments in [&["audit", "key", "--new"][..], &["audit", "key"]] {
        let said = place.run(arguments).says("move it away");
        assert!(matches!(said.code, Some(2 | 5)), "{}", said.err);
    }
    assert_eq!(fs::read(place.key()).unwrap(), b"");
    fs::rename(place.key(), place.0.join("empty")).unwrap();
    place.run(&["audit", "key", "--new"]).ends(0);
    let names = fs::read_dir(place.0.join("config/libos")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().path().extension().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["before", "key", "pub"], "nothing unfinished is left");
}

#[test]
fn a_second_place_that_fails_is_a_warning_and_under_strict_the_end() {
    let place = Place::new("fails");
    fs::remove_file(place.witness()).unwrap();
    fs::create_dir(place.witness()).unwrap();
    place.run(&["call", "echo", "{}"]).ends(0).says("second place");
    let records = place.json(&["audit", "show"]);
    assert!(records.as_array().unwrap().iter().any(|row| row["operation"] == "host.witness-failed"), "{records}");

    fs::remove_dir(place.witness()).unwrap();
    place.policy(&place.with_witness("strict = true"));
    place.run(&["policy", "reload", "--yes"]).ends(0).says("false -> true");
    place.call();
    fs::remove_file(place.witness()).unwrap();
    fs::create_dir(place.witness()).unwrap();
    let write = r#"{"path":"made","content":"x"}"#;
    place.run(&["call", "write_text_file", write]).ends(5).says("second place");
    assert!(!place.0.join("workspace/made").exists(), "an effect began whose intent nobody witnessed");
    fs::remove_dir(place.witness()).unwrap();
    place.run(&["call", "write_text_file", write]).ends(0);
    place.verify().ends(0);
    // Without the key nothing can be strict.
    fs::remove_file(place.key()).unwrap();
    place.run(&["call", "echo", "{}"]).ends(5).says("strict");
}

#[test]
fn a_program_can_be_the_second_place() {
    let place = Place::bare("program");
    let notes = place.witness();
    let script = format!("cat >> {}", notes.display());
    place.policy(&format!("[audit]\nwitness = [\"/bin/sh\", \"-c\", \"{script}\"]\n"));
    let said =
        place.run(&["trust", "--yes"]).ends(0).says("starts this program, outside the sandbox, as you: /bin/sh -c");
    assert!(said.out.contains("nowhere -> the program /bin/sh"), "{}", said.out);
    place.call();
    place.verify().ends(0).says("the witness has");
}

#[test]
fn no_tool_reads_or_changes_the_key_or_the_second_place() {
    let place = Place::bare("guarded");
    // Everything lies in a mount.
    let text = POLICY.replace("workspace = \".\"", "workspace = \".\"\nhome = \"../config\"\noutside = \"../mounted\"");
    let text = text.replace(
        "fs:workspace/**\"",
        "fs:workspace/**\", \"read,list,write,delete fs:home/**\", \"read,write fs:outside/**\"",
    );
    fs::create_dir_all(place.0.join("mounted")).unwrap();
    fs::create_dir_all(place.0.join("config/libos")).unwrap();
    let more = place.with_witness("");
    fs::write(place.0.join("workspace/libos.toml"), format!("{text}{more}")).unwrap();
    place.run(&["trust", "--yes"]).ends(0);
    let key = place.key();
    let below = key.strip_prefix(place.0.join("config")).unwrap().display().to_string();
    let secret = fs::read_to_string(&key).unwrap();
    fs::hard_link(&key, place.0.join("config/other-name")).unwrap();
    fs::hard_link(place.witness(), place.0.join("mounted/other-name")).unwrap();
    for path in [format!("/home/{below}"), "/home/other-name".into(), "/outside/other-name".into()] {
        let read = place.run(&["call", "read_text_file", &format!(r#"{{"path":"{path}"}}"#)]);
        assert!(read.code != Some(0) && !read.out.contains("PRIVATE+KEY"), "{path} is read: {}", read.out);
        let write = place.run(&["call", "write_text_file", &format!(r#"{{"path":"{path}","content":"x"}}"#)]);
        assert_ne!(write.code, Some(0), "{path} is written");
    }
    assert_eq!(fs::read_to_string(&key).unwrap(), secret);
    place.verify().ends(0);
}
