//! The code that the attributes add: arguments as types, and the two exports of the component.

use crate::function::{Function, Output};
use crate::needs;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Ident, Item, ItemFn, ItemMod, Result, Visibility};

const TOOLS_MAX: usize = 64;

/// Expands `#[libos::tool]`.
pub fn tool(attributes: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let needs = needs::of_tool(attributes)?;
    let mut function: ItemFn = syn::parse2(item)?;
    let component = component(&[Function::take(&mut function, needs)?]);
    Ok(quote!(#function #component))
}

/// Expands `#[libos::tools]`.
pub fn tools(attributes: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attributes.is_empty() {
        return Err(Error::new_spanned(attributes, "this attribute takes nothing; #[needs(...)] stands on a function"));
    }
    let mut module: ItemMod = syn::parse2(item)?;
    let name = module.ident.clone();
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new(name.span(), "#[libos::tools] needs the module's content: `mod name { ... }`"));
    };
    let mut functions = Vec::new();
    for item in items.iter_mut() {
        if let Item::Fn(function) = item
            && matches!(function.vis, Visibility::Public(_))
        {
            functions.push(Function::take(function, None)?);
        }
    }
    if functions.is_empty() || functions.len() > TOOLS_MAX {
        return Err(Error::new(name.span(), "a component has 1 to 64 tools: each `pub fn` of this module is one"));
    }
    items.push(Item::Verbatim(component(&functions)));
    Ok(quote!(#module))
}

/// The exports of a component with these tools. Names in it are written in full: it stands among the author's own.
fn component(functions: &[Function]) -> TokenStream {
    let arguments = functions.iter().map(arguments);
    let descriptions = functions.iter().map(description);
    let arms = functions.iter().map(arm);
    let needs = needs::section(functions);
    quote! {
        const _: () = {
            #needs

            #(#arguments)*

            struct Component;

            impl ::libos::bindings::Guest for Component {
                fn describe() -> ::std::vec::Vec<::libos::bindings::Description> {
                    ::std::vec![#(#descriptions),*]
                }

                fn call(
                    tool: ::std::string::String,
                    arguments: ::std::string::String,
                ) -> ::core::result::Result<::std::string::String, ::libos::bindings::Failure> {
                    match tool.as_str() {
                        #(#arms)*
                        other => ::core::result::Result::Err(::libos::support::unknown_tool(other)),
                    }
                }
            }

            ::libos::bindings::export!(Component with_types_in ::libos::bindings);
        };
    }
}

/// The name of the type that holds a tool's arguments.
fn arguments_type(function: &Function) -> Ident {
    format_ident!("Arguments_{}", function.name)
}

fn arguments(function: &Function) -> TokenStream {
    let name = arguments_type(function);
    let fields = function.parameters.iter().map(|parameter| &parameter.field);
    // A flattened parameter takes the other fields, so there are no unknown ones.
    let is_open = function.parameters.iter().any(|parameter| parameter.is_flattened);
    let deny = (!is_open).then(|| quote!(deny_unknown_fields,));
    quote! {
        #[allow(non_camel_case_types, reason = "named after the tool")]
        #[derive(::libos::serde::Deserialize, ::libos::schemars::JsonSchema)]
        #[serde(crate = "::libos::serde", #deny expecting = "an object")]
        #[schemars(crate = "::libos::schemars")]
        struct #name { #(#fields),* }
    }
}

fn description(function: &Function) -> TokenStream {
    let Function { name, summary, .. } = function;
    let arguments = arguments_type(function);
    let value = match &function.output {
        Output::Plain(ty) => quote!(#ty),
        Output::Fallible(ty) => quote!(<#ty as ::libos::support::Outcome>::Value),
    };
    quote! {
        ::libos::bindings::Description {
            name: ::std::string::String::from(#name),
            summary: ::std::string::String::from(#summary),
            arguments: ::libos::support::arguments_schema::<#arguments>(),
            result: ::libos::support::result_schema::<#value>(),
        }
    }
}

fn arm(function: &Function) -> TokenStream {
    let Function { name, ident, .. } = function;
    let arguments = arguments_type(function);
    let fields: Vec<_> = function.parameters.iter().map(|parameter| &parameter.ident).collect();
    // Under other names, so that a parameter called like the function does not hide it.
    let values: Vec<_> = fields.iter().map(|field| format_ident!("argument_{}", field)).collect();
    let outcome = match &function.output {
        Output::Plain(_) => quote!(::core::result::Result::Ok(#ident(#(#values),*))),
        Output::Fallible(_) => quote!(::libos::support::Outcome::into_result(#ident(#(#values),*))),
    };
    quote! {
        #name => {
            let #arguments { #(#fields: #values),* } = ::libos::support::parse(&arguments)?;
            ::libos::support::respond(#outcome)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_functions_of_the_module_are_tools() {
        let module = quote! {
            mod family {
                use super::helper;
                #[doc = "One."]
                pub fn one() -> u8 { two() }
                fn two() -> u8 { helper() }
                pub(crate) fn three() {}
            }
        };
        let text = tools(TokenStream::new(), module).unwrap().to_string();
        assert!(text.contains("Arguments_one"));
        assert!(!text.contains("Arguments_two") && !text.contains("Arguments_three"));
    }

    #[test]
    fn unknown_fields_are_refused_unless_a_parameter_takes_them() {
        let expand = |item| tool(TokenStream::new(), item).unwrap().to_string();
        assert!(
            expand(quote!(
                #[doc = "f"]
                fn f(#[serde(default)] a: u8) {}
            ))
            .contains("deny_unknown_fields")
        );
        assert!(
            !expand(quote!(
                #[doc = "f"]
                fn f(#[serde(flatten)] a: Map) {}
            ))
            .contains("deny_unknown_fields")
        );
    }

    #[test]
    fn a_module_without_tools_is_refused() {
        assert!(
            tools(
                TokenStream::new(),
                quote!(
                    mod family {}
                )
            )
            .is_err()
        );
        assert!(
            tools(
                TokenStream::new(),
                quote!(
                    mod family;
                )
            )
            .is_err()
        );
    }

    #[test]
    fn needs_stand_on_functions_in_one_place() {
        let module = quote! {
            mod family {
                #[doc = "One."]
                #[needs("read fs:a")]
                pub fn one() {}
            }
        };
        assert!(tools(quote!(needs()), module.clone()).unwrap_err().to_string().contains("stands on a function"));
        let text = tools(TokenStream::new(), module).unwrap().to_string();
        assert!(text.contains("link_section") && !text.contains("# [needs"), "{text}");
        let twice = quote!(
            #[doc = "f"]
            #[needs()]
            fn f() {}
        );
        assert!(tool(quote!(needs()), twice.clone()).unwrap_err().to_string().contains("in one place"));
        assert!(tool(quote!(), twice).unwrap().to_string().contains("link_section"));
    }
}
