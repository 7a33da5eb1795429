//! What of the host and its machine a program reaches: nothing but what it was given.

use crate::stage::{CANARY, Stage, go, said, succeeds};
use libos_confine::{Access, End, Given, Place};
use rustix::io::{FdFlags, fcntl_setfd};
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::Command;

#[test]
fn only_what_is_given_is_there() {
    let stage = Stage::new();
    let root = succeeds(&stage.shell("ls -A /; ls -A /root /var /home /sys /etc/shadow /run 2>/dev/null; :"));
    for name in ["root", "var", "sys", "run", "boot", "opt", "srv", "mnt", "shadow"] {
        assert!(!root.lines().any(|line| line == name), "{name}: {root}");
    }
    for name in ["home", "tmp", "usr", "proc", "dev"] {
        assert!(root.lines().any(|line| line == name), "{name}: {root}");
    }
    assert_eq!(succeeds(&stage.shell(&format!("ls {}", stage.path("").display()))), "work\n");
    assert!(!succeeds(&stage.shell("ls -A /etc; cat /etc/shadow 2>/dev/null; :")).contains("shadow"));
}

#[test]
fn denied_subtrees_and_files_are_masked() {
    let stage = Stage::new();
    let script = "cat token secret/kept deep/secret/kept; ls secret deep/secret; cp -r . /tmp/copy; cat /tmp/copy/*; \
                  chmod 777 secret token; cat token; find . -name kept -o -name '*' -type f -exec cat {} +; \
                  echo x > token; echo x > secret/new; rm -rf secret deep token; rmdir secret; ln token hard; ln secret/kept hard; \
                  mv token moved; mv secret moved; cat moved hard; cat hello";
    let outcome = go(&stage.shell(script));
    assert!(!said(&outcome).contains(CANARY), "{}", said(&outcome));
    stage.assert_untouched("masks");
}

#[test]
fn what_is_denied_cannot_be_carried_to_another_name() {
    let stage = Stage::new();
    go(&stage.shell("mv deep elsewhere; mv work ../x; echo done"));
    let outcome = go(&stage.shell("cat elsewhere/secret/kept; cat deep/secret/kept"));
    assert!(!said(&outcome).contains(CANARY), "{}", said(&outcome));
    stage.assert_untouched("another name");
}

#[test]
fn a_directory_that_is_given_to_read_is_not_changed() {
    let stage = Stage::new();
    let mut program =
        stage.shell("cat hello; echo x > hello; echo x > new; rm hello; chmod 777 hello; touch hello; mkdir d; :");
    program.given[0].access = Access::Read;
    let outcome = go(&program);
    assert_eq!(outcome.stdout.text(), "hello\n");
    assert_eq!(stage.text("work/hello"), "hello\n");
    assert_eq!(fs::read_dir(stage.path("work")).unwrap().count(), 4);
    // In one that is given to write below it things can be changed.
    program = stage.shell("echo x > deep/new; echo x > new");
    program.given[0].access = Access::Read;
    program.given.push(Given { place: Place::at(&stage.path("work/deep")).unwrap(), access: Access::Write });
    go(&program);
    assert!(stage.path("work/deep/new").exists() && !stage.path("work/new").exists());
}

/// Not a test by itself: what the next one does where something is mounted in what is given.
#[test]
#[ignore = "started by the next one"]
fn a_mount_in_what_is_given() {
    let stage = Stage::new();
    fs::create_dir(stage.path("work/moun ted")).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "none"]).arg(stage.path("work/moun ted")).status().unwrap();
    assert!(mounted.success());
    fs::write(stage.path("work/moun ted/a"), "there\n").unwrap();
    let mut program = stage.shell("cat moun*/a; echo x > 'moun ted/a'; echo x > 'moun ted/new'; cat secret/kept");
    program.given[0].access = Access::Read;
    let outcome = go(&program);
    assert_eq!(outcome.stdout.text(), "there\n", "{}", said(&outcome));
    assert_eq!(stage.text("work/moun ted/a"), "there\n");
    assert!(!stage.path("work/moun ted/new").exists());
    // Else its directory could not be removed.
    assert!(Command::new("umount").arg(stage.path("work/moun ted")).status().unwrap().success());
    println!("it is as it was");
}

