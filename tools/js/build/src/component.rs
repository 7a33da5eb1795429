//! From the core module to the component: its initialisation is run, its memory kept (wizer), its types added.

use crate::frames;
use anyhow::{Context, Result, anyhow};
use std::task::{Poll, Waker};
use wasmtime::{Config, Engine, Instance, Linker, Module, Store};
use wasmtime_wizer::{InstanceState, SnapshotVal, Wizer};

/// The component with its heap in place. The initialisation can call nothing: every import traps.
pub fn make(core: &[u8]) -> Result<Vec<u8>> {
    let initialised = initialise(&frames::count(core)?)?;
    let mut encoder = wit_component::ComponentEncoder::default().validate(true).module(&initialised)?;
    encoder.encode().context("the component cannot be encoded")
}

fn initialise(core: &[u8]) -> Result<Vec<u8>> {
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument(core).map_err(|error| anyhow!("{error:?}"))?;
    let mut config = Config::new();
    config.max_wasm_stack(4 << 20).async_stack_size(8 << 20);
    let engine = Engine::new(&config).map_err(wrong)?;
    let module = Module::new(&engine, &instrumented).map_err(wrong)?;
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).map_err(wrong)?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).map_err(wrong)?;
    let start = instance.get_typed_func::<(), ()>(&mut store, wizer.get_init_func()).map_err(wrong)?;
    start.call(&mut store, ()).map_err(wrong).context("the initialisation failed")?;
    let mut state = State { store, instance };
    let mut snapshot = std::pin::pin!(wizer.snapshot(&context, &mut state));
    // What it asks for is here already, so it never waits.
    match snapshot.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done.map_err(|error| anyhow!("{error:?}")),
        Poll::Pending => Err(anyhow!("the snapshot waits for something")),
    }
}

fn wrong(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}

struct State {
    store: Store<()>,
    instance: Instance,
}

impl InstanceState for State {
    async fn global_get(&mut self, name: &str, _hint: wasmtime_wizer::ValType) -> SnapshotVal {
        let Some(global) = self.instance.get_global(&mut self.store, name) else {
            panic!("there is no global {name}");
        };
        match global.get(&mut self.store) {
            wasmtime::Val::I32(value) => SnapshotVal::I32(value),
            wasmtime::Val::I64(value) => SnapshotVal::I64(value),
            wasmtime::Val::F32(value) => SnapshotVal::F32(value),
            wasmtime::Val::F64(value) => SnapshotVal::F64(value),
            other => panic!("the global {name} is {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let Some(memory) = self.instance.get_memory(&mut self.store, name) else {
            panic!("there is no memory {name}");
        };
        contents(memory.data(&self.store));
    }
}
