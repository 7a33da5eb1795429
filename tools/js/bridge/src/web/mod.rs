//! What the web platform for scripts takes from Rust: URLs, text encodings, digests, and what is hidden in a value.

mod bytes;
mod digest;
mod hidden;
mod text;
mod url;

use rquickjs::{Ctx, Function, Object, Result};

/// The JavaScript of the platform, in the order in which the prelude runs it: what a file uses stands above it.
pub const FILES: &[(&str, &str)] = &[
    ("web/primordials.js", include_str!("../../web/primordials.js")),
    ("web/host.js", include_str!("../../web/host.js")),
    ("web/interface.js", include_str!("../../web/interface.js")),
    ("web/dom_exception.js", include_str!("../../web/dom_exception.js")),
    ("web/report_error.js", include_str!("../../web/report_error.js")),
    ("web/events.js", include_str!("../../web/events.js")),
    ("web/timers.js", include_str!("../../web/timers.js")),
    ("web/abort.js", include_str!("../../web/abort.js")),
    ("web/base64.js", include_str!("../../web/base64.js")),
    ("web/clone.js", include_str!("../../web/clone.js")),
    ("web/inspect_layout.js", include_str!("../../web/inspect_layout.js")),
    ("web/inspect_error.js", include_str!("../../web/inspect_error.js")),
    ("web/inspect.js", include_str!("../../web/inspect.js")),
    ("web/format.js", include_str!("../../web/format.js")),
    ("web/table.js", include_str!("../../web/table.js")),
    ("web/console.js", include_str!("../../web/console.js")),
    ("web/crypto.js", include_str!("../../web/crypto.js")),
    ("web/encoding.js", include_str!("../../web/encoding.js")),
    ("web/microtask.js", include_str!("../../web/microtask.js")),
    ("web/navigator.js", include_str!("../../web/navigator.js")),
    ("web/performance.js", include_str!("../../web/performance.js")),
    ("web/pair_iterator.js", include_str!("../../web/pair_iterator.js")),
    ("web/url_search_params.js", include_str!("../../web/url_search_params.js")),
    ("web/url.js", include_str!("../../web/url.js")),
    ("web/locale_compare.js", include_str!("../../web/locale_compare.js")),
    ("web/not_supported.js", include_str!("../../web/not_supported.js")),
    ("web/locale_options.js", include_str!("../../web/locale_options.js")),
    ("web/locale_date.js", include_str!("../../web/locale_date.js")),
    ("web/locale_number.js", include_str!("../../web/locale_number.js")),
    ("web/locale.js", include_str!("../../web/locale.js")),
    ("web/blob.js", include_str!("../../web/blob.js")),
    ("web/headers.js", include_str!("../../web/headers.js")),
    ("web/body.js", include_str!("../../web/body.js")),
    ("web/response.js", include_str!("../../web/response.js")),
    ("web/inspect_platform.js", include_str!("../../web/inspect_platform.js")),
    ("web/globals.js", include_str!("../../web/globals.js")),
];

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
