//! What a tree may not have: forms that the engine cannot run, and depth that later passes have no stack for.

use crate::nesting::NESTING_MAX;
use oxc::ast::ast::*;
use oxc::ast_visit::{Visit, walk};
use oxc::span::{GetSpan, Span};

/// What is refused, and where. Found with a bounded stack, whatever the tree is.
pub fn refused(program: &Program<'_>) -> Vec<(Span, &'static str)> {
    let mut check = Check { depth: 0, found: Vec::new(), too_deep: false };
    check.visit_program(program);
    check.found
}

/// Steps of the tree below each other. A bracket is more than one step, and chains such as `a + b + c` have no brackets.
const DEPTH_MAX: usize = 4 * NESTING_MAX;

struct Check {
    depth: usize,
    found: Vec<(Span, &'static str)>,
    too_deep: bool,
}

impl Check {
    fn deeper(&mut self, span: Span, walk: impl FnOnce(&mut Check)) {
        if self.depth < DEPTH_MAX {
            self.depth += 1;
            walk(self);
            self.depth -= 1;
        } else if !self.too_deep {
            self.too_deep = true;
            self.found
                .push((span, "this is nested too deeply, or is too long a chain; split it into several statements"));
        }
    }

    fn refuse(&mut self, span: Span, why: &'static str) {
        self.found.push((span, why));
    }
}

impl<'a> Visit<'a> for Check {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        self.deeper(it.span(), |check| walk::walk_expression(check, it));
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        self.deeper(it.span(), |check| walk::walk_statement(check, it));
    }

    fn visit_ts_type(&mut self, it: &TSType<'a>) {
        self.deeper(it.span(), |check| walk::walk_ts_type(check, it));
    }

    fn visit_ts_type_name(&mut self, it: &TSTypeName<'a>) {
        self.deeper(it.span(), |check| walk::walk_ts_type_name(check, it));
    }

    fn visit_binding_pattern(&mut self, it: &BindingPattern<'a>) {
        self.deeper(it.span(), |check| walk::walk_binding_pattern(check, it));
    }

    fn visit_assignment_target(&mut self, it: &AssignmentTarget<'a>) {
        self.deeper(it.span(), |check| walk::walk_assignment_target(check, it));
    }

    fn visit_ts_namespace_declaration(&mut self, it: &TSNamespaceDeclaration<'a>) {
        self.deeper(it.span, |check| walk::walk_ts_namespace_declaration(check, it));
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.refuse(it.span, "decorators are not supported; call the function on the class or the value instead");
        walk::walk_decorator(self, it);
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        self.refuse(it.span, "`accessor` fields are not supported; write `get` and `set`");
        walk::walk_accessor_property(self, it);
    }

    fn visit_jsx_element(&mut self, it: &JSXElement<'a>) {
        self.refuse(it.span, "JSX is not supported");
    }

    fn visit_jsx_fragment(&mut self, it: &JSXFragment<'a>) {
        self.refuse(it.span, "JSX is not supported");
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        if matches!(it.module_reference, TSModuleReference::ExternalModuleReference(_)) && !it.import_kind.is_type() {
            self.refuse(it.span, "`import x = require(...)` is not supported; write `import x from \"...\"`");
        }
        walk::walk_ts_import_equals_declaration(self, it);
    }

    fn visit_ts_export_assignment(&mut self, it: &TSExportAssignment<'a>) {
        self.refuse(it.span, "`export =` is not supported; write `export default`");
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        if it.phase.is_some() {
            self.refuse(it.span, "`import source` and `import defer` are not supported; write `import`");
        }
        walk::walk_import_declaration(self, it);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        if it.phase.is_some() {
            self.refuse(it.span, "`import.source` and `import.defer` are not supported; write `import`");
        }
        walk::walk_import_expression(self, it);
    }
}
