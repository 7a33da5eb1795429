//! Parameter properties are set before the fields that may use them, as TypeScript has it. ECMAScript sets fields before a constructor's
//! body runs, so in a class with parameter properties the initial values move there. Deno's compiler does the same.

use oxc::allocator::Allocator;
use oxc::ast::ast::*;
use oxc::ast::builder::AstBuilder;
use oxc::ast_visit::{Visit, VisitMut, walk_mut};
use oxc::semantic::Scoping;
use oxc::span::{GetSpan, Span};
use oxc::syntax::operator::AssignmentOperator;
use std::collections::HashSet;

/// Moves the initial values of all classes with parameter properties. Answers what cannot be moved.
///
/// `scoping` is of the program as it is; it holds no longer if `moved` answers true.
pub fn move_into_constructors<'a>(allocator: &'a Allocator, scoping: &Scoping, program: &mut Program<'a>) -> Moved {
    let mut fields = Fields { builder: AstBuilder::new(allocator), scoping, done: Moved::default() };
    fields.visit_program(program);
    fields.done
}

/// What was done.
#[derive(Default)]
pub struct Moved {
    /// Whether anything was.
    pub moved: bool,
    /// What cannot be moved.
    pub refused: Vec<(Span, String)>,
}

struct Fields<'s, 'a> {
    builder: AstBuilder<'a>,
    scoping: &'s Scoping,
    done: Moved,
}

impl<'a> VisitMut<'a> for Fields<'_, 'a> {
    fn visit_class(&mut self, it: &mut Class<'a>) {
        if let Some(bound) = it.body.body.iter().find_map(with_parameter_properties) {
            self.class(it, &bound);
        }
        walk_mut::walk_class(self, it);
    }
}

impl<'a> Fields<'_, 'a> {
    fn class(&mut self, it: &mut Class<'a>, bound: &HashSet<String>) {
        let mut moved = Vec::new();
        for element in &mut it.body.body {
            if let ClassElement::PropertyDefinition(field) = element
                && !field.r#static
                && let Some(assignment) = self.assignment(field, bound)
            {
                moved.push(assignment);
            }
        }
        let Some(body) = it.body.body.iter_mut().find_map(constructor_body).filter(|_| !moved.is_empty()) else {
            return;
        };
        let at = match body.statements.iter().position(is_super_call) {
            Some(at) => at + 1,
            None if it.heritage.is_none() => 0,
            None => {
                let why = "the `super(...)` of a class with parameter properties must be a statement of its own in the constructor";
                self.done.refused.push((it.span, why.into()));
                return;
            }
        };
        // Parameter properties are put at the same place later, so they come before.
        for (offset, statement) in moved.into_iter().enumerate() {
            body.statements.insert(at + offset, statement);
        }
        self.done.moved = true;
    }

    /// The field's initial value as a statement; it has none afterwards.
    fn assignment(&mut self, field: &mut PropertyDefinition<'a>, bound: &HashSet<String>) -> Option<Statement<'a>> {
        let value = field.value.take()?;
        let (span, builder) = (field.span, &self.builder);
        let mut used = Used { scoping: self.scoping, value: value.span(), names: Vec::new() };
        used.visit_expression(&value);
        if let Some((name, at)) = used.names.into_iter().find(|(name, _)| bound.contains(name)) {
            let why =
                format!("this initial value cannot use `{name}`, which the constructor has too; rename one of them");
            self.done.refused.push((at, why));
            return None;
        }
        let this = Expression::new_this_expression(span, builder);
        let key_span = field.key.span();
        let target = match &field.key {
            PropertyKey::StaticIdentifier(name) if !field.computed => {
                let name = IdentifierName::new(name.span, name.name, builder);
                MemberExpression::new_static_member_expression(key_span, this, name, false, builder)
            }
            PropertyKey::PrivateIdentifier(name) => {
                let name = PrivateIdentifier::new(name.span, name.name, builder);
                MemberExpression::new_private_field_expression(key_span, this, name, false, builder)
            }
            PropertyKey::StringLiteral(text) => {
                let text = Expression::new_string_literal(text.span, text.value, None, builder);
                MemberExpression::new_computed_member_expression(key_span, this, text, false, builder)
            }
            PropertyKey::NumericLiteral(number) => {
                let number = Expression::new_numeric_literal(number.span, number.value, None, number.base, builder);
                MemberExpression::new_computed_member_expression(key_span, this, number, false, builder)
            }
            _ => {
                let why = "a field with a computed name cannot have an initial value where a constructor has parameter properties; \
                           set it in the constructor";
                self.done.refused.push((key_span, why.into()));
                return None;
            }
        };
        let target = AssignmentTarget::from(target);
        let set = Expression::new_assignment_expression(span, AssignmentOperator::Assign, target, value, builder);
        Some(Statement::new_expression_statement(span, set, builder))
    }
}

fn is_super_call(statement: &Statement<'_>) -> bool {
    let Statement::ExpressionStatement(statement) = statement else { return false };
    matches!(&statement.expression, Expression::CallExpression(call) if matches!(call.callee, Expression::Super(_)))
}

/// The names that a constructor with parameter properties binds, wherever; none for anything else.
fn with_parameter_properties(element: &ClassElement<'_>) -> Option<HashSet<String>> {
    let ClassElement::MethodDefinition(method) = element else { return None };
    let is_property = |parameter: &FormalParameter<'_>| {
        parameter.accessibility.is_some() || parameter.readonly || parameter.r#override
    };
    let constructor = method.kind.is_constructor() && method.value.body.is_some();
    if !constructor || !method.value.params.items.iter().any(is_property) {
        return None;
    }
    let mut bound = Bound::default();
    bound.visit_formal_parameters(&method.value.params);
    if let Some(body) = &method.value.body {
        bound.visit_function_body(body);
    }
    Some(bound.0)
}

fn constructor_body<'e, 'a>(element: &'e mut ClassElement<'a>) -> Option<&'e mut FunctionBody<'a>> {
    match element {
        ClassElement::MethodDefinition(method) if method.kind.is_constructor() => method.value.body.as_deref_mut(),
        _ => None,
    }
}

/// Names that are bound.
#[derive(Default)]
struct Bound(HashSet<String>);

impl<'a> Visit<'a> for Bound {
    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        self.0.insert(it.name.to_string());
    }
}

/// Names that a value uses and does not bind itself.
struct Used<'s> {
    scoping: &'s Scoping,
    value: Span,
    names: Vec<(String, Span)>,
}

impl<'a> Visit<'a> for Used<'_> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        let symbol = it.reference_id.get().and_then(|id| self.scoping.get_reference(id).symbol_id());
        let own = symbol.is_some_and(|symbol| self.value.contains_inclusive(self.scoping.symbol_span(symbol)));
        if !own {
            self.names.push((it.name.to_string(), it.span));
        }
    }
}
