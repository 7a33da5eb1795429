//! How exported calls write what JSON has no word for: bytes, moments to the nanosecond, digests. Read back, each is the same to the bit.

use super::id::{Digest, hex};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 of RFC 4648, padded.
pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let number = part.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for place in 0..4 {
            let letter = ALPHABET[(number >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= part.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// The bytes of a base64 text. Only the one way of writing them that [`base64`] has is understood.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for part in text.as_bytes().chunks(4) {
        let mut number = 0u32;
        for letter in part {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' => 0,
                _ => return None,
            };
            number = number << 6 | u32::from(value);
        }
        let padding = part.iter().rev().take_while(|letter| **letter == b'=').count().min(2);
        bytes.extend(&number.to_be_bytes()[1..4 - padding]);
    }
    // Padding in the middle, bits that mean nothing and half a group do not come back the same.
    (base64(&bytes) == text).then_some(bytes)
}

/// The digest that a hexadecimal text says.
pub fn digest_of_hex(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    if text.len() != 2 * digest.len() || !text.is_ascii() {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    (hex(&digest) == text).then_some(digest)
}

/// Bytes: a string if they are UTF-8, otherwise `{"base64": "..."}`.
pub mod bytes {
    use serde::de::{Error, MapAccess, Visitor};
    use serde::ser::SerializeMap;
    use serde::{Deserializer, Serializer};
    use std::fmt;

    /// Writes them.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &super::base64(bytes))?;
        map.end()
    }

    /// Reads them.
    ///
    /// # Errors
    /// It is neither, or base64 of what should have been a string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or {\"base64\": \"...\"} for bytes that are not UTF-8")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
                Ok(text.as_bytes().to_vec())
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Vec<u8>, E> {
                Ok(text.into_bytes())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<u8>, A::Error> {
                let Some((key, text)) = map.next_entry::<String, String>()? else {
                    return Err(A::Error::missing_field("base64"));
                };
                if key != "base64" || map.next_key::<String>()?.is_some() {
                    return Err(A::Error::custom("bytes are a string or one field, base64"));
                }
                let bytes = super::from_base64(&text).ok_or_else(|| A::Error::custom("this is no base64"))?;
                if std::str::from_utf8(&bytes).is_ok() {
                    return Err(A::Error::custom("what is UTF-8 is written as a string, not as base64"));
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_any(Bytes)
    }
}

/// A moment, as RFC 3339 in UTC with nanoseconds.
pub mod time {
    use crate::model::time::Time;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.exact())
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is no moment, or written in another way.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        Time::from_exact(&text).ok_or_else(|| {
            D::Error::custom(format!("'{text}' is no moment; an example is 2026-11-22T08:00:00.000000000Z"))
        })
    }
}

/// A digest, as 64 hexadecimal digits in lower case.
pub mod digest {
    use crate::model::id::{Digest, hex};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(digest))
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is no digest.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::digest_of_hex(&text)
            .ok_or_else(|| D::Error::custom(format!("'{text}' is no digest: 64 hexadecimal digits in lower case")))
    }
}

/// A digest that may be missing, as [`digest`] writes it.
pub mod digest_if_any {
    use crate::model::id::Digest;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct There(#[serde(with = "super::digest")] Digest);

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(digest: &Option<Digest>, serializer: S) -> Result<S::Ok, S::Error> {
        digest.map(There).serialize(serializer)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is no digest.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
        Ok(Option::<There>::deserialize(deserializer)?.map(|there| there.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648_and_has_one_form() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        for text in ["Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-v", "Z=9v", "é"] {
            assert_eq!(from_base64(text), None, "{text}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(from_base64(&base64(&all)), Some(all));
    }

    #[test]
    fn a_digest_has_one_form() {
        let text = "0f".repeat(32);
        assert_eq!(digest_of_hex(&text), Some([15; 32]));
        for text in [text.to_uppercase(), "0f".repeat(31), "+f".repeat(32), "é".repeat(32)] {
            assert_eq!(digest_of_hex(&text), None, "{text}");
        }
    }
}
