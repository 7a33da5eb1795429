//! What the namespace `Deno` takes from Rust: text as files hold it.

use crate::natives;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};

/// Adds it to the functions that only the prelude reaches.
///
/// # Errors
/// The engine has no memory left.
pub fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> Result<()> {
    natives.set("encodeText", Function::new(ctx.clone(), encode)?)?;
    natives.set("decodeText", Function::new(ctx.clone(), decode)?)
}

/// UTF-8; the caller has replaced lone surrogates.
fn encode(ctx: Ctx<'_>, text: String) -> Result<TypedArray<'_, u8>> {
    TypedArray::new(ctx, text.into_bytes())
}

/// What is no UTF-8 becomes U+FFFD, as often as <https://encoding.spec.whatwg.org/#utf-8-decoder> says.
fn decode(bytes: TypedArray<'_, u8>) -> String {
    String::from_utf8_lossy(natives::bytes(&bytes).unwrap_or_default()).into_owned()
}
