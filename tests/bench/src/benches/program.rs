//! A program of the system, confined: what its start costs over a plain one, alone and as a system call.

use crate::measure::{nanoseconds, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Scratch};
use libos::kernel::model::call::Call;
use libos::kernel::model::program::Command as Wanted;
use libos::programs::Supervisor;
use libos_confine::{Executable, Piece, Program, Refused, run_while};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 60;
const NOTHING: &str = "/usr/bin/true";
const POLICY: &str = "[mounts]\nworkspace = \".\"\n[image.base]\nallow = [\"read,list,write,delete fs:workspace/**\", \"execute shell:**\"]\n";

pub fn run(report: &mut Report) {
    let skip = |report: &mut Report, why: &str| ["program.start", "program.call"].map(|name| report.skip(name, why));
    let Some(program) = stage::command_line() else {
        skip(report, "there is no libos beside this program; build it with: cargo build --release -p libos-cli");
        return;
    };
    let supervisor = Supervisor::at(&program);
    let Ok(executable) = Executable::resolve(Path::new(NOTHING)) else {
        skip(report, "there is no /usr/bin/true");
        return;
    };
    let nothing = Program::new(executable);
    if let Err(Refused::Missing { piece, why }) = run_while(&supervisor, &nothing, &|| true) {
        let ours = if piece == Piece::Supervisor { "" } else { "this machine cannot confine programs: " };
        skip(report, &format!("{ours}{piece}: {why}"));
        return;
    }
    let mut plain = || {
        let began = Instant::now();
        let mut command = Command::new(NOTHING);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        assert!(command.output().unwrap().status.success());
        nanoseconds(began.elapsed())
    };
    let mut confined = || {
        let began = Instant::now();
        run_while(&supervisor, &nothing, &|| true).unwrap();
        nanoseconds(began.elapsed())
    };
    let tokio = stage::tokio();
    let scratch = Scratch::new("program");
    // What is denied must be there to be masked.
    std::fs::write(scratch.workspace().join("libos.toml"), POLICY).unwrap();
    let mut world = Arc::into_inner(scratch.world()).unwrap();
    world = world.with_supervisor(supervisor.clone());
    let kernel = stage::kernel_with_tool(scratch.storage(), Arc::new(world));
    kernel.set_policy(POLICY).unwrap();
    let mut line = stage::line(&kernel, stage::process(&kernel));
    let mut call = || {
        let command = Wanted { program: NOTHING.into(), ..Wanted::default() };
        let began = Instant::now();
        tokio.block_on(stage::done(&mut line, Call::ShellRun { command }));
        nanoseconds(began.elapsed())
    };
    let [plain, confined, call] = turns(ROUNDS, [&mut plain, &mut confined, &mut call]);
    let row = Row::time("program.start", "true, confined by all pieces, until nothing of it runs", confined);
    report.row(row.against("a plain start", plain).target(Target::OverAtMost(5e6)));
    let row = Row::time("program.call", "the same as the system call shell.run, decided, durable and recorded", call);
    report.row(row.against("a confined start", confined));
}
