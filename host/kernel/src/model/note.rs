//! The signed head of the log: C2SP signed-note and tlog-checkpoint, with Ed25519 keys. So anybody's tool for such logs can check ours.

use super::base64;
use super::id::{Digest, hex};
use super::limit::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX};
use ed25519_dalek::{Signature as EdSignature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The type of a signature by Ed25519 over the text of a note.
const ED25519: u8 = 1;
/// Bytes of a key's name: its text fits in a record.
const NAME_BYTES_MAX: usize = 128;
/// What the text form of a secret key starts with.
const SECRET: &str = "PRIVATE+KEY+";
/// What a line with a signature starts with.
const SIGNATURE: &str = "\u{2014} ";

/// Why a text is no key, note or head, or not one of this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("it is no key of the form name+hash+base64 with Ed25519")]
    Key,
    #[error("it is no signed note")]
    Form,
    #[error("it is no head of a log: origin, size and root, one a line")]
    Checkpoint,
    #[error("no signature of it is by the key that is known")]
    Unknown,
    #[error("its signature by the known key is wrong")]
    Signature,
}

/// What a signature is checked with: a name and a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: VerifyingKey,
}

impl VerifierKey {
    /// A key of that name.
    ///
    /// # Errors
    /// The name is none, or the bytes are no point of the curve.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<VerifierKey, NoteError> {
        let public = VerifyingKey::from_bytes(public).map_err(|_| NoteError::Key)?;
        if is_name(name) { Ok(VerifierKey { name: name.to_owned(), public }) } else { Err(NoteError::Key) }
    }

    /// Reads `name+hash+base64`.
    ///
    /// # Errors
    /// It is no such text, or its hash is not that of the key.
    pub fn parse(text: &str) -> Result<VerifierKey, NoteError> {
        let (name, id, bytes) = parts(text)?;
        let key = VerifierKey::new(name, &bytes)?;
        if hex(&key.id()) == id { Ok(key) } else { Err(NoteError::Key) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of the hash of name, type and key, as the format wants it.
    pub fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.public.as_bytes())
            .finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Whether a signature over a text is by this key.
    pub fn is_signature(&self, text: &str, signature: &[u8; 64]) -> bool {
        self.public.verify_strict(text.as_bytes(), &EdSignature::from_bytes(signature)).is_ok()
    }

    /// A note of a text that this key has signed.
    pub fn note(&self, text: &str, signature: &[u8; 64]) -> String {
        let signed = base64::encode(&[&self.id()[..], signature].concat());
        format!("{text}\n{SIGNATURE}{} {signed}\n", self.name)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], &self.public.as_bytes()[..]].concat();
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), base64::encode(&key))
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '+')
}

/// Name, hash and key of a key's text.
fn parts(text: &str) -> Result<(&str, &str, [u8; 32]), NoteError> {
    let mut words = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (words.next(), words.next(), words.next()) else {
        return Err(NoteError::Key);
    };
    match base64::decode(key).as_deref().map(<[u8]>::split_first) {
        Some(Some((&ED25519, key))) => Ok((name, id, key.try_into().map_err(|_| NoteError::Key)?)),
        _ => Err(NoteError::Key),
    }
}

/// What notes are signed with. Its text is a secret.
pub struct Signer {
    key: VerifierKey,
    signing: SigningKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.key)
    }
}

