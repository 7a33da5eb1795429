//! Programs that people use, as they are: git with a hostile repository, a build with tests, tests of Python.

use crate::stage::{CANARY, Stage, go, said};
use libos_confine::{End, Program};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What a command says, if it is there.
fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn find(name: &str) -> Option<String> {
    let found = ask("sh", &["-c", &format!("command -v {name}")])?;
    Some(Path::new(&found).canonicalize().ok()?.to_str()?.to_owned())
}

fn git(stage: &Stage, arguments: &[&str]) -> Program {
    let git = find("git").expect("git is there");
    let mut program = stage.program(&git, arguments);
    program.environment.push(("WORK".into(), stage.path("work").into()));
    program
}

#[test]
fn a_hostile_repository_runs_what_it_names_and_reaches_nothing() {
    let rows: [(&str, &str, &[&str]); 6] = [
        ("fsmonitor", "[core]\n\tfsmonitor = ./hook.sh\n", &["status"]),
        ("pager", "[core]\n\tpager = ./hook.sh\n[pager]\n\tstatus = true\n", &["-p", "status"]),
        ("external diff", "[diff]\n\texternal = ./hook.sh\n", &["diff"]),
        ("alias", "[alias]\n\tst = !./hook.sh\n", &["st"]),
        ("editor", "[core]\n\teditor = ./hook.sh\n[user]\n\tname = a\n\temail = a@b\n", &["commit", "-a"]),
        ("ssh", "[core]\n\tsshCommand = ./hook.sh\n", &["ls-remote", "ssh://a/b"]),
    ];
    for (name, config, arguments) in rows {
        let stage = Stage::new();
        let made = go(&git(&stage, &["init", "-q"]));
        assert_eq!(made.end, End::Exited(0), "{}", said(&made));
        assert_eq!(go(&git(&stage, &["add", "hello"])).end, End::Exited(0));
        fs::write(stage.path("work/hello"), "changed\n").unwrap();
        let config_path = stage.path("work/.git/config");
        fs::write(&config_path, fs::read_to_string(&config_path).unwrap() + config).unwrap();
        let hook = stage.path("work/hook.sh");
        let text = "#!/bin/sh\necho ran >> $WORK/ran\ncat $WORK/../outside/kept $WORK/token\n\
                    echo x > $WORK/../outside/x; echo x > $WORK/secret/x; rm -rf $WORK/../outside\n";
        fs::write(&hook, text).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        let mut program = git(&stage, arguments);
        // A pager is used only if somebody is thought to look.
        program.environment.push(("GIT_PAGER_IN_USE".into(), "true".into()));
        let outcome = go(&program);
        assert!(name == "pager" || stage.path("work/ran").exists(), "{name}: {}", said(&outcome));
        assert!(!said(&outcome).contains(CANARY), "{name}");
        stage.assert_untouched(name);
    }
}

#[test]
fn a_real_build_runs_its_tests() {
    let Some(sysroot) = ask("rustc", &["--print", "sysroot"]) else { return println!("skipped: no rustc") };
    let cargo = format!("{sysroot}/bin/cargo");
    if fs::metadata(&cargo).is_err() {
        return println!("skipped: {cargo} cannot be read by this user");
    }
    let stage = Stage::new();
    fs::create_dir(stage.path("work/src")).unwrap();
    fs::write(stage.path("work/Cargo.toml"), "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        .unwrap();
    let source = "#[test]\nfn adds() {\n    std::thread::spawn(|| assert_eq!(1 + 1, 2)).join().unwrap();\n}\n";
    fs::write(stage.path("work/src/lib.rs"), source).unwrap();
    let mut program = stage.program(&cargo, &["test", "--offline"]);
    program.system.push(PathBuf::from(&sysroot));
    program.environment = vec![("PATH".into(), format!("{sysroot}/bin:/usr/bin:/bin").into())];
    program.limits.wall_time = Duration::from_secs(300);
    program.limits.processor_time = Duration::from_secs(300);
    let outcome = go(&program);
    assert_eq!(outcome.end, End::Exited(0), "{}", said(&outcome));
    assert!(outcome.stdout.text().contains("test adds ... ok"), "{}", said(&outcome));
    stage.assert_untouched("cargo test");
}

#[test]
fn real_tests_of_python_run() {
    let where_is =
        "import os, pytest, sys; print(sys.executable); print(os.path.dirname(os.path.dirname(pytest.__file__)))";
    let Some(found) = ask("/usr/bin/python3", &["-c", where_is]) else { return println!("skipped: no pytest") };
    let (_, packages) = found.split_once('\n').unwrap();
    let stage = Stage::new();
    let source = "import asyncio, subprocess, tempfile, threading\n\
                  def test_all(tmp_path):\n    (tmp_path / 'a').write_text('x')\n    asyncio.run(asyncio.sleep(0))\n    \
                  assert subprocess.run(['echo', 'hi'], capture_output=True).stdout == b'hi\\n'\n    \
                  t = threading.Thread(target=lambda: None); t.start(); t.join()\n    tempfile.TemporaryFile().close()\n";
    fs::write(stage.path("work/test_a.py"), source).unwrap();
    let mut program = stage.program("/usr/bin/python3", &["-m", "pytest", "-q", "test_a.py"]);
    program.system.push(packages.into());
    program.environment.push(("PYTHONPATH".into(), packages.into()));
    let outcome = go(&program);
    assert_eq!(outcome.end, End::Exited(0), "{}", said(&outcome));
    assert!(outcome.stdout.text().contains("1 passed"), "{}", said(&outcome));
    stage.assert_untouched("pytest");
}
