//! `crypto.subtle.digest`: the four algorithms of the Web Cryptography API.

use super::bytes;
use rquickjs::{ArrayBuffer, Ctx, Result, TypedArray};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The digest of `data`, or nothing if there is no such algorithm. Names are those of the specification, in upper case.
pub fn digest<'js>(ctx: Ctx<'js>, algorithm: String, data: TypedArray<'js, u8>) -> Result<Option<ArrayBuffer<'js>>> {
    let bytes = bytes::copied(&data);
    let digest = match algorithm.as_str() {
        "SHA-1" => Sha1::digest(&bytes).to_vec(),
        "SHA-256" => Sha256::digest(&bytes).to_vec(),
        "SHA-384" => Sha384::digest(&bytes).to_vec(),
        "SHA-512" => Sha512::digest(&bytes).to_vec(),
        _ => return Ok(None),
    };
    ArrayBuffer::new(ctx, digest).map(Some)
}
