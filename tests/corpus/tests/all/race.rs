//! Somebody exchanges directories and files with links to the outside, and moves a directory out of the mount, while a guest opens them a
//! million times: nothing outside is read or changed.
//!
//! A system call costs more than an opening, so the world between the kernel and the real one opens many times for each. The permit
//! is the kernel's own.

use crate::RESOLVERS;
use crate::house::House;
use crate::request;
use crate::sandbox::{Sandbox, leak};
use libos::kernel::kernel::Permit;
use libos::kernel::model::call::{Entry, Stat, WriteMode};
use libos::kernel::model::row::Probe;
use libos::kernel::model::time::Time;
use libos::kernel::world::{Content, Found, Probed, Range, World, WorldError};
use libos::world::{OsWorld, Resolver};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long is opened, and how often at least.
const DURATION: Duration = Duration::from_secs(60);
const OPENS_MIN: u64 = 1_000_000;
/// A machine that is slower than this shows nothing.
const DURATION_MAX: Duration = Duration::from_secs(240);
/// Openings and writes for one system call.
const READS: usize = 1_000;
const WRITES: usize = 4;
const INSIDE: &[u8] = b"inside";

/// What came of the openings of one name.
#[derive(Default)]
struct Tally {
    inside: AtomicU64,
    refused: AtomicU64,
}

impl Tally {
    fn all(&self) -> u64 {
        self.inside.load(Ordering::Relaxed) + self.refused.load(Ordering::Relaxed)
    }

    /// Both must have happened, or the race was none.
    fn demand(&self, what: &str) {
        let (inside, refused) = (self.inside.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed));
        println!("{what}: {inside} went inside, {refused} were refused");
        assert!(inside > 0 && refused > 0, "{what}: the race was not exercised");
    }
}

/// What the two worlds tell the test.
#[derive(Default)]
struct Seen {
    below: Tally,
    file: Tally,
    written: Tally,
    leaks: Mutex<Vec<String>>,
}

struct Often {
    inner: OsWorld,
    base: PathBuf,
    seen: Arc<Seen>,
}

impl Often {
    fn check(&self, bytes: &[u8]) {
        if bytes != INSIDE {
            let what = leak(bytes, &self.base).unwrap_or_default();
            self.seen.leaks.lock().unwrap().push(format!("{what}: {}", bytes.escape_ascii()));
        }
    }
}

impl World for Often {
    fn now(&self, permit: &Permit) -> Time {
        self.inner.now(permit)
    }

    fn random(&self, permit: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        self.inner.random(permit, bytes)
    }

    fn fs_read(&self, permit: &Permit, range: Option<Range>) -> Result<Content, WorldError> {
        let name = permit.resource(0).path();
        let tally = if name.contains('/') && name.ends_with("inner") { &self.seen.below } else { &self.seen.file };
        let mut last = self.inner.fs_read(permit, range);
        for _ in 0..READS {
            match &last {
                Ok(Content::Whole(bytes)) => {
                    self.check(bytes);
                    tally.inside.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Content::Later(_)) => self.check(b"a large file"),
                Err(_) => {
                    tally.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            last = self.inner.fs_read(permit, range);
        }
        last
    }

    fn fs_write(&self, permit: &Permit, content: &[u8], mode: WriteMode, temporary: &str) -> Result<(), WorldError> {
        let mut last = Ok(());
        for _ in 0..WRITES {
            last = self.inner.fs_write(permit, content, mode, temporary);
            let tally = &self.seen.written;
            let count = if last.is_ok() { &tally.inside } else { &tally.refused };
            count.fetch_add(1, Ordering::Relaxed);
        }
        last
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        self.inner.fs_append(permit, content)
    }

    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError> {
        self.inner.fs_list(permit)
    }

    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError> {
        self.inner.fs_stat(permit)
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        self.inner.fs_make_dir(permit)
    }

    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError> {
        self.inner.fs_remove(permit, recursive)
    }

    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError> {
        self.inner.fs_rename(permit, replace)
    }

    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        self.inner.fs_inspect(permit, index, follow, content)
    }

    fn probe(&self, permit: &Permit, probe: &Probe, temporary: &str) -> Probed {
        self.inner.probe(permit, probe, temporary)
    }
}

/// Ends the other thread, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `workspace/d/b` and `workspace/d/evil`, which leads to the outside's directory with a file of the same name; `workspace/file` and
/// `workspace/link`, which leads to the canary; `workspace/p`, which goes out of the mount and comes back.
fn furnish(sandbox: &Sandbox) {
    let inside = sandbox.base.join("workspace");
    for directory in ["workspace/d/b", "workspace/p", "elsewhere"] {
        fs::create_dir_all(sandbox.base.join(directory)).unwrap();
    }
    fs::write(inside.join("d/b/inner"), INSIDE).unwrap();
    fs::write(inside.join("file"), INSIDE).unwrap();
    symlink("../../outside/dir", inside.join("d/evil")).unwrap();
    symlink("../outside/secret", inside.join("link")).unwrap();
}

fn exchange_for_ever(base: &Path, stop: &AtomicBool) {
    let swap = |one: &str, other: &str| {
        renameat_with(CWD, base.join(one), CWD, base.join(other), RenameFlags::EXCHANGE).unwrap();
    };
    while !stop.load(Ordering::Relaxed) {
        swap("workspace/d/b", "workspace/d/evil");
        swap("workspace/file", "workspace/link");
    }
}

fn move_for_ever(base: &Path, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        fs::rename(base.join("workspace/p"), base.join("elsewhere/p")).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        fs::rename(base.join("elsewhere/p"), base.join("workspace/p")).unwrap();
        // So that a write has time to look, and to be overtaken.
        std::thread::sleep(Duration::from_millis(3));
    }
}

