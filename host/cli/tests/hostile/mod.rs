//! Components that are hard on whoever reads or compiles them, made on the spot.

use wasm_encoder::{
    BlockType, CodeSection, ComponentBuilder, ComponentExportKind, ComponentValType, ConstExpr, CustomSection,
    DataSection, ExportKind, ExportSection, Function, FunctionSection, MemorySection, MemoryType, Module, RefType,
    TableSection, TableType, TypeSection, ValType,
};

/// A component of one module with these functions, the first of which is all that it exports: as `describe` and `call`, so that it
/// looks like a tool until it is linked.
pub fn of_functions(functions: impl IntoIterator<Item = Function>, other: Other) -> Vec<u8> {
    component(&module(functions, other), 0)
}

/// What a module has beside its functions.
#[derive(Default)]
pub struct Other {
    pub memory_pages: u64,
    pub table_elements: u64,
    pub data_segments: u32,
    pub exports: u32,
    pub custom: Vec<(String, usize)>,
    pub export_name: usize,
}

fn module(functions: impl IntoIterator<Item = Function>, other: Other) -> Module {
    let (mut types, mut declared, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for function in functions {
        declared.function(0);
        code.function(&function);
    }
    let mut exports = ExportSection::new();
    exports.export("f", ExportKind::Func, 0);
    for number in 0..other.exports {
        exports.export(&format!("f{number}"), ExportKind::Func, 0);
    }
    if other.export_name > 0 {
        exports.export(&"n".repeat(other.export_name), ExportKind::Func, 0);
    }
    let mut tables = TableSection::new();
    let element_type = RefType::FUNCREF;
    let minimum = other.table_elements;
    tables.table(TableType { element_type, table64: false, minimum, maximum: None, shared: false });
    let mut memories = MemorySection::new();
    let minimum = other.memory_pages;
    memories.memory(MemoryType { minimum, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut data = DataSection::new();
    for _ in 0..other.data_segments {
        data.active(0, &ConstExpr::i32_const(0), []);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&tables).section(&memories).section(&exports);
    module.section(&code).section(&data);
    for (name, size) in other.custom {
        module.section(&CustomSection { name: name.into(), data: vec![0x7f; size].into() });
    }
    module
}

fn component(module: &Module, depth: usize) -> Vec<u8> {
    let mut outer = ComponentBuilder::default();
    let module = outer.core_module(None, module);
    let instance = outer.core_instantiate(None, module, []);
    let core = outer.core_alias_export(None, instance, "f", ExportKind::Func);
    let (ty, mut function) = outer.type_function(None);
    function.params::<[(&str, ComponentValType); 0], ComponentValType>([]).result(None);
    let lifted = outer.lift_func(None, core, ty, []);
    outer.export("describe", ComponentExportKind::Func, lifted, None);
    outer.export("call", ComponentExportKind::Func, lifted, None);
    let mut inner = ComponentBuilder::default();
    for _ in 0..depth {
        let mut around = ComponentBuilder::default();
        around.component(None, inner);
        inner = around;
    }
    if depth > 0 {
        outer.component(None, inner);
    }
    outer.finish()
}

/// Components within components.
pub fn nested(depth: usize) -> Vec<u8> {
    component(&module([nothing()], Other::default()), depth)
}

/// Many modules.
pub fn of_modules(count: usize) -> Vec<u8> {
    let mut builder = ComponentBuilder::default();
    for _ in 0..count {
        builder.core_module(None, &Module::new());
    }
    builder.finish()
}

/// A function that does nothing.
pub fn nothing() -> Function {
    let mut function = Function::new([]);
    function.instructions().end();
    function
}

/// A function of many blocks, one in the other, with many variables that each of them changes.
pub fn blocks(depth: usize, locals: u32) -> Function {
    let mut function = Function::new([(locals, ValType::I32)]);
    let mut code = function.instructions();
    for level in 0..depth {
        let local = level as u32 % locals;
        code.block(BlockType::Empty).local_get(local).br_if(0).local_get((local + 1) % locals).local_set(local);
    }
    for _ in 0..depth {
        code.end();
    }
    code.end();
    function
}

/// A function of so many jumps, each to one of so many places.
pub fn jumps(tables: usize, targets: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for _ in 0..tables {
        code.block(BlockType::Empty).i32_const(1).br_table((0..targets).map(|_| 0), 0).end();
    }
    code.end();
    function
}

/// A function of so many divisions, each of which needs checks.
pub fn divisions(count: usize) -> Function {
    let mut function = Function::new([(64, ValType::I64)]);
    let mut code = function.instructions();
    for number in 0..count as u32 {
        code.local_get(number % 64).local_get((number * 7 + 1) % 64).i64_div_s().local_set((number * 13 + 5) % 64);
    }
    code.end();
    function
}
