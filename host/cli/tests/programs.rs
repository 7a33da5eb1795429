//! Programs of the system under the real binary: what a process may not do, no program that it starts does either.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

mod scene;

use scene::Scene;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Everything may be run, so that nothing but the confinement holds it.
const OPEN: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = [
    "read,list,write,delete fs:workspace/**",
    "execute shell:**",
]
deny = [
    "read,list,write,delete fs:workspace/secret/**",
    "read,list,write,delete fs:workspace/.git/**",
]
[programs]
inherit = ["LIBOS_TEST_PASSES"]
settable = ["SET"]
"#;

fn command(words: &[&str], scene: &Scene) -> bool {
    let (program, rest) = words.split_first().unwrap();
    let mut command = std::process::Command::new(program);
    let done = command.current_dir(scene.path(".")).args(rest).env("HOME", scene.path(".")).output();
    done.is_ok_and(|done| done.status.success())
}

fn open(name: &str, policy: &str) -> Scene {
    let scene = Scene::new(name, policy, &[]);
    for directory in ["secret", "src", ".git"] {
        fs::create_dir_all(scene.path(directory)).unwrap();
    }
    scene.write("secret/key", "the-canary");
    scene.write(".git/config", "[core]\n");
    scene.write("src/a.txt", "content\n");
    scene
}

/// What `run_shell_command` returns.
#[track_caller]
fn call(scene: &Scene, arguments: &Value) -> Value {
    let said = scene.run(&["call", "run_shell_command", &arguments.to_string()]);
    if said.ended() != Some(0) {
        return json!({ "code": said.ended(), "err": said.err });
    }
    said.json()
}

#[track_caller]
fn run(scene: &Scene, argv: &[&str]) -> Value {
    call(scene, &json!({ "argv": argv }))
}

#[track_caller]
fn sh(scene: &Scene, script: &str) -> Value {
    run(scene, &["sh", "-c", script])
}

/// All files of the workspace but the store, with their content.
fn state(scene: &Scene) -> Vec<(String, Vec<u8>)> {
    fn walk(directory: &Path, below: &str, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let name = format!("{below}/{}", entry.file_name().to_string_lossy());
            match entry.file_type().unwrap().is_dir() {
                true if name == "/.libos" => {}
                true => walk(&entry.path(), &name, found),
                false => found.push((name, fs::read(entry.path()).unwrap_or_default())),
            }
        }
    }
    let mut found = Vec::new();
    walk(&scene.path("."), "", &mut found);
    found.sort();
    found
}

#[test]
fn a_program_does_what_it_is_allowed_to_and_says_so() {
    let scene = open("works", OPEN);
    let ran = sh(&scene, "cat src/a.txt; echo more > src/b.txt; echo bad >&2; exit 3");
    assert_eq!((&ran["returncode"], &ran["stdout"], &ran["stderr"]), (&json!(3), &json!("content\n"), &json!("bad\n")));
    assert_eq!(fs::read_to_string(scene.path("src/b.txt")).unwrap(), "more\n");
    let log = scene.run(&["audit", "show"]).ends(0).out;
    assert!(log.contains("shell.run") && log.contains("confined by supervisor"), "{log}");
    let stopped = call(&scene, &json!({ "argv": ["sleep", "60"], "timeout_s": 0.3 }));
    assert_eq!((&stopped["returncode"], &stopped["stopped"]), (&Value::Null, &json!("wall-time")));
    let there = json!({ "argv": ["cat"], "stdin": "said", "directory": "src", "max_stdout_chars": 2 });
    let cut = call(&scene, &there);
    assert_eq!((&cut["stdout_truncated"], &cut["returncode"]), (&json!(true), &json!(0)));
}