#[test]
fn a_mount_inside_of_what_is_given_to_read_is_not_changed() {
    let test = std::env::current_exe().unwrap();
    let output = Command::new("unshare")
        .args(["-Urm"])
        .arg(test)
        .args(["--exact", "reach::a_mount_in_what_is_given", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("it is as it was"), "{said}");
}

#[test]
fn the_hosts_environment_and_descriptors_are_not_there() {
    let stage = Stage::new();
    let leaked = fs::File::open(stage.path("outside/kept")).unwrap();
    fcntl_setfd(&leaked, FdFlags::empty()).unwrap();
    let fds = succeeds(
        &stage.shell("cd /proc/self/fd; for f in *; do readlink $f; done; cat /proc/*/environ 2>/dev/null; :"),
    );
    assert!(!fds.contains(CANARY) && !fds.contains("outside"), "{fds}");
    assert!(!fds.contains("CARGO"), "the host's environment: {fds}");
    let open = succeeds(&stage.shell("ls /proc/self/fd | tr '\\n' ' '"));
    assert_eq!(open, "0 1 2 3 ", "the last is the listing itself");
}

#[test]
fn every_namespace_is_its_own() {
    let stage = Stage::new();
    for kind in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] {
        let host = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
        let said = succeeds(&stage.shell(&format!("readlink /proc/self/ns/{kind}")));
        assert!(said.starts_with(&format!("{kind}:[")) && said.trim() != host.to_str().unwrap(), "{said}");
    }
}

#[test]
fn other_processes_are_not_there() {
    let stage = Stage::new();
    let pids = succeeds(&stage.shell("ls /proc | grep -c '^[0-9]'; kill -0 $1 2>/dev/null && echo seen; echo $PPID"));
    let mut lines = pids.lines();
    assert!(lines.next().unwrap().parse::<u32>().unwrap() <= 4, "{pids}");
    assert_eq!(lines.next(), Some("1"), "{pids}");
    let kernel = "cat /proc/sys/kernel/hostname /proc/kcore /proc/cmdline /proc/mounts /proc/keys 2>/dev/null | wc -l; ls /proc/sys /sys 2>/dev/null";
    let said = succeeds(&stage.shell(&format!("{kernel}; :")));
    assert!(!said.contains("kernel"), "{said}");
}

#[test]
fn what_only_landlock_forbids_is_forbidden() {
    let stage = Stage::new();
    // The kernel would let a process make itself the first to be ended for want of memory; it is no file that was given.
    let outcome = go(&stage.shell("cat /proc/self/oom_score_adj > /dev/null && echo 1 > /proc/self/oom_score_adj"));
    assert_ne!(outcome.end, End::Exited(0));
    assert!(said(&outcome).contains("ermission denied"), "{}", said(&outcome));
}

#[test]
fn sockets_of_the_host_are_out_of_reach() {
    let stage = Stage::new();
    // In the very directory that it may write, so that only the filter is in the way.
    let listener = UnixListener::bind(stage.path("work/socket")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let script = "use Socket; socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die qq(no socket: $!\\n); \
                  connect($s, pack_sockaddr_un('socket')) and print 'connected'";
    let outcome = go(&stage.program("/usr/bin/perl", &["-e", script]));
    assert!(said(&outcome).contains("no socket: Address family not supported"), "{}", said(&outcome));
    assert!(listener.accept().is_err());
    let pairs = "use Socket; socketpair(my $a, my $b, PF_UNIX, SOCK_STREAM, 0) and print 'stream '; \
                 socketpair(my $c, my $d, PF_UNIX, SOCK_DGRAM, 0) and print 'datagram'";
    assert_eq!(succeeds(&stage.program("/usr/bin/perl", &["-e", pairs])), "stream ");
}

#[test]
fn the_network_is_there_only_if_granted() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!("echo secret > /dev/tcp/127.0.0.1/{port}");
    let mut program = stage.program("/bin/bash", &["-c", &script]);
    let outcome = go(&program);
    assert_ne!(outcome.end, End::Exited(0));
    assert!(listener.accept().is_err());
    program.network = true;
    succeeds(&program);
    let mut text = String::new();
    let (mut connection, _) = listener.accept().unwrap();
    connection.set_nonblocking(false).unwrap();
    connection.read_to_string(&mut text).unwrap();
    assert_eq!(text, "secret\n");
}

