//! The inner stage: the first process of the new pid namespace. Builds what is seen, gives up its own rights, starts the program and
//! watches it. When it ends, the kernel ends all that is left.

mod laws;
mod start;
mod view;
mod watch;

use crate::outcome::{Enforced, Piece};
use crate::wire::{InnerLimits, Orders, Report, hear, say};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, geteuid, set_dumpable_behavior, set_parent_process_death_signal,
    setrlimit,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Processes and threads of the two stages, which are in the same user namespace. The one that writes the input ends with it.
const OWN_TASKS: u64 = 4;
/// The kernel gives no number below this again once they are used up, and has at least one more.
const RESERVED_PIDS: u64 = 300;
/// Bytes of memory that a process may keep from being swapped out.
const LOCKED_BYTES: u64 = 1 << 20;
/// What the inner stage needs of memory for itself when the limit of a program is small.
const OWN_BYTES: u64 = 16 << 20;

/// The whole stage. Its standard input is the socket to the host.
pub(crate) fn main() -> ExitCode {
    let Ok(socket) = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) else {
        return ExitCode::FAILURE;
    };
    match prepare(&socket) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(orders)) => match watch::Watch::begin(socket, orders.limits) {
            Ok(watch) => match start::program(orders) {
                // It never comes back from there.
                Ok(program) => watch.until_the_end(program),
                Err(why) => watch.not_started(why),
            },
            Err(_) => ExitCode::FAILURE,
        },
        Err(report) => failed(&socket, &report),
    }
}

fn failed(socket: &UnixStream, report: &Report) -> ExitCode {
    // Nobody listens: nobody wants to know.
    let _ = say(socket, report);
    ExitCode::FAILURE
}

/// What a piece that is not to be had is reported as.
fn missing<E: std::fmt::Display>(piece: Piece, what: &str) -> impl Fn(E) -> Report {
    move |error| Report::Missing(piece, if what.is_empty() { error.to_string() } else { format!("{what}: {error}") })
}

/// Puts all in force and says so; none if that was all that was wanted.
fn prepare(socket: &UnixStream) -> Result<Option<Orders>, Report> {
    let orders: Orders = hear(socket)
        .map_err(missing(Piece::Supervisor, "the order"))?
        .ok_or_else(|| Report::Description("nothing was ordered".into()))?;
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut enforced = vec![
        in_force(Piece::Supervisor, ""),
        in_force(Piece::UserNamespace, ""),
        in_force(Piece::Namespaces, if orders.network() { "in the network of the host" } else { "without network" }),
    ];
    // What is set next is of this namespace: outside of a new one it would be of the whole system.
    if !rustix::process::getpid().is_init() {
        return Err(Report::Missing(Piece::Namespaces, "this is not the first process of its own".into()));
    }
    // While the proc of the outside can still be seen.
    enforced.push(limit_processes(orders.limits.processes)?);
    let view = view::build(&orders)?;
    enforced.extend([in_force(Piece::View, ""), in_force(Piece::Proc, ""), in_force(Piece::Masks, "")]);
    limit_resources(&orders.limits).map_err(missing(Piece::ResourceLimits, ""))?;
    enforced.push(in_force(Piece::ResourceLimits, "memory of all processes is watched"));
    give_up_privileges().map_err(missing(Piece::NoPrivileges, ""))?;
    enforced.push(in_force(Piece::NoPrivileges, ""));
    enforced.push(in_force(Piece::Landlock, &laws::landlock(&view, orders.network())?));
    laws::seccomp(orders.network()).map_err(missing(Piece::Seccomp, ""))?;
    enforced.push(in_force(Piece::Seccomp, ""));
    say(socket, &Report::Ready(enforced)).map_err(missing(Piece::Supervisor, "the host"))?;
    Ok((!orders.only_probe).then_some(orders))
}

fn in_force(piece: Piece, detail: &str) -> Enforced {
    Enforced { piece, detail: detail.into() }
}

/// `RLIMIT_NPROC` counts what is in this user namespace, and does not bind the system's root.
fn limit_processes(processes: u32) -> Result<Enforced, Report> {
    let processes = u64::from(processes);
    // The map's second number: who it is outside.
    let map = view::read_text("/proc/self/uid_map").map_err(missing(Piece::ProcessLimit, "uid_map"))?;
    let is_root = map.split_whitespace().nth(1).is_none_or(|outside| outside == "0") || geteuid().is_root();
    let highest = processes + RESERVED_PIDS + OWN_TASKS;
    let numbered = view::write_text("/proc/sys/kernel/pid_max", &highest.to_string());
    limit(Resource::Nproc, processes + OWN_TASKS).map_err(missing(Piece::ProcessLimit, ""))?;
    match numbered {
        Ok(()) if is_root => Ok(in_force(Piece::ProcessLimit, "by the numbers of its namespace")),
        Err(error) if is_root => Err(Report::Missing(
            Piece::ProcessLimit,
            format!("the host is the system's root, which only /proc/sys/kernel/pid_max of Linux 6.14 limits: {error}"),
        )),
        Ok(()) | Err(_) => Ok(in_force(Piece::ProcessLimit, "by its user namespace")),
    }
}

fn limit_resources(limits: &InnerLimits) -> io::Result<()> {
    let seconds = limits.processor_milliseconds.div_ceil(1000).max(1);
    // Not 0: that would still start a program of the host to which the memory is handed.
    limit(Resource::Core, 1)?;
    limit(Resource::Data, limits.memory_bytes.max(OWN_BYTES))?;
    limit(Resource::Fsize, limits.file_bytes)?;
    limit(Resource::Nofile, limits.open_files.into())?;
    limit(Resource::Memlock, LOCKED_BYTES)?;
    limit(Resource::Msgqueue, 0)?;
    // Of one process; of all together it is watched. One second more until it is killed, should it not heed the signal.
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 1) })?;
    Ok(())
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let value = rustix::process::getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}

fn give_up_privileges() -> io::Result<()> {
    // Not to be looked into by the program, which is the same user.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    for number in 0..64 {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // Beyond the last that this kernel has.
            Err(rustix::io::Errno::INVAL) if number > 0 => break,
            Err(error) => return Err(error.into()),
        }
    }
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}
