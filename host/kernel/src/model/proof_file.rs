//! A proof that a stranger can check: C2SP tlog-proof, with the record and the key's text as its extra data.

use super::base64;
use super::codec::{from_bytes, to_bytes};
use super::id::{Digest, Seq};
use super::limit::PROOF_FILE_BYTES_MAX;
use super::note::{self, Checkpoint, NoteError, VerifierKey};
use super::proof::check_inclusion;
use super::tree::leaf;
use minicbor::{CborLen, Decode, Encode};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Hashes of the deepest proof that there can be.
const HASHES_MAX: usize = 64;

/// What rides along, so that the file needs nothing beside it. Nothing of it is believed before it is checked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
#[cbor(map)]
struct Extra {
    #[cbor(n(0), with = "minicbor::bytes")]
    record: Vec<u8>,
    /// The key of whoever made the proof, as text.
    #[n(1)]
    key: String,
}

/// A record, its place in a signed head, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    pub index: Seq,
    pub record: Vec<u8>,
    /// The key that came with the proof: whoever made the file chose it.
    pub key: VerifierKey,
    pub hashes: Vec<Digest>,
    /// The signed head, to the letter.
    pub note: String,
}

/// Why a file proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("it is no proof of a record of a libos log")]
    Form,
    #[error("its head: {0}")]
    Note(#[from] NoteError),
    #[error("the record is not in the log that the head is of")]
    NotIncluded,
}

impl ProofFile {
    /// The text of the file.
    pub fn text(&self) -> String {
        let extra = to_bytes(&Extra { record: self.record.clone(), key: self.key.to_string() });
        let hashes: String = self.hashes.iter().map(|hash| format!("{}\n", base64::encode(hash))).collect();
        format!("{HEADER}\nextra {}\nindex {}\n{hashes}\n{}", base64::encode(&extra), self.index, self.note)
    }

    /// Reads a file. It is not checked yet.
    ///
    /// # Errors
    /// It is no such file.
    pub fn parse(text: &str) -> Result<ProofFile, ProofError> {
        if text.len() > PROOF_FILE_BYTES_MAX {
            return Err(ProofError::Form);
        }
        ProofFile::read(text).ok_or(ProofError::Form)
    }

    fn read(text: &str) -> Option<ProofFile> {
        let (before, note) = text.split_once("\n\n")?;
        let mut lines = before.split('\n');
        let header = lines.next()?;
        let extra = base64::decode(lines.next()?.strip_prefix("extra ")?)?;
        let Extra { record, key } = from_bytes(&extra).ok()?;
        let index = note::decimal(lines.next()?.strip_prefix("index ")?)?;
        let hashes: Option<Vec<Digest>> = lines.map(|line| base64::decode(line)?.try_into().ok()).collect();
        let hashes = hashes.filter(|hashes| hashes.len() <= HASHES_MAX)?;
        let key = VerifierKey::parse(&key).ok()?;
        (header == HEADER).then(|| ProofFile { index, record, key, hashes, note: note.to_owned() })
    }

    /// Checks that the record is at its index in a log whose head this key has signed.
    ///
    /// # Errors
    /// The key has not signed the head, or the record is not in it.
    pub fn check(&self, key: &VerifierKey) -> Result<Checkpoint, ProofError> {
        let head = note::open(&self.note, key)?;
        if check_inclusion(&leaf(&self.record), self.index, head.size, &self.hashes, &head.root) {
            Ok(head)
        } else {
            Err(ProofError::NotIncluded)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::note::Signer;
    use crate::model::proof::inclusion;
    use crate::model::tree::node;

    fn proof() -> (ProofFile, Signer) {
        let signer = Signer::of_log(&[1; 32]);
        let leaves = [b"a", b"b", b"c"].map(|record| leaf(record));
        let subtree = |first: u64, height: u32| match height {
            0 => Ok(leaves[first as usize]),
            _ => Ok(node(&leaves[0], &leaves[1])),
        };
        let Ok(hashes) = inclusion::<std::convert::Infallible>(1, 3, &mut { subtree });
        let root = node(&node(&leaves[0], &leaves[1]), &leaves[2]);
        let head = Checkpoint { origin: signer.key().name().into(), size: 3, root }.text();
        let note = signer.key().note(&head, &signer.sign(&head));
        (ProofFile { index: 1, record: b"b".to_vec(), key: signer.key().clone(), hashes, note }, signer)
    }

    #[test]
    fn a_proof_is_read_back_and_any_other_byte_of_it_proves_nothing() {
        let (proof, signer) = proof();
        let text = proof.text();
        assert_eq!(ProofFile::parse(&text), Ok(proof.clone()));
        assert_eq!(proof.check(signer.key()).map(|head| head.size), Ok(3));
        for at in 0..text.len() {
            for bit in [1, 2, 0x20] {
                let mut changed = text.as_bytes().to_vec();
                changed[at] ^= bit;
                let Ok(changed) = String::from_utf8(changed) else { continue };
                let Ok(read) = ProofFile::parse(&changed) else { continue };
                // The key that rides along is not what it is checked by.
                assert!(read.check(signer.key()).is_err(), "{at}: {changed}");
            }
        }
        assert_eq!(proof.check(Signer::of_log(&[2; 32]).key()), Err(ProofError::Note(NoteError::Unknown)));
    }
}
