//! Real Deno, a process for each program.

use crate::outcome::{End, Outcome};
use crate::program::{Program, tree};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Nothing is fetched, and only what the program says is permitted.
const FLAGS: [&str; 7] = ["run", "--no-prompt", "--no-remote", "--no-npm", "--no-config", "--no-lock", "--no-check"];
/// Begins the line that tells how the program ended.
const MARK: char = '\u{1}';

/// Deno, if it can be had.
pub struct Deno(PathBuf);

impl Deno {
    /// What `LIBOS_DENO` names, or what `cargo xtask test` has installed.
    pub fn find() -> Option<Deno> {
        if let Some(named) = std::env::var_os("LIBOS_DENO") {
            return Some(Deno(named.into()));
        }
        let packages = fs::read_dir(target().join("deno/node_modules/@deno")).ok()?;
        let binaries = packages.map(|entry| entry.unwrap().path().join("deno"));
        binaries.into_iter().find(|binary| binary.is_file()).map(Deno)
    }

    /// Runs a program in a fresh folder below `place`.
    pub fn run(&self, program: &Program, place: &Path) -> Outcome {
        let folder = place.join("work");
        program.prepare(&folder);
        let starter = place.join("start.ts");
        fs::write(&starter, starter_text(program)).unwrap();
        let mut command = Command::new(&self.0);
        command.args(FLAGS).args(&program.permissions).current_dir(&folder).env_clear();
        command.env("NO_COLOR", "1").env("DENO_NO_UPDATE_CHECK", "1").env("DENO_DIR", target().join("deno/cache"));
        for (name, value, granted) in &program.environment {
            command.env(name, value);
            if *granted {
                command.arg(format!("--allow-env={name}"));
            }
        }
        let output = command.arg(&starter).output().unwrap_or_else(|error| panic!("{}: {error}", self.0.display()));
        let text = String::from_utf8(output.stdout).unwrap();
        let (log, end) = text.split_once(MARK).unwrap_or_else(|| {
            panic!("{}: Deno ended otherwise: {}", program.name, String::from_utf8_lossy(&output.stderr))
        });
        let end: Value = serde_json::from_str(end).unwrap();
        Outcome { end: read_end(&end), log: log.to_owned(), files: tree(&folder) }
    }
}

fn read_end(end: &Value) -> End {
    match end.get("threw") {
        None => End::Returned(end["returned"].clone()),
        Some(threw) => {
            let text = |key: &str| threw[key].as_str().unwrap_or_default().to_owned();
            End::Threw { name: text("name"), message: text("message") }
        }
    }
}

/// What runs the program and tells how it ended. Nobody needs a permission for a module that is named in the text.
fn starter_text(program: &Program) -> String {
    const TEXT: &str = r#"
const [log, exit] = [console.log.bind(console), Deno.exit];
const end = (how) => { log("\u0001" + JSON.stringify(how)); exit(0); };
const threw = (error) => end({ threw: error instanceof Error || error instanceof DOMException
    ? { name: error.name, message: error.message } : { name: "", message: String(error) } });
addEventListener("unhandledrejection", (event) => { event.preventDefault(); threw(event.reason); });
addEventListener("error", (event) => { event.preventDefault(); threw(event.error); });
try {
    const { run, default: only } = await import("MAIN");
    end({ returned: JSON.parse(JSON.stringify(await (run ?? only)(ARGUMENTS)) ?? "null") });
} catch (error) {
    threw(error);
}
"#;
    let main = program.main.display().to_string();
    TEXT.replace("MAIN", &format!("file://{main}")).replace("ARGUMENTS", &program.arguments.to_string())
}

fn target() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target))
}
