//! The second place of the log's signed heads: a file, a program, or standard error. What embedders and the command line give the
//! kernel as its notary. Called by the kernel's committer only.

#![expect(clippy::disallowed_methods, reason = "it acts for the host itself, on what the person who runs it named")]

use super::meta::Meta;
use libos_kernel::kernel::Notary;
use libos_kernel::model::limit::{WITNESS_COMMAND_TIME, WITNESS_OUTPUT_BYTES_MAX};
use libos_kernel::model::note::{Signer, VerifierKey};
use rustix::fs::{CWD, OFlags};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often a program that was started is looked after.
const LOOK: Duration = Duration::from_millis(5);

/// Where signed heads are brought to.
#[derive(Debug)]
pub enum SecondPlace {
    /// Standard error of this process.
    Stderr,
    /// The end of a file.
    File(WitnessFile),
    /// The standard input of a program that is started for each: its path, and its arguments.
    Command(Vec<String>),
    /// A place that cannot be found: each note fails, with this sentence.
    Nowhere(String),
}

impl SecondPlace {
    /// Brings a note there, durably as far as the place is durable.
    ///
    /// # Errors
    /// It is not there, or nobody knows.
    pub fn take(&self, note: &str) -> io::Result<()> {
        match self {
            // A stream that nobody reads any more is an error here, and no panic.
            SecondPlace::Stderr => io::stderr().lock().write_all(note.as_bytes()),
            SecondPlace::File(file) => file.append(note),
            SecondPlace::Command(words) => run(words, note, WITNESS_COMMAND_TIME),
            SecondPlace::Nowhere(why) => Err(io::Error::other(why.clone())),
        }
    }
}

/// A file that only grows.
#[derive(Debug)]
pub struct WitnessFile {
    path: PathBuf,
    /// Opened with the first note, and again after it was found to be gone.
    file: Mutex<Option<File>>,
}

impl WitnessFile {
    /// The file at this path, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> WitnessFile {
        WitnessFile { path: path.into(), file: Mutex::new(None) }
    }

    /// Opens the file; makes it, for this user only, if there is none. Never cuts it.
    fn open(path: &Path) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let file = fs::OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(file)
    }

    /// Adds a note at the end, and waits until it is on the disk.
    ///
    /// # Errors
    /// The disk failed, or the file has another place by now.
    pub fn append(&self, note: &str) -> io::Result<()> {
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        let mut file = match held.take() {
            Some(file) => file,
            None => WitnessFile::open(&self.path).map_err(named)?,
        };
        let there = Meta::at(CWD, &*self.path)
            .is_ok_and(|meta| Meta::of(&file).is_ok_and(|ours| ours.identity == meta.identity));
        if !there {
            // Told once; the next note goes to whatever is there then.
            return Err(named(io::Error::other("it is gone, or another file by now")));
        }
        // The line break ends a note that was cut by a crash.
        file.write_all(format!("\n{note}").as_bytes()).and_then(|()| file.sync_data()).map_err(named)?;
        *held = Some(file);
        Ok(())
    }
}

/// Gives a note to a program, in an empty environment, and waits for its end.
fn run(words: &[String], note: &str, at_most: Duration) -> io::Result<()> {
    let (program, arguments) = words.split_first().ok_or_else(|| io::Error::other("there is no program"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::other(format!("{program} cannot be started: {error}")))?;
    let said = listen(&mut child);
    let told = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(note.as_bytes()));
    let ended = wait(&mut child, at_most);
    if ended.is_err() {
        // The whole group: what the program started may hold its output open.
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        let _ = child.wait();
    }
    let status = ended?;
    if !status.success() {
        let said = said.recv_timeout(LOOK).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        return Err(io::Error::other(format!("{program} ended with {status}: {said}")));
    }
    told.map_err(|error| io::Error::other(format!("{program} did not read the note: {error}")))
}

/// The first bytes of what a program says on standard error; the rest is read and forgotten.
fn listen(child: &mut Child) -> mpsc::Receiver<Vec<u8>> {
    let (sender, said) = mpsc::channel();
    if let Some(mut stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            let mut first = Vec::new();
            let _ = stderr.by_ref().take(WITNESS_OUTPUT_BYTES_MAX as u64).read_to_end(&mut first);
            let _ = sender.send(first);
            let _ = io::copy(&mut stderr, &mut io::sink());
        });
    }
    said
}

fn wait(child: &mut Child, at_most: Duration) -> io::Result<std::process::ExitStatus> {
    // Nobody sends: a wait with an end.
    let (_keep, never) = mpsc::channel::<()>();
    let mut waited = Duration::ZERO;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if waited >= at_most {
            return Err(io::Error::other(format!("the program did not end within {} s", at_most.as_secs_f32())));
        }
        if let Err(RecvTimeoutError::Disconnected) = never.recv_timeout(LOOK) {
            return Err(io::Error::other("nobody waits any more"));
        }
        waited += LOOK;
    }
}

