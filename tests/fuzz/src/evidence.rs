//! What convinces a stranger: keys, notes, witness files and proofs as somebody may have written them. Nothing is accepted that says
//! something else than what was signed.

use crate::draw::Draw;
use libos_kernel::model::id::Digest;
use libos_kernel::model::note::{self, Checkpoint, Signer, VerifierKey};
use libos_kernel::model::proof::{check_consistency, check_inclusion, consistency, inclusion, root};
use libos_kernel::model::proof_file::ProofFile;
use libos_kernel::model::tree::{leaf, node};
use libos_kernel::model::witness;
use std::convert::Infallible;

/// Leaves of the largest tree.
const LEAVES_MAX: usize = 40;

pub fn run(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        texts(text);
    }
    for seen in witness::read(input).notes {
        assert!(!seen.note.is_empty() && seen.line > 0);
    }
    let mut draw = Draw::new(input);
    proofs(&mut draw);
    file(&mut draw);
}

fn texts(text: &str) {
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text, "a key has one form");
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        // Lines may follow that mean nothing here.
        assert!(text.starts_with(&checkpoint.text()), "a head has one form");
    }
    if let Ok(file) = ProofFile::parse(text) {
        assert_eq!(ProofFile::parse(&file.text()).as_ref(), Ok(&file));
    }
    // Nobody signed it.
    assert!(note::open(text, Signer::of_log(&[9; 32]).key()).is_err());
}

fn record(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The root of a whole subtree of the tree whose leaves are numbers.
fn subtree(first: u64, height: u32) -> Result<Digest, Infallible> {
    Ok(match height {
        0 => leaf(&record(first)),
        _ => {
            let half = 1 << (height - 1);
            let (Ok(left), Ok(right)) = (subtree(first, height - 1), subtree(first + half, height - 1));
            node(&left, &right)
        }
    })
}

/// Changes something of it. False if there was nothing to change.
fn spoil(draw: &mut Draw, proof: &mut Vec<Digest>) -> bool {
    match draw.below(3) {
        0 if !proof.is_empty() => {
            let at = draw.below(proof.len());
            proof[at][draw.below(32)] ^= 1 << draw.below(8);
            true
        }
        1 if !proof.is_empty() => {
            proof.remove(draw.below(proof.len()));
            true
        }
        2 => {
            proof.insert(draw.below(proof.len() + 1), [draw.number() as u8; 32]);
            true
        }
        _ => false,
    }
}

fn proofs(draw: &mut Draw) {
    let size = 1 + draw.below(LEAVES_MAX) as u64;
    let index = draw.below(size as usize) as u64;
    let Ok(head) = root(0, size, &mut subtree);
    let Ok(mut proof) = inclusion(index, size, &mut subtree);
    let of = leaf(&record(index));
    assert!(check_inclusion(&of, index, size, &proof, &head));
    assert!(!check_inclusion(&leaf(b"another"), index, size, &proof, &head));
    if spoil(draw, &mut proof) {
        assert!(!check_inclusion(&of, index, size, &proof, &head), "record {index} of {size}");
    }
    let old = 1 + draw.below(size as usize) as u64;
    let Ok(old_head) = root(0, old, &mut subtree);
    let Ok(mut proof) = consistency(old, size, &mut subtree);
    assert!(check_consistency(old, &old_head, size, &head, &proof));
    if spoil(draw, &mut proof) {
        assert!(!check_consistency(old, &old_head, size, &head, &proof), "{old} to {size}");
    }
}

/// A true file, changed: if it is still accepted, it says the same.
fn file(draw: &mut Draw) {
    let signer = Signer::of_log(&[7; 32]);
    let size = 1 + draw.below(LEAVES_MAX) as u64;
    let index = draw.below(size as usize) as u64;
    let Ok(head) = root(0, size, &mut subtree);
    let Ok(hashes) = inclusion(index, size, &mut subtree);
    let text = Checkpoint { origin: signer.key().name().to_owned(), size, root: head }.text();
    let signed = signer.key().note(&text, &signer.sign(&text));
    let file = ProofFile { index, record: record(index), key: signer.key().clone(), hashes, note: signed };
    assert!(file.check(signer.key()).is_ok());
    let mut bytes = file.text().into_bytes();
    for _ in 0..=draw.below(3) {
        let at = draw.below(bytes.len());
        match draw.below(3) {
            0 => bytes[at] = draw.number() as u8,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, draw.number() as u8),
        }
    }
    let Ok(text) = String::from_utf8(bytes) else { return };
    if let Ok(changed) = ProofFile::parse(&text)
        && let Ok(head) = changed.check(signer.key())
    {
        assert_eq!((changed.index, &changed.record, head.size), (index, &record(index), size));
    }
}
