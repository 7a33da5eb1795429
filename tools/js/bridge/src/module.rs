//! The modules of the script: found by name, compiled, and loaded from their bytecode.

use crate::bindings::libos::runtime::script;
use crate::program::Compiled;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::{Declared, WriteOptions};
use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Exception, Module, Result};
use std::cell::RefCell;

thread_local! {
    static MODULES: RefCell<Modules> = const { RefCell::new(Modules::None) };
    /// What of the program was asked for, by name.
    static LOADED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What this instance is at.
enum Modules {
    None,
    /// Compiles these; what is done is in the second list.
    Sources(Vec<script::Module>, Vec<(String, Vec<u8>)>),
    Program(Vec<Compiled<'static>>),
}

/// Compiles all modules; bytecode by name. What fails is thrown.
pub fn compile(ctx: &Ctx<'_>, modules: &[script::Module]) -> Result<Vec<(String, Vec<u8>)>> {
    MODULES.replace(Modules::Sources(modules.to_vec(), Vec::new()));
    for module in modules {
        let done = with_sources(|_, done| done.iter().any(|(name, _)| *name == module.name));
        if !done {
            declare(ctx, module)?;
        }
    }
    Ok(with_sources(|_, done| std::mem::take(done)))
}

/// From now on these are the modules.
pub fn use_program(modules: Vec<Compiled<'static>>) {
    MODULES.replace(Modules::Program(modules));
}

/// The name of the first module, whose exports are the tools; empty if there is none.
pub fn first() -> String {
    with_program(|modules| modules.first().map(|first| first.name.to_owned())).unwrap_or_default()
}

/// The module that was asked for last; empty if there is none.
pub fn last_loaded() -> String {
    LOADED.with_borrow(|loaded| loaded.last().cloned()).unwrap_or_default()
}

/// The module whose evaluation has begun and does not end, while those that it imports have ended; none if all have.
pub fn waiting(ctx: &Ctx<'_>) -> Option<String> {
    let pending: Vec<String> = LOADED
        .take()
        .into_iter()
        .filter(|name| {
            // Its evaluation has begun, so this does nothing but ask how it is.
            let asked = Module::import(ctx, name.as_str());
            let state = asked.map(|promise| {
                while ctx.execute_pending_job() {}
                promise.state()
            });
            matches!(state, Ok(PromiseState::Pending))
        })
        .collect();
    let waits_itself = |name: &&String| {
        let imports_pending = with_program(|modules| {
            let module = modules.iter().find(|module| module.name == **name)?;
            Some(module.imports.iter().any(|(_, target)| target != name && pending.iter().any(|other| other == target)))
        });
        imports_pending == Some(false)
    };
    pending.iter().find(waits_itself).or(pending.first()).cloned()
}

fn with_program<T>(work: impl FnOnce(&[Compiled<'static>]) -> Option<T>) -> Option<T> {
    MODULES.with_borrow(|modules| match modules {
        Modules::Program(all) => work(all),
        _ => None,
    })
}

/// The author's line and column, both from 1, of a place in a module's code.
pub fn original(name: &str, line: u32, column: u32) -> (u32, u32) {
    let found = MODULES.with_borrow(|modules| match modules {
        Modules::None => None,
        Modules::Sources(sources, _) => {
            let module = sources.iter().find(|module| module.name == name)?;
            crate::mappings::original(module.mappings.as_bytes(), line, column)
        }
        Modules::Program(modules) => {
            let module = modules.iter().find(|module| module.name == name)?;
            crate::mappings::original(module.mappings, line, column)
        }
    });
    found.unwrap_or((line, column))
}

fn declare(ctx: &Ctx<'_>, module: &script::Module) -> Result<()> {
    load_source(ctx, module).map(|_| ())
}

fn load_source<'js>(ctx: &Ctx<'js>, module: &script::Module) -> Result<Module<'js, Declared>> {
    LOADED.with_borrow_mut(|loaded| loaded.push(module.name.clone()));
    let declared = Module::declare(ctx.clone(), module.name.as_str(), module.code.as_str())?;
    let options = WriteOptions { strip_source: false, ..WriteOptions::default() };
    let bytecode = declared.write(options)?;
    with_sources(|_, done| done.push((module.name.clone(), bytecode)));
    Ok(declared)
}

fn with_sources<T: Default>(work: impl FnOnce(&[script::Module], &mut Vec<(String, Vec<u8>)>) -> T) -> T {
    MODULES.with_borrow_mut(|modules| match modules {
        Modules::Sources(sources, done) => work(sources, done),
        _ => T::default(),
    })
}

/// Finds what an import leads to: only what the script says it does.
pub struct Names;

impl Resolver for Names {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        // Only this crate asks from nowhere: for the first module, and for one that is loaded.
        let found = MODULES.with_borrow(|modules| match modules {
            Modules::None => None,
            Modules::Sources(sources, _) => {
                let module = sources.iter().find(|module| module.name == base)?;
                module.imports.iter().find(|(specifier, _)| specifier == name).map(|(_, target)| target.clone())
            }
            Modules::Program(all) if base.is_empty() => {
                all.iter().find(|module| module.name == name).map(|module| module.name.to_owned())
            }
            Modules::Program(all) => {
                let module = all.iter().find(|module| module.name == base)?;
                module.imports.iter().find(|(specifier, _)| *specifier == name).map(|(_, target)| (*target).to_owned())
            }
        });
        found.ok_or_else(|| {
            let text = format!("cannot import `{name}`: it is no module of this script");
            Exception::throw_type(ctx, &text)
        })
    }
}

/// Loads what was found: from its source while the script is compiled, else from its bytecode.
pub struct Code;

impl Loader for Code {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        enum Found {
            Source(script::Module),
            Bytecode(&'static [u8]),
        }
        let found = MODULES.with_borrow(|modules| match modules {
            Modules::None => None,
            Modules::Sources(sources, _) => {
                sources.iter().find(|module| module.name == name).cloned().map(Found::Source)
            }
            Modules::Program(all) => {
                all.iter().find(|module| module.name == name).map(|module| Found::Bytecode(module.bytecode))
            }
        });
        match found {
            None => Err(Exception::throw_type(ctx, &format!("the script has no module `{name}`"))),
            Some(Found::Source(module)) => load_source(ctx, &module),
            Some(Found::Bytecode(bytecode)) => {
                LOADED.with_borrow_mut(|loaded| loaded.push(name.to_owned()));
                load_bytecode(ctx, bytecode)
            }
        }
    }
}

#[expect(unsafe_code, reason = "the engine does not check bytecode")]
fn load_bytecode<'js>(ctx: &Ctx<'js>, bytecode: &'static [u8]) -> Result<Module<'js, Declared>> {
    // SAFETY: the host hands over only what `compile` of this very component made (`wit/script.wit`), and the bytes outlive the
    // engine. Were they anything else, what breaks is this instance, which has nothing but this one call.
    unsafe { Module::load(ctx.clone(), bytecode) }
}
