//! The binary `libos`: floor 6, the person's way to a host.

mod agent;
mod args;
mod args_processes;
mod args_run;
mod bound;
mod demo;
mod diff;
mod duration;
mod error;
mod host;
mod host_processes;
mod host_tools;
mod json;
mod keys;
mod live;
mod out;
mod own;
mod place;
mod preset;
mod problem;
mod protocol;
mod question;
mod reach;
mod server;
mod session;
mod setup;
mod standard;
mod store;
mod term;
mod timeline;
mod verbs;

use args::Args;
use clap::Parser;
use libos_kernel::model::preview::escape;
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use term::{Colour, paint};

fn main() -> ExitCode {
    // Hidden: a host starts itself so, to compile what is not its own.
    if std::env::args_os().nth(1).is_some_and(|verb| verb == libos::COMPILE_VERB) {
        return libos::compile_worker_main();
    }
    // Hidden, too: a host starts itself so, to confine a program.
    if std::env::args_os().nth(1).is_some_and(|verb| verb == libos::programs::SUPERVISE_VERB) {
        return libos::programs::supervisor_main();
    }
    let args = Args::parse();
    let code = match verbs::run(args) {
        Ok(code) => code,
        Err(error) => match error::failure(&error) {
            Ok(failure) => {
                report(&failure);
                failure.code
            }
            Err(code) => code,
        },
    };
    ExitCode::from(code)
}

/// Says on standard error what happened, where, and what to do next.
fn report(failure: &error::Failure) {
    let coloured = term::coloured(stderr().is_terminal());
    let mut lines = failure.what.lines().map(escape);
    eprintln!("{} {}", paint("error:", Colour::Red, coloured), lines.next().unwrap_or_default());
    lines.for_each(|line| eprintln!("       {line}"));
    if let Some(place) = &failure.place {
        eprintln!("{} {}", paint("where:", Colour::Dim, coloured), escape(place));
    }
    if let Some(hint) = &failure.hint {
        eprintln!("{} {}", paint(" hint:", Colour::Dim, coloured), escape(hint));
    }
}
