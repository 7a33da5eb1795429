//! What is said about a program is what it gets; what does not hold is refused before anything runs.

use crate::stage::{Stage, go, said, succeeds, try_run};
use libos_confine::{Absent, Access, Denied, End, Executable, Given, Piece, Place, Program, Refused, examine};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

#[test]
fn a_program_has_its_arguments_environment_directory_and_input_and_nothing_else() {
    let stage = Stage::new();
    let script = r#"echo "$0|$1|$PWD|$HOME|$TMPDIR"; cat; env | cut -d= -f1 | sort | tr '\n' ' '; echo e >&2; exit 7"#;
    let mut program = stage.program("/bin/sh", &["-c", script, "a b", "$(c)"]);
    program.arguments[0] = "renamed".into();
    program.environment.push(("HOME".into(), "/elsewhere".into()));
    program.stdin = b"input\n".to_vec();
    let outcome = go(&program);
    let work = stage.path("work");
    let want = format!("a b|$(c)|{}|/home/program|/tmp\ninput\nHOME PATH PWD TMPDIR ", work.display());
    assert_eq!(outcome.stdout.text(), want);
    assert_eq!((outcome.end, outcome.stderr.text().as_str(), outcome.stderr.cut), (End::Exited(7), "e\n", 0));
}

#[test]
fn more_input_than_a_pipe_holds_is_read_or_left() {
    let stage = Stage::new();
    let mut program = stage.shell("wc -c");
    program.stdin = vec![b'x'; 3 << 20];
    assert_eq!(succeeds(&program).trim(), (3 << 20).to_string());
    let mut program = stage.shell("exit 0");
    program.stdin = vec![b'x'; 3 << 20];
    succeeds(&program);
}

#[test]
fn home_and_temporary_files_are_its_own_and_gone_with_it() {
    let stage = Stage::new();
    succeeds(&stage.shell("echo a > $HOME/a && echo b > $TMPDIR/b && echo c > /dev/shm/c"));
    assert_eq!(
        succeeds(&stage.shell("ls -A $HOME $TMPDIR/b /dev/shm 2>/dev/null; :")),
        "/dev/shm:\n\n/home/program:\n"
    );
}

#[test]
fn all_pieces_are_in_force_and_told() {
    let stage = Stage::new();
    let outcome = go(&stage.shell(":"));
    let pieces: Vec<Piece> = outcome.enforced.iter().map(|enforced| enforced.piece).collect();
    for piece in [
        Piece::Supervisor,
        Piece::UserNamespace,
        Piece::Namespaces,
        Piece::ProcessLimit,
        Piece::View,
        Piece::Masks,
        Piece::Proc,
        Piece::ResourceLimits,
        Piece::NoPrivileges,
        Piece::Landlock,
        Piece::Seccomp,
    ] {
        assert!(pieces.contains(&piece), "{piece}: {pieces:?}");
    }
    assert_eq!(examine(&crate::stage::supervisor()).missing, None);
}

