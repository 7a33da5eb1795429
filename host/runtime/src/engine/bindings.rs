//! Generated from the WIT: the traits that the host implements and the exports that it calls.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "tool",
    imports: { default: async | trappable },
    exports: { default: async },
});
