//! The kernel against a simulated outside and a simulated disk: no WebAssembly, no operating system.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this is a test")]

mod approvals;
mod audit;
mod backup;
mod calls;
mod checkpoint_forks;
mod checkpoints;
mod clock;
mod consent;
mod crash;
mod delegate;
mod directory;
mod dropping;
mod durability;
mod events;
mod evidence;
mod explain;
mod fail_stop;
mod flood;
mod gc;
mod grants;
mod kept;
mod ledger;
mod merge;
mod messages;
mod nested;
mod notes;
mod objects;
mod own_tools;
mod policy;
mod processes;
mod properties;
mod purses;
mod quanta;
mod races;
mod recovery;
mod replay;
mod signals;
mod sim;
mod space;
mod stories;
mod tools;
mod upgrade;
mod views;
mod waits;
