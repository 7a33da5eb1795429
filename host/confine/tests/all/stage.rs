//! A directory with something to read, something denied and something outside, and programs run in it.

use libos_confine::{
    Absent, Access, Cancel, Denied, End, Executable, Given, Outcome, Place, Program, Refused, Supervisor, run,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What must be seen nowhere.
pub const CANARY: &str = "CANARY-7f3a";

/// Directories for one test, gone with it.
pub struct Stage {
    root: PathBuf,
}

impl Stage {
    /// `work` (given to write, with `work/secret` denied) and `outside` (not given).
    pub fn new() -> Stage {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("libos-confine-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().canonicalize().unwrap().join(name);
        for directory in ["work/deep/secret", "work/secret", "outside"] {
            fs::create_dir_all(root.join(directory)).unwrap();
            fs::write(root.join(directory).join("kept"), CANARY).unwrap();
        }
        fs::write(root.join("work/token"), CANARY).unwrap();
        fs::remove_file(root.join("work/secret/kept")).unwrap();
        fs::write(root.join("work/secret/kept"), CANARY).unwrap();
        fs::write(root.join("work/hello"), "hello\n").unwrap();
        Stage { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A program in `work`, which it may write, with three denies.
    pub fn program(&self, executable: &str, arguments: &[&str]) -> Program {
        let mut program = Program::new(Executable::resolve(Path::new(executable)).unwrap());
        program.arguments.extend(arguments.iter().map(Into::into));
        let work = Place::at(&self.path("work")).unwrap();
        program.directory = Some(work.clone());
        program.given = vec![Given { place: work, access: Access::Write }];
        program.denied = ["work/secret", "work/deep/secret", "work/token"].map(|name| self.denied(name)).to_vec();
        program.environment = vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
        program
    }

    pub fn denied(&self, name: &str) -> Denied {
        Denied { path: self.path(name), absent: Absent::Refuse }
    }

    pub fn shell(&self, script: &str) -> Program {
        self.program("/bin/sh", &["-c", script])
    }

    /// Whether all that was denied or outside is as it was, and nothing is new there.
    pub fn assert_untouched(&self, what: &str) {
        for name in ["outside", "work/secret", "work/deep/secret"] {
            let names: Vec<_> = fs::read_dir(self.path(name)).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names, ["kept"], "{what}: {name}");
            assert_eq!(self.text(&format!("{name}/kept")), CANARY, "{what}: {name}");
        }
        assert_eq!(self.text("work/token"), CANARY, "{what}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

pub fn supervisor() -> Supervisor {
    Supervisor::at(env!("CARGO_BIN_EXE_libos-confine"))
}

pub fn try_run(program: &Program) -> Result<Outcome, Refused> {
    run(&supervisor(), program, &Cancel::default())
}

#[track_caller]
pub fn go(program: &Program) -> Outcome {
    try_run(program).unwrap()
}

/// Both outputs of a program, whatever its end.
pub fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stdout.text(), outcome.stderr.text())
}

#[track_caller]
pub fn succeeds(program: &Program) -> String {
    let outcome = go(program);
    assert_eq!(outcome.end, End::Exited(0), "{}", said(&outcome));
    outcome.stdout.text()
}

/// Processes of the whole machine that have `mark` in their arguments, but this one and those of its own kind.
pub fn running_with(mark: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    all.filter(|line| String::from_utf8_lossy(line).contains(mark)).count()
}

/// Whether something becomes so within 20 seconds.
pub fn soon(mut is_so: impl FnMut() -> bool) -> bool {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::time::Instant::now() < until {
        if is_so() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}
