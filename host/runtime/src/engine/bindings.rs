//! Generated from the WIT: the traits that the host implements and the exports that it calls.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "tool",
    imports: { default: async | trappable },
    exports: { default: async },
});

/// The world of what runs scripts. Its imports are those of a tool, so one linker serves both.
pub mod scripts {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "scripts",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "libos:runtime/types": super::libos::runtime::types,
            "libos:runtime/fs": super::libos::runtime::fs,
            "libos:runtime/object": super::libos::runtime::object,
            "libos:runtime/clock": super::libos::runtime::clock,
            "libos:runtime/random": super::libos::runtime::random,
            "libos:runtime/human": super::libos::runtime::human,
            "libos:runtime/log": super::libos::runtime::log,
            "libos:runtime/process": super::libos::runtime::process,
            "libos:runtime/tools": super::libos::runtime::tools,
            "libos:runtime/message": super::libos::runtime::message,
            "libos:runtime/tickets": super::libos::runtime::tickets,
            "libos:runtime/image": super::libos::runtime::image,
            "libos:runtime/shell": super::libos::runtime::shell,
        },
    });
}
