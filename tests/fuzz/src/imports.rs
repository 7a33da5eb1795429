//! Any system calls with any values, one after another, and a person who answers anyhow: no panic, a log that verifies, and nothing of what
//! a deny covers in an answer.

#![expect(clippy::disallowed_methods, reason = "makes the directory that the guest acts in")]

use crate::draw::Draw;
use crate::house::House;
use libos::world::Resolver;
use libos_kernel::model::call::{Approval, Call};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Mutex;

const SECRET: &str = "CANARY-4b1d-of-what-is-denied";
const CALLS_MAX: usize = 12;
const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = [
    "read,list fs:workspace/**",
    "write,delete fs:workspace/a/**",
    "read,list,write,delete object:**",
    "ask,tell human:**",
    "sleep clock:sleep",
    "call tool:**",
]
ask = ["write,delete fs:workspace/**"]
deny = ["read,list,write,delete fs:workspace/secret/**"]
"#;

static HOUSE: Mutex<Option<House>> = Mutex::new(None);

pub fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let mut calls = Vec::new();
    while !draw.is_empty() && calls.len() < CALLS_MAX {
        calls.push(draw.call());
    }
    if calls.iter().any(|call| matches!(call, Call::ClockSleep { nanoseconds } if *nanoseconds < 1_000_000)) {
        // A sleep that ends by itself would make an input mean something else on a slower machine.
        return;
    }
    let mut answers = draw.number();
    {
        let mut place = HOUSE.lock().expect("a finding ends the fuzzer");
        let house = House::in_place(&mut place, Resolver::Automatic, || POLICY.to_owned());
        furnish(&house.base.join("workspace"));
        let person = || {
            let approval =
                [Some(Approval::Allow), Some(Approval::Deny), Some(Approval::Allow), None][answers as usize % 4];
            answers /= 4;
            approval
        };
        for answer in house.make(calls, person) {
            assert!(!format!("{answer:?}").contains(SECRET), "what is denied was read");
            if let Ok(answer) = answer
                && let libos_kernel::model::answer::Answer::Done(libos_kernel::model::call::Reply::Bytes(bytes)) =
                    &*answer
            {
                assert!(!String::from_utf8_lossy(bytes).contains(SECRET), "what is denied was read");
            }
        }
        let secret = std::fs::read_to_string(house.base.join("workspace/secret/file"));
        assert_eq!(secret.ok().as_deref(), Some(SECRET), "what is denied was changed");
    }
}

/// Takes the house down.
pub fn finish() {
    *HOUSE.lock().expect("a finding ends the fuzzer") = None;
}

fn furnish(root: &Path) {
    // What the inputs before left there is gone, so that one input means the same wherever it stands.
    for entry in std::fs::read_dir(root).expect("the workspace is there").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
            .expect("the workspace is the fuzzer's");
    }
    let make = || {
        std::fs::create_dir_all(root.join("a/b"))?;
        std::fs::create_dir_all(root.join("secret"))?;
        std::fs::write(root.join("secret/file"), SECRET)?;
        std::fs::write(root.join("file"), "a file")?;
        symlink("secret", root.join("link"))
    };
    make().expect("the workspace can be furnished");
}
