//! What wit-bindgen makes of the contract in `wit/`: the raw imports and the exports of a component.

#![allow(missing_docs, unsafe_code, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    path: "../wit",
    world: "tool",
    pub_export_macro: true,
    default_bindings_module: "::libos::bindings",
    additional_derives: [PartialEq, Eq],
});
