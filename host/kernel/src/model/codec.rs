//! The one encoding of everything that is stored or hashed: deterministic CBOR (RFC 8949, section 4.2), by `minicbor`'s derived
//! maps with ascending integer keys, shortest integers and definite lengths.

use minicbor::{CborLen, Decode, Encode};

/// Bytes that are not the wanted value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("damaged or newer data: {0}")]
pub struct DecodeError(pub String);

/// Encodes a value.
pub fn to_bytes<T: Encode<()> + CborLen<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(minicbor::len(value));
    // Writing to a vector cannot fail and no type here has an encoder of its own that does.
    minicbor::encode(value, &mut bytes).unwrap_or_else(|error| unreachable!("encoding into memory: {error}"));
    bytes
}

/// Decodes a value that fills all of `bytes`.
///
/// # Errors
/// The bytes are no such value, or more follow.
pub fn from_bytes<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|error| DecodeError(error.to_string()))?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(DecodeError(format!("{} bytes after the value", bytes.len() - decoder.position())))
    }
}
