//! Every input that is kept, through its target: what a fuzzer found once stays found, on every machine and without a fuzzer.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "reads the corpus of this crate, and fails if it cannot"
)]

use libos_fuzz::{TARGETS, Target};
use std::path::{Path, PathBuf};

/// Inputs made up here, beside those that are kept.
const DRAWN: u64 = 300;

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

fn inputs(target: &Target) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder(target)).expect("each target has a folder of inputs");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).expect("an input"))).collect()
}

/// Bytes that look random and come again with the same seed (splitmix64).
fn drawn(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut number = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let length = number() % 400;
    (0..length).map(|_| number() as u8).collect()
}

#[test]
fn every_folder_of_inputs_is_a_target_and_the_other_way_round() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let folders = std::fs::read_dir(corpus).expect("the corpus").map(|entry| entry.expect("an entry").file_name());
    let mut folders: Vec<String> = folders.map(|name| name.into_string().expect("a name")).collect();
    let mut targets: Vec<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    folders.sort();
    targets.sort();
    assert_eq!(folders, targets);
}

#[test]
fn what_must_hold_holds_for_every_input_that_is_kept() {
    for target in TARGETS {
        let inputs = inputs(&target);
        assert!(!inputs.is_empty(), "{} has no inputs", target.name);
        for (name, input) in inputs {
            println!("{name}");
            (target.run)(&input);
        }
    }
    libos_fuzz::finish();
}

#[test]
fn what_must_hold_holds_for_inputs_at_random() {
    for target in TARGETS {
        for seed in 0..DRAWN {
            println!("{} {seed}", target.name);
            (target.run)(&drawn(seed));
        }
    }
    libos_fuzz::finish();
}
