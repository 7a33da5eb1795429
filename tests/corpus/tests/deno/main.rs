//! Small TypeScript programs must end alike under real Deno and as tools here; `tests/corpus/deno/README.md` says how they are written.

#![expect(clippy::disallowed_methods, reason = "the tests make the outside that the host sees, and run Deno")]
#![expect(clippy::unwrap_used, reason = "all of this crate is a test")]

mod bridge;
mod outcome;
mod program;
mod real;

use program::Program;
use real::Deno;
use std::io::Write;
use std::path::PathBuf;

/// Programs that there must be.
const LEAST: usize = 120;

/// A fresh folder that goes away with this.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("libos-deno-{}-{}", std::process::id(), name.replace('/', "-")));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Place(path.canonicalize().unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn chosen() -> Vec<Program> {
    let programs = program::all().unwrap();
    assert!(programs.len() >= LEAST, "there are only {} programs", programs.len());
    let Ok(part) = std::env::var("LIBOS_DENO_ONLY") else { return programs };
    programs.into_iter().filter(|program| program.name.contains(&part)).collect()
}

/// What there is to say of a program, and whether that is wrong.
enum Verdict {
    Same,
    /// With the reason that it gives.
    KnownToDiffer(String),
    Wrong(String),
}

async fn check(deno: Option<&Deno>, program: &Program) -> Verdict {
    let there = bridge::run(program).await;
    let Some(deno) = deno.filter(|_| program.only.is_none()) else {
        return match (&program.only, there.end) {
            (Some(_), outcome::End::Threw { name, message }) => Verdict::Wrong(format!("throws {name}: {message}")),
            _ => Verdict::Same,
        };
    };
    let place = Place::new(&program.name);
    let here = deno.run(program, &place.0);
    match (outcome::difference(program, &here, &there), &program.differs) {
        (None, None) => Verdict::Same,
        (None, Some(_)) => Verdict::Wrong("it is marked as different, but is not: take the mark away".into()),
        (Some(what), Some(reason)) => Verdict::KnownToDiffer(format!("{reason}\n    {what}")),
        (Some(what), None) => Verdict::Wrong(what),
    }
}

/// A line that is seen of a test that passes, too: what the macros print is not.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[tokio::test]
async fn programs_end_alike_under_deno_and_here() {
    let deno = Deno::find();
    if deno.is_none() {
        say(
            "skipped: no Deno to compare with; `cargo xtask test` installs it where there is npm, LIBOS_DENO names one",
        );
    }
    let (mut same, mut known, mut wrong) = (0, 0, Vec::new());
    for program in chosen() {
        match check(deno.as_ref(), &program).await {
            Verdict::Same => same += 1,
            Verdict::KnownToDiffer(why) => {
                known += 1;
                say(&format!("{} differs: {why}", program.name));
            }
            Verdict::Wrong(what) => wrong.push(format!("{}\n    {what}", program.name)),
        }
    }
    say(&format!("{same} programs end alike, {known} are known to differ"));
    assert!(wrong.is_empty(), "\n{}\n{} end otherwise\n", wrong.join("\n"), wrong.len());
}
