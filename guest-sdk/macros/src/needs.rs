//! What a tool declares that it needs: read from the attributes, checked as far as the text alone says it, and put into the component.

use crate::function::Function;
use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, LitStr, Meta, MetaList, Result, Token};

/// The custom section that hosts read.
const SECTION: &str = "libos:needs";
const LINES_MAX: usize = 64;
const EXAMPLE: &str = "for example \"read,list fs:workspace/**\"";

/// The kinds of resources with their rights. A test of the host compares them with its own.
const KINDS: [(&str, &str); 14] = [
    ("fs", "read,list,write,delete"),
    ("object", "read,list,write,delete,link"),
    ("human", "ask,tell"),
    ("process", "spawn,signal,wait,message"),
    ("shell", "execute"),
    ("http", "read,write"),
    ("model", "use"),
    ("image", "use,register"),
    ("tool", "register,call"),
    ("checkpoint", "create"),
    ("secret", "use"),
    ("clock", "sleep"),
    ("mcp", "call"),
    ("env", "read"),
];

/// What a tool declares: nothing at all, or these lines.
pub type Needs = Option<Vec<String>>;

/// Reads what `#[libos::tool(...)]` holds: nothing, or `needs(...)`.
pub fn of_tool(attributes: TokenStream) -> Result<Needs> {
    let mut needs = None;
    for meta in Punctuated::<Meta, Token![,]>::parse_terminated.parse2(attributes)? {
        if !meta.path().is_ident("needs") {
            return Err(Error::new(meta.span(), "this attribute takes nothing but needs(...)"));
        }
        put(&mut needs, &meta)?;
    }
    Ok(needs)
}

/// Takes `#[needs(...)]` from the attributes of a function and adds it to what `#[libos::tool(...)]` said.
pub fn take(attributes: &mut Vec<Attribute>, mut needs: Needs) -> Result<Needs> {
    for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("needs")) {
        put(&mut needs, &attribute.meta)?;
    }
    Ok(needs)
}

fn put(needs: &mut Needs, meta: &Meta) -> Result<()> {
    if needs.is_some() {
        return Err(Error::new(meta.span(), "the needs of a tool stand in one place"));
    }
    let Meta::List(MetaList { tokens, .. }) = meta else {
        let message = format!("needs is a list in parentheses, {EXAMPLE}; needs() is a tool that needs nothing");
        return Err(Error::new(meta.span(), message));
    };
    *needs = Some(lines(tokens.clone())?);
    Ok(())
}

fn lines(tokens: TokenStream) -> Result<Vec<String>> {
    let literals = Punctuated::<Line, Token![,]>::parse_terminated.parse2(tokens)?;
    if let Some(Line(excess)) = literals.iter().nth(LINES_MAX) {
        return Err(Error::new(excess.span(), format!("a tool declares at most {LINES_MAX} lines")));
    }
    let checked = |Line(literal): &Line| {
        check(&literal.value()).map(|()| literal.value()).map_err(|message| Error::new(literal.span(), message))
    };
    literals.iter().map(checked).collect()
}

struct Line(LitStr);

impl Parse for Line {
    fn parse(input: syn::parse::ParseStream<'_>) -> Result<Self> {
        let span: Span = input.span();
        input.parse().map(Line).map_err(|_| Error::new(span, format!("each need is a text, {EXAMPLE}")))
    }
}

/// Why a line is no rule. The host reads it again, when the tool is added; what depends on Unicode only it says.
fn check(line: &str) -> std::result::Result<(), String> {
    if line.chars().any(char::is_control) {
        return Err("a need has no control characters".into());
    }
    let Some((rights, resource)) = line.trim().split_once(' ') else {
        return Err(format!("a need is rights, a space and a resource, {EXAMPLE}"));
    };
    let Some((kind, path)) = resource.trim().split_once(':') else {
        return Err(format!("a resource is written as kind:path, {EXAMPLE}"));
    };
    let Some((_, known)) = KINDS.iter().find(|(word, _)| *word == kind) else {
        let kinds: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        return Err(format!("`{kind}` is no kind of resource; there are {}", kinds.join(", ")));
    };
    if let Some(word) = rights.split(',').map(str::trim).find(|word| !known.split(',').any(|right| right == *word)) {
        return Err(format!("`{word}` is no right on {kind}; it has {}", known.replace(',', ", ")));
    }
    check_path(kind, path)
}

fn check_path(kind: &str, path: &str) -> std::result::Result<(), String> {
    let path = if kind == "shell" { path.strip_prefix('/').unwrap_or(path) } else { path };
    let last = path.split('/').count() - 1;
    for (index, segment) in path.split('/').enumerate() {
        match segment {
            "" | "." | ".." => {
                return Err(format!("`{segment}` is no name in a resource; it is written as kind:path, {EXAMPLE}"));
            }
            "*" => {}
            "**" if index == last => {}
            "**" => return Err("`**` stands only at the end".into()),
            _ if kind == "http" && index == 1 && is_host_suffix(segment) => {}
            _ if segment.contains('*') => return Err("`*` stands only for a whole segment".into()),
            _ => {}
        }
    }
    Ok(())
}

