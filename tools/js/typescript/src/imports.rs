//! What a module imports. Attributes are taken out: whoever joins modules makes modules of what they say.

use crate::position::Lines;
use oxc::allocator::Box as ArenaBox;
use oxc::ast::ast::*;
use oxc::ast_visit::{VisitMut, walk_mut};
use oxc::span::Span;
use serde::Serialize;

/// One import with a text that is known before the module runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// What stands in the text.
    pub specifier: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// Whether it is `import(...)`.
    pub dynamic: bool,
    /// Whether it asks for JSON: `with { type: "json" }`.
    pub json: bool,
}

/// What was found.
#[derive(Default)]
pub struct Taken {
    /// In the order of the text.
    pub imports: Vec<Import>,
    /// What is refused, and where.
    pub refused: Vec<(Span, String)>,
    /// Whether an attribute was taken out.
    pub changed: bool,
}

/// Finds the imports that are left in a program without types, and takes their attributes out.
pub fn take(program: &mut Program<'_>, lines: &Lines<'_>) -> Taken {
    let mut take = Take { lines, taken: Taken::default() };
    take.visit_program(program);
    take.taken
}

struct Take<'l> {
    lines: &'l Lines<'l>,
    taken: Taken,
}

impl Take<'_> {
    fn add(&mut self, specifier: &str, span: Span, dynamic: bool, json: bool) {
        let (line, column) = self.lines.position(span.start as usize);
        self.taken.imports.push(Import { specifier: specifier.to_owned(), line, column, dynamic, json });
    }

    fn add_static<'a>(&mut self, source: &StringLiteral<'a>, with: &mut Option<ArenaBox<'a, WithClause<'a>>>) {
        let mut json = false;
        if let Some(with) = with.take() {
            self.taken.changed = true;
            for entry in &with.with_entries {
                let key = match &entry.key {
                    ImportAttributeKey::Identifier(name) => name.name.as_str(),
                    ImportAttributeKey::StringLiteral(name) => name.value.as_str(),
                };
                json |= self.attribute(key, entry.value.value.as_str(), entry.span);
            }
        }
        self.add(source.value.as_str(), source.span, false, json);
    }

    /// Whether the attribute asks for JSON.
    fn attribute(&mut self, key: &str, value: &str, span: Span) -> bool {
        let json = (key, value) == ("type", "json");
        if !json {
            let why = format!("the import attribute `{key}: \"{value}\"` is not supported; there is `type: \"json\"`");
            self.taken.refused.push((span, why));
        }
        json
    }

    /// Whether the second argument of `import(...)` asks for JSON. It must be written out.
    fn options(&mut self, options: &Expression<'_>, span: Span) -> bool {
        let attributes = only_property(options).filter(|(key, _)| key == "with");
        match attributes.and_then(|(_, value)| only_property(value)) {
            Some((key, Expression::StringLiteral(value))) => self.attribute(&key, value.value.as_str(), span),
            _ => {
                let why = "the options of `import(...)` must be written out: `{ with: { type: \"json\" } }`";
                self.taken.refused.push((span, why.into()));
                false
            }
        }
    }
}

/// The key and the value of an object that has one property and is written out.
fn only_property<'e, 'a>(object: &'e Expression<'a>) -> Option<(String, &'e Expression<'a>)> {
    let Expression::ObjectExpression(object) = object else { return None };
    match object.properties.as_slice() {
        [ObjectPropertyKind::ObjectProperty(property)] if !property.computed => {
            Some((property.key.static_name()?.into_owned(), &property.value))
        }
        _ => None,
    }
}

impl<'a> VisitMut<'a> for Take<'_> {
    fn visit_import_declaration(&mut self, it: &mut ImportDeclaration<'a>) {
        self.add_static(&it.source, &mut it.with_clause);
    }

    fn visit_export_from_declaration(&mut self, it: &mut ExportFromDeclaration<'a>) {
        self.add_static(&it.source, &mut it.with_clause);
    }

    fn visit_export_all_declaration(&mut self, it: &mut ExportAllDeclaration<'a>) {
        self.add_static(&it.source, &mut it.with_clause);
    }

    fn visit_import_expression(&mut self, it: &mut ImportExpression<'a>) {
        let specifier = match &it.source {
            Expression::StringLiteral(text) => Some(text.value.to_string()),
            Expression::TemplateLiteral(text) => text.single_quasi().map(|text| text.to_string()),
            _ => None,
        };
        let json = match it.options.take() {
            Some(options) => {
                self.taken.changed = true;
                self.options(&options, it.span)
            }
            None => false,
        };
        // What is computed is for the loader to refuse when it runs.
        if let Some(specifier) = specifier {
            self.add(&specifier, it.span, true, json);
        }
        walk_mut::walk_import_expression(self, it);
    }
}
