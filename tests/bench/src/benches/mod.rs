//! The benches, a file a subject.

mod agents;
mod audit;
mod authority;
mod call;
mod check;
mod checkpoint;
mod effect;
mod hostile;
mod import;
mod message;
pub mod parked;
mod program;
mod resume;
mod scale;
mod script;
mod shell;

use crate::report::Report;

/// Measures, and adds rows.
type Bench = fn(&mut Report);

/// Name and subject of each.
pub const ALL: [(&str, &str, Bench); 20] = [
    ("check", "the decision", check::run),
    ("explain", "why something is allowed or refused", authority::explain),
    ("policy", "a large policy is read and put in force", authority::policy),
    ("revoke", "a grant from which much is derived is taken back", authority::revoke),
    ("delegate", "a process hands something to another", authority::delegate),
    ("call", "a tool call that does nothing, in a fresh instance", call::run),
    ("import", "one system call of a guest", import::run),
    ("script", "tools that are scripts", script::run),
    ("effect", "a change of the outside, durable", effect::run),
    ("resume", "a parked call goes on", resume::run),
    ("parked", "many parked calls", parked::run),
    ("quantum", "a step of a process", agents::quantum),
    ("agents", "many agents that wait for a model", agents::many),
    ("hostile", "calls that behave beside calls that attack", hostile::run),
    ("message", "processes that sleep and exchange messages", message::run),
    ("scale", "one operation beside few and many processes", scale::run),
    ("checkpoint", "a process with many objects goes back", checkpoint::run),
    ("audit", "the whole log is verified", audit::run),
    ("program", "a program of the system, confined", program::run),
    ("shell", "the command line as a process", shell::run),
];
