//! Components from outside are compiled in a child process with limits, which is this binary with a hidden verb.

#![expect(clippy::disallowed_methods, reason = "the tests look at what a host leaves behind")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hostile;

use hostile::{Other, blocks, divisions, jumps, nested, nothing, of_functions, of_modules};
use libos::{CallEvent, Compile, CompileError, CompileLimits, Config, RuntimeError};
use libos_e2e::{Host, OPEN, guest};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// What tests allow: little time, and no more memory than the hosts of people give.
const LIMITS: CompileLimits = CompileLimits {
    address_space_bytes: 2 << 30,
    processor_time: Duration::from_secs(60),
    wall_time: Duration::from_secs(180),
    code_bytes: 256 << 20,
};

fn in_child(limits: CompileLimits) -> impl FnOnce(&mut Config) {
    move |config| {
        config.compile = Compile::Child(PathBuf::from(env!("CARGO_BIN_EXE_libos")));
        config.compile_limits = limits;
    }
}

/// What is left behind is looked at by process, so the tests of this one go one after the other.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Adds a component that must be refused; the host answers another call meanwhile, and leaves nothing behind.
async fn refused(host: &Host, what: &str, component: Vec<u8>) -> RuntimeError {
    let (added, _) = tokio::join!(host.runtime.add_component(component, None, false), host.done("noop", json!({})));
    let error = added.err().unwrap_or_else(|| panic!("{what} was added"));
    assert_eq!(children(), Vec::<String>::new(), "{what}");
    assert_eq!(left_behind(), Vec::<PathBuf>::new(), "{what}");
    error
}

/// Children of this process, ended or not.
fn children() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default()
    };
    tasks.map(of).flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Working directories of compilers of this process.
fn left_behind() -> Vec<PathBuf> {
    let ours = format!("libos-compile-{}-", std::process::id());
    let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&ours)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_component_is_refused_within_its_limits_and_others_go_on() {
    let _alone = ALONE.lock().await;
    let host = Host::with_config(OPEN, &["noop"], in_child(LIMITS)).await;
    let many = |count: usize| std::iter::repeat_with(nothing).take(count);
    let custom = |name: &str, size: usize| Other { custom: vec![(name.into(), size)], ..Other::default() };
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("100,001 functions", of_functions(many(100_001), Other::default()), "it has 100001 functions, at most 100000"),
        (
            "a huge function",
            of_functions([divisions(200_000)], Other::default()),
            "bytes in one function, at most 1048576",
        ),
        ("a huge jump", of_functions([jumps(1, 70_000)], Other::default()), "br_table"),
        ("a name of 5 MB", of_functions([nothing()], Other { export_name: 5 << 20, ..Other::default() }), "damaged"),
        ("components in components", nested(40), "components within each other, at most 16"),
        ("many modules", of_modules(1_001), "modules and components, at most 1000"),
        ("many exports", of_functions([nothing()], Other { exports: 200_001, ..Other::default() }), "at most 200000"),
        (
            "much data",
            of_functions([nothing()], Other { data_segments: 200_001, ..Other::default() }),
            "at most 200000",
        ),
        ("bytes", of_functions([nothing()], custom("x", 65 << 20)), "bytes, at most 67108864"),
        // These are compiled, and fit nothing.
        (
            "4 GiB of memory",
            of_functions([nothing()], Other { memory_pages: 65_536, ..Other::default() }),
            "does not fit",
        ),
        ("a large table", of_functions([nothing()], Other { table_elements: 9_000_000, ..Other::default() }), "table"),
        ("5 MB of names", of_functions([nothing()], custom("name", 5 << 20)), "does not fit"),
        ("20,000 functions", of_functions(many(20_000), Other::default()), "does not fit"),
        ("blocks in blocks", of_functions([blocks(3_000, 10)], Other::default()), "does not fit"),
        ("many jumps", of_functions([jumps(10, 60_000)], Other::default()), "does not fit"),
    ];
    for (what, component, expected) in rows {
        let error = refused(&host, what, component).await;
        let RuntimeError::Component(error) = error else { panic!("{what}: {error:?}") };
        assert!(error.to_string().contains(expected), "{what}: {error}");
        assert!(error.to_string().len() < 1_000, "{what}: {error}");
    }
    // Work for minutes and gigabytes, each in bounds of its own.
    let bomb = || of_functions(std::iter::repeat_with(|| divisions(60_000)).take(60), Other::default());
    type Expected = fn(&CompileError) -> bool;
    let rows: [(&str, CompileLimits, Expected); 4] = [
        ("processor time", CompileLimits { processor_time: Duration::from_secs(1), ..LIMITS }, |error| {
            matches!(error, CompileError::TooSlow { of: "of processor time", .. })
        }),
        ("wall time", CompileLimits { wall_time: Duration::from_millis(300), ..LIMITS }, |error| {
            matches!(error, CompileError::TooSlow { of: "in all", .. })
        }),
        ("memory", CompileLimits { address_space_bytes: 256 << 20, ..LIMITS }, |error| {
            matches!(error, CompileError::TooLarge { .. })
        }),
        ("code", CompileLimits { code_bytes: 1 << 10, ..LIMITS }, |error| {
            matches!(error, CompileError::CodeTooLarge { .. })
        }),
    ];
    for (what, limits, expected) in rows {
        let host = Host::with_config(OPEN, &[], in_child(limits)).await;
        host.runtime.add_component(guest("noop"), None, true).await.unwrap();
        let component = if what == "code" { of_functions([divisions(1_000)], Other::default()) } else { bomb() };
        let error = refused(&host, what, component).await;
        let RuntimeError::Compile(error) = error else { panic!("{what}: {error:?}") };
        assert!(expected(&error), "{what}: {error:?}");
    }
}

