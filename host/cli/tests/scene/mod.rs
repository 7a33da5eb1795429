//! What tests of the real binary share: a workspace of their own, commands that end or are ended, and a terminal with a person at it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// After so long a command hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A workspace with a policy in force; gone at the end.
pub struct Scene {
    root: PathBuf,
}

pub struct Said {
    code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn ends(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Its exit code; none if a signal ended it.
    pub fn ended(&self) -> Option<i32> {
        self.code
    }

    /// Its output or its errors have each of these texts.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Said {
        for text in texts {
            let said = self.out.contains(text) || self.err.contains(text);
            assert!(said, "it does not say: {text}\nout: {}\nerr: {}", self.out, self.err);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        // Of what is told line by line the last one is what it came to.
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(&self.out)
            .or_else(|_| serde_json::from_str(last))
            .unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

impl Scene {
    /// A workspace under this policy, with these guests as tools.
    pub fn new(name: &str, policy: &str, guests: &[&str]) -> Scene {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME")).join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("workspace")).unwrap();
        let scene = Scene { root };
        scene.write("libos.toml", policy);
        scene.run(&["trust", "--yes"]).ends(0);
        for guest in guests {
            fs::write(scene.root.join(format!("{guest}.wasm")), libos_e2e::guest(guest)).unwrap();
            scene.run(&["tool", "add", &format!("../{guest}.wasm")]).ends(0);
        }
        scene
    }

    /// A directory that is no workspace yet.
    pub fn bare(name: &str) -> Scene {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME")).join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("workspace")).unwrap();
        Scene { root }
    }

    /// Runs a command to its end where the workspace is the home directory.
    #[track_caller]
    pub fn run_at_home(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        Running::new(command.env("HOME", self.root.join("workspace")).spawn().unwrap()).end()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_libos"));
        command
            .current_dir(self.root.join("workspace"))
            .env("XDG_STATE_HOME", self.root.join("state"))
            .env("XDG_CONFIG_HOME", self.root.join("config"))
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .args(arguments);
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.start(arguments).end()
    }

    /// Runs a command to its end with these variables.
    #[track_caller]
    pub fn run_in(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
        Running::new(self.command(arguments).envs(variables.iter().copied()).spawn().unwrap()).end()
    }

    /// Runs a command to its end that reads this.
    #[track_caller]
    pub fn run_with(&self, arguments: &[&str], input: Stdio) -> Said {
        Running::new(self.command(arguments).stdin(input).spawn().unwrap()).end()
    }

    /// Where a file of the workspace is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join("workspace").join(name)
    }

    /// The JSON that a command prints which does what it says.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[&["--json"], arguments].concat()).ends(0).json()
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::new(self.command(arguments).spawn().unwrap())
    }

    /// Starts a host and waits until others find it.
    pub fn serve(&self) -> Running {
        let data = self.data();
        // A host that was killed leaves it.
        let _ = fs::remove_file(data.join("secret"));
        let host = self.start(&["serve"]);
        let deadline = Instant::now() + PATIENCE;
        while !data.join("secret").exists() {
            assert!(Instant::now() < deadline, "the host does not start");
            std::thread::yield_now();
        }
        host
    }

    /// Whether a host listens.
    pub fn has_host(&self) -> bool {
        self.data().join("secret").exists()
    }

    /// The data directory.
    fn data(&self) -> PathBuf {
        fs::read_dir(self.root.join("state/libos")).unwrap().next().unwrap().unwrap().path()
    }

    /// Changes a text wherever it is in the store to one of the same length, as another version would have written it.
    pub fn change_store(&self, old: &str, new: &str) {
        let file = self.data().join("store.redb");
        let mut bytes = fs::read(&file).unwrap();
        for at in 0..bytes.len() - old.len() {
            if bytes[at..].starts_with(old.as_bytes()) {
                bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
            }
        }
        fs::write(&file, bytes).unwrap();
    }

    /// Starts a command on a terminal.
    pub fn sit_down(&self, arguments: &[&str]) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let child = self.command(arguments).stdin(open()).stderr(open()).spawn().unwrap();
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            // The end of the program is the end of its terminal.
            while let Ok(count @ 1..) = screen.read(&mut part) {
                let _ = sender.send(String::from_utf8_lossy(&part[..count]).into_owned());
            }
        });
        Terminal { running: Running::new(child), keyboard, shown }
    }

    pub fn write(&self, name: &str, text: &str) {
        let file = self.root.join("workspace").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// How many entries a directory has; none if it is not there.
    pub fn entries(&self, name: &str) -> Option<usize> {
        fs::read_dir(self.root.join("workspace").join(name)).ok().map(Iterator::count)
    }

    pub fn write_bytes(&self, name: &str, content: &[u8]) {
        fs::write(self.root.join("workspace").join(name), content).unwrap();
    }

    /// A file that takes no room but has so many bytes.
    pub fn make_sparse(&self, name: &str, bytes: u64) {
        File::create(self.root.join("workspace").join(name)).unwrap().set_len(bytes).unwrap();
    }

    /// Runs a command in a directory that is no workspace, as somebody who never had one.
    #[track_caller]
    pub fn elsewhere(&self, arguments: &[&str]) -> Said {
        let directory = self.root.join("elsewhere");
        let mut command = self.command(arguments);
        command.current_dir(&directory).env("XDG_STATE_HOME", directory.join("state"));
        Running::new(command.spawn().unwrap()).end()
    }

    /// What is in that directory.
    pub fn elsewhere_names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.join("elsewhere")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Removes the payload files from the store.
    pub fn lose_payloads(&self) {
        fs::remove_dir_all(self.data().join("payloads")).unwrap();
    }

    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root.join("workspace").join(name)).ok()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// A command that was started; killed if it does not end.
pub struct Running {
    id: u32,
    output: Receiver<Output>,
    has_ended: bool,
}

impl Running {
    fn new(child: Child) -> Running {
        let (sender, output) = channel();
        let id = child.id();
        std::thread::spawn(move || drop(sender.send(child.wait_with_output().unwrap())));
        Running { id, output, has_ended: false }
    }

    pub fn signal(&self, name: &str) {
        let _ = Command::new("kill").args([&format!("-{name}"), &self.id.to_string()]).status();
    }

    #[track_caller]
    pub fn end(mut self) -> Said {
        let Ok(output) = self.output.recv_timeout(PATIENCE) else { panic!("the command hangs") };
        self.has_ended = true;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            self.signal("KILL");
        }
    }
}

/// A command on a terminal.
pub struct Terminal {
    pub running: Running,
    keyboard: File,
    shown: Receiver<String>,
}

impl Terminal {
    /// What is shown until this text, it included.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            match self.shown.recv_timeout(PATIENCE) {
                Ok(part) => seen.push_str(&part),
                Err(_) => panic!("the terminal does not show {text}: {seen}"),
            }
        }
        seen
    }

    pub fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}
