//! The script file: one form, and nothing that is read back can hurt.

use super::*;
use crate::scripts::Module;
use libos_kernel::model::limit;

fn module(name: &str) -> Module {
    Module {
        name: name.into(),
        source: "1 as number".into(),
        code: "1;\n".into(),
        mappings: "AAAA".into(),
        imports: vec![("./a.ts".into(), "a.ts".into())],
    }
}

fn script() -> Script {
    Script { modules: vec![module("main.ts"), module("a.ts")] }
}

#[test]
fn a_script_file_reads_back_and_has_one_digest() {
    let script = script();
    let bytes = script.to_bytes();
    assert_eq!(Script::from_bytes(&bytes).unwrap(), script);
    assert_eq!(Script::from_bytes(&bytes).unwrap().digest(), script.digest());
    let mut other = script.clone();
    other.modules[1].source.push(' ');
    assert_ne!(other.digest(), script.digest(), "what the author wrote is part of it, not only what runs");
    let hex = libos_kernel::model::id::hex(&script.digest());
    assert_eq!(hex, "936798c304a6999dbff20d0c5b24255df224875f78d5988e609d298a3986707b", "the format is on disks");
}

#[test]
fn damage_is_told_wherever_it_is() {
    let bytes = script().to_bytes();
    for end in 0..bytes.len() {
        assert!(Script::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            // What still reads is another script with another digest.
            if let Ok(other) = Script::from_bytes(&damaged) {
                assert_eq!(other.to_bytes(), damaged);
            }
        }
    }
    assert!(Script::from_bytes(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn what_says_more_than_a_script_may_is_refused() {
    let check = |change: &dyn Fn(&mut Script), expected: &str| {
        let mut changed = script();
        change(&mut changed);
        let told = Script::from_bytes(&changed.to_bytes()).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    };
    check(&|script| script.modules.clear(), "it has no module, or two of one name");
    check(&|script| script.modules[1].name = "main.ts".into(), "it has no module, or two of one name");
    check(&|script| script.modules[0].name = String::new(), "too long");
    check(&|script| script.modules[0].name = "x".repeat(256), "too long");
    check(&|script| script.modules[0].code = "x".repeat(limit::SCRIPT_MODULE_BYTES_MAX + 1), "too long");
    check(&|script| script.modules[0].source = "x".repeat(limit::SCRIPT_MODULE_BYTES_MAX + 1), "too long");
    check(&|script| script.modules[0].mappings = "A\0".into(), "mappings");
    check(&|script| script.modules[0].imports[0].1 = "b.ts".into(), "an import leads to no module");
    let many = |script: &mut Script| {
        script.modules = (0..=limit::SCRIPT_MODULES_MAX).map(|number| module(&format!("{number}"))).collect();
    };
    check(&many, "a list is too long");
    let imports = |script: &mut Script| {
        script.modules[0].imports = vec![("./a.ts".into(), "a.ts".into()); limit::SCRIPT_IMPORTS_MAX + 1];
    };
    check(&imports, "a list is too long");
    let large = |script: &mut Script| {
        let one = |number| Module { source: "x".repeat(1 << 20), imports: vec![], ..module(&format!("{number}")) };
        script.modules = (0..5).map(one).collect();
    };
    check(&large, "its modules have 5242880 bytes");
    let told = Script::from_bytes(&vec![0; limit::SCRIPT_FILE_BYTES_MAX + 1]).unwrap_err().to_string();
    assert!(told.contains("at most 33554432"), "{told}");
    assert!(Script::from_bytes(b"\0asm\x0d\0\x01\0").unwrap_err().to_string().contains("does not begin"));
}