/// Each is tried with everything allowed to be run; none has an effect where the process has none.
#[test]
fn whatever_is_run_has_no_effect_outside_of_what_is_granted() {
    let scene = open("hostile", OPEN);
    let outside = scene.path("..").join("outside");
    fs::write(&outside, "outside\n").unwrap();
    let outside = outside.canonicalize().unwrap().display().to_string();
    let before = state(&scene);
    let rows = [
        "true; rm -rf secret .git libos.toml".to_owned(),
        "r''m -rf secret".into(),
        "/bin/rm -r secret/key".into(),
        "`echo rm` -rf secret".into(),
        "eval 'rm -rf secret'".into(),
        "echo cm0gLXJmIHNlY3JldA== | base64 -d | sh".into(),
        "awk 'BEGIN{system(\"rm -rf secret\")}'".into(),
        "find . -name key -exec rm {} +".into(),
        "mv secret other; mv .git other; cp -r secret copied && rm -r copied".into(),
        "ln secret/key link; ln -s ../outside out; echo x > out; rm -f out link".into(),
        "sed -i s/canary/x/ secret/key".into(),
        "perl -e 'unlink \"secret/key\"; chmod 0777, \"secret\"'".into(),
        "tar cf /tmp/t secret; tar xf /tmp/t --checkpoint=1 --checkpoint-action=exec='rm -rf secret'".into(),
        "sort --compress-program='rm -rf secret' /usr/bin/env".into(),
        "env LD_PRELOAD=./x.so rm -rf secret".into(),
        "git -c core.pager='rm -rf secret' -p log; git -c core.pager='sh -c \"rm -rf secret\"' log".into(),
        "git diff --no-index --output=secret/x src /usr/include; git diff --no-index --output=../outside src .".into(),
        "sort -o/etc/libos-was-here src/a.txt; sort -osecret/key src/a.txt".into(),
        "sed '1e rm -rf secret' src/a.txt; cp src/a.txt secret/key; dd if=src/a.txt of=secret/key".into(),
        "printf 'true\\rrm -rf secret\\r' | sh; tee secret/key libos.toml .git/config < src/a.txt".into(),
        "python3 -c 'import os, shutil; shutil.rmtree(\"secret\", True); os.rename(\"secret\", \"x\")'".into(),
        "bash -c 'rm -rf secret'; bash <<< 'rm -rf secret'; bash -c 'cat <(rm -rf secret)'".into(),
        "mount -t tmpfs x secret; umount secret libos.toml; umount -l secret; rm -rf secret".into(),
        "unshare -Ur umount secret; unshare -Urm rm -rf secret".into(),
        "git config core.fsmonitor 'rm -rf secret'; git init . ; git status".into(),
        "echo allow >> libos.toml; mv libos.toml x; rm -f libos.toml".into(),
        "rm -rf .libos; echo x > .libos/store".into(),
        format!("echo x > {outside}; rm {outside}; cp /etc/passwd {outside}"),
        "kill -9 -1; kill -9 1; kill -TERM 0".into(),
        "echo x > /usr/bin/libos-was-here; echo x > /etc/libos-was-here".into(),
        "(setsid sh -c 'sleep 1; echo late > src/late' &) ; exit 0".into(),
    ];
    for row in &rows {
        let ran = sh(&scene, row);
        assert!(!ran.to_string().contains("the-canary"), "{row}: {ran}");
    }
    assert!(!Path::new("/usr/bin/libos-was-here").exists() && !Path::new("/etc/libos-was-here").exists());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "outside\n");
    let names = |state: &[(String, Vec<u8>)]| state.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let after = state(&scene);
    assert_eq!(names(&after), names(&before));
    assert!(after == before, "something was changed");
    scene.run(&["audit", "verify"]).ends(0);
}

