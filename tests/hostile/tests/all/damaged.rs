//! A real component with bits flipped, bytes cut out, and pieces of others in it.

use crate::house::{ALONE, add, call, component, host, lives};

/// Damaged copies.
const COPIES: u64 = 400;

/// Numbers that look random and come again with the same seed (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

fn damaged(whole: &[u8], seed: u64) -> Vec<u8> {
    let mut draw = Draw(seed);
    let mut bytes = whole.to_vec();
    match draw.below(4) {
        0 => {
            for _ in 0..=draw.below(4) {
                let at = draw.below(bytes.len());
                bytes[at] ^= 1 << draw.below(8);
            }
        }
        1 => bytes.truncate(draw.below(whole.len())),
        2 => {
            let from = draw.below(bytes.len());
            let to = (from + draw.below(64)).min(bytes.len());
            bytes.drain(from..to);
        }
        _ => {
            let from = draw.below(bytes.len());
            let piece = bytes[from..(from + draw.below(64)).min(bytes.len())].to_vec();
            let at = draw.below(bytes.len());
            bytes.splice(at..at, piece);
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_component_is_refused_or_is_one_that_behaves() {
    let _alone = ALONE.lock().await;
    let whole = component("");
    let host = host().await;
    let (mut refused, mut ran) = (0, 0);
    for seed in 0..COPIES {
        let name = format!("damaged-{seed}");
        match add(&host, Some(&name), damaged(&whole, seed)).await {
            Err(why) => {
                assert!(!why.is_empty(), "{name} is refused without a word");
                refused += 1;
            }
            Ok(()) => {
                call(&host.runtime, &name).await;
                ran += 1;
            }
        }
    }
    lives(&host, "all of them").await;
    println!("{refused} refused, {ran} ran");
    assert!(refused > 0 && ran > 0);
}
