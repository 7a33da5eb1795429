//! The call ends when nothing of the program runs any more, and the program ends when nobody wants it any more.

use crate::stage::{Stage, go, running_with, soon, succeeds, supervisor};
use libos_confine::{Cancel, End, run};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_daemon_does_not_outlive_its_call() {
    let stage = Stage::new();
    let script = "setsid sh -c 'while :; do :; done; : daemon-51e' < /dev/null > /dev/null 2>&1 & \
                  (setsid sh -c 'sleep 1000; : daemon-51e' &) ; exit 3";
    let outcome = go(&stage.shell(script));
    assert_eq!(outcome.end, End::Exited(3));
    assert_eq!(running_with("daemon-51e"), 0);
}

#[test]
fn a_daemon_that_holds_the_output_does_not_hold_the_call() {
    let stage = Stage::new();
    let outcome = go(&stage.shell("setsid sh -c 'sleep 1000; : holder-51e' & echo done"));
    assert_eq!((outcome.end, outcome.stdout.text().as_str()), (End::Exited(0), "done\n"));
    assert!(outcome.wall_time < Duration::from_secs(20));
    assert_eq!(running_with("holder-51e"), 0);
}

#[test]
fn a_signal_that_ends_it_is_told() {
    let stage = Stage::new();
    assert_eq!(go(&stage.shell("kill -TERM $$")).end, End::Signalled(15));
    assert_eq!(go(&stage.shell("kill -KILL $$")).end, End::Signalled(9));
}

#[test]
fn nothing_inside_ends_or_stops_its_supervisor() {
    let stage = Stage::new();
    let script = "kill -KILL 1; kill -STOP 1; kill -TERM 1; kill -KILL -1; echo here";
    // The last one kills all but the first process and, in a shell, not itself.
    let outcome = go(&stage.shell(script));
    assert!(matches!(outcome.end, End::Exited(0) | End::Signalled(9)), "{outcome:?}");
    assert_eq!(
        succeeds(&stage.shell(
            "cat /proc/1/environ /proc/1/mem 2>/dev/null; readlink /proc/1/fd/0 /proc/1/fd/3 /proc/1/exe /proc/1/cwd; :"
        )),
        ""
    );
}

#[test]
fn whoever_does_not_want_it_any_more_ends_it() {
    let stage = Stage::new();
    let cancel = Cancel::default();
    let program = stage.shell("echo x > begun; sleep 1000; : unwanted-51e");
    let outcome = std::thread::scope(|threads| {
        let running = threads.spawn(|| run(&supervisor(), &program, &cancel).unwrap());
        assert!(soon(|| stage.path("work/begun").exists()));
        cancel.cancel();
        running.join().unwrap()
    });
    assert_eq!(outcome.end, End::Cancelled);
    assert_eq!(running_with("unwanted-51e"), 0);
}

/// Not a test by itself: the host of the next one.
#[test]
#[ignore = "started by the next one"]
fn a_host_that_waits() {
    let stage = Stage::new();
    println!("{}", stage.path("work").display());
    let script = "setsid sh -c 'sleep 1000; : orphan-51e' & echo x > begun; sleep 1000; : orphan-51e";
    let mut program = stage.shell(script);
    program.limits.wall_time = Duration::from_secs(600);
    go(&program);
}

#[test]
fn a_host_that_is_killed_takes_its_programs_with_it() {
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ends::a_host_that_waits", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mark = format!("libos-confine-{}-0/work", host.id());
    let work = std::env::temp_dir().canonicalize().unwrap().join(&mark);
    assert!(soon(|| work.join("begun").exists()), "it does not begin");
    assert!(soon(|| running_with("orphan-51e") >= 2));
    // SIGKILL: nothing of the host can act on it.
    host.kill().unwrap();
    host.wait().unwrap();
    let gone = soon(|| running_with("orphan-51e") == 0);
    let _ = std::fs::remove_dir_all(work.parent().unwrap());
    assert!(gone, "the program outlives its host");
}