impl Signer {
    /// The key that follows from 32 random bytes.
    ///
    /// # Errors
    /// The name is none.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Signer, NoteError> {
        let signing = SigningKey::from_bytes(seed);
        let key = VerifierKey::new(name, signing.verifying_key().as_bytes())?;
        Ok(Signer { key, signing })
    }

    /// The key of a log of its own: its name follows from the key, so that no two logs share one.
    pub fn of_log(seed: &[u8; 32]) -> Signer {
        let signing = SigningKey::from_bytes(seed);
        let public = signing.verifying_key();
        let name = format!("libos/{}", hex(&Sha256::digest(public.as_bytes())[..8]));
        Signer { key: VerifierKey { name, public }, signing }
    }

    /// Reads `PRIVATE+KEY+name+hash+base64`.
    ///
    /// # Errors
    /// It is no such text, or its hash is not that of the key.
    pub fn parse(text: &str) -> Result<Signer, NoteError> {
        let (name, id, seed) = parts(text.strip_prefix(SECRET).ok_or(NoteError::Key)?)?;
        let signer = Signer::new(name, &seed)?;
        if hex(&signer.key.id()) == id { Ok(signer) } else { Err(NoteError::Key) }
    }

    /// The text that [`Signer::parse`] reads: the secret.
    pub fn secret(&self) -> String {
        let seed = base64::encode(&[&[ED25519], &self.signing.as_bytes()[..]].concat());
        format!("{SECRET}{}+{}+{seed}", self.key.name, hex(&self.key.id()))
    }

    /// What its signatures are checked with.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    pub fn sign(&self, text: &str) -> [u8; 64] {
        self.signing.sign(text.as_bytes()).to_bytes()
    }
}

/// The head of a log at some size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log it is; the name of its key.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    pub root: Digest,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64::encode(&self.root))
    }

    /// Reads the text of a note. Lines after the third are allowed by the format and mean nothing here.
    ///
    /// # Errors
    /// It is no head.
    pub fn parse(text: &str) -> Result<Checkpoint, NoteError> {
        let mut lines = text.strip_suffix('\n').ok_or(NoteError::Checkpoint)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteError::Checkpoint);
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(NoteError::Checkpoint);
        }
        let size = decimal(size).ok_or(NoteError::Checkpoint)?;
        let root = base64::decode(root).and_then(|root| root.try_into().ok()).ok_or(NoteError::Checkpoint)?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }
}

/// A number as these formats write it: digits, without leading zeros.
pub fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// Checks a signed head: that its origin is the key's name and that the key has signed it.
///
/// # Errors
/// It is no signed head, or not one of this key.
pub fn open(note: &str, key: &VerifierKey) -> Result<Checkpoint, NoteError> {
    let (text, signatures) = split(note)?;
    let checkpoint = Checkpoint::parse(text)?;
    if checkpoint.origin != key.name {
        return Err(NoteError::Unknown);
    }
    let mut found = false;
    for (name, id, signature) in &signatures {
        if *name == key.name && *id == key.id() {
            let signature = signature.as_slice().try_into().map_err(|_| NoteError::Signature)?;
            if !key.is_signature(text, signature) {
                return Err(NoteError::Signature);
            }
            found = true;
        }
    }
    if found { Ok(checkpoint) } else { Err(NoteError::Unknown) }
}

type Signatures<'n> = Vec<(&'n str, [u8; 4], Vec<u8>)>;