fn race(resolver: Resolver) {
    let sandbox = Sandbox::new("race");
    furnish(&sandbox);
    let (seen, base, outside) = (Arc::new(Seen::default()), sandbox.base.clone(), sandbox.outside());
    let often = |inner| Arc::new(Often { inner, base: base.clone(), seen: Arc::clone(&seen) }) as Arc<dyn World>;
    let mut house = House::with_world(sandbox, resolver, often);
    house.rules = vec!["allow read,write fs:workspace/**".into()];
    house.apply_rules().unwrap();
    house.new_process("p");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stop = AtomicBool::new(false);
    let mut given = Vec::new();
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| exchange_for_ever(&base, &stop));
        scope.spawn(|| move_for_ever(&base, &stop));
        let began = Instant::now();
        let opens = || seen.below.all() + seen.file.all();
        let (mut round, mut ends) = (0, BTreeMap::<String, u32>::new());
        while began.elapsed() < DURATION || (opens() < OPENS_MIN && began.elapsed() < DURATION_MAX) {
            let line = ["read d/b/inner", "read file", "read d/b/inner", "write p/f inside"][round % 4];
            let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            if round % 64 == 0 {
                house.new_call(crate::house::TOOL).unwrap();
            }
            let outcome = runtime.block_on(house.request(request::call(&words).unwrap()));
            given.extend(leak(&outcome.given, &base));
            assert!(!matches!(&*outcome.word, "hangs" | "panics" | "stopped"), "{outcome:?}");
            *ends.entry(format!("{} {}", words[0].escape_ascii(), outcome.word)).or_default() += 1;
            round += 1;
        }
        println!("system calls under {resolver:?}: {ends:?}");
    });
    let what = |name: &str| format!("{name} under {resolver:?}");
    let opens = seen.below.all() + seen.file.all();
    println!("{opens} openings under {resolver:?}");
    let leaks = std::mem::take(&mut *seen.leaks.lock().unwrap());
    assert!(leaks.is_empty() && given.is_empty(), "{} leaks: {:?} {:?}", leaks.len(), leaks.first(), given.first());
    seen.below.demand(&what("a directory exchanged with a link"));
    seen.file.demand(&what("a file exchanged with a link"));
    seen.written.demand(&what("a write whose directory goes out of the mount"));
    assert!(opens >= OPENS_MIN, "only {opens} openings under {resolver:?}");
    assert_eq!(house.sandbox.outside(), outside, "the outside changed under {resolver:?}");
    let left: Vec<_> =
        fs::read_dir(base.join("workspace/p")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["f"], "a write left something under {resolver:?}");
    assert_eq!(fs::read(base.join("workspace/p/f")).unwrap(), INSIDE);
    assert_eq!(fs::read_dir(base.join("elsewhere")).unwrap().count(), 0);
}

#[test]
fn no_exchange_leads_out_in_a_million_openings() {
    std::thread::scope(|scope| {
        let races = RESOLVERS.map(|resolver| scope.spawn(move || race(resolver)));
        for race in races {
            race.join().expect("a panic fails the test");
        }
    });
}