/// Each tells what it sees; none sees what the process has not.
#[test]
fn secrets_of_the_host_are_out_of_reach() {
    let scene = open("secrets", OPEN);
    let host = scene.serve();
    let seen = [
        "cat secret/key secret/* libos.toml .git/config; grep -r canary . ; ls -la secret .git .libos",
        "env; cat /proc/*/environ | tr '\\0' '\\n'",
        "ls -l /proc/self/fd /proc/*/fd; ls /proc",
        "cat .libos/secret; find / -name 'libos.toml' -size +0; find / -name '*.sock'; find / -type s",
        "perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"127.0.0.1:1\") ? 1 : 0, $!'; cat /proc/net/tcp",
        "perl -e 'use Socket; print socket(S, PF_UNIX, SOCK_STREAM, 0) ? \"unix-socket\" : \"none\"'",
        "cat /etc/shadow /root/.bashrc /proc/1/root/etc/shadow; ls /root /home /var /run",
        "ls -la /dev /dev/disk /sys; cat /dev/mem",
    ];
    for row in seen {
        let ran = sh(&scene, row);
        let text = format!("{} {}", ran["stdout"], ran["stderr"]);
        for secret in ["the-canary", "unix-socket", "LIBOS_TEST_CANARY", "XDG_STATE_HOME", "allow = [", "root:$"] {
            assert!(!text.contains(secret), "{row}: {secret} in {text}");
        }
    }
    let variables = sh(&scene, "env | cut -d= -f1 | sort | tr '\\n' ' '")["stdout"].as_str().unwrap().to_owned();
    assert_eq!(variables, "HOME LANG PATH PWD TMPDIR ");
    let descriptors = sh(&scene, "ls /proc/self/fd | tr '\\n' ' '")["stdout"].as_str().unwrap().to_owned();
    assert_eq!(descriptors, "0 1 2 3 ", "3 is the directory that ls reads");
    drop(host);
}

#[test]
fn an_allowed_git_status_runs_nothing_that_the_repository_names() {
    let policy = OPEN
        .replace(
            "\"execute shell:**\"",
            "\"execute shell:/usr/bin/git -- status **\", \"execute shell:/usr/local/bin/git -- status **\"",
        )
        .replace("    \"read,list,write,delete fs:workspace/.git/**\",\n", "");
    let scene = open("repository", &policy);
    let git = |arguments: &[&str]| command(&[&["git"], arguments].concat(), &scene);
    fs::remove_dir_all(scene.path(".git")).unwrap();
    if !git(&["init", "-q", "."]) {
        return eprintln!("skipped: there is no git");
    }
    for (key, value) in [("core.fsmonitor", "./hook.sh"), ("core.pager", "./hook.sh"), ("diff.external", "./hook.sh")] {
        assert!(git(&["config", key, value]));
    }
    scene.write(
        "hook.sh",
        "#!/bin/sh\ncat secret/key > stolen; rm -rf secret; echo x > ../outside; (setsid sleep 76543 >/dev/null 2>&1 &)\n",
    );
    assert!(command(&["chmod", "+x", "hook.sh"], &scene));
    fs::write(scene.path("../outside"), "outside\n").unwrap();
    let ran = run(&scene, &["git", "status", "--short"]);
    assert!(ran["stdout"].as_str().is_some_and(|out| out.contains("src/")), "{ran}");
    // The hook runs, and is as confined as git; what it started is gone.
    assert!(!sleeps("76543"));
    assert_eq!(fs::read(scene.path("stolen")).unwrap_or_default(), b"");
    assert_eq!(fs::read_to_string(scene.path("secret/key")).unwrap(), "the-canary");
    assert_eq!(fs::read_to_string(scene.path("../outside")).unwrap(), "outside\n");
    for argv in
        [&["git", "-c", "core.pager=sh -c id", "status"][..], &["git", "diff", "--output=x"], &["git", "log"], &["sh"]]
    {
        let ran = run(&scene, argv);
        assert!(ran["err"].as_str().is_some_and(|err| err.contains("no grant allows it")), "{argv:?}: {ran}");
    }
    // A program of the agent's own is no program that a name finds.
    scene.write("git", "#!/bin/sh\necho mine\n");
    assert!(!run(&scene, &["git", "status"])["stdout"].as_str().unwrap().contains("mine"));
    let own = run(&scene, &["./git", "status"]);
    assert!(own["err"].as_str().is_some_and(|err| err.contains("no grant allows it")), "{own}");
}