/// Text and signatures of a note.
fn split(note: &str) -> Result<(&str, Signatures<'_>), NoteError> {
    let is_plain = |letter: char| letter >= ' ' || letter == '\n';
    if note.len() > NOTE_BYTES_MAX || !note.chars().all(is_plain) {
        return Err(NoteError::Form);
    }
    let (before, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
    let text = &note[..before.len() + 1];
    let signatures = lines.split('\n').map(|line| {
        let (name, signed) = line.strip_prefix(SIGNATURE)?.split_once(' ')?;
        let signed = base64::decode(signed)?;
        let (id, signature) = signed.split_first_chunk::<4>()?;
        (is_name(name) && !signature.is_empty()).then(|| (name, *id, signature.to_vec()))
    });
    let signatures: Option<Signatures<'_>> = signatures.collect();
    match signatures {
        Some(signatures) if signatures.len() <= NOTE_SIGNATURES_MAX => Ok((text, signatures)),
        _ => Err(NoteError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of golang.org/x/mod/sumdb/note.
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PRIVATE: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn keys_and_signatures_are_those_of_the_reference() {
        let signer = Signer::parse(PRIVATE).unwrap();
        assert_eq!(signer.key().to_string(), PUBLIC);
        assert_eq!(signer.secret(), PRIVATE);
        assert_eq!(&VerifierKey::parse(PUBLIC).unwrap(), signer.key());
        let note = signer.key().note(TEXT, &signer.sign(TEXT));
        assert_eq!(note, format!("{TEXT}\n{LINE}"));
        let (text, signatures) = split(&note).unwrap();
        assert_eq!(text, TEXT);
        let (name, id, signature) = &signatures[0];
        assert_eq!((*name, *id), ("PeterNeumann", signer.key().id()));
        assert!(signer.key().is_signature(text, signature.as_slice().try_into().unwrap()));
        assert!(!format!("{signer:?}").contains("AYEKFALVFGyNhPJEMzD1QIDr"), "a secret is shown");
    }

    #[test]
    fn a_key_that_was_changed_or_cut_is_no_key() {
        for at in 0..PUBLIC.len() {
            assert!(VerifierKey::parse(&PUBLIC[..at]).is_err(), "{at}");
            let mut changed = PUBLIC.as_bytes().to_vec();
            changed[at] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert!(VerifierKey::parse(&changed).is_err(), "{changed}");
        }
        assert!(VerifierKey::parse(&format!("{PUBLIC}\n")).is_err());
        assert!(Signer::parse(PUBLIC).is_err());
    }

    fn signed() -> (Signer, String) {
        let signer = Signer::of_log(&[7; 32]);
        let text = Checkpoint { origin: signer.key().name().into(), size: 20_852, root: [9; 32] }.text();
        let note = signer.key().note(&text, &signer.sign(&text));
        (signer, note)
    }

    #[test]
    fn a_head_is_read_back_and_any_other_byte_is_refused() {
        let (signer, note) = signed();
        let head = open(&note, signer.key()).unwrap();
        assert_eq!((head.size, head.root), (20_852, [9; 32]));
        for at in 0..note.len() {
            for bit in [1, 0x20, 0x80] {
                let mut changed = note.as_bytes().to_vec();
                changed[at] ^= bit;
                let Ok(changed) = String::from_utf8(changed) else { continue };
                assert!(open(&changed, signer.key()).is_err(), "{changed:?}");
            }
            if note.is_char_boundary(at) {
                assert!(open(&note[..at], signer.key()).is_err(), "{at}");
            }
        }
        let other = Signer::of_log(&[8; 32]);
        assert_eq!(open(&note, other.key()), Err(NoteError::Unknown));
    }

    #[test]
    fn signatures_of_others_are_passed_over_and_a_wrong_one_of_the_key_is_not() {
        let (signer, note) = signed();
        let others = |count| format!("{note}{}", LINE.repeat(count));
        assert!(open(&others(20), signer.key()).is_ok());
        assert_eq!(open(&others(NOTE_SIGNATURES_MAX), signer.key()), Err(NoteError::Form));
        let (text, _) = split(&note).unwrap();
        let wrong = signer.key().note("", &signer.sign("else"));
        assert_eq!(open(&format!("{note}{}", wrong.trim_start()), signer.key()), Err(NoteError::Signature));
        assert_eq!(open(&format!("{text}\n{LINE}"), signer.key()), Err(NoteError::Unknown));
    }

    #[test]
    fn a_head_has_one_form() {
        let root = base64::encode(&[9; 32]);
        let fine = format!("o\n5\n{root}\n");
        assert_eq!(Checkpoint::parse(&fine).unwrap().text(), fine);
        assert!(Checkpoint::parse(&format!("{fine}more\n")).is_ok());
        let wrong = [
            format!("\n5\n{root}\n"),
            format!("o\n05\n{root}\n"),
            format!("o\n+5\n{root}\n"),
            format!("o\n\n{root}\n"),
            format!("o\n5\n{}\n", base64::encode(&[9; 31])),
            format!("o\n5\n{root}"),
            format!("{fine}\n"),
            "o\n5\n".into(),
            format!("o\n18446744073709551616\n{root}\n"),
        ];
        for text in wrong {
            assert_eq!(Checkpoint::parse(&text), Err(NoteError::Checkpoint), "{text:?}");
        }
    }
}