#[test]
fn a_machine_without_one_piece_refuses_by_name() {
    let rows = [
        ("echo 0 > /proc/sys/user/max_user_namespaces", "user namespace: "),
        ("echo 0 > /proc/sys/user/max_net_namespaces", "namespaces of mounts, processes, IPC, names and network: "),
        ("echo 0 > /proc/sys/user/max_pid_namespaces", "namespaces of mounts, processes, IPC, names and network: "),
        ("mount -t tmpfs none /dev", "root of what is given: /dev/null: "),
        // As containers do; then nobody may mount a whole one.
        ("mount -t tmpfs none /proc/irq", "proc of its own: "),
        ("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys", "limit of processes: "),
    ];
    for (before, piece) in rows {
        // In namespaces of its own, so that nothing is taken from anybody else.
        let script = format!("cp \"$0\" /mnt/confine && {before} && exec /mnt/confine");
        let output = Command::new("unshare")
            .args(["-Urm", "sh", "-c", &format!("mount -t tmpfs none /mnt && {script}")])
            .arg(env!("CARGO_BIN_EXE_libos-confine"))
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(said.contains(&format!("missing: this machine cannot confine programs: {piece}")), "{before}: {said}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_kernel_without_landlock_or_filters_refuses_by_name() {
    // A filter stands for such a kernel; what this thread starts has it, too.
    let without = |number: i64, first: Option<u64>, errno: i32, piece: Piece| {
        let is = |value| SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value).unwrap();
        let rule = first.map(|value| SeccompRule::new(vec![is(value)]).unwrap());
        let rules = BTreeMap::from([(number, rule.into_iter().collect())]);
        let refuse = SeccompAction::Errno(errno.cast_unsigned());
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap();
        std::thread::spawn(move || {
            let stage = Stage::new();
            apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
            let refused = try_run(&stage.shell("echo x > ran"));
            assert!(matches!(&refused, Err(Refused::Missing { piece: found, .. }) if *found == piece), "{refused:?}");
            assert!(!stage.path("work/ran").exists());
        })
        .join()
        .unwrap();
    };
    without(libc::SYS_landlock_create_ruleset, None, libc::ENOSYS, Piece::Landlock);
    without(libc::SYS_landlock_create_ruleset, None, libc::EOPNOTSUPP, Piece::Landlock);
    without(libc::SYS_seccomp, None, libc::ENOSYS, Piece::Seccomp);
    without(libc::SYS_pivot_root, None, libc::EPERM, Piece::View);
    without(libc::SYS_capset, None, libc::EPERM, Piece::NoPrivileges);
    without(libc::SYS_prctl, Some(libc::PR_CAPBSET_DROP.cast_unsigned().into()), libc::EPERM, Piece::NoPrivileges);
    without(libc::SYS_prctl, Some(libc::PR_SET_DUMPABLE.cast_unsigned().into()), libc::EPERM, Piece::NoPrivileges);
}

#[test]
fn a_stage_that_is_not_the_first_process_of_a_namespace_changes_nothing() {
    let before = fs::read("/proc/sys/kernel/pid_max").unwrap();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    // The order that a host gives; here it comes to the inner stage in the namespaces of the host.
    let stage = Stage::new();
    let order = order_of(&stage.shell("echo x > made"));
    std::io::Write::write_all(&mut &ours, &order).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_libos-confine"))
        .args([libos_confine::SUPERVISE_VERB, "inner"])
        .stdin(std::os::fd::OwnedFd::from(theirs))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let mut said = Vec::new();
    std::io::Read::read_to_end(&mut &ours, &mut said).unwrap();
    assert!(String::from_utf8_lossy(&said).contains("not the first process"), "{}", String::from_utf8_lossy(&said));
    assert_eq!(fs::read("/proc/sys/kernel/pid_max").unwrap(), before);
    assert!(!stage.path("work/made").exists());
}

/// What a host says to its supervisor, heard by a script in its place.
fn order_of(program: &Program) -> Vec<u8> {
    let stage = Stage::new();
    let script = stage.path("work/hear");
    let heard = stage.path("work/heard");
    // A whole message: eight bytes of length, and what it says.
    fs::write(&script, format!("#!/usr/bin/perl\nread(STDIN, $l, 8); read(STDIN, $m, unpack('Q>', $l)); open(F, '>', '{}'); print F $l, $m;\n", heard.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let refused =
        libos_confine::run(&libos_confine::Supervisor::at(&script), program, &libos_confine::Cancel::default());
    assert!(refused.is_err());
    fs::read(heard).unwrap()
}

#[test]
fn a_user_without_rights_confines_as_well() {
    if !rustix::process::geteuid().is_root() {
        return println!("the other tests say so");
    }
    let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let output = Command::new("setpriv").args(user).arg(env!("CARGO_BIN_EXE_libos-confine")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("limit of processes: by its user namespace"), "{said}");
}

#[test]
fn a_binary_that_does_not_confine_is_no_supervisor() {
    let stage = Stage::new();
    let refused = libos_confine::run(
        &libos_confine::Supervisor::at("/bin/true"),
        &stage.shell("echo x > made"),
        &libos_confine::Cancel::default(),
    );
    assert!(matches!(refused, Err(Refused::Missing { piece: Piece::Supervisor, .. })), "{refused:?}");
    assert!(!stage.path("work/made").exists());
}

#[track_caller]
fn refused(program: &Program, word: &str) {
    match try_run(program) {
        Err(Refused::Description(why) | Refused::NotStarted(why)) => assert!(why.contains(word), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_hold_is_refused_by_name() {
    let stage = Stage::new();
    let with = |change: &dyn Fn(&mut Program)| {
        let mut program = stage.shell("echo x > ran");
        change(&mut program);
        program
    };
    let given = |path: &Path| Given { place: Place::at(path).unwrap(), access: Access::Read };
    refused(&with(&|p| p.given.push(given(Path::new("/")))), "below the root");
    refused(&with(&|p| p.given.push(given(Path::new("/tmp")))), "one of its own");
    refused(&with(&|p| p.given.push(given(Path::new("/proc/1")))), "one of its own");
    refused(&with(&|p| p.given.push(given(&stage.path("work/secret")))), "it is given, and denied");
    refused(&with(&|p| p.directory = Some(Place::at(&stage.path("outside")).unwrap())), "working directory");
    refused(&with(&|p| p.denied.push(stage.denied("work/absent"))), "cannot be masked");
    refused(&with(&|p| p.arguments.push("a\0b".into())), "zero byte");
    refused(&with(&|p| p.environment.push(("A=B".into(), "c".into()))), "no name");
    symlink("hello", stage.path("work/link")).unwrap();
    refused(&with(&|p| p.denied.push(stage.denied("work/link"))), "by a link");
    fs::hard_link(stage.path("work/token"), stage.path("work/alias")).unwrap();
    refused(&with(&|_| {}), "has other names");
    fs::remove_file(stage.path("work/alias")).unwrap();
    fs::copy("/bin/true", stage.path("outside/true")).unwrap();
    let outside = Executable::resolve(&stage.path("outside/true")).unwrap();
    refused(&with(&|p| p.executable = outside.clone()), "is not in what the program is given");
    assert!(!stage.path("work/ran").exists());
}

#[test]
fn a_name_that_is_denied_and_absent_is_told_if_it_appears() {
    let stage = Stage::new();
    let mut program = stage.shell("echo x > absent");
    program.denied.push(Denied { path: stage.path("work/absent"), absent: Absent::Report });
    program.denied.push(Denied { path: stage.path("work/other"), absent: Absent::Report });
    assert_eq!(go(&program).appeared, [stage.path("work/absent")]);
}

#[test]
fn what_was_resolved_is_what_is_started_and_given() {
    let stage = Stage::new();
    let tool = stage.path("work/tool");
    let write = |path: &Path, text: &str| {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write(&tool, "#!/bin/sh\necho one\n");
    let program = stage.program(tool.to_str().unwrap(), &[]);
    assert_eq!(succeeds(&program), "one\n");
    write(&stage.path("work/other"), "#!/bin/sh\necho two\n");
    fs::rename(stage.path("work/other"), &tool).unwrap();
    refused(&program, "another file");
    let mut program = stage.shell("cat hello");
    program.denied.clear();
    fs::rename(stage.path("work"), stage.path("moved")).unwrap();
    fs::create_dir(stage.path("work")).unwrap();
    refused(&program, "something else is there");
}

#[test]
fn a_place_is_where_its_handle_leads_or_nothing() {
    let stage = Stage::new();
    let handle = fs::File::open(stage.path("work")).unwrap();
    assert_eq!(Place::of_handle(&handle).unwrap(), Place::at(&stage.path("work")).unwrap());
    fs::rename(stage.path("work"), stage.path("moved")).unwrap();
    assert_eq!(Place::of_handle(&handle).unwrap().path, stage.path("moved"));
    fs::remove_dir_all(stage.path("moved")).unwrap();
    assert!(Place::of_handle(&handle).is_err());
    assert!(Executable::resolve(Path::new("sh")).is_err());
    assert!(Executable::resolve(&stage.path("outside")).is_err());
}

#[test]
fn a_program_that_cannot_be_started_is_refused_with_its_reason() {
    let stage = Stage::new();
    refused(&stage.program(stage.path("work/hello").to_str().unwrap(), &[]), "ermission denied");
}

#[test]
fn the_output_of_a_program_is_its_own_and_not_the_supervisors() {
    let stage = Stage::new();
    assert_eq!(said(&go(&stage.shell(":"))), "");
}