fn is_host_suffix(segment: &str) -> bool {
    segment.strip_prefix("*.").is_some_and(|suffix| !suffix.is_empty() && !suffix.contains('*'))
}

/// The custom section of a component with these tools; none if no tool declares. The linker puts equal sections one after the
/// other, so each tool is a line.
pub fn section(functions: &[Function]) -> Option<TokenStream> {
    let text = text(functions);
    if text.is_empty() {
        return None;
    }
    let (length, bytes) = (text.len(), Literal::byte_string(text.as_bytes()));
    Some(quote! {
        #[cfg(target_family = "wasm")]
        #[used]
        #[allow(unsafe_code, reason = "on this target it is a custom section, which no code runs or reads")]
        #[unsafe(link_section = #SECTION)]
        static NEEDS: [u8; #length] = *#bytes;
    })
}

fn text(functions: &[Function]) -> String {
    let declared = functions.iter().filter_map(|function| Some((&function.name, function.needs.as_ref()?)));
    let line = |(name, needs): (&String, &Vec<String>)| {
        let needs: Vec<String> = needs.iter().map(|need| json(need)).collect();
        format!("{{\"tool\":{},\"needs\":[{}]}}\n", json(name), needs.join(","))
    };
    declared.map(line).collect()
}

/// A text without control characters as JSON.
fn json(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(attributes: TokenStream, expected: &str) {
        let message = of_tool(attributes).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn what_is_no_need_is_refused_in_words() {
        refused(quote!(name = "x"), "takes nothing but needs(...)");
        refused(quote!(needs), "needs() is a tool that needs nothing");
        refused(quote!(needs = "read fs:a"), "a list in parentheses");
        refused(quote!(needs(), needs()), "in one place");
        refused(quote!(needs(read)), "each need is a text");
        refused(quote!(needs("read")), "rights, a space and a resource");
        refused(quote!(needs("")), "rights, a space and a resource");
        refused(quote!(needs("read workspace/**")), "written as kind:path");
        refused(quote!(needs("read net:a")), "`net` is no kind of resource; there are fs, object, human");
        refused(quote!(needs("fly fs:a")), "`fly` is no right on fs; it has read, list, write, delete");
        refused(quote!(needs("read,ask fs:a")), "`ask` is no right on fs");
        refused(quote!(needs("read, write fs:a")), "kind");
        refused(quote!(needs("read fs:")), "`` is no name");
        refused(quote!(needs("read fs:/a")), "`` is no name");
        refused(quote!(needs("read fs:a/../b")), "`..` is no name");
        refused(quote!(needs("read fs:**/a")), "only at the end");
        refused(quote!(needs("read fs:a*")), "whole segment");
        refused(quote!(needs("read fs:*.com")), "whole segment");
        refused(quote!(needs("read http:*.com/a")), "whole segment");
        refused(quote!(needs("read fs:a\nb")), "control characters");
        let many = vec!["read fs:a"; 65];
        refused(quote!(needs(#(#many),*)), "at most 64 lines");
    }

    #[test]
    fn what_is_a_need_is_taken_as_written() {
        for line in [
            "read fs:**",
            "read,list  fs:workspace/**",
            "ask human:owner",
            "execute shell:/usr/bin/git",
            "read http:https/*.example.com/443/**",
            "read fs:w/*/x",
        ] {
            assert_eq!(of_tool(quote!(needs(#line,))).unwrap(), Some(vec![line.to_owned()]));
        }
        assert_eq!(of_tool(quote!()).unwrap(), None);
        assert_eq!(of_tool(quote!(needs())).unwrap(), Some(Vec::new()));
    }

    #[test]
    fn an_error_points_at_its_line() {
        let attributes: TokenStream = "needs(\"read fs:a\", \"fly fs:a\")".parse().unwrap();
        let error = of_tool(attributes).unwrap_err();
        assert_eq!((error.span().start().column, error.span().end().column), (19, 29));
    }

    #[test]
    fn each_tool_that_declares_is_a_line_of_json() {
        let take = |item| Function::take(&mut syn::parse2(item).unwrap(), None).unwrap();
        let functions = [
            take(quote!(
                #[doc = "a"]
                #[needs("read fs:a\"b\\c")]
                fn a() {}
            )),
            take(quote!(
                #[doc = "b"]
                fn b() {}
            )),
            take(quote!(
                #[doc = "c"]
                #[needs()]
                fn c() {}
            )),
        ];
        let expected = concat!(r#"{"tool":"a","needs":["read fs:a\"b\\c"]}"#, "\n", r#"{"tool":"c","needs":[]}"#, "\n");
        assert_eq!(text(&functions), expected);
        assert!(section(&functions[1..2]).is_none());
        assert!(section(&functions).unwrap().to_string().contains("libos:needs"));
    }
}
