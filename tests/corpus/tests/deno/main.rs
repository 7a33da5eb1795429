//! Small TypeScript programs must end alike under real Deno and as tools here; `tests/corpus/deno/README.md` says how they are written.

#![expect(clippy::disallowed_methods, reason = "the tests make the outside that the host sees, and run Deno")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this crate is a test")]

mod outcome;
mod program;
mod real;

use program::Program;
use real::Deno;
use std::path::PathBuf;

/// Programs that there must be.
const LEAST: usize = 1;

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

#[test]
fn programs_end_alike_under_deno_and_here() {
    let Some(deno) = Deno::find() else {
        println!("skipped: no Deno; `cargo xtask test` installs it where there is npm, and LIBOS_DENO names one");
        return;
    };
    for program in chosen() {
        let place = Place::new(&program.name);
        let outcome = deno.run(&program, &place.0);
        println!("{}: {}", program.name, outcome.end.shown());
    }
}
