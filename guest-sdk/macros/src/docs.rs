//! Doc comments as the text that a model reads.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the doc comments among `attributes`: lines of a paragraph joined, paragraphs and list items on lines of their own.
pub fn text(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for line in attributes.iter().filter_map(literal).flat_map(|comment| lines(&comment)) {
        let starts_anew = line.is_empty() || line.starts_with(['-', '*', '#', '|']) || text.ends_with('\n');
        if starts_anew {
            text.push('\n');
        } else if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&line);
    }
    text.trim().replace("\n\n\n", "\n\n")
}

/// The text of one doc comment; `None` for other attributes.
fn literal(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The lines of one doc comment; those of a block comment may each start with a star.
fn lines(comment: &str) -> Vec<String> {
    let several = comment.contains('\n');
    let clean = |line: &str| {
        let line = line.trim();
        let line = if several { line.strip_prefix("* ").or(line.strip_prefix('*')).unwrap_or(line) } else { line };
        line.trim().to_owned()
    };
    if comment.is_empty() { vec![String::new()] } else { comment.lines().map(clean).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn lines_are_joined_to_paragraphs() {
        let attributes: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Reads a"]),
            parse_quote!(#[inline]),
            parse_quote!(#[doc = " file."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = " Not a directory."]),
        ];
        assert_eq!(text(&attributes), "Reads a file.\n\nNot a directory.");
    }

    #[test]
    fn list_items_stay_apart() {
        let attributes: Vec<Attribute> =
            vec![parse_quote!(#[doc = " One of:"]), parse_quote!(#[doc = " - a"]), parse_quote!(#[doc = " - b"])];
        assert_eq!(text(&attributes), "One of:\n- a\n- b");
    }

    #[test]
    fn a_block_comment_loses_its_stars() {
        let attributes: Vec<Attribute> = vec![parse_quote!(#[doc = " Reads\n * a file.\n "])];
        assert_eq!(text(&attributes), "Reads a file.");
    }
}