/// What a ready-made level says about programs: 0 for done, 3 for denied, 4 for a question.
#[test]
fn the_ready_made_levels_allow_ask_and_deny_what_they_say() {
    let rows =
        [("never", [3, 3, 3]), ("listed-else-ask", [0, 4, 4]), ("unlisted-else-ask", [4, 0, 4]), ("always", [0, 0, 0])];
    for (level, ends) in rows {
        let policy = OPEN
            .replace("    \"execute shell:**\",\n", "")
            .replace("deny = [", &format!("programs = \"{level}\"\ndeny = ["));
        let scene = open(level, &policy);
        let commands = [&["python3", "--version"][..], &["ls", "src"], &["sh", "-c", "true"]];
        for (argv, end) in commands.into_iter().zip(ends) {
            // Where it is something else than a link to one of the versions that are listed.
            let file = Path::new("/usr/bin/python3").canonicalize().unwrap_or_default();
            if argv[0] == "python3" && !file.to_string_lossy().starts_with("/usr/bin/python3.") {
                continue;
            }
            let ran = run(&scene, argv);
            assert_eq!(ran["code"].as_i64().unwrap_or(0), end, "{level} {argv:?}: {ran}");
        }
        let log = scene.run(&["audit", "show"]).ends(0).out;
        assert_eq!(
            log.contains("runs any program (high risk)"),
            ["unlisted-else-ask", "always"].contains(&level),
            "{log}"
        );
    }
}

