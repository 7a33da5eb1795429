//! Bombs and floods end at their limits, and nothing of them is left.

use crate::stage::{Stage, go, running_with, said, soon, succeeds, supervisor};
use libos_confine::{Bound, Cancel, End, run};
use std::time::Duration;

/// What the numbers of a pid namespace give on top under the system's root.
const RESERVED: usize = 310;

#[test]
fn a_fork_bomb_is_bounded_and_ends() {
    let stage = Stage::new();
    let mut program = stage.shell("bomb() { bomb bomb-7c1 | bomb bomb-7c1 & }; bomb; sleep 1000 bomb-7c1; :");
    program.limits.wall_time = Duration::from_secs(2);
    program.limits.processes = 40;
    let outcome = go(&program);
    assert!(matches!(outcome.end, End::Stopped(_) | End::Exited(_)), "{:?}", outcome.end);
    assert_eq!(running_with("bomb-7c1"), 0);
}

#[test]
fn no_more_processes_than_the_limit_run_at_once() {
    let stage = Stage::new();
    // Ends at the first that cannot be started.
    let script = "i=0; while [ $i -lt 600 ]; do sleep 1000 & i=$((i+1)); echo $i > count; done";
    let mut program = stage.shell(script);
    program.limits.processes = 30;
    go(&program);
    let count: usize = stage.text("work/count").trim().parse().unwrap();
    let most = if rustix::process::geteuid().is_root() { 30 + RESERVED } else { 30 };
    assert!((20..=most).contains(&count), "{count}");
}

#[test]
fn a_memory_bomb_ends_by_itself_or_is_stopped() {
    let stage = Stage::new();
    let mut program = stage.shell("tail -n 1 /dev/zero");
    program.limits.memory_bytes = 64 << 20;
    let outcome = go(&program);
    assert!(!matches!(outcome.end, End::Exited(0)), "{outcome:?}");
    assert!(outcome.wall_time < Duration::from_secs(20), "{outcome:?}");
}

#[test]
fn many_that_each_keep_to_the_limit_are_stopped_together() {
    let stage = Stage::new();
    // Each holds what it has read until its input ends, which it does not.
    let script = "for i in 1 2 3 4; do { head -c 40000000 /dev/zero; sleep 1000; } | sort > /dev/null & done; wait";
    let mut program = stage.shell(script);
    program.limits.memory_bytes = 100 << 20;
    assert_eq!(go(&program).end, End::Stopped(Bound::Memory));
}

#[test]
fn files_in_memory_are_bounded() {
    let stage = Stage::new();
    let script = "for d in $HOME $TMPDIR /dev/shm; do head -c 8000000 /dev/zero > $d/x || echo full; done 2>/dev/null";
    let mut program = stage.shell(script);
    program.limits.scratch_bytes = 1 << 20;
    assert_eq!(succeeds(&program), "full\nfull\nfull\n");
}

#[test]
fn the_number_of_files_in_memory_is_bounded_and_none_is_not_any() {
    let stage = Stage::new();
    let mut program = stage
        .shell("cd $HOME; i=0; while [ $i -lt 2000 ]; do true > $i || break; i=$((i+1)); done 2>/dev/null; ls | wc -l");
    program.limits.scratch_bytes = 0;
    let count: u32 = succeeds(&program).trim().parse().unwrap();
    assert!((1000..1024).contains(&count), "{count}");
    let mut program = stage.shell("head -c 100000 /dev/zero > $HOME/x 2>/dev/null || echo full");
    program.limits.scratch_bytes = 0;
    assert_eq!(succeeds(&program), "full\n");
}

#[test]
fn one_file_is_bounded() {
    let stage = Stage::new();
    let mut program = stage.shell("head -c 3000000 /dev/zero > big; :");
    program.limits.file_bytes = 1 << 20;
    go(&program);
    assert_eq!(std::fs::metadata(stage.path("work/big")).unwrap().len(), 1 << 20);
}

#[test]
fn each_process_has_its_limits() {
    let stage = Stage::new();
    let mut program = stage.shell("ulimit -n; ulimit -c; ulimit -d; ulimit -t");
    program.limits.open_files = 77;
    program.limits.memory_bytes = 123 << 20;
    program.limits.processor_time = Duration::from_secs(9);
    assert_eq!(succeeds(&program), format!("77\n0\n{}\n9\n", 123 << 10));
}

#[test]
fn a_flood_of_output_is_cut_and_stopped() {
    let stage = Stage::new();
    let mut program = stage.shell("echo first; yes flood-7c1");
    program.limits.kept_bytes = 1000;
    program.limits.output_bytes = 5 << 20;
    let outcome = go(&program);
    assert_eq!(outcome.end, End::Stopped(Bound::Output));
    assert!(
        outcome.stdout.head.starts_with(b"first\nflood") && outcome.stdout.cut > 4 << 20,
        "{:?}",
        outcome.stdout.cut
    );
    assert_eq!((outcome.stdout.head.len(), outcome.stdout.tail.len()), (500, 500));
    assert_eq!(running_with("flood-7c1"), 0);
}

#[test]
fn what_is_cut_is_between_the_first_and_the_last() {
    let stage = Stage::new();
    let mut program = stage.shell("seq 1 1000; echo problem >&2");
    program.limits.kept_bytes = 20;
    let outcome = go(&program);
    assert_eq!(outcome.stdout.text(), "1\n2\n3\n4\n5\n\n... 3873 bytes are cut here ...\n\n999\n1000\n");
    assert_eq!(outcome.stderr.text(), "problem\n");
}

#[test]
fn time_is_bounded_on_the_clock_and_on_the_processor() {
    let stage = Stage::new();
    let mut program = stage.shell(":");
    program.limits.wall_time = Duration::MAX;
    succeeds(&program);
    let mut program = stage.shell("sleep 1000");
    program.limits.wall_time = Duration::from_millis(300);
    let outcome = go(&program);
    assert_eq!(outcome.end, End::Stopped(Bound::WallTime));
    assert!(outcome.wall_time >= Duration::from_millis(300), "{outcome:?}");
    assert!(outcome.wall_time < Duration::from_secs(8), "{outcome:?}");
    // Several together, none of which uses it all.
    let mut program = stage.shell("for i in 1 2 3; do while :; do :; done & done; wait");
    program.limits.processor_time = Duration::from_millis(600);
    let outcome = go(&program);
    assert_eq!(outcome.end, End::Stopped(Bound::ProcessorTime), "{}", said(&outcome));
    assert!(outcome.processor_time >= Duration::from_millis(600), "{outcome:?}");
}

#[test]
fn what_the_host_ends_is_counted_too() {
    for (then, ended) in [("sleep 1000", End::Cancelled), ("exec yes", End::Stopped(Bound::Output))] {
        let stage = Stage::new();
        let computes = "perl -e '1 while (times)[0] < 0.3'";
        let mut program = stage.shell(&format!("{computes}; echo x > begun; {then}"));
        program.limits.output_bytes = 1 << 20;
        let cancel = Cancel::default();
        let outcome = std::thread::scope(|threads| {
            let running = threads.spawn(|| run(&supervisor(), &program, &cancel).unwrap());
            if ended == End::Cancelled {
                assert!(soon(|| stage.path("work/begun").exists()));
                cancel.cancel();
            }
            running.join().unwrap()
        });
        assert_eq!(outcome.end, ended);
        let counted = outcome.processor_time;
        // As it was counted, not what it could have been at most.
        assert!(counted >= Duration::from_millis(250) && counted < outcome.wall_time, "{outcome:?}");
        assert!(outcome.wall_time < Duration::from_secs(60));
    }
}
