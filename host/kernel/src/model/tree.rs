//! The hash tree over the log: RFC 6962, section 2.1, kept as its frontier, with the roots of whole tiles of 256 leaves beside it so
//! that a damaged record can be found and proven without hashing the whole log.

use super::id::Digest;
use sha2::{Digest as _, Sha256};

/// Leaves of one tile, as in C2SP tlog-tiles.
pub const TILE: u64 = 256;

/// Hash of a record's bytes.
pub fn leaf(record: &[u8]) -> Digest {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// Hash of two subtrees.
pub fn node(left: &Digest, right: &Digest) -> Digest {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The roots of the whole subtrees that a log of some size is made of, largest first. Its encoding is 8 bytes of size, big-endian,
/// and 32 a root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<Digest>,
}

impl Frontier {
    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf's hash. Answers the root of the tile that it completes, if it does.
    pub fn push(&mut self, leaf: Digest) -> Option<Digest> {
        let mut hash = leaf;
        let mut tile = None;
        let ones = self.size.trailing_ones();
        for height in 0..ones {
            // A frontier has one root for each one-bit of its size.
            let Some(left) = self.roots.pop() else { unreachable!("a frontier of {} leaves lacks roots", self.size) };
            hash = node(&left, &hash);
            if 1u64 << (height + 1) == TILE {
                tile = Some(hash);
            }
        }
        self.roots.push(hash);
        self.size += 1;
        tile
    }

    /// The first and last leaf of the first whole subtree that differs from the other's of the same size.
    pub fn first_difference(&self, other: &Frontier) -> Option<(u64, u64)> {
        let mut first = 0;
        let mut roots = self.roots.iter().zip(&other.roots);
        for height in (0..u64::BITS).rev().filter(|height| self.size & (1 << height) != 0) {
            let next = first + (1 << height);
            if roots.next().is_some_and(|(ours, theirs)| ours != theirs) {
                return Some((first, next - 1));
            }
            first = next;
        }
        None
    }

    /// The head of the tree; for no leaves the hash of nothing.
    pub fn root(&self) -> Digest {
        let mut roots = self.roots.iter().rev();
        match roots.next() {
            None => Sha256::digest([]).into(),
            Some(last) => roots.fold(*last, |right, left| node(left, &right)),
        }
    }

    /// Its encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.roots.iter().flatten());
        bytes
    }

    /// Reads the encoding; none if it is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Frontier> {
        let (size, roots) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (roots, rest) = roots.as_chunks::<32>();
        (rest.is_empty() && roots.len() == size.count_ones() as usize).then(|| Frontier { size, roots: roots.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962, section 2.1, word for word.
    fn naive(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            more => {
                let split = 1 << (more.len() - 1).ilog2();
                node(&naive(&more[..split]), &naive(&more[split..]))
            }
        }
    }

    #[test]
    fn the_frontier_has_the_root_of_the_definition_at_every_size() {
        let mut frontier = Frontier::default();
        let mut leaves = Vec::new();
        for number in 0..600u64 {
            assert_eq!(frontier.root(), naive(&leaves));
            let hash = leaf(&number.to_be_bytes());
            leaves.push(hash);
            let tile = frontier.push(hash);
            assert_eq!(tile.is_some(), leaves.len() % TILE as usize == 0);
            if let Some(tile) = tile {
                assert_eq!(tile, naive(&leaves[leaves.len() - TILE as usize..]));
            }
            assert_eq!(Frontier::from_bytes(&frontier.to_bytes()), Some(frontier.clone()));
        }
    }

    #[test]
    fn the_hashes_are_those_of_the_rfc() {
        // Test vectors of certificate-transparency implementations: the empty tree and the one empty leaf.
        let hex = super::super::id::hex;
        assert_eq!(
            hex(&Frontier::default().root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(hex(&leaf(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }
}
