//! A store, its provider, and the hosts that die over it.

use libos_endurance::check::{Seen, Witness, check};
use libos_endurance::guest::furnish;
use libos_endurance::outside::Outside;
use libos_endurance::point::Point;
use libos_endurance::provider;
use libos_kernel::kernel::{Kernel, Options};
use libos_kernel::store::disk::Directory;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// After so long a program hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A host that does not come to its point in this time, under load, is killed.
const POINT_PATIENCE: Duration = Duration::from_millis(60);

/// When a host dies.
#[derive(Debug, Clone, Copy)]
pub enum Death {
    /// So long after it was started.
    Kill(Duration),
    /// So long after it has acknowledged something.
    KillUnderLoad(Duration),
    /// At the so-manieth passage of a point, or, if it does not come there, after a while.
    At(Point, u32),
}

/// A store with its provider; both are gone at the end.
pub struct Stage {
    directory: PathBuf,
    provider: Child,
    pub witness: Witness,
    incarnation: u32,
    lies: bool,
    /// How long each opening took.
    pub openings: Vec<Duration>,
}

impl Stage {
    /// A new store. `lies`: every probe of the outside says that nothing started.
    pub fn new(lies: bool) -> Stage {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        // A kill takes nothing from the system's cache, so it is the same where the bytes lie; in memory there are more commits to hit.
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        let directory = root.join("libos-endurance").join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let provider = Command::new(env!("CARGO_BIN_EXE_endurance-provider"))
            .arg("provider.socket")
            .current_dir(&directory)
            .spawn()
            .unwrap();
        let stage =
            Stage { directory, provider, witness: Witness::default(), incarnation: 0, lies, openings: Vec::new() };
        let deadline = Instant::now() + PATIENCE;
        while provider::dump(&stage.socket()).is_err() {
            assert!(Instant::now() < deadline, "the provider does not start");
            std::thread::yield_now();
        }
        let kernel = stage.open();
        tokio::runtime::Runtime::new().unwrap().block_on(furnish(&kernel)).unwrap();
        kernel.shutdown();
        stage
    }

    /// Short enough for an address.
    fn socket(&self) -> PathBuf {
        let here = std::env::current_dir().unwrap();
        let socket = self.directory.join("provider.socket");
        socket.strip_prefix(&here).map(Path::to_owned).unwrap_or(socket)
    }

    fn open(&self) -> Arc<Kernel> {
        let world = Outside { socket: self.socket(), mine: Arc::default(), returned: Arc::default(), lies: self.lies };
        let storage = Arc::new(Directory::new(&self.directory));
        Kernel::open(Options::new(storage, Arc::new(world))).unwrap()
    }

    /// Opens the store, which recovers it, and checks all that must hold.
    pub fn check(&mut self) -> Result<Seen, String> {
        let began = Instant::now();
        let kernel = self.open();
        self.openings.push(began.elapsed());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(kernel.barrier()).map_err(|stop| stop.to_string())?;
        let executions = provider::dump(&self.socket()).map_err(|error| error.to_string())?;
        let seen = check(&kernel.snapshot().map_err(|error| error.to_string())?, &executions, &self.witness);
        let wrong = kernel.purses_that_do_not_add_up();
        kernel.shutdown();
        if wrong.is_empty() { seen } else { Err(format!("T4: purses do not add up: {wrong:?}")) }
    }

    fn start(&mut self, mode: &str, point: Option<(Point, u32)>) -> (Child, Receiver<String>) {
        self.incarnation += 1;
        let (word, nth) = point.map_or(("-".to_owned(), 0), |(point, nth)| (point.word(), nth));
        let mut child = Command::new(env!("CARGO_BIN_EXE_endurance-host"))
            .args([self.directory.as_os_str(), self.socket().as_os_str()])
            .args([&self.incarnation.to_string(), mode, &word, &nth.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut line = String::new();
            // What has no end was cut off by the kill.
            while output.read_line(&mut line).is_ok_and(|count| count > 0) && line.ends_with('\n') {
                let _ = sender.send(line.trim_end().to_owned());
                line.clear();
            }
        });
        (child, lines)
    }

    /// Runs a host until it dies so. True if it died by itself: it came to its point.
    pub fn host(&mut self, death: Death) -> bool {
        let mode = if self.lies { "lies" } else { "load" };
        let (point, after, loaded) = match death {
            Death::Kill(after) => (None, after, false),
            Death::KillUnderLoad(after) => (None, after, true),
            Death::At(point, nth) => (Some((point, nth)), POINT_PATIENCE, true),
        };
        let (mut child, lines) = self.start(mode, point);
        let mut deadline = Instant::now() + if loaded { PATIENCE } else { after };
        let mut first = loaded;
        let by_itself = loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if std::mem::take(&mut first) {
                        deadline = Instant::now() + after;
                    }
                    self.witness.hear(&line);
                }
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => {
                    // A host that was killed already needs no kill.
                    let _ = child.kill();
                    break false;
                }
            }
        };
        child.wait().unwrap();
        // What it said before it died is as good as what we have heard in time.
        lines.iter().for_each(|line| self.witness.hear(&line));
        by_itself
    }

    /// Runs a host that brings everything to its end.
    pub fn drain(&mut self) {
        let (mut child, lines) = self.start("drain", None);
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.witness.hear(&line);
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
        }
        assert!(child.wait().unwrap().success(), "not everything comes to its end; see {}", self.directory.display());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.provider.kill().and_then(|()| self.provider.wait());
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}
