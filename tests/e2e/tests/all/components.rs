//! What is no tool of this world: a clear error, and nothing is added.

use libos_e2e::{Host, OPEN, guest};

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

#[tokio::test]
async fn compiled_code_that_was_changed_is_not_run() {
    let host = Host::new(OPEN, &["noop"]).await;
    let code = host.data().join("code");
    for entry in std::fs::read_dir(&code).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let host = host.restart().await;
    host.done("noop", serde_json::json!({})).await;
}