/// A program in place of the compiler, and what is said of it.
async fn with_program(program: &Path) -> String {
    let program = program.to_owned();
    let host = Host::with_config(OPEN, &[], |config| {
        config.compile = Compile::Child(program);
        config.compile_limits = CompileLimits { code_bytes: 1 << 20, ..LIMITS };
    });
    let error = host.await.runtime.add_component(guest("noop"), None, false).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Compile(_)), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn nothing_is_compiled_here_when_the_compiler_cannot_be_used() {
    let _alone = ALONE.lock().await;
    let rows = [
        ("/nonexistent/compiler", "cannot be used: /nonexistent/compiler: it cannot be started"),
        ("/bin/false", "ended without an answer (exit status: 1)"),
        ("/bin/true", "ended without an answer (exit status: 0)"),
        ("/bin/yes", "more than 1 MiB"),
    ];
    for (program, expected) in rows {
        let said = with_program(Path::new(program)).await;
        assert!(said.contains(expected), "{program}: {said}");
    }
}

#[tokio::test]
async fn the_compiler_has_no_environment_and_no_directory() {
    let _alone = ALONE.lock().await;
    let script = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("look-around");
    // It is given something to read when its directory is gone.
    let text = "#!/bin/sh\nread -r x; exec 1>&2; echo cargo=$CARGO_MANIFEST_DIR home=$HOME; /bin/readlink /proc/self/cwd; \
                echo x > made; exit 3\n";
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o700)).unwrap();
    let said = with_program(&script).await;
    assert!(said.contains("(deleted)") && said.contains("exit status: 3"), "{said}");
    assert!(said.contains("cargo= home=\\n"), "it has an environment: {said}");
    assert!(said.contains("made"), "a file could be made in its directory: {said}");
}

#[test]
fn the_compiler_limits_itself_before_it_reads() {
    let _alone = ALONE.blocking_lock();
    let mut child = Command::new(env!("CARGO_BIN_EXE_libos"))
        .args([libos::COMPILE_VERB, "1073741824", "7"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let about = |what: &str| std::fs::read_to_string(format!("/proc/{}/{what}", child.id())).unwrap();
    let begun = Instant::now();
    let limits = loop {
        let limits = about("limits").split_whitespace().collect::<Vec<_>>().join(" ");
        if limits.contains("Max processes 0 0") || begun.elapsed() > Duration::from_secs(60) {
            break limits;
        }
        std::thread::yield_now();
    };
    for expected in [
        "Max cpu time 7 8 seconds",
        "Max file size 0 0 bytes",
        "Max core file size 0 0 bytes",
        "Max processes 0 0 processes",
        "Max open files 3 3 files",
        "Max address space 1073741824 1073741824 bytes",
    ] {
        assert!(limits.contains(expected), "no {expected} in {limits}");
    }
    assert!(about("status").contains("NoNewPrivs:\t1"), "{}", about("status"));
    // The other end goes: it does not wait for more.
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[tokio::test]
async fn a_call_whose_compiled_code_is_gone_is_compiled_in_the_child_again() {
    let _alone = ALONE.lock().await;
    let forget = |root: &Path| {
        for entry in std::fs::read_dir(root.join("data/code")).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    };
    let host = Host::with_config(OPEN, &["noop"], in_child(LIMITS)).await;
    let without = |config: &mut Config| config.compile = Compile::Child("/bin/false".into());
    let host = host.restart_with(|_| {}, without).await;
    host.done("noop", json!({})).await;
    let host = host.restart_with(forget, without).await;
    // That is no end of the call: it can go on where there is a compiler.
    match host.call("noop", json!({})).await {
        CallEvent::Interrupted(why) => assert!(why.contains("the compiler ended without an answer"), "{why}"),
        other => panic!("{other:?}"),
    }
    let host = host.restart_with(|_| {}, in_child(LIMITS)).await;
    host.done("noop", json!({})).await;
}

#[test]
fn the_hidden_verb_is_not_in_the_help_and_says_what_it_is_for() {
    let _alone = ALONE.blocking_lock();
    let run = |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_libos")).args(arguments).output().unwrap();
    assert!(!String::from_utf8_lossy(&run(&["--help"]).stdout).contains(libos::COMPILE_VERB));
    let output = run(&[libos::COMPILE_VERB]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("started by a host"), "{output:?}");
}

/// A compiler that never ends by itself.
fn endless(name: &str) -> PathBuf {
    let script = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&script, "#!/bin/sh\nwhile :; do :; done\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o700)).unwrap();
    script
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_compiled_already_waits_for_no_compiler_and_a_close_ends_them() {
    let _alone = ALONE.lock().await;
    let host = Host::with_config(OPEN, &["noop"], in_child(LIMITS)).await;
    let compiler = Compile::Child(endless("endless"));
    let host = host.restart_with(|_| {}, |config| config.compile = compiler).await;
    let adds: Vec<_> = ["two_writes", "word_count", "ask"]
        .map(|name| {
            let runtime = std::sync::Arc::clone(&host.runtime);
            tokio::task::spawn(async move { runtime.add_component(guest(name), None, false).await })
        })
        .into();
    while children().len() < 2 {
        tokio::task::yield_now().await;
    }
    host.done("noop", json!({})).await;
    assert_eq!(children().len(), 2, "there are turns");
    for add in &adds {
        add.abort();
    }
    // Nobody wants them any more, long before their time is over.
    let begun = Instant::now();
    while !children().is_empty() {
        assert!(begun.elapsed() < LIMITS.wall_time / 2, "the compilers go on");
        tokio::task::yield_now().await;
    }
}
