//! Proofs over the hash tree: that a record is in the log of a head, and that a later head extends an earlier one. RFC 6962, sections
//! 2.1.1 and 2.1.2, checked as in RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use super::id::Digest;
use super::tree::node;

/// The root of the leaves from `first` on, `count` of them. `subtree(first, height)` gives the root of the whole subtree of
/// 2^height leaves that begins at `first`.
///
/// # Errors
/// What `subtree` says.
pub fn root<E>(first: u64, count: u64, subtree: &mut impl FnMut(u64, u32) -> Result<Digest, E>) -> Result<Digest, E> {
    assert!(count > 0, "no leaves have no subtree");
    if count.is_power_of_two() {
        return subtree(first, count.trailing_zeros());
    }
    let left = split(count);
    Ok(node(&root(first, left, subtree)?, &root(first + left, count - left, subtree)?))
}

/// The largest power of two below a number, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The proof that the leaf `index` is in the tree of the first `size` leaves, from its sibling up.
///
/// # Errors
/// What `subtree` says; see [`root`].
pub fn inclusion<E>(
    index: u64,
    size: u64,
    subtree: &mut impl FnMut(u64, u32) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    assert!(index < size, "leaf {index} is not among {size}");
    let (mut first, mut count) = (0, size);
    let mut proof = Vec::new();
    while count > 1 {
        let left = split(count);
        if index < first + left {
            proof.push(root(first + left, count - left, subtree)?);
            count = left;
        } else {
            proof.push(root(first, left, subtree)?);
            (first, count) = (first + left, count - left);
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of the first `new` leaves extends that of the first `old`. Empty if they are the same, or `old` is 0.
///
/// # Errors
/// What `subtree` says; see [`root`].
pub fn consistency<E>(
    old: u64,
    new: u64,
    subtree: &mut impl FnMut(u64, u32) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    assert!(old <= new, "{old} leaves do not come before {new}");
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    // Whether the subtree that is looked at is one of the old tree as a whole, beginning with its first leaf: its root is known.
    let mut is_known = true;
    let (mut first, mut count) = (0, new);
    while first + count != old {
        let left = split(count);
        if old <= first + left {
            proof.push(root(first + left, count - left, subtree)?);
            count = left;
        } else {
            proof.push(root(first, left, subtree)?);
            (first, count) = (first + left, count - left);
            is_known = false;
        }
    }
    if !is_known {
        proof.push(root(first, count, subtree)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Whether the proof shows that this leaf hash is at `index` in the tree of `size` leaves with this root.
pub fn check_inclusion(leaf: &Digest, index: u64, size: u64, proof: &[Digest], root: &Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut number, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if number & 1 == 1 || number == last {
            hash = node(sibling, &hash);
            while number & 1 == 0 && number != 0 {
                (number, last) = (number >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, sibling);
        }
        (number, last) = (number >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether the proof shows that the tree of `new` leaves with the root `new_root` extends that of `old` with `old_root`.
pub fn check_consistency(old: u64, old_root: &Digest, new: u64, new_root: &Digest, proof: &[Digest]) -> bool {
    if old > new {
        return false;
    }
    if old == new || old == 0 {
        let nothing = super::tree::Frontier::default().root();
        return proof.is_empty() && (old == 0 || old_root == new_root) && (old != 0 || *old_root == nothing);
    }
    let mut hashes = proof.iter();
    let start = if old.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let Some(start) = start else { return false };
    let (mut number, mut last) = (old - 1, new - 1);
    while number & 1 == 1 {
        (number, last) = (number >> 1, last >> 1);
    }
    let (mut ours, mut theirs) = (*start, *start);
    for sibling in hashes {
        if last == 0 {
            return false;
        }
        if number & 1 == 1 || number == last {
            (ours, theirs) = (node(sibling, &ours), node(sibling, &theirs));
            while number & 1 == 0 && number != 0 {
                (number, last) = (number >> 1, last >> 1);
            }
        } else {
            theirs = node(&theirs, sibling);
        }
        (number, last) = (number >> 1, last >> 1);
    }
    last == 0 && ours == *old_root && theirs == *new_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tree::{Frontier, leaf};
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use sha2::Sha256;
    use std::convert::Infallible;

    const SIZES: u64 = 300;

    struct Forest {
        leaves: Vec<Digest>,
        roots: Vec<Digest>,
        oracle: MemoryBackedTree<Sha256, Vec<u8>>,
    }

    fn forest() -> Forest {
        let (mut frontier, mut oracle) = (Frontier::default(), MemoryBackedTree::new());
        let (mut leaves, mut roots) = (Vec::new(), vec![frontier.root()]);
        for number in 0..SIZES {
            let record = number.to_be_bytes().to_vec();
            frontier.push(leaf(&record));
            leaves.push(leaf(&record));
            roots.push(frontier.root());
            oracle.push(record);
            assert_eq!(oracle.root().as_bytes().as_slice(), frontier.root(), "{number}");
        }
        Forest { leaves, roots, oracle }
    }

    impl Forest {
        fn subtree(&self) -> impl FnMut(u64, u32) -> Result<Digest, Infallible> {
            |first, height| {
                let mut hashes = self.leaves[first as usize..][..1 << height].to_vec();
                while hashes.len() > 1 {
                    hashes = hashes.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
                }
                Ok(hashes[0])
            }
        }

        /// The tree that another implementation has at a size.
        fn oracle(&self, size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
            let mut tree = MemoryBackedTree::new();
            (0..size).for_each(|number| tree.push(number.to_be_bytes().to_vec()));
            tree
        }
    }

    fn bytes(proof: &[Digest]) -> Vec<u8> {
        proof.concat()
    }

    #[test]
    fn roots_and_inclusion_are_those_of_the_definition_and_of_another_implementation() {
        let forest = forest();
        for size in (1..=SIZES).filter(|size: &u64| *size < 40 || size.is_multiple_of(13) || size.is_power_of_two()) {
            let Ok(all) = root(0, size, &mut forest.subtree());
            assert_eq!(all, forest.roots[size as usize]);
            let oracle = forest.oracle(size);
            for index in 0..size {
                let Ok(proof) = inclusion(index, size, &mut forest.subtree());
                assert!(
                    check_inclusion(&forest.leaves[index as usize], index, size, &proof, &all),
                    "{index} of {size}"
                );
                assert_eq!(bytes(&proof), oracle.prove_inclusion(index as usize).as_bytes(), "{index} of {size}");
            }
        }
    }

    #[test]
    fn consistency_is_that_of_another_implementation_at_every_pair_of_sizes() {
        let forest = forest();
        for new in (1..=SIZES).filter(|size: &u64| *size < 40 || size.is_multiple_of(13) || size.is_power_of_two()) {
            let oracle = forest.oracle(new);
            for old in 1..=new {
                let Ok(proof) = consistency(old, new, &mut forest.subtree());
                let (before, after) = (&forest.roots[old as usize], &forest.roots[new as usize]);
                assert!(check_consistency(old, before, new, after, &proof), "{old} to {new}");
                if old < new {
                    let theirs = oracle.prove_consistency((new - old) as usize);
                    assert_eq!(bytes(&proof), theirs.as_bytes(), "{old} to {new}");
                }
            }
        }
        assert_eq!(forest.oracle.len(), SIZES);
    }

    /// The proof with a bit of each of its hashes changed, with each hash gone, one doubled and one more.
    fn mutations(proof: &[Digest]) -> Vec<Vec<Digest>> {
        let mut all = vec![[proof, &[[3; 32]]].concat()];
        for at in 0..proof.len() {
            let (mut changed, mut dropped, mut doubled) = (proof.to_vec(), proof.to_vec(), proof.to_vec());
            changed[at][at % 32] ^= 1;
            dropped.remove(at);
            doubled.insert(at, proof[at]);
            all.extend([changed, dropped, doubled]);
            if at > 0 {
                let mut swapped = proof.to_vec();
                swapped.swap(at, at - 1);
                all.push(swapped);
            }
        }
        all
    }

    #[test]
    fn a_changed_proof_of_inclusion_is_refused() {
        let forest = forest();
        for size in [1, 2, 3, 7, 8, 100, 256, 257, 300] {
            for index in (0..size).filter(|index: &u64| index.is_multiple_of(7) || index + 2 > size) {
                let Ok(proof) = inclusion(index, size, &mut forest.subtree());
                let (leaf, root) = (&forest.leaves[index as usize], &forest.roots[size as usize]);
                for wrong in mutations(&proof) {
                    assert!(!check_inclusion(leaf, index, size, &wrong, root), "{index} of {size}");
                }
                assert!(!check_inclusion(&[1; 32], index, size, &proof, root));
                assert!(!check_inclusion(leaf, index, size, &proof, &[1; 32]));
                assert!(!check_inclusion(leaf, size, size, &proof, root));
                for other in (0..size).filter(|other| *other != index) {
                    assert!(!check_inclusion(leaf, other, size, &proof, root), "{other} for {index} of {size}");
                }
            }
        }
    }

    #[test]
    fn a_changed_proof_of_consistency_is_refused() {
        let forest = forest();
        for new in [1, 2, 3, 7, 8, 100, 256, 257, 300] {
            for old in (0..=new).filter(|old: &u64| old.is_multiple_of(7) || old + 2 > new || old.is_power_of_two()) {
                let Ok(proof) = consistency(old, new, &mut forest.subtree());
                let (before, after) = (&forest.roots[old as usize], &forest.roots[new as usize]);
                assert!(check_consistency(old, before, new, after, &proof), "{old} to {new}");
                for wrong in mutations(&proof) {
                    assert!(!check_consistency(old, before, new, after, &wrong), "{old} to {new}");
                }
                assert!(!check_consistency(old, &[1; 32], new, after, &proof), "{old} to {new}");
                if old > 0 {
                    assert!(!check_consistency(old, before, new, &[1; 32], &proof), "{old} to {new}");
                }
                assert!(old == new || !check_consistency(new, after, old, before, &proof));
            }
        }
    }
}
