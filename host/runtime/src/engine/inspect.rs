//! What a component can ever do, read from its bytes before it is compiled; and a clear error for what is no component of this world.

use super::declared::{self, Declaration};
use wasmparser::{ComponentExternName, ComponentTypeRef, Encoding, Parser, Payload, Validator, WasmFeatures};

/// Bytes of a component.
pub const COMPONENT_BYTES_MAX: usize = 64 << 20;
/// Functions of a component, in all of its modules.
pub const FUNCTIONS_MAX: u32 = 100_000;
/// The interfaces of the runtime, by their names without version.
const INTERFACES: [&str; 9] = ["types", "fs", "object", "clock", "random", "human", "log", "process", "tools"];
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

/// Reads a component's imports, exports and declarations.
///
/// # Errors
/// It is no component, or of another world; the text names what is missing.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, BadComponent> {
    let bad = |text: String| Err(BadComponent(text));
    if bytes.len() > COMPONENT_BYTES_MAX {
        return bad(format!("it has {} bytes, at most {COMPONENT_BYTES_MAX}", bytes.len()));
    }
    if bytes.starts_with(b"\x7fELF") {
        return bad("it is machine code, perhaps compiled ahead of time; only components in WebAssembly's own form are accepted".into());
    }
    if !bytes.starts_with(b"\0asm") {
        return bad("it is not WebAssembly; build the tool with `cargo build --release --target wasm32-wasip2`".into());
    }
    if !Parser::is_component(bytes) {
        return bad("it is a core module, not a component; build the tool for the target wasm32-wasip2".into());
    }
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(bytes)
        .map_err(|error| BadComponent(format!("it is damaged or cut short: {error}")))?;
    let Outline { imports, exports, sections } = outline(bytes)?;
    for name in ["describe", "call"] {
        if !exports.iter().any(|export| export == name) {
            return bad(format!("it lacks the export '{name}' of the world libos:runtime/tool@{VERSION}"));
        }
    }
    let imports = interfaces(&imports)?;
    let declarations = declared::read(&sections)?;
    declared::check_imports(&declarations, &imports)?;
    Ok(Inspected { imports, declarations, size: bytes.len() })
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

/// What stands in the outermost component.
#[derive(Default)]
struct Outline<'a> {
    /// Names.
    imports: Vec<String>,
    /// Names.
    exports: Vec<String>,
    /// Declarations: its own, and those of the core modules directly in it. Components in it have tools of their own. One more than
    /// there may be at most.
    sections: Vec<&'a [u8]>,
}

fn outline(bytes: &[u8]) -> Result<Outline<'_>, BadComponent> {
    let damaged = |error: wasmparser::BinaryReaderError| BadComponent(format!("it is damaged or cut short: {error}"));
    let mut outline = Outline::default();
    let (mut around, mut functions) = (Vec::new(), 0u32);
    let name = |name: ComponentExternName<'_>| name.name.to_owned();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding, .. } => around.push(encoding),
            Payload::End(_) => drop(around.pop()),
            Payload::CustomSection(section)
                if section.name() == declared::SECTION
                    && outline.sections.len() <= declared::SECTIONS_MAX
                    && matches!(around[..], [_] | [Encoding::Component, Encoding::Module]) =>
            {
                outline.sections.push(section.data());
            }
            Payload::FunctionSection(section) => functions = functions.saturating_add(section.count()),
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
    if functions > FUNCTIONS_MAX {
        return Err(BadComponent(format!("it has {functions} functions, at most {FUNCTIONS_MAX}")));
    }
    Ok(outline)
}
