//! Ways to run something else than what one seems to run. All of them run: nothing that they start has an effect outside.

use crate::stage::{CANARY, Stage, go, said};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// What each row tries by its own way: to read what is denied and outside, and to change both.
const PAYLOAD: &str = r#"#!/bin/sh
echo ran >> "$WORK/ran"
cat "$WORK/../outside/kept" "$WORK/secret/kept" "$WORK/token" /etc/shadow
echo evil > "$WORK/../outside/evil"
echo evil > "$WORK/secret/evil"
echo evil > "$WORK/token"
rm -rf "$WORK/../outside" "$WORK/secret" "$WORK/token"
"#;

/// Name, program, arguments; `PAY` is the payload's file.
const ROWS: [(&str, &str, &[&str]); 30] = [
    ("two commands", "/bin/sh", &["-c", "true; PAY"]),
    ("by a shell", "/bin/bash", &["-c", "PAY"]),
    ("a quoted name", "/bin/bash", &["-c", "r''m -rf $WORK/../outside/kept; PAY"]),
    ("an absolute name", "/bin/sh", &["-c", "/bin/rm -rf $WORK/../outside; PAY"]),
    ("a file before the path's", "/bin/sh", &["-c", "PATH=$WORK/bin:$PATH; ls"]),
    ("a substitution", "/bin/sh", &["-c", "`echo PAY`"]),
    ("eval", "/bin/sh", &["-c", "eval 'PAY'"]),
    ("decoded", "/bin/sh", &["-c", "echo PAY | base64 | base64 -d | sh"]),
    ("awk", "/usr/bin/awk", &["BEGIN{system(\"PAY\")}"]),
    ("sed", "/bin/sed", &["1e PAY", "hello"]),
    ("sort", "/usr/bin/sort", &["--compress-program=PAY", "-S", "1k", "many"]),
    ("tar", "/bin/tar", &["cf", "/tmp/x.tar", "--checkpoint=1", "--checkpoint-action=exec=PAY", "many"]),
    ("tar by a filter", "/bin/tar", &["cf", "/tmp/x.tar", "-I", "PAY", "hello"]),
    ("find", "/usr/bin/find", &["hello", "-exec", "PAY", ";"]),
    ("xargs", "/usr/bin/xargs", &["-a", "hello", "PAY"]),
    ("env", "/usr/bin/env", &["PAY"]),
    ("env splits", "/usr/bin/env", &["-S", "PAY x"]),
    ("here-string", "/bin/bash", &["-c", "sh <<< PAY"]),
    ("process substitution", "/bin/bash", &["-c", "cat <(PAY)"]),
    ("nice", "/usr/bin/nice", &["PAY"]),
    ("timeout", "/usr/bin/timeout", &["9", "PAY"]),
    ("setsid", "/usr/bin/setsid", &["-w", "PAY"]),
    ("nohup", "/usr/bin/nohup", &["PAY"]),
    ("the loader", "/bin/sh", &["-c", "$(ls /lib64/ld-linux* | head -1) /bin/sh PAY"]),
    ("perl", "/usr/bin/perl", &["-e", "system('PAY')"]),
    ("perl's exec", "/usr/bin/perl", &["-e", "exec('PAY')"]),
    ("the prompt of bash", "/bin/bash", &["-ic", "PROMPT_COMMAND=PAY; PAY"]),
    ("the file of functions", "/bin/sh", &["-c", ". PAY"]),
    ("a trap", "/bin/sh", &["-c", "trap PAY EXIT"]),
    ("split", "/usr/bin/split", &["--filter=PAY", "hello"]),
];

#[test]
fn whatever_a_program_starts_has_no_effect_outside() {
    for (name, program, arguments) in ROWS {
        let stage = Stage::new();
        let work = stage.path("work");
        let pay = work.join("pay");
        fs::create_dir(work.join("bin")).unwrap();
        for path in [&pay, &work.join("bin/ls")] {
            fs::write(path, PAYLOAD).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(work.join("many"), "line\n".repeat(50_000)).unwrap();
        let arguments: Vec<String> = arguments.iter().map(|text| text.replace("PAY", pay.to_str().unwrap())).collect();
        let mut program = stage.program(program, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        program.environment.push(("WORK".into(), work.clone().into()));
        let outcome = go(&program);
        // It did run: what holds it is the confinement.
        assert!(stage.text("work/ran").starts_with("ran"), "{name}: {}", said(&outcome));
        assert!(!said(&outcome).contains(CANARY), "{name}: {}", said(&outcome));
        stage.assert_untouched(name);
    }
}

#[test]
fn files_written_by_options_stay_inside() {
    let rows: [(&str, &[&str]); 5] = [
        ("/usr/bin/sort", &["-o", "OUT", "hello"]),
        ("/usr/bin/sort", &["-oOUT", "hello"]),
        ("/bin/cp", &["hello", "OUT"]),
        ("/bin/dd", &["if=hello", "of=OUT"]),
        ("/bin/ln", &["-s", "hello", "OUT"]),
    ];
    for (program, arguments) in rows {
        let stage = Stage::new();
        let out = stage.path("outside/out");
        let arguments: Vec<String> = arguments.iter().map(|text| text.replace("OUT", out.to_str().unwrap())).collect();
        go(&stage.program(program, &arguments.iter().map(String::as_str).collect::<Vec<_>>()));
        stage.assert_untouched(program);
    }
}

#[test]
fn links_lead_nowhere_else() {
    let stage = Stage::new();
    let script = "ln -s ../outside o; ln -s /etc/shadow s; ln -s /proc/1/root r; cat o/kept s r/etc/shadow; echo x > o/new; \
                  cat /proc/self/root/etc/shadow /proc/self/cwd/../outside/kept; ls ../outside";
    let outcome = go(&stage.shell(script));
    assert!(!said(&outcome).contains(CANARY) && !said(&outcome).contains("root:"), "{}", said(&outcome));
    stage.assert_untouched("links");
}
