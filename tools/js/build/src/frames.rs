//! Makes the engine's recursive readers count. The engine bounds its stack by the pointer of the stack that lies in its memory, and what
//! reads scripts, JSON and regular expressions keeps little there and much on the stack of WebAssembly itself, which nobody can measure
//! and whose end is the end of the call. So each of these functions takes some bytes of the stack that is measured, and text that is
//! nested too deeply becomes the engine's own error, which a script can catch.

use anyhow::{Context, Result, anyhow, ensure};
use std::collections::BTreeSet;
use std::ops::Range;
use wasm_encoder::{CodeSection, Function, FunctionSection, Instruction, Module, RawSection};
use wasmparser::{CompositeInnerType, KnownCustom, Name, Parser, Payload, TypeRef};

/// What calls itself while it reads, by the beginnings of names.
const READERS: [&str; 5] = ["js_parse_", "json_parse_", "js_json_", "internalize_json_", "re_parse_"];
/// At least so many there are; fewer mean that their names have changed.
const READERS_MIN: usize = 20;
/// Bytes that each of them takes; a multiple of 16, as the stack is aligned.
const FRAME: i32 = 64;

/// What is known of a module.
#[derive(Default)]
struct Facts {
    /// How many parameters functions of each type have.
    parameters: Vec<u32>,
    imported: u32,
    /// The type of each function of its own.
    types: Vec<u32>,
    bodies: Vec<Range<usize>>,
    readers: BTreeSet<u32>,
    stack_pointer: Option<u32>,
}

/// The module with these functions behind others, which move the pointer of the stack and call them.
pub fn count(core: &[u8]) -> Result<Vec<u8>> {
    let facts = facts(core)?;
    let pointer = facts.stack_pointer.context("the module has no __stack_pointer")?;
    ensure!(facts.readers.len() >= READERS_MIN, "the engine has only {} functions that read", facts.readers.len());
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(core) {
        match payload? {
            Payload::FunctionSection(_) => module.section(&functions(&facts)?),
            Payload::CodeSectionStart { .. } => module.section(&code(core, &facts, pointer)?),
            other => match other.as_section() {
                Some((id, range)) => module.section(&RawSection { id, data: &core[range] }),
                None => continue,
            },
        };
    }
    Ok(module.finish())
}

fn facts(core: &[u8]) -> Result<Facts> {
    let mut facts = Facts::default();
    for payload in Parser::new(0).parse_all(core) {
        match payload? {
            Payload::TypeSection(section) => {
                for ty in
                    section.into_iter().flat_map(|group| group.map(|group| group.into_types()).into_iter().flatten())
                {
                    let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                        return Err(anyhow!("a type is of no function"));
                    };
                    facts.parameters.push(u32::try_from(ty.params().len())?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    facts.imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::FunctionSection(section) => facts.types = section.into_iter().collect::<Result<_, _>>()?,
            Payload::CodeSectionEntry(body) => facts.bodies.push(body.range()),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for names in names {
                        facts.note(names?)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(facts)
}

impl Facts {
    fn note(&mut self, names: Name<'_>) -> Result<()> {
        match names {
            Name::Function(all) => {
                for one in all {
                    let one = one?;
                    if one.index >= self.imported && READERS.iter().any(|start| one.name.starts_with(start)) {
                        self.readers.insert(one.index);
                    }
                }
            }
            Name::Global(all) => {
                for one in all {
                    let one = one?;
                    if one.name == "__stack_pointer" {
                        self.stack_pointer = Some(one.index);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn type_of(&self, function: u32) -> Result<u32> {
        self.types.get((function - self.imported) as usize).copied().context("a function without a type")
    }
}

fn functions(facts: &Facts) -> Result<FunctionSection> {
    let mut section = FunctionSection::new();
    for ty in &facts.types {
        section.function(*ty);
    }
    for reader in &facts.readers {
        section.function(facts.type_of(*reader)?);
    }
    Ok(section)
}

fn code(core: &[u8], facts: &Facts, pointer: u32) -> Result<CodeSection> {
    let mut section = CodeSection::new();
    let mut moved = facts.imported + u32::try_from(facts.types.len())?;
    for (index, body) in (facts.imported..).zip(&facts.bodies) {
        if facts.readers.contains(&index) {
            let ty = facts.type_of(index)? as usize;
            section.function(&before(*facts.parameters.get(ty).context("a type that is not there")?, moved, pointer));
            moved += 1;
        } else {
            section.raw(&core[body.clone()]);
        }
    }
    for reader in &facts.readers {
        section.raw(&core[facts.bodies[(reader - facts.imported) as usize].clone()]);
    }
    Ok(section)
}

/// Takes the bytes, calls the function with what it was given, and gives the bytes back.
fn before(parameters: u32, function: u32, pointer: u32) -> Function {
    let mut body = Function::new([]);
    let mut add = |bytes: i32| {
        for one in [
            Instruction::GlobalGet(pointer),
            Instruction::I32Const(bytes),
            Instruction::I32Add,
            Instruction::GlobalSet(pointer),
        ] {
            body.instruction(&one);
        }
        if bytes < 0 {
            for parameter in 0..parameters {
                body.instruction(&Instruction::LocalGet(parameter));
            }
            body.instruction(&Instruction::Call(function));
        }
    };
    add(-FRAME);
    add(FRAME);
    body.instruction(&Instruction::End);
    body
}
