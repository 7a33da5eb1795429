//! The attributes that turn plain functions into the tools of a component. Use them through the crate `libos-guest`.

mod docs;
mod expand;
mod function;
mod needs;

use proc_macro::TokenStream;

/// Makes a component with one tool of a function.
///
/// The tool has the function's name and its doc comment as summary, so both are needed. The parameters become one JSON object:
/// `Option` parameters may be left out, fields that the function does not have are refused, and a doc comment on a parameter
/// (`/** ... */` or `///`) becomes its description. `#[serde(...)]` and `#[schemars(...)]` may stand on a parameter, for example
/// `#[schemars(range(max = 60))]`, which is only in the schema: the function checks it. A parameter with `#[serde(flatten)]` takes
/// all other fields. Types of parameters implement `serde::Deserialize` and `schemars::JsonSchema`.
///
/// The function returns a value, or a type called `Result` whose error converts into `libos::Failure`. The value implements
/// `serde::Serialize` and `schemars::JsonSchema`.
///
/// `#[libos::tool(needs("read fs:workspace/**", "ask human:owner"))]` declares what the tool needs: rights on resources, as a policy
/// has them. It then gets nothing else, whatever is granted, and a person who adds it reads so. `needs()` is a tool that needs nothing;
/// without `needs` it may use all that its component imports. System calls that need no right are not declared; objects in the
/// process's own namespace are `object:process/*/**`.
///
/// A component has one `#[libos::tool]` or one `#[libos::tools]`.
#[proc_macro_attribute]
pub fn tool(attributes: TokenStream, item: TokenStream) -> TokenStream {
    finish(expand::tool(attributes.into(), item.into()))
}

/// Makes a component with several tools of an inline module: each `pub fn` in it is a tool, as under [`macro@tool`]. What it needs
/// stands on it as `#[needs("read fs:workspace/**", ...)]`.
///
/// The other items of the module stay what they are, and other modules are there to be called: only the functions that are
/// tools must be written in it.
#[proc_macro_attribute]
pub fn tools(attributes: TokenStream, item: TokenStream) -> TokenStream {
    finish(expand::tools(attributes.into(), item.into()))
}

fn finish(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(|error| error.to_compile_error()).into()
}
