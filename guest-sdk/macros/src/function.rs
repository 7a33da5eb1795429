//! One tool's function: what it must look like and what is taken from it.

use crate::docs;
use crate::needs::{self, Needs};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Error, FnArg, Ident, ItemFn, Pat, PatType, Result, ReturnType, Type, ext::IdentExt};

const NAME_BYTES_MAX: usize = 64;
const SUMMARY_BYTES_MAX: usize = 4 * 1024;

/// A function that is a tool.
#[derive(Debug)]
pub struct Function {
    pub ident: Ident,
    pub name: String,
    pub summary: String,
    pub parameters: Vec<Parameter>,
    pub output: Output,
    pub needs: Needs,
}

/// One parameter, as a field of the arguments.
#[derive(Debug)]
pub struct Parameter {
    pub ident: Ident,
    /// The field: attributes, name and type.
    pub field: TokenStream,
    /// Whether `#[serde(flatten)]` stands on it: it takes what the other parameters leave.
    pub is_flattened: bool,
}

/// What the function returns.
#[derive(Debug)]
pub enum Output {
    Plain(TokenStream),
    /// A type called `Result`.
    Fallible(TokenStream),
}

impl Function {
    /// Reads the function, and takes from it and its parameters the attributes that are for this macro or only stand on fields.
    /// `needs` is what another attribute says that it needs.
    pub fn take(function: &mut ItemFn, needs: Needs) -> Result<Self> {
        let ident = function.sig.ident.clone();
        check_signature(function)?;
        let summary = docs::text(&function.attrs);
        if summary.is_empty() {
            return Err(Error::new(ident.span(), "a tool needs a doc comment: it is what a model reads to choose it"));
        }
        if summary.len() > SUMMARY_BYTES_MAX {
            return Err(Error::new(ident.span(), "the doc comment of a tool has at most 4096 bytes"));
        }
        let name = ident.unraw().to_string();
        if !is_tool_name(&name) {
            let message = "the name of a tool is 1 to 64 of a-z, 0-9 and `_`, starting with a letter";
            return Err(Error::new(ident.span(), message));
        }
        let parameters = function.sig.inputs.iter_mut().map(parameter).collect::<Result<_>>()?;
        let needs = needs::take(&mut function.attrs, needs)?;
        Ok(Self { ident, name, summary, parameters, output: output(&function.sig.output)?, needs })
    }
}

fn is_tool_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn check_signature(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let unfit: [(Option<&dyn ToTokens>, &str); 5] = [
        (signature.asyncness.as_ref().map(|token| token as _), "a tool is not async: system calls wait by themselves"),
        (signature.unsafety.as_ref().map(|token| token as _), "a tool is not unsafe"),
        (signature.abi.as_ref().map(|token| token as _), "a tool has no ABI of its own"),
        (signature.variadic.as_ref().map(|token| token as _), "a tool has a fixed number of parameters"),
        (signature.generics.params.first().map(|token| token as _), "a tool is not generic: its schema names types"),
    ];
    match unfit.into_iter().find_map(|(token, message)| Some((token?, message))) {
        Some((token, message)) => Err(Error::new_spanned(token, message)),
        None => Ok(()),
    }
}

