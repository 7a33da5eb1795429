//! The outer stage: has one thread, makes the namespaces, starts the inner stage as the first process in them, and ends with it.

#![expect(clippy::disallowed_methods, reason = "it starts this binary again and writes what its user namespace maps")]

use crate::outcome::Piece;
use crate::wire::{INNER, Report, say};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Signal, getegid, geteuid, set_parent_process_death_signal, setsid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, configure_capability_in_ambient_set, set_capabilities,
    set_thread_groups, unshare_unsafe,
};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// What a program is inside if the host is the system's root: its files are the host's all the same, and it is told that it is nobody
/// special.
const INSTEAD_OF_ROOT: u32 = 1000;
/// What the inner stage needs to build what is seen, and to give up the rest.
const NEEDED: [CapabilitySet; 2] = [CapabilitySet::SYS_ADMIN, CapabilitySet::SETPCAP];

/// The whole stage. Its standard input is the socket to the host.
pub(crate) fn main(own_network: bool) -> ExitCode {
    let Ok(socket) = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) else {
        return ExitCode::FAILURE;
    };
    // In a session of its own no signal of a terminal reaches it. Where the two are forbidden, the inner stage still ends with the socket.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let _ = setsid();
    match enter(own_network).and_then(|()| start_inner()) {
        Ok(()) => ExitCode::SUCCESS,
        Err((piece, error)) => {
            // Nobody listens: nobody wants to know.
            let _ = say(&socket, &Report::Missing(piece, error.to_string()));
            ExitCode::FAILURE
        }
    }
}

type Missing = (Piece, io::Error);

fn missing<E: Into<io::Error>>(piece: Piece) -> impl Fn(E) -> Missing {
    move |error| (piece, error.into())
}

fn enter(own_network: bool) -> Result<(), Missing> {
    keep_no_descriptor().map_err(missing(Piece::Supervisor))?;
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    // Only the system's root may leave its groups; of others they count where a file is seen at all.
    let _ = set_thread_groups(&[]);
    unshare(UnshareFlags::NEWUSER).map_err(missing(Piece::UserNamespace))?;
    map(user, group).map_err(missing(Piece::UserNamespace))?;
    let mut flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    flags.set(UnshareFlags::NEWNET, own_network);
    unshare(flags).map_err(missing(Piece::Namespaces))?;
    hand_on_capabilities().map_err(missing(Piece::NoPrivileges))
}

fn unshare(flags: UnshareFlags) -> io::Result<()> {
    #[expect(
        unsafe_code,
        reason = "rustix has no other way since a flag of this call can take descriptors from other threads"
    )]
    // SAFETY: the flag that separates descriptors is never among these, and the process has one thread.
    let made = unsafe { unshare_unsafe(flags) };
    Ok(made?)
}

/// Marks every descriptor but the three, so that none that the host left open reaches what is started.
fn keep_no_descriptor() -> io::Result<()> {
    let numbers: Vec<RawFd> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in numbers {
        #[expect(unsafe_code, reason = "a descriptor that nobody here has opened has a number and no owner")]
        // SAFETY: the process has one thread, so nothing is closed meanwhile; it is only marked, and only for this statement.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        match fcntl_setfd(descriptor, FdFlags::CLOEXEC) {
            // The one of the listing itself is closed.
            Ok(()) | Err(rustix::io::Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn map(user: u32, group: u32) -> io::Result<()> {
    let inside = |number: u32| if user == 0 { INSTEAD_OF_ROOT } else { number };
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{} {user} 1", inside(user)))?;
    fs::write("/proc/self/gid_map", format!("{} {group} 1", inside(group)))
}

/// What is started next is not root inside, so it has only what is handed on so.
fn hand_on_capabilities() -> io::Result<()> {
    let [one, other] = NEEDED;
    let needed = one | other;
    set_capabilities(None, CapabilitySets { effective: needed, permitted: needed, inheritable: needed })?;
    for capability in NEEDED {
        configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

fn start_inner() -> Result<(), Missing> {
    let mut inner = Command::new("/proc/self/exe");
    inner.arg0("libos-confine").args([crate::SUPERVISE_VERB, INNER]).env_clear().stdin(Stdio::inherit());
    // The kernel shows the end of the first process of a pid namespace only when no other process is left in it.
    inner.status().map(drop).map_err(missing(Piece::Supervisor))
}
