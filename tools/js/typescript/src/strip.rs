//! From TypeScript to JavaScript: parse, check, take the types out, print with a source map.

use crate::check;
use crate::fields;
use crate::imports::{self, Import};
use crate::nesting;
use crate::position::Lines;
use oxc::allocator::Allocator;
use oxc::ast::ast::Program;
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::Parser;
use oxc::semantic::{Scoping, SemanticBuilder};
use oxc::span::{SourceType, Span};
use oxc::syntax::module_record::{ExportExportName, ModuleRecord};
use oxc::transformer::{TransformOptions, Transformer};
use serde::Serialize;
use std::path::Path;

/// Problems that are told of one module.
const PROBLEMS_MAX: usize = 64;

/// What comes of a module.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It can be run.
    Module(Module),
    /// It cannot.
    Problems {
        /// At least one, at most 64, in the order of lines.
        problems: Vec<Problem>,
    },
}

/// A module without types.
#[derive(Debug, Default, Serialize)]
pub struct Module {
    /// JavaScript.
    pub code: String,
    /// The `mappings` of a source map (version 3) to the source; empty if the code has the source's lines and columns.
    pub mappings: String,
    /// What it imports, in the order of the text. What was imported for its types alone is not there.
    pub imports: Vec<Import>,
    /// The names that it exports, without those of `export *`.
    pub exports: Vec<String>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// From 1; 0 if it is about no line.
    pub line: u32,
    /// In characters, from 1; 0 if it is about no column.
    pub column: u32,
    /// What, and what to do.
    pub message: String,
}

/// Takes the types out of a module.
pub fn strip(name: &str, source: &str) -> Outcome {
    let lines = Lines::of(source);
    match module(name, source, &lines) {
        Ok(module) => Outcome::Module(module),
        Err(found) => {
            let mut problems: Vec<Problem> = found
                .into_iter()
                .map(|(span, message)| {
                    let (line, column) = span.map_or((0, 0), |span| lines.position(span.start as usize));
                    Problem { line, column, message }
                })
                .collect();
            problems.sort();
            problems.dedup();
            problems.truncate(PROBLEMS_MAX);
            Outcome::Problems { problems }
        }
    }
}

type Found = Vec<(Option<Span>, String)>;

fn module(name: &str, source: &str, lines: &Lines<'_>) -> Result<Module, Found> {
    let path = Path::new(name);
    let (source_type, typescript) = language(path).map_err(|why| vec![(None, why)])?;
    before_parsing(source)?;
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type).parse();
    told(parsed.diagnostics)?;
    let mut program = parsed.program;
    let refused = check::refused(&program);
    if !refused.is_empty() {
        return Err(at_spans(refused));
    }
    let mut scoping = scoping(&program)?;
    if typescript {
        let fields::Moved { moved, refused } = fields::move_into_constructors(&allocator, &scoping, &mut program);
        if !refused.is_empty() {
            return Err(at_spans(refused));
        }
        if moved {
            scoping = self::scoping(&program)?;
        }
    }
    let exports = exports(&parsed.module_record);
    if typescript {
        transform(&allocator, path, scoping, &mut program)?;
    }
    let hashbang = program.hashbang.take().is_some();
    let imports::Taken { imports, refused, changed } = imports::take(&mut program, lines);
    if !refused.is_empty() {
        return Err(at_spans(refused));
    }
    let (code, mappings) = match typescript || changed || hashbang || source.starts_with('\u{feff}') {
        true => print(&program, path),
        false => (source.to_owned(), String::new()),
    };
    Ok(Module { code, mappings, imports, exports })
}

fn at_spans<T: Into<String>>(refused: Vec<(Span, T)>) -> Found {
    refused.into_iter().map(|(span, why)| (Some(span), why.into())).collect()
}

/// Who means what, and whether it may.
fn scoping(program: &Program<'_>) -> Result<Scoping, Found> {
    let built = SemanticBuilder::new_compiler().with_excess_capacity(2.0).with_enum_eval(true).build(program);
    told(built.diagnostics)?;
    Ok(built.semantic.into_scoping())
}

fn language(path: &Path) -> Result<(SourceType, bool), String> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("ts" | "mts") => Ok((SourceType::ts().with_module(true), true)),
        Some("js" | "mjs") => Ok((SourceType::mjs(), false)),
        Some("tsx" | "jsx") => {
            Err("JSX is not supported; write a module of TypeScript (.ts) or JavaScript (.js)".into())
        }
        Some("cts" | "cjs") => {
            Err("CommonJS is not supported; write a module with `import` and `export` (.ts or .js)".into())
        }
        _ => Err("its name does not say what it is; it must end in .ts, .mts, .js or .mjs".into()),
    }
}

/// What would cost the parser its stack, or what later readers cannot take.
fn before_parsing(source: &str) -> Result<(), Found> {
    let at = |offset: usize| Some(Span::empty(u32::try_from(offset).unwrap_or(u32::MAX)));
    if let Some(offset) = source.find('\0') {
        return Err(vec![(at(offset), "there is a NUL character here; a module is text".into())]);
    }
    if let Some(offset) = nesting::too_deep(source) {
        let most = nesting::NESTING_MAX;
        return Err(vec![(
            at(offset),
            format!("brackets are nested more than {most} deep here; split this into parts"),
        )]);
    }
    Ok(())
}

fn told(diagnostics: impl IntoIterator<Item = OxcDiagnostic>) -> Result<(), Found> {
    let found: Found = diagnostics.into_iter().take(PROBLEMS_MAX).map(|diagnostic| told_one(&diagnostic)).collect();
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn told_one(diagnostic: &OxcDiagnostic) -> (Option<Span>, String) {
    let span = diagnostic.labels.iter().find(|label| label.primary()).or(diagnostic.labels.first());
    let span = span.map(|label| Span::empty(label.offset()));
    let mut message = diagnostic.message.to_string();
    if let Some(help) = &diagnostic.help {
        message = format!("{message}; {help}");
    }
    (span, message)
}

fn transform<'a>(
    allocator: &'a Allocator,
    path: &Path,
    scoping: Scoping,
    program: &mut Program<'a>,
) -> Result<(), Found> {
    // Types alone go: the engine takes the newest ECMAScript. Deno, too, puts the values of constant enumerations in their place.
    let mut options = TransformOptions::default();
    options.typescript.optimize_const_enums = true;
    let transformed = Transformer::new(allocator, path, &options).build_with_scoping(scoping, program);
    told(transformed.diagnostics)
}

fn print(program: &Program<'_>, path: &Path) -> (String, String) {
    let options = CodegenOptions {
        source_map_path: Some(path.to_owned()),
        comments: CommentOptions::disabled(),
        ..CodegenOptions::default()
    };
    let printed = Codegen::new().with_options(options).build(program);
    let mappings = printed.map.map(|map| map.to_json().mappings).unwrap_or_default();
    (printed.code, mappings)
}

fn exports(record: &ModuleRecord<'_>) -> Vec<String> {
    let entries = record.local_export_entries.iter().chain(&record.indirect_export_entries);
    let names = entries.filter(|entry| !entry.is_type).filter_map(|entry| match &entry.export_name {
        ExportExportName::Name(name) => Some(name.name.to_string()),
        ExportExportName::Default(_) => Some("default".to_owned()),
        ExportExportName::Null => None,
    });
    names.collect()
}
