//! `TextEncoder` and `TextDecoder`: UTF-8, UTF-16 and Latin-1 (<https://encoding.spec.whatwg.org>).

use super::bytes;
use rquickjs::{Ctx, Result, TypedArray};

/// The text as UTF-8. The caller has replaced lone surrogates.
pub fn encode_utf8<'js>(ctx: Ctx<'js>, text: String) -> Result<TypedArray<'js, u8>> {
    TypedArray::new(ctx, text.into_bytes())
}

/// The text, or nothing if `fatal` and a byte is wrong. What is wrong becomes U+FFFD, as many as the specification says (which is how
/// `String::from_utf8_lossy` counts).
pub fn decode_utf8(bytes: TypedArray<'_, u8>, fatal: bool) -> Result<Option<String>> {
    Ok(match String::from_utf8(bytes::copied(&bytes)) {
        Ok(text) => Some(text),
        Err(_) if fatal => None,
        Err(wrong) => Some(String::from_utf8_lossy(wrong.as_bytes()).into_owned()),
    })
}

/// The text of UTF-16 in either byte order, or nothing if `fatal` and a surrogate is alone or a byte is left.
pub fn decode_utf16(bytes: TypedArray<'_, u8>, big_endian: bool, fatal: bool) -> Result<Option<String>> {
    let bytes = bytes::copied(&bytes);
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| if big_endian { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
    let mut text = String::with_capacity(bytes.len());
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(character) => text.push(character),
            Err(_) if fatal => return Ok(None),
            Err(_) => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    if !rest.is_empty() {
        if fatal {
            return Ok(None);
        }
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Ok(Some(text))
}

/// The text of windows-1252, which is what the labels `latin1` and `ascii` mean on the web.
pub fn decode_latin1(bytes: TypedArray<'_, u8>) -> Result<String> {
    let bytes = bytes::copied(&bytes);
    Ok(bytes
        .iter()
        .map(|byte| if (0x80..0xa0).contains(byte) { C1[usize::from(*byte - 0x80)] } else { char::from(*byte) })
        .collect())
}

/// The characters of windows-1252 from 0x80 to 0x9f (<https://encoding.spec.whatwg.org/index-windows-1252.txt>).
const C1: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];
