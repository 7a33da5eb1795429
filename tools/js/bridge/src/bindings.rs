//! What wit-bindgen makes of the contract in `wit/`: the system calls, and what an engine of scripts exports.

#![allow(missing_docs, unsafe_code, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "scripts",
    additional_derives: [PartialEq, Eq],
});