#[test]
fn system_calls_that_lead_out_are_refused() {
    let stage = Stage::new();
    // Number, arguments, the error: 1 is not permitted, 38 is not there, 97 is no such family.
    let rows: [(&str, i64, &str, i32); 22] = [
        ("unshare(CLONE_NEWUSER)", libc::SYS_unshare, "0x10000000", 1),
        ("clone(CLONE_NEWUSER)", libc::SYS_clone, "0x10000011,0,0,0,0", 1),
        ("clone(CLONE_NEWNET)", libc::SYS_clone, "0x40000011,0,0,0,0", 1),
        ("clone3", libc::SYS_clone3, "0,0", 38),
        ("mount", libc::SYS_mount, "0,0,0,0,0", 1),
        ("umount", libc::SYS_umount2, "0,0", 1),
        ("open_tree", libc::SYS_open_tree, "0,0,0", 1),
        ("open_tree_attr", 467, "0,0,0,0,0", 1),
        ("setns", libc::SYS_setns, "0,0", 1),
        ("ptrace(TRACEME)", libc::SYS_ptrace, "0,0,0,0", 1),
        ("process_vm_readv", libc::SYS_process_vm_readv, "1,0,0,0,0,0", 1),
        ("keyctl", libc::SYS_keyctl, "0,0,0", 1),
        ("bpf", libc::SYS_bpf, "0,0,0", 1),
        ("userfaultfd", libc::SYS_userfaultfd, "0", 1),
        ("io_uring_setup", libc::SYS_io_uring_setup, "1,0", 38),
        ("memfd_create", libc::SYS_memfd_create, "0,0", 38),
        ("socket(AF_UNIX)", libc::SYS_socket, "1,1,0", 97),
        ("socket(AF_INET)", libc::SYS_socket, "2,1,0", 97),
        ("socket(AF_NETLINK)", libc::SYS_socket, "16,3,0", 97),
        ("ioctl(TIOCSTI)", libc::SYS_ioctl, "0,0x5412,0", 1),
        ("of a later kernel", 999, "0", 38),
        ("of x32", 0x4000_0000 + 39, "0", 38),
    ];
    for (name, number, arguments, errno) in rows {
        let script = format!("$! = 0; my $r = syscall({number},{arguments}); print $r, ' ', $!+0");
        let said = succeeds(&stage.program("/usr/bin/perl", &["-e", &script]));
        assert_eq!(said, format!("-1 {errno}"), "{name}");
    }
}

#[test]
fn the_network_is_that_of_the_internet_and_no_other() {
    let stage = Stage::new();
    for (family, want) in [
        (libc::AF_INET, "made"),
        (libc::AF_INET6, "made"),
        (libc::AF_UNIX, "97"),
        (libc::AF_NETLINK, "97"),
        (libc::AF_VSOCK, "97"),
        (libc::AF_ALG, "97"),
    ] {
        let script = format!("my $r = syscall({},{family},2,0); print $r >= 0 ? 'made' : $!+0", libc::SYS_socket);
        let mut program = stage.program("/usr/bin/perl", &["-e", &script]);
        program.network = true;
        assert_eq!(succeeds(&program), want, "{family}");
    }
}

#[test]
fn no_program_gains_rights() {
    let stage = Stage::new();
    let said = succeeds(&stage.shell("grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp:' /proc/self/status; id -u; su -c id 2>/dev/null < /dev/null; :"));
    for line in said.lines().filter(|line| line.starts_with("Cap")) {
        assert!(line.ends_with("\t0000000000000000"), "{line}");
    }
    assert!(said.contains("NoNewPrivs:\t1") && said.contains("Seccomp:\t2"), "{said}");
    assert!(!said.contains("uid=") && !said.lines().any(|line| line == "0"), "{said}");
}
