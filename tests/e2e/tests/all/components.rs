//! What is no tool of this world: a clear error, and nothing is added.

use libos_e2e::{Host, OPEN, guest};
use std::path::Path;

#[tokio::test]
async fn what_is_no_tool_is_refused_with_a_reason() {
    let host = Host::new(OPEN, &[]).await;
    let good = guest("noop");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].fill(0xff);
    let mut other_version = guest("every_import");
    replace(&mut other_version, b"libos:runtime/fs@0.1.0", b"libos:runtime/fs@9.9.9");
    let mut other_import = guest("every_import");
    replace(&mut other_import, b"libos:runtime/fs@0.1.0", b"other:runtime/fs@0.1.0");
    let mut other_export = good.clone();
    replace(&mut other_export, b"describe", b"describf");
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), "not WebAssembly"),
        ("text", b"hello".to_vec(), "not WebAssembly"),
        ("a core module", b"\0asm\x01\0\0\0".to_vec(), "core module"),
        ("a program", b"\x7fELF\x02\x01\x01".to_vec(), "machine code"),
        ("half of it", good[..good.len() / 2].to_vec(), "damaged or cut short"),
        ("noise in it", flipped, "damaged or cut short"),
        ("another version", other_version, "libos:runtime/fs@9.9.9"),
        ("another package", other_import, "other:runtime/fs@0.1.0"),
        ("a missing export", other_export, "describe"),
        ("imports while it describes itself", guest("describe_reads"), "describe-imports"),
    ];
    for (what, bytes, text) in rows {
        let error = host.runtime.add_component(bytes, None, false).await.expect_err(what).to_string();
        assert!(error.contains(text), "{what}: {error}");
    }
    assert!(host.runtime.kernel().tools().is_empty());
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let mut found = 0;
    for start in 0..bytes.len() - from.len() {
        if &bytes[start..start + from.len()] == from {
            bytes[start..start + from.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0);
}

#[tokio::test]
async fn a_name_of_a_standard_tool_is_not_taken_and_one_tool_can_be_renamed() {
    let host = Host::new(OPEN, &[]).await;
    let runtime = &host.runtime;
    runtime.add_component(guest("basics"), None, true).await.unwrap();
    let error = runtime.add_component(guest("noop"), Some("echo".into()), false).await.unwrap_err().to_string();
    assert!(error.contains("standard tool"), "{error}");
    runtime.add_component(guest("noop"), Some("nothing".into()), false).await.unwrap();
    host.done("nothing", serde_json::json!({})).await;
}

/// Something that somebody does to two files of compiled code.
type Deed = fn(&Path, &Path);

#[tokio::test]
async fn compiled_code_that_was_changed_is_not_run() {
    let rows: [(&str, Deed); 8] = [
        ("one bit", |one, _| {
            let mut bytes = std::fs::read(one).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(one, bytes).unwrap();
        }),
        ("two swapped", |one, other| {
            let bytes = std::fs::read(one).unwrap();
            std::fs::copy(other, one).unwrap();
            std::fs::write(other, bytes).unwrap();
        }),
        ("cut short", |one, _| {
            let bytes = std::fs::read(one).unwrap();
            std::fs::write(one, &bytes[..bytes.len() - 1]).unwrap();
        }),
        ("nothing in it", |one, _| std::fs::write(one, b"").unwrap()),
        ("a link to the other", |one, other| {
            std::fs::remove_file(one).unwrap();
            std::os::unix::fs::symlink(other, one).unwrap();
        }),
        ("a pipe", |one, _| {
            std::fs::remove_file(one).unwrap();
            assert!(std::process::Command::new("mkfifo").arg(one).status().unwrap().success());
        }),
        ("a directory", |one, _| {
            std::fs::remove_file(one).unwrap();
            std::fs::create_dir(one).unwrap();
        }),
        ("gone, and a pipe where the new one is written", |one, _| {
            std::fs::remove_file(one).unwrap();
            let status = std::process::Command::new("mkfifo").arg(one.with_extension("new")).status();
            assert!(status.unwrap().success());
        }),
    ];
    for (what, deed) in rows {
        println!("{what}");
        let host = Host::new(OPEN, &["noop", "two_writes"]).await;
        let change = |root: &Path| {
            let code = root.join("data/code");
            let mut files: Vec<_> = std::fs::read_dir(code).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            // Whichever of the two is the one of `noop`.
            deed(&files[0], &files[1]);
        };
        let host = host.restart_with(change, |_| {}).await;
        host.done("noop", serde_json::json!({})).await;
        host.done("two_writes", serde_json::json!({})).await;
    }
}

#[tokio::test]
async fn a_link_to_the_very_code_is_not_followed() {
    let host = Host::new(OPEN, &["noop"]).await;
    let moved = |root: &Path| {
        let entry = std::fs::read_dir(root.join("data/code")).unwrap().next().unwrap().unwrap().path();
        let elsewhere = root.join("workspace/code");
        std::fs::rename(&entry, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &entry).unwrap();
    };
    // Nothing can be compiled: who followed the link could run it all the same.
    let host = host.restart_with(moved, |config| config.compile = libos::Compile::Child("/bin/false".into())).await;
    // That is no fault of the call, which stays.
    let event = host.runtime.call(libos::CallRequest::new("noop", "{}")).await.unwrap();
    assert!(matches!(&event, libos::CallEvent::Interrupted(why) if why.contains("the compiler ended")), "{event:?}");
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    assert_eq!(libos::kernel::kernel::view::View(&snapshot).resumable().unwrap().len(), 1);
}

#[tokio::test]
async fn machine_code_is_not_taken_from_outside() {
    let host = Host::new(OPEN, &["noop"]).await;
    let entry = std::fs::read_dir(host.data().join("code")).unwrap().next().unwrap().unwrap();
    let code = std::fs::read(entry.path()).unwrap();
    let mut disguised = b"\0asm\x0d\0\x01\0".to_vec();
    disguised.extend_from_slice(&code);
    for (bytes, expected) in [(code, "machine code"), (disguised, "damaged")] {
        let error = host.runtime.add_component(bytes, Some("other".into()), false).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
