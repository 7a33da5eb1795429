//! The named points at which a host ends, as by a kill. They are placed by what wraps the outside and the disk: the host has none.

use std::sync::atomic::{AtomicU32, Ordering};

/// Where a host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// An effect was looked at; its intent is not written.
    BeforeIntent,
    /// The intent is on the disk; nothing was sent.
    AfterIntent,
    /// It was sent; whether the provider has carried it out is open.
    AfterDispatch,
    /// The provider has carried it out; the host has not read that.
    ResultUnread,
    /// The host has read it; it is not on the disk.
    ResultRead,
    /// In the middle of a payload file.
    PayloadFile,
    /// In a commit after an effect: the one before had its intent, this one or the next has its outcome.
    OutcomeCommit,
    /// In recovery, while the provider is asked.
    Recovery,
    /// Likewise, in the recovery of what was left of a recovery.
    SecondRecovery,
    /// In a commit while a checkpoint is taken.
    Checkpoint,
    /// In a commit while a tree goes back to one.
    Restore,
}

/// What a host does, as far as a point lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Load,
    Checkpoint,
    Restore,
}

impl Point {
    pub const ALL: [Point; 11] = [
        Point::BeforeIntent,
        Point::AfterIntent,
        Point::AfterDispatch,
        Point::ResultUnread,
        Point::ResultRead,
        Point::PayloadFile,
        Point::OutcomeCommit,
        Point::Recovery,
        Point::SecondRecovery,
        Point::Checkpoint,
        Point::Restore,
    ];

    /// A word for it.
    pub fn word(self) -> String {
        format!("{self:?}")
    }

    /// The point that a word means.
    pub fn read(word: &str) -> Option<Point> {
        Point::ALL.into_iter().find(|point| point.word() == word)
    }
}

/// Ends this process when a point is passed for the so-manieth time.
#[derive(Debug, Default)]
pub struct Mine {
    at: Option<Point>,
    left: AtomicU32,
    /// What is being done, by the number of its stage.
    stage: AtomicU32,
}

impl Mine {
    /// At the `nth` passage, from 1.
    pub fn new(at: Option<Point>, nth: u32) -> Mine {
        Mine { at, left: AtomicU32::new(nth), stage: AtomicU32::new(Stage::Load as u32) }
    }

    /// Whether this is the passage.
    pub fn is_reached(&self, point: Point) -> bool {
        self.at == Some(point) && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Says what is done from now on.
    pub fn enter(&self, stage: Stage) {
        self.stage.store(stage as u32, Ordering::Release);
    }

    /// A commit.
    pub fn commits(&self) {
        for (stage, point) in [(Stage::Checkpoint, Point::Checkpoint), (Stage::Restore, Point::Restore)] {
            if self.stage.load(Ordering::Acquire) == stage as u32 {
                self.pass(point);
            }
        }
    }

    /// Ends the process if this is the passage.
    pub fn pass(&self, point: Point) {
        if self.is_reached(point) {
            std::process::abort();
        }
    }
}
