//! Where the story plays: a scratch workspace with a data directory of its own, and the commands that are run there for all to see.

use super::terminal::Terminal;
use crate::shell::{self, Result};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The scratch directory and the binary.
pub struct Stage {
    root: PathBuf,
    libos: PathBuf,
    steps: u32,
}

/// What a command said.
pub struct Said {
    pub command: String,
    /// Both outputs, the first one first.
    pub text: String,
    stdout: String,
    /// None if a signal ended it.
    pub code: Option<i32>,
}

impl Said {
    /// Its output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).map_err(|error| format!("`{}` printed no JSON value: {error}", self.command))
    }
}

impl Stage {
    /// An empty stage. What an earlier demo left is removed.
    pub fn new(libos: &Path) -> Result<Stage> {
        let root = shell::target().join("demo");
        if root.exists() {
            fs::remove_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        }
        let stage = Stage { root, libos: libos.to_owned(), steps: 0 };
        make_directory(&stage.workspace())?;
        Ok(stage)
    }

    /// The workspace, where every command runs.
    pub fn workspace(&self) -> PathBuf {
        self.root.join("workspace")
    }

    /// A directory beside the workspace.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The binary, as seen from the workspace.
    pub fn binary(&self) -> String {
        self.relative(&self.libos)
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// A path as seen from the workspace, if it lies in the target directory.
    pub fn relative(&self, path: &Path) -> String {
        match path.strip_prefix(shell::target()) {
            Ok(inside) => Path::new("../..").join(inside).display().to_string(),
            Err(_) => path.display().to_string(),
        }
    }

    /// Begins a step: says what is shown.
    pub fn step(&mut self, text: &str) -> Result<()> {
        self.steps += 1;
        println!("\n{}. {text}\n", self.steps);
        Ok(())
    }

    /// Shows a command and its output.
    pub fn show(&self, command: &str, output: &str) {
        println!("   $ {command}");
        self.print(output);
    }

    /// Shows output.
    pub fn print(&self, output: &str) {
        for line in output.trim_end().lines() {
            println!("   {line}");
        }
    }

    /// States what the story claims, and fails if it is not so.
    pub fn must(&self, holds: bool, claim: &str) -> Result<()> {
        if !holds {
            return Err(format!("the story says that {claim}; it is not so"));
        }
        println!("   [checked: {claim}]");
        Ok(())
    }

    /// Runs a command of the system for all to see.
    pub fn system(&self, command: &str) -> Result<()> {
        let output = shell::output(shell::program("sh").args(["-c", command]).current_dir(self.workspace()))?;
        self.show(command, &String::from_utf8_lossy(&output.stdout));
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("`{command}` failed: {}", String::from_utf8_lossy(&output.stderr)))
        }
    }

    /// Runs libos for all to see; it must end with this exit code.
    pub fn libos(&self, arguments: &[&str], code: i32) -> Result<Said> {
        self.libos_on("data", arguments, Some(code))
    }

    /// Runs libos on a data directory beside the workspace.
    pub fn libos_on(&self, data: &str, arguments: &[&str], code: Option<i32>) -> Result<Said> {
        let said = self.run(data, arguments)?;
        self.show(&said.command, &said.text);
        match said.code {
            Some(0) => {}
            Some(other) => println!("   (exit code {other}{})", meaning(other)),
            None => println!("   (ended by a signal)"),
        }
        if code.is_some() && said.code != code {
            return Err(format!("`{}` should have ended with exit code {}", said.command, code.unwrap_or_default()));
        }
        Ok(said)
    }

    /// Runs libos without a word.
    pub fn quiet(&self, arguments: &[&str]) -> Result<Said> {
        self.run("data", arguments)
    }

    /// As [`Stage::quiet`], on another data directory.
    pub fn quiet_on(&self, data: &str, arguments: &[&str]) -> Result<Said> {
        self.run(data, arguments)
    }

    /// Starts libos at a terminal, for all to see.
    pub fn terminal(&self, arguments: &[&str]) -> Result<Terminal> {
        self.show(&shown("data", arguments), "");
        Terminal::start(&mut self.command("data", arguments))
    }

    /// All records of the log.
    pub fn records(&self) -> Result<Vec<Value>> {
        let said = self.quiet(&["--json", "audit", "show"])?;
        match said.json()? {
            Value::Array(records) => Ok(records),
            _ => Err(format!("`{}` printed no list", said.command)),
        }
    }

    /// Puts a file into the workspace.
    pub fn put(&self, name: &str, content: &str) -> Result<()> {
        let path = self.workspace().join(name);
        fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// A file of the workspace.
    pub fn content(&self, name: &str) -> Result<String> {
        let path = self.workspace().join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Whether the workspace has a file.
    pub fn exists(&self, name: &str) -> bool {
        self.workspace().join(name).exists()
    }

    fn run(&self, data: &str, arguments: &[&str]) -> Result<Said> {
        let output = shell::output(&mut self.command(data, arguments))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
        Ok(Said { command: shown(data, arguments), text, stdout, code: output.status.code() })
    }

    fn command(&self, data: &str, arguments: &[&str]) -> Command {
        let mut command = shell::program(&self.libos);
        command
            .current_dir(self.workspace())
            .env("NO_COLOR", "1")
            // The keys that sign the log belong to the scratch directory too.
            .env("XDG_CONFIG_HOME", self.root.join("config"))
            .args(["--data", &format!("../{data}")])
            .args(arguments);
        command
    }
}

/// Makes a directory, and those above it, for this user alone, as libos demands of its data.
pub fn make_directory(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| format!("{}: {error}", path.display()))
}

/// The command as a person would type it.
fn shown(data: &str, arguments: &[&str]) -> String {
    let mut text = format!("libos --data ../{data}");
    for argument in arguments {
        let plain = argument.chars().all(|character| character.is_alphanumeric() || "-_./:*".contains(character));
        text.push_str(&if plain { format!(" {argument}") } else { format!(" '{argument}'") });
    }
    text
}

fn meaning(code: i32) -> &'static str {
    match code {
        1 => ": failed",
        3 => ": denied",
        4 => ": waiting for a person",
        5 => ": the host cannot",
        _ => "",
    }
}
