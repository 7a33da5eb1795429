//! The outside of the host: every effect is a request to the provider with the effect's key, and a probe asks it what became of that.

use crate::point::{Mine, Point};
use crate::provider::{MUTE, receive, send};
use libos_kernel::kernel::Permit;
use libos_kernel::model::call::{Entry, Stat, WriteMode};
use libos_kernel::model::row::{Before, Probe};
use libos_kernel::model::time::Time;
use libos_kernel::world::{Content, Found, Probed, Range, World, WorldError};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The outside.
#[derive(Debug)]
pub struct Outside {
    pub socket: PathBuf,
    pub mine: Arc<Mine>,
    /// An effect has come back: its outcome is in one of the next commits.
    pub returned: Arc<AtomicBool>,
    /// Its probes say of everything that it did not start. A red control: the checks must find out.
    pub lies: bool,
}

fn io(error: impl ToString) -> WorldError {
    WorldError::Io(error.to_string())
}

impl Outside {
    fn effect(&self, permit: &Permit, what: &str) -> Result<(), WorldError> {
        self.mine.pass(Point::AfterIntent);
        let key = permit.idempotency_key().ok_or_else(|| io("an effect without a key"))?;
        let name = permit.resource(0).path();
        let stream = send(&self.socket, &format!("do {key} {name} {what}")).map_err(io)?;
        self.mine.pass(Point::AfterDispatch);
        if self.mine.is_reached(Point::ResultUnread) {
            // What is asked later is answered later.
            let _ = send(&self.socket, "ask - -").and_then(|stream| receive(&stream));
            std::process::abort();
        }
        let answer = receive(&stream).map_err(io)?;
        self.mine.pass(Point::ResultRead);
        self.returned.store(true, Ordering::Release);
        if answer == "done" { Ok(()) } else { Err(io("the provider said nothing")) }
    }
}

impl World for Outside {
    fn now(&self, _: &Permit) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn random(&self, _: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(bytes)).map_err(io)
    }

    fn fs_read(&self, _: &Permit, _: Option<Range>) -> Result<Content, WorldError> {
        Err(WorldError::NotFound)
    }

    fn fs_write(&self, permit: &Permit, content: &[u8], _: WriteMode, _: &str) -> Result<(), WorldError> {
        self.effect(permit, &String::from_utf8_lossy(content))
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        self.effect(permit, &String::from_utf8_lossy(content))
    }

    fn fs_list(&self, _: &Permit) -> Result<Vec<Entry>, WorldError> {
        Ok(Vec::new())
    }

    fn fs_stat(&self, _: &Permit) -> Result<Stat, WorldError> {
        Err(WorldError::NotFound)
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        self.effect(permit, "directory")
    }

    fn fs_remove(&self, permit: &Permit, _: bool) -> Result<(), WorldError> {
        self.effect(permit, "remove")
    }

    fn fs_rename(&self, permit: &Permit, _: bool) -> Result<(), WorldError> {
        self.effect(permit, "rename")
    }

    fn fs_inspect(&self, _: &Permit, _: usize, _: bool, _: bool) -> Result<Found, WorldError> {
        self.mine.pass(Point::BeforeIntent);
        Ok(Found { before: Before::Absent, content: None })
    }

    fn probe(&self, permit: &Permit, _: &Probe, _: &str) -> Probed {
        self.mine.pass(Point::Recovery);
        self.mine.pass(Point::SecondRecovery);
        let (Some(key), Some(name)) = (permit.idempotency_key(), permit.only_resource()) else {
            return Probed::Unknown;
        };
        if self.lies {
            return Probed::NotStarted;
        }
        let name = name.path();
        let answer = send(&self.socket, &format!("ask {key} {name}")).and_then(|stream| receive(&stream));
        match answer.as_deref() {
            Ok("done") => Probed::Done,
            Ok("never") if !name.contains(MUTE) => Probed::NotStarted,
            _ => Probed::Unknown,
        }
    }
}
