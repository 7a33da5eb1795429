//! What the web platform for scripts takes from Rust: URLs, text encodings, digests, and what is hidden in a value.

mod bytes;
mod digest;
mod hidden;
mod text;
mod url;

use rquickjs::{Ctx, Function, Object, Result};

/// Puts the functions that `web/host.js` reads into `natives`. None of them has authority: they only compute.
///
/// # Errors
/// Those of the engine: no memory.
pub fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> Result<()> {
    natives.set("urlParse", Function::new(ctx.clone(), url::parse)?)?;
    natives.set("urlSet", Function::new(ctx.clone(), url::set)?)?;
    natives.set("encodeUtf8", Function::new(ctx.clone(), text::encode_utf8)?)?;
    natives.set("decodeUtf8", Function::new(ctx.clone(), text::decode_utf8)?)?;
    natives.set("decodeUtf16", Function::new(ctx.clone(), text::decode_utf16)?)?;
    natives.set("decodeLatin1", Function::new(ctx.clone(), text::decode_latin1)?)?;
    natives.set("digest", Function::new(ctx.clone(), digest::digest)?)?;
    natives.set("promiseState", Function::new(ctx.clone(), hidden::state)?)?;
    natives.set("promiseResult", Function::new(ctx.clone(), hidden::result)?)?;
    natives.set("proxyTarget", Function::new(ctx.clone(), hidden::target)?)?;
    Ok(())
}
