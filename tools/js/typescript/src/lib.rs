//! Takes the types out of TypeScript. The parser reads text from anywhere, so it runs as a component without any authority.

mod check;
mod fields;
mod imports;
mod nesting;
mod position;
mod strip;

pub use imports::Import;
pub use strip::{Module, Outcome, Problem, strip};

/// The tool.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Turns a module of TypeScript or JavaScript into JavaScript, or says what is wrong with it.
    #[needs()]
    pub fn strip(
        /// The module's name. Its extension says what language it is: `.ts`, `.mts`, `.js` or `.mjs`.
        name: String,
        /// The module.
        source: String,
    ) -> Outcome {
        super::strip(&name, &source)
    }
}
