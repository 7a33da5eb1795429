//! What a confined start costs over a plain one: `cargo run --release -p libos-confine --example start [SUPERVISOR]`.

#![expect(clippy::disallowed_methods, reason = "it measures plain starts, too")]

use libos_confine::{Cancel, Executable, Program, SUPERVISE_VERB, Supervisor, run, supervisor_main};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 200;
const WARM: usize = 20;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == SUPERVISE_VERB) {
        return supervisor_main();
    }
    let supervisor = std::env::args_os().nth(1).map_or_else(Supervisor::this_program, Supervisor::at);
    let Ok(executable) = Executable::resolve(Path::new("/bin/true")) else {
        eprintln!("there is no /bin/true");
        return ExitCode::FAILURE;
    };
    let program = Program::new(executable);
    let (mut plain, mut confined) = (Vec::new(), Vec::new());
    // In turns, so that both see the same machine.
    for _ in 0..WARM + ROUNDS {
        plain.push(time(|| {
            let mut command = Command::new("/bin/true");
            command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.output().is_ok()
        }));
        confined.push(time(|| run(&supervisor, &program, &Cancel::default()).is_ok()));
    }
    let (plain, confined) = (middle(&mut plain), middle(&mut confined));
    println!("plain {plain:?}, confined {confined:?}, over it {:?}", confined.saturating_sub(plain));
    ExitCode::SUCCESS
}

fn time(what: impl FnOnce() -> bool) -> Duration {
    let begin = Instant::now();
    assert!(what(), "it does not start");
    begin.elapsed()
}

/// The median without the first rounds.
fn middle(times: &mut Vec<Duration>) -> Duration {
    times.drain(..WARM);
    times.sort_unstable();
    times[times.len() / 2]
}