fn parameter(argument: &mut FnArg) -> Result<Parameter> {
    let FnArg::Typed(PatType { attrs, pat, ty, .. }) = argument else {
        return Err(Error::new_spanned(argument, "a tool has no `self`"));
    };
    let Pat::Ident(name) = pat.as_ref() else {
        return Err(Error::new_spanned(pat, "a parameter of a tool is a plain name: it is the name of the argument"));
    };
    match ty.as_ref() {
        Type::Reference(_) => {
            return Err(Error::new_spanned(ty, "a parameter of a tool owns its value: for example String, not &str"));
        }
        Type::ImplTrait(_) => {
            return Err(Error::new_spanned(ty, "a tool is not generic: its schema names types"));
        }
        _ => {}
    }
    let description = docs::text(attrs);
    let description = (!description.is_empty()).then(|| quote!(#[doc = #description]));
    let is_for_field =
        |attribute: &Attribute| ["doc", "serde", "schemars"].into_iter().any(|name| attribute.path().is_ident(name));
    let passed: Vec<_> = attrs.extract_if(.., |attribute| is_for_field(attribute)).collect();
    let passed: Vec<_> = passed.into_iter().filter(|attribute| !attribute.path().is_ident("doc")).collect();
    let is_flattened = passed.iter().any(is_flatten);
    let ident = name.ident.clone();
    let field = quote!(#description #(#passed)* #ident: #ty);
    Ok(Parameter { ident, field, is_flattened })
}

fn is_flatten(attribute: &Attribute) -> bool {
    let mut found = false;
    if attribute.path().is_ident("serde") {
        // What does not parse here is for serde to complain about.
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("flatten");
            Ok(())
        });
    }
    found
}

fn output(output: &ReturnType) -> Result<Output> {
    match output {
        ReturnType::Default => Ok(Output::Plain(quote!(()))),
        ReturnType::Type(_, ty) => match ty.as_ref() {
            Type::ImplTrait(_) => Err(Error::new_spanned(ty, "a tool names its result type: its schema is made of it")),
            Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result") => {
                Ok(Output::Fallible(ty.to_token_stream()))
            }
            _ => Ok(Output::Plain(ty.to_token_stream())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[track_caller]
    fn refused(mut function: ItemFn, expected: &str) {
        let message = Function::take(&mut function, None).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn a_function_gives_its_name_docs_and_fields() {
        let mut function: ItemFn = parse_quote! {
            /// Reads.
            fn read_it(#[doc = " Where."] #[serde(default)] path: Option<String>, #[cfg(all())] mut count: u8) -> libos::Result<u8> {}
        };
        let tool = Function::take(&mut function, None).unwrap();
        assert_eq!((tool.name.as_str(), tool.summary.as_str()), ("read_it", "Reads."));
        let fields: Vec<String> = tool.parameters.iter().map(|parameter| parameter.field.to_string()).collect();
        assert_eq!(fields[0], quote!(#[doc = "Where."] #[serde(default)] path: Option<String>).to_string());
        assert_eq!(fields[1], quote!(count: u8).to_string());
        assert!(matches!(tool.output, Output::Fallible(_)));
        let left = function.sig.inputs.to_token_stream().to_string();
        assert_eq!(left, quote!(path: Option<String>, #[cfg(all())] mut count: u8).to_string());
    }

    #[test]
    fn what_is_no_tool_is_refused_in_words() {
        refused(
            parse_quote!(
                fn f() {}
            ),
            "doc comment",
        );
        refused(
            parse_quote!(
                #[doc = "f"]
                async fn f() {}
            ),
            "not async",
        );
        refused(
            parse_quote!(
                #[doc = "f"]
                fn f<T>(t: T) {}
            ),
            "not generic",
        );
        refused(
            parse_quote!(
                #[doc = "f"]
                fn f(t: impl Copy) {}
            ),
            "not generic",
        );
        refused(
            parse_quote!(
                #[doc = "f"]
                fn f(self) {}
            ),
            "`self`",
        );
        refused(
            parse_quote!(
                #[doc = "f"]
                fn f((a, b): (u8, u8)) {}
            ),
            "plain name",
        );
        refused(
            parse_quote!(
                #[doc = "f"]
                fn f(path: &str) {}
            ),
            "owns its value",
        );
        refused(
            parse_quote!(
                #[doc = "f"]
                fn f() -> impl Copy {}
            ),
            "names its result type",
        );
        refused(
            parse_quote!(
                #[doc = "f"]
                fn Upper() {}
            ),
            "the name of a tool",
        );
    }

    #[test]
    fn names_have_a_limit() {
        assert!(is_tool_name(&"a".repeat(64)));
        assert!(!is_tool_name(&"a".repeat(65)));
        assert!(!is_tool_name("1a"));
        assert!(!is_tool_name(""));
    }
}
