//! What stays forbidden whatever is seen: Landlock over the view, and a filter of system calls.

use super::missing;
use super::view::{HOME, TMPDIR, View};
use crate::outcome::Piece;
use crate::wire::Report;
use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter, sock_filter,
};
use std::collections::BTreeMap;

/// What is asked for; a kernel that has less enforces what it has, and the outcome says so.
const LANDLOCK: ABI = ABI::V6;

/// Puts Landlock in force; says how much of it.
pub(super) fn landlock(view: &View, network: bool) -> Result<String, Report> {
    let status = restrict(view, network).map_err(missing(Piece::Landlock, ""))?;
    match status {
        RulesetStatus::FullyEnforced => Ok("files, network, signals and abstract sockets".into()),
        RulesetStatus::PartiallyEnforced => Ok("what this kernel has of it".into()),
        RulesetStatus::NotEnforced => Err(Report::Missing(Piece::Landlock, "this kernel does not have it".into())),
    }
}

fn restrict(view: &View, network: bool) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_all(LANDLOCK);
    let read = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default().handle_access(all)?.scope(Scope::from_all(LANDLOCK))?;
    if !network {
        rules = rules.handle_access(AccessNet::from_all(LANDLOCK))?;
    }
    let own = ["/dev", TMPDIR, HOME];
    let created = rules
        .create()?
        .add_rules(path_beneath_rules(&view.readable, read))?
        .add_rules(path_beneath_rules(["/proc"], read))?
        // What is there at all, and on the way to what is given.
        .add_rules(path_beneath_rules(["/"], AccessFs::ReadDir))?
        .add_rules(path_beneath_rules(own, all))?
        .add_rules(path_beneath_rules(&view.writable, all))?;
    Ok(created.restrict_self()?.ruleset)
}

/// Forbidden: what makes other views or rights, looks into other processes, is of the whole system, or is a large part of the kernel that
/// programs rarely need.
const FORBIDDEN: [i64; 53] = [
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
    libc::SYS_fanotify_init,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_personality,
];

/// As if the kernel did not have them, so that programs take their other way: io_uring would pass the filter by; the flags of clone3 no
/// filter can see; the rest is memory that no limit of a process counts.
const ABSENT: [i64; 8] = [
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_clone3,
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_msgget,
];

const OPEN_TREE_ATTR: i64 = 467;
/// The first number that was given to no system call when this was written (Linux 6.18). What comes later is not there; neither are the
/// numbers of the x32 interface.
const FIRST_UNKNOWN: u32 = 470;
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Puts the filter in force, for this thread and all that it starts.
pub(super) fn seccomp(network: bool) -> Result<(), String> {
    let text = |error: seccompiler::Error| error.to_string();
    let failed = |error: seccompiler::BackendError| error.to_string();
    let sockets = sockets(network).map_err(failed)?;
    let forbidden = forbidden().map_err(failed)?;
    let absent: Rules = ABSENT.into_iter().map(|number| (number, Vec::new())).collect();
    for (rules, errno) in [(sockets, libc::EAFNOSUPPORT), (absent, libc::ENOSYS), (forbidden, libc::EPERM)] {
        apply_filter(&filter(rules, errno).map_err(failed)?).map_err(text)?;
    }
    apply_filter(&unknown()).map_err(text)
}

fn filter(rules: Rules, errno: i32) -> Result<BpfProgram, seccompiler::BackendError> {
    let refuse = SeccompAction::Errno(errno.cast_unsigned());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?.try_into()
}

fn forbidden() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = FORBIDDEN.into_iter().map(|number| (number, Vec::new())).collect();
    let with = |flag: &i32| {
        let flag = u64::from(flag.cast_unsigned());
        SeccompRule::new(vec![condition(0, SeccompCmpOp::MaskedEq(flag), flag)?])
    };
    rules.insert(libc::SYS_clone, NAMESPACES.iter().map(with).collect::<Result<_, _>>()?);
    // What would type into a terminal.
    let types = |request: u64| SeccompRule::new(vec![condition(1, SeccompCmpOp::Eq, request)?]);
    rules.insert(libc::SYS_ioctl, vec![types(libc::TIOCSTI)?, types(libc::TIOCLINUX)?]);
    Ok(rules)
}

/// No sockets but those of the internet, if granted, and pairs that lead nowhere else. A pair of datagrams could be sent elsewhere.
fn sockets(network: bool) -> Result<Rules, seccompiler::BackendError> {
    let other_than = |families: &[i32]| {
        let each = families.iter().map(|family| condition(0, SeccompCmpOp::Ne, u64::from(family.cast_unsigned())));
        SeccompRule::new(each.collect::<Result<_, _>>()?)
    };
    let of_kind = |kind: i32| {
        // The low bits; the others are flags.
        SeccompRule::new(vec![condition(1, SeccompCmpOp::MaskedEq(0xf), u64::from(kind.cast_unsigned()))?])
    };
    let socket = if network { vec![other_than(&[libc::AF_INET, libc::AF_INET6])?] } else { Vec::new() };
    let pair = vec![other_than(&[libc::AF_UNIX])?, of_kind(libc::SOCK_DGRAM)?, of_kind(libc::SOCK_RAW)?];
    Ok(BTreeMap::from([(libc::SYS_socket, socket), (libc::SYS_socketpair, pair)]))
}

fn condition(argument: u8, operation: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value)
}

/// In the kernel's own code, because the library compares numbers only with single ones.
fn unknown() -> BpfProgram {
    let step = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    vec![
        // The number is the first field of what a filter sees.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, FIRST_UNKNOWN),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_calls_of_later_kernels_and_of_x32_are_not_there() {
        let program = unknown();
        // Loads the number, compares it, and has one end for each.
        assert_eq!(program.iter().map(|step| step.code).collect::<Vec<_>>(), [0x20, 0x35, 0x06, 0x06]);
        let verdict = |number: u32| {
            let jump = &program[1];
            program[2 + usize::from(if number >= jump.k { jump.jt } else { jump.jf })].k
        };
        let absent = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
        for (number, want) in [
            (0, libc::SECCOMP_RET_ALLOW),
            (libc::SYS_openat2 as u32, libc::SECCOMP_RET_ALLOW),
            (469, libc::SECCOMP_RET_ALLOW),
            (470, absent),
            (0x4000_0000, absent),
            (u32::MAX, absent),
        ] {
            assert_eq!(verdict(number), want, "{number}");
        }
    }
}
