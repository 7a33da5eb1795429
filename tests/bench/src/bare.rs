//! The baseline of what runs in WebAssembly: wasmtime alone, with the engine settings of `host/runtime`, and an outside that is linked
//! trivially. No line, no limits, no record.

use bindings::libos::runtime::object::{Info, Payload};
use bindings::libos::runtime::types::{Datetime, Error};
use bindings::{Tool, ToolPre};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

mod bindings {
    //! The types of the contract, and its exports.

    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "tool",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

/// A component, ready to be called.
pub struct Bare {
    engine: Engine,
    tool: ToolPre<()>,
}

impl Bare {
    /// Compiles and links.
    pub fn new(component: &[u8]) -> Bare {
        Bare::with(component, Enabled::No)
    }

    /// As [`Bare::new`], where only what a call has written is cleared after it, if the system can tell: faster, and not safe yet.
    pub fn that_scans(component: &[u8]) -> Bare {
        Bare::with(component, Enabled::Auto)
    }

    fn with(component: &[u8], scans: Enabled) -> Bare {
        let engine = Engine::new(&config(scans)).unwrap();
        let component = Component::new(&engine, component).unwrap();
        let mut linker: Linker<()> = Linker::new(&engine);
        imports(&mut linker).unwrap();
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let tool = ToolPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        Bare { engine, tool }
    }

    /// One call in a fresh instance.
    pub async fn call(&self, name: &str, arguments: &str) -> String {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let tool: Tool = self.tool.instantiate_async(&mut store).await.unwrap();
        tool.call_call(&mut store, name, arguments).await.unwrap().unwrap()
    }
}

/// The settings of `host/runtime/src/engine/mod.rs` for 72 instances.
fn config(scans: Enabled) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(72)
        .total_core_instances(576)
        .total_memories(72)
        .total_tables(288)
        .total_stacks(72)
        .max_unused_warm_slots(64)
        .pagemap_scan(scans)
        .linear_memory_keep_resident(128 << 10)
        .table_keep_resident(16 << 10);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false);
    config
}

/// The imports that the measured guests make. Like those of the host they are async and ready at once.
fn imports(linker: &mut Linker<()>) -> wasmtime::Result<()> {
    let time = Datetime { seconds: 1, nanoseconds: 0 };
    let info = Info {
        name: "process/1/note".into(),
        type_: "note".into(),
        version: 1,
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        size: 1_024,
        created: time,
        updated: time,
        sources: Vec::new(),
    };
    let bytes = vec![7; 1_024];
    linker.instance("libos:runtime/object@0.1.0")?.func_wrap_async("read", move |_, (_,): (String,)| {
        let object = (info.clone(), Payload::Bytes(bytes.clone()));
        Box::new(async move { Ok((Ok::<_, Error>(object),)) })
    })?;
    linker
        .instance("libos:runtime/clock@0.1.0")?
        .func_wrap_async("now", move |_, ()| Box::new(async move { Ok((time,)) }))?;
    let mut human = linker.instance("libos:runtime/human@0.1.0")?;
    human.func_wrap_async("ask", |_, _: (String, Option<String>)| {
        Box::new(async move { Ok((Ok::<_, Error>("yes".to_owned()),)) })
    })
}
