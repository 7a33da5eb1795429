//! What JavaScript itself cannot see of a value: what became of a promise, and what stands behind a proxy.

use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Promise, Proxy, Result, Value};

/// `pending`, `fulfilled` or `rejected`; the empty string for what is no promise.
pub fn state<'js>(_ctx: Ctx<'js>, value: Value<'js>) -> Result<&'static str> {
    let Ok(promise) = Promise::from_value(value) else { return Ok("") };
    Ok(match promise.state() {
        PromiseState::Pending => "pending",
        PromiseState::Resolved => "fulfilled",
        PromiseState::Rejected => "rejected",
    })
}

/// What a settled promise holds; `undefined` for one that is pending and for what is no promise.
pub fn result<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<Value<'js>> {
    let Ok(promise) = Promise::from_value(value) else { return Ok(Value::new_undefined(ctx)) };
    match promise.result::<Value<'js>>() {
        None => Ok(Value::new_undefined(ctx)),
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) => Ok(ctx.catch()),
    }
}

/// What a proxy stands for; nothing if it is none. A revoked one stands for `null`.
pub fn target<'js>(_ctx: Ctx<'js>, value: Value<'js>) -> Result<Option<Value<'js>>> {
    let Ok(proxy) = Proxy::from_value(value) else { return Ok(None) };
    proxy.target().map(|target| Some(target.into_value()))
}