#[test]
fn variables_are_those_that_the_policy_names() {
    let scene = open("variables", &OPEN.replace("[programs]", "[programs]\nenvironment = { FIXED = \"1\" }"));
    let said = scene.run_in(
        &[("LIBOS_TEST_PASSES", "passed"), ("LIBOS_TEST_CANARY", "the-canary")],
        &["call", "run_shell_command", r#"{"argv":["env"]}"#],
    );
    let text = said.ends(0).out;
    assert!(text.contains("LIBOS_TEST_PASSES=passed") && text.contains("FIXED=1"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn a_question_shows_all_that_a_yes_is_for_and_then_it_runs_once() {
    let scene = open(
        "asks",
        &OPEN.replace("\"execute shell:**\",", "").replace("deny = [", "ask = [\"execute shell:**\"]\ndeny = ["),
    );
    let call = r#"{"argv":["sh","-c","echo run >> src/log"]}"#;
    scene.run(&["call", "run_shell_command", call]).ends(4).says(&[
        "with these 2 arguments, one a line:",
        "  | echo run >> src/log",
        "SHA-256",
        "it does not reach fs:workspace/secret",
        "it has no network",
    ]);
    scene.run(&["answer", "q1", "allow"]).ends(0);
    scene.run(&["calls", "--resume"]);
    assert_eq!(fs::read_to_string(scene.path("src/log")).unwrap(), "run\n");
    scene.run(&["call", "run_shell_command", call]).ends(4);
    assert_eq!(fs::read_to_string(scene.path("src/log")).unwrap(), "run\n");
}

#[test]
fn what_is_denied_and_not_there_is_not_made_by_a_program() {
    let scene = open("absent", &format!("{OPEN}absent-denied = \"refuse\"\n"));
    fs::remove_dir_all(scene.path(".git")).unwrap();
    let ran = sh(&scene, "mkdir .git; echo x > .git/config");
    let why = ran["err"].as_str().unwrap_or_default();
    assert!(why.contains("denied and not there") && why.contains("absent-denied = \"report\""), "{ran}");
    assert!(!scene.path(".git").exists());
    // It has not run, so nobody wonders whether it did.
    assert_eq!(scene.json(&["effects", "--unknown"]), json!([]));
}

#[test]
fn a_program_that_makes_what_is_denied_and_was_not_there_says_so() {
    let scene = open("made", OPEN);
    fs::remove_dir_all(scene.path(".git")).unwrap();
    let ran = sh(&scene, "echo x > free; echo bad >&2");
    assert_eq!((&ran["returncode"], &ran["stderr"]), (&json!(0), &json!("bad\n")), "{ran}");
    let ran = sh(&scene, "mkdir .git; echo bad >&2");
    let told = ran["stderr"].as_str().unwrap_or_default();
    assert!(told.starts_with("bad\n") && told.contains("/.git, which is denied"), "{ran}");
    // From now on it is there, and is hidden.
    assert_eq!(sh(&scene, "ls -A .git; mkdir .git/hooks 2>/dev/null || echo no")["stdout"], json!("no\n"));
}

fn until(what: &str, ready: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether somewhere on the machine something sleeps for so many seconds.
fn sleeps(seconds: &str) -> bool {
    let line = format!("sleep\0{seconds}\0");
    let is_it = |path: &Path| fs::read(path.join("cmdline")).is_ok_and(|have| have == line.as_bytes());
    fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(|entry| is_it(&entry.path()))
}

#[test]
fn a_killed_host_takes_its_program_along_and_nobody_starts_it_again() {
    let scene = open("killed", OPEN);
    let call = r#"{"argv":["sh","-c","echo run >> src/log; (setsid sleep 98765 &); sleep 98764"],"timeout_s":300}"#;
    let host = scene.start(&["call", "run_shell_command", call]);
    until("the program", || fs::read_to_string(scene.path("src/log")).is_ok_and(|log| log == "run\n"));
    until("the daemon", || sleeps("98765") && sleeps("98764"));
    host.signal("KILL");
    until("the end of all of it", || !sleeps("98764") && !sleeps("98765"));
    host.end();
    scene.run(&["calls", "--resume"]);
    assert_eq!(fs::read_to_string(scene.path("src/log")).unwrap(), "run\n");
    let effects = scene.json(&["effects", "--unknown"]).to_string();
    assert!(effects.contains("shell.run"), "{effects}");
    scene.run(&["audit", "show"]).ends(0).says(&["unknown"]);
}

#[test]
fn a_cancelled_call_ends_its_program() {
    let scene = open("cancelled", OPEN);
    let host = scene.serve();
    let call = r#"{"argv":["sh","-c","echo run > src/log; sleep 87654"],"timeout_s":300}"#;
    let waiting = scene.start(&["call", "run_shell_command", call]);
    until("the program", || sleeps("87654"));
    scene.run(&["calls", "cancel", "c1"]).ends(0);
    until("its end", || !sleeps("87654"));
    drop((waiting, host));
}

#[test]
fn a_machine_that_cannot_confine_runs_nothing_and_says_what_is_missing() {
    let scene = open("doctor", OPEN);
    let rows = scene.run(&["--json", "doctor"]).json();
    let has = |id: &str| rows.as_array().unwrap().iter().any(|row| row["id"] == id && row["state"] == "present");
    for piece in ["program-namespaces", "program-landlock", "program-seccomp", "program-no-privileges"] {
        assert!(has(piece), "{piece}: {rows}");
    }
}

#[test]
fn a_real_build_runs_its_tests() {
    let sysroot = std::process::Command::new("rustc").args(["--print", "sysroot"]).output();
    let Ok(sysroot) = sysroot.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()) else {
        return eprintln!("skipped: there is no rustc");
    };
    let more = format!(
        "[programs]\ndirectories = [\"{sysroot}/bin\", \"/usr/bin\", \"/bin\"]\nsystem = [\"/usr\", \"/bin\", \"/lib\", \"/lib64\", \"/etc/ld.so.cache\", \"/etc/alternatives\", \"{sysroot}\"]\nenvironment = {{ CARGO_NET_OFFLINE = \"true\", CARGO_HOME = \"/tmp/cargo\" }}\n"
    );
    let scene = open("cargo", &OPEN.replace("[programs]\n", &more));
    scene.write("Cargo.toml", "[package]\nname = \"inside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n");
    scene.write("src/lib.rs", "#[test]\nfn adds() { assert_eq!(1 + 1, 2); }\n");
    let ran = call(&scene, &json!({ "argv": ["cargo", "test", "--lib"], "timeout_s": 110 }));
    let (stdout, stderr) = (ran["stdout"].as_str().unwrap(), ran["stderr"].as_str().unwrap());
    assert!(ran["returncode"] == 0 && stdout.contains("1 passed"), "{stdout}\n{stderr}");
}

#[test]
fn a_real_pytest_runs_its_tests() {
    let scene = open("pytest", OPEN);
    scene.write("test_it.py", "def test_it():\n    assert 1 + 1 == 2\n");
    let ran = run(&scene, &["python3", "-m", "pytest", "-q", "test_it.py"]);
    if ran["stderr"].as_str().is_none_or(|err| err.contains("No module named")) {
        return eprintln!("skipped: there is no pytest for {ran}");
    }
    assert!(ran["returncode"] == 0 && ran["stdout"].as_str().unwrap().contains("1 passed"), "{ran}");
}
