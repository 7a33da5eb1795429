//! What runs scripts: QuickJS-ng behind the world `scripts`. Its heap is initialised when it is built (`cargo xtask js-bridge`), so an
//! instance begins with the engine and the prelude in place.

mod bindings;
mod deno;
mod engine;
mod failure;
mod mappings;
mod module;
mod natives;
mod prelude;
mod program;
mod room;
mod start;
mod system;
mod web;

use bindings::Guest;
use bindings::libos::runtime::script::{Description, Failure, Module, Problem};

struct Scripts;

impl Guest for Scripts {
    fn compile(modules: Vec<Module>) -> Result<Vec<u8>, Vec<Problem>> {
        engine::compile(modules)
    }

    fn describe(program: Vec<u8>) -> Result<Vec<Description>, Vec<Problem>> {
        engine::describe(program)
    }

    fn call(program: Vec<u8>, tool: String, arguments: String) -> Result<String, Failure> {
        engine::call(program, &tool, &arguments)
    }
}

#[allow(unsafe_code, reason = "the macro names what it exports")]
mod export {
    use super::{Scripts, bindings};
    bindings::export!(Scripts with_types_in bindings);
}
