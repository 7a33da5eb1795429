//! What a component can ever do, read from its bytes before it is compiled; and a clear error for what is no component of this world.

use super::declared::{self, Declaration};
use super::items;
use libos_kernel::model::bound::reached;
use libos_kernel::model::limit;
use wasmparser::{ComponentExternName, ComponentTypeRef, Encoding, Parser, Payload, Validator, WasmFeatures};

/// The interfaces of the runtime, by their names without version.
const INTERFACES: [&str; 14] = [
    "types", "fs", "object", "clock", "random", "human", "log", "process", "tools", "message", "tickets", "image",
    "shell", "script",
];
/// Version of the contract.
const VERSION: &str = "0.1.0";

/// Bytes that are no component of this world. The text says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadComponent(pub String);

/// What a component can ever do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Inspected {
    /// Interfaces of the runtime that it imports, without version: `fs`, `human`, ...
    pub imports: Vec<String>,
    /// What its tools declare that they need; those that declare nothing are not in it.
    pub declarations: Vec<Declaration>,
    /// Bytes.
    pub size: usize,
}

impl Inspected {
    /// The interfaces that any of its tools reaches, sorted.
    pub fn reached(&self) -> Vec<String> {
        reached(&self.imports, self.declarations.iter().flat_map(|declaration| &declaration.needs))
    }
}

/// Reads a component's imports, exports and declarations.
///
/// # Errors
/// It is no component, or of another world; the text names what is missing.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, BadComponent> {
    let bad = |text: String| Err(BadComponent(text));
    at_most("bytes", bytes.len(), limit::COMPONENT_BYTES_MAX)?;
    if bytes.starts_with(b"\x7fELF") {
        return bad("it is machine code, perhaps compiled ahead of time; only components in WebAssembly's own form are accepted".into());
    }
    if !bytes.starts_with(b"\0asm") {
        return bad("it is not WebAssembly: build the tool with `cargo build --release --target wasm32-wasip2`; a script's name ends in .ts, .mts, .js or .mjs".into());
    }
    if !Parser::is_component(bytes) {
        return bad("it is a core module, not a component; build the tool for the target wasm32-wasip2".into());
    }
    // Before the validator, whose work grows with what is counted here.
    let Outline { imports, exports, sections, .. } = outline(bytes)?;
    Validator::new_with_features(WasmFeatures::default()).validate_all(bytes).map_err(damaged)?;
    for name in ["describe", "call"] {
        if !exports.iter().any(|export| export == name) {
            return bad(format!("it lacks the export '{name}' of the world libos:runtime/tool@{VERSION}"));
        }
    }
    let imports = interfaces(&imports)?;
    let declarations = declared::read(&sections)?;
    let inspected = Inspected { imports, declarations, size: bytes.len() };
    let reached = inspected.reached().into_iter().filter(|interface| INTERFACES.contains(&interface.as_str()));
    declared::check_imports(&inspected.declarations, &reached.collect::<Vec<_>>())?;
    Ok(inspected)
}

/// The interfaces of the runtime among the imports, sorted.
fn interfaces(imports: &[String]) -> Result<Vec<String>, BadComponent> {
    let bad = |text: String| Err(BadComponent(text));
    let mut found = Vec::new();
    for import in imports {
        if let Some(rest) = import.strip_prefix("libos:runtime/") {
            let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
            if version != VERSION || !INTERFACES.contains(&interface) {
                return bad(format!(
                    "it imports {import}; this runtime has libos:runtime@{VERSION} with {}",
                    INTERFACES.join(", ")
                ));
            }
            if interface != "types" {
                found.push(interface.to_owned());
            }
        } else if !import.starts_with("wasi:") {
            return bad(format!("it imports {import}, which the world libos:runtime/tool@{VERSION} has not"));
        }
    }
    found.sort();
    Ok(found)
}

/// What stands in the outermost component, and how much there is of everything.
#[derive(Default)]
struct Outline<'a> {
    /// Names.
    imports: Vec<String>,
    /// Names.
    exports: Vec<String>,
    /// Declarations: its own, and those of the core modules directly in it. Components in it have tools of their own. One more than
    /// there may be at most.
    sections: Vec<&'a [u8]>,
    functions: u32,
    items: usize,
    /// Instances of components, and what each may have a copy of.
    copied: (usize, usize),
    parts: usize,
    payloads: usize,
}

impl Outline<'_> {
    /// Counts one more piece of the component.
    fn count(&mut self, payload: &Payload<'_>, depth: usize) -> Result<(), BadComponent> {
        // Functions have a payload each, and a bound of their own.
        if let Payload::CodeSectionEntry(body) = payload {
            return at_most("bytes in one function", body.range().len(), limit::COMPONENT_FUNCTION_BYTES_MAX);
        }
        self.payloads += 1;
        at_most("sections", self.payloads, limit::COMPONENT_SECTIONS_MAX)?;
        match payload {
            Payload::Version { .. } => {
                self.parts += 1;
                at_most("modules and components", self.parts, limit::COMPONENT_PARTS_MAX)?;
                at_most("components within each other", depth, limit::COMPONENT_DEPTH_MAX)
            }
            Payload::FunctionSection(section) => {
                self.functions = self.functions.saturating_add(section.count());
                at_most("functions", self.functions as usize, limit::COMPONENT_FUNCTIONS_MAX as usize)
            }
            other => {
                self.items = self.items.saturating_add(items::of_section(other).map_err(damaged)?);
                at_most("types, imports, exports and the like", self.items, limit::COMPONENT_ITEMS_MAX as usize)?;
                let (instances, items) = items::copied(other).map_err(damaged)?;
                self.copied = (self.copied.0 + instances, self.copied.1 + items);
                let copies = self.copied.0.saturating_mul(self.copied.1);
                at_most("items in all instances of components", copies, limit::COMPONENT_COPIES_MAX)
            }
        }
    }
}

fn at_most(what: &str, have: usize, most: usize) -> Result<(), BadComponent> {
    if have <= most {
        Ok(())
    } else {
        Err(BadComponent(format!("it has {have} {what}, at most {most}; make it smaller")))
    }
}

fn damaged(error: wasmparser::BinaryReaderError) -> BadComponent {
    BadComponent(format!("it is damaged or cut short: {error}"))
}

fn outline(bytes: &[u8]) -> Result<Outline<'_>, BadComponent> {
    let mut outline = Outline::default();
    let mut around = Vec::new();
    let name = |name: ComponentExternName<'_>| name.name.to_owned();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(damaged)?;
        outline.count(&payload, around.len())?;
        match payload {
            Payload::Version { encoding, .. } => around.push(encoding),
            Payload::End(_) => drop(around.pop()),
            Payload::CustomSection(section)
                if section.name() == declared::SECTION
                    && outline.sections.len() <= declared::SECTIONS_MAX
                    && matches!(around[..], [_] | [Encoding::Component, Encoding::Module]) =>
            {
                outline.sections.push(section.data());
            }
            Payload::ComponentImportSection(section) if around.len() == 1 => {
                for import in section {
                    let import = import.map_err(damaged)?;
                    // A type that the world shares with the tool is no way to reach anything.
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        outline.imports.push(name(import.name));
                    }
                }
            }
            Payload::ComponentExportSection(section) if around.len() == 1 => {
                for export in section {
                    outline.exports.push(name(export.map_err(damaged)?.name));
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}
