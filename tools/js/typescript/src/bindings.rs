//! What wit-bindgen makes of the contract in `wit/`: what a tool exports. The SDK for tools lies outside this workspace, and with it the
//! bytes of the component would depend on the folder that it is built in.

#![allow(missing_docs, unsafe_code, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "tool",
});