/// A notary with its key in memory.
#[derive(Debug)]
pub struct LocalNotary {
    signer: Signer,
    place: Option<SecondPlace>,
    strict: bool,
    /// Told on standard error once, until it works again.
    told: Mutex<bool>,
}

impl LocalNotary {
    /// Signs with this key, and brings each note to the place. `strict`: see [`Notary::is_strict`].
    pub fn new(signer: Signer, place: Option<SecondPlace>, strict: bool) -> LocalNotary {
        LocalNotary { signer, place, strict, told: Mutex::new(false) }
    }

    /// Tells whoever reads `to`. Nobody need read it: the record says the same, and a host does not end because of a warning.
    fn tell(&self, failed: Option<&io::Error>, to: &mut dyn Write) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = match failed {
            Some(error) if !*told => {
                let shown = libos_kernel::model::preview::escape(&error.to_string());
                writeln!(to, "warning: the second place of the log does not take its signed head: {shown}")
            }
            None if *told => writeln!(to, "the second place of the log works again"),
            _ => Ok(()),
        };
        *told = failed.is_some();
    }
}

impl Notary for LocalNotary {
    fn key(&self) -> &VerifierKey {
        self.signer.key()
    }

    fn sign(&self, text: &str) -> Result<[u8; 64], String> {
        Ok(self.signer.sign(text))
    }

    fn witness(&self, note: &str) -> Result<(), String> {
        let Some(place) = &self.place else { return Ok(()) };
        let taken = place.take(note);
        if !self.strict {
            self.tell(taken.as_ref().err(), &mut io::stderr());
        }
        taken.map_err(|error| error.to_string())
    }

    fn is_strict(&self) -> bool {
        self.strict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            let path = std::env::temp_dir().join(format!("libos-witness-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_only_grows_and_is_missed_when_it_is_gone() {
        let directory = Directory::new("file");
        let path = directory.0.join("notes");
        fs::write(&path, "torn").unwrap();
        let file = WitnessFile::new(&path);
        file.append("one\n").unwrap();
        file.append("two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "torn\none\n\ntwo\n");
        fs::rename(&path, directory.0.join("away")).unwrap();
        assert!(file.append("three\n").is_err(), "whoever looks at the path does not see it");
        file.append("four\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "\nfour\n", "a new file goes on after it was told once");
        std::os::unix::fs::symlink("away", directory.0.join("link")).unwrap();
        for wrong in [directory.0.join("link"), directory.0.clone(), directory.0.join("no/such"), "/dev/null".into()] {
            assert!(WitnessFile::open(&wrong).is_err(), "{}", wrong.display());
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_program_gets_the_note_and_no_environment_and_its_failure_is_told() {
        let directory = Directory::new("command");
        let out = directory.0.join("out");
        let script = format!("cat > {}; env >> {}", out.display(), out.display());
        run(&words(&["/bin/sh", "-c", &script]), "a note\n", WITNESS_COMMAND_TIME).unwrap();
        let have = fs::read_to_string(&out).unwrap();
        assert!(have.starts_with("a note\n") && !have.contains("HOME="), "{have}");
        for (command, says) in [
            (words(&["/bin/sh", "-c", "cat >/dev/null; echo no room >&2; exit 3"]), "no room"),
            (words(&["/no/such/program"]), "cannot be started"),
            (words(&["/bin/sh", "-c", "cat > /dev/null; head -c 1000000 /dev/zero >&2; exit 1"]), "ended with"),
        ] {
            let error = run(&command, "a note\n", WITNESS_COMMAND_TIME).unwrap_err().to_string();
            assert!(error.contains(says) && error.len() < 4 * WITNESS_OUTPUT_BYTES_MAX, "{error}");
        }
    }

    #[test]
    fn a_warning_that_nobody_reads_ends_nothing() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let notary = LocalNotary::new(Signer::of_log(&[1; 32]), None, false);
        let error = io::Error::other("gone\u{1b}[2J");
        notary.tell(Some(&error), &mut Closed);
        notary.tell(None, &mut Closed);
        let mut said = Vec::new();
        for failed in [Some(&error), Some(&error), None, None] {
            notary.tell(failed, &mut said);
        }
        let said = String::from_utf8(said).unwrap();
        assert!(said.lines().count() == 2 && !said.contains('\u{1b}') && said.contains("works again"), "{said}");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_that_it_started() {
        let error = run(&words(&["/bin/sh", "-c", "cat > /dev/null; sleep 100 & sleep 100"]), "x", 4 * LOOK);
        assert!(error.unwrap_err().to_string().contains("did not end"));
    }
}
