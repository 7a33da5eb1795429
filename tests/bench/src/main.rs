//! Measures what the project promises in numbers. `cargo run --release -p libos-bench [-- [--json] [--phases] [--full] FILTER...]`

#![expect(clippy::disallowed_methods, reason = "a bench makes its own files, time, threads and processes")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure has nothing better to do")]

mod alloc;
mod bare;
mod benches;
mod guests;
mod measure;
mod report;
mod stage;

use report::Report;
use std::time::Instant;

/// What the command line says.
#[derive(Default)]
pub struct Options {
    /// One JSON value a row.
    json: bool,
    /// Parts of a row also where it met its target.
    phases: bool,
    /// The sizes that the targets name, not parts of them.
    full: bool,
    /// Groups or rows whose name has one of these; all if there is none.
    filters: Vec<String>,
}

const USAGE: &str = "libos-bench [--json] [--phases] [--full] [FILTER...]";

fn main() {
    let mut options = Options::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => options.json = true,
            "--phases" => options.phases = true,
            "--full" => options.full = true,
            "--host-start" => return benches::parked::start_of_a_host(&words.collect::<Vec<_>>()),
            "--list" => return benches::ALL.iter().for_each(|(name, ..)| println!("{name}")),
            _ if word.starts_with('-') => {
                eprintln!("{USAGE}");
                std::process::exit(2);
            }
            _ => options.filters.push(word),
        }
    }
    let began = Instant::now();
    let mut report = Report::new(options);
    for (name, about, bench) in benches::ALL {
        if report.wants(name) {
            report.group(name, about);
            bench(&mut report);
            report.group_ended();
        }
    }
    report.close(began.elapsed());
}
