//! Two thousand core modules at random, by wasm-smith, each as a tool's `call`.

use crate::house::{ALONE, call, component, resident};
use libos::kernel::model::limit::CallLimits;
use libos::kernel::store::disk::Memory;
use libos::world::{OsWorld, WorldOptions};
use libos::{Config, Runtime};
use std::sync::Arc;
use wasm_smith::{Config as Smith, Module};

/// Modules, unless `LIBOS_SOAK_MODULES` says another number.
const MODULES: u64 = 2_000;
/// Hosts, one after another.
const HOSTS: u64 = 8;
/// Hosts that meet the last part once more.
const AGAIN: u64 = 3;
/// Processor time of a call, in ticks of 10 ms.
const TICKS: u64 = 2;
/// Memory of a call, in bytes.
const MEMORY: u64 = 64 << 20;
/// How much more memory the process may have at the end than after the first of these.
const GROWTH_MAX: f64 = 1.05;

/// What every module must export, so that it can be a tool. Text is passed in the memory of the module that describes it.
const SHAPE: &str = r#"(module
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
  (func (export "call") (param i32 i32 i32 i32) (result i32) (i32.const 0))
)"#;

/// What surrounds a module: `;;MODULE;;` is where it goes.
const AROUND: &str = r#"(component
  (core module $words
    (memory (export "memory") 1)
    (data (i32.const 16) "hostile")
    (data (i32.const 32) "{}")
    (data (i32.const 48) "\40\00\00\00\01\00\00\00")
    (data (i32.const 64) "\10\00\00\00\07\00\00\00\20\00\00\00\02\00\00\00\20\00\00\00\02\00\00\00\20\00\00\00\02\00\00\00")
    (func (export "describe") (result i32) (i32.const 48)))
  (core instance $words (instantiate $words))
  (core module $tool ;;MODULE;;
  )
  (core instance $tool (instantiate $tool))
  (type $reason' (enum "invalid-arguments" "denied" "failed"))
  (export $reason "reason" (type $reason'))
  (type $failure' (record (field "reason" $reason) (field "message" string)))
  (export $failure "failure" (type $failure'))
  (type $description' (record (field "name" string) (field "summary" string) (field "arguments" string) (field "result" string)))
  (export $description "description" (type $description'))
  (func $describe (result (list $description)) (canon lift (core func $words "describe") (memory $words "memory")))
  (func $call (param "tool" string) (param "arguments" string) (result (result string (error $failure)))
    (canon lift (core func $tool "call") (memory $words "memory") (realloc (func $tool "realloc"))))
  (export "describe" (func $describe))
  (export "call" (func $call)))"#;

/// A component whose `call` is the module's, and whose description behaves. The text format has no place for a module's bytes, so they
/// take the place of another module's section.
fn wrapped(module: &[u8]) -> Vec<u8> {
    let parse = |text: &str| wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let section = |module: &[u8]| {
        let mut bytes = vec![1];
        let mut left = module.len();
        while left >= 0x80 {
            bytes.push(left as u8 | 0x80);
            left >>= 7;
        }
        bytes.push(left as u8);
        bytes.extend(module);
        bytes
    };
    // Without names, which would say what the module is called.
    let fields = "(@custom \"stands in\" \"\")";
    let stand_in = section(&parse(&format!("(module $tool {fields})")));
    let around = parse(&AROUND.replace(";;MODULE;;", fields));
    let at = around.windows(stand_in.len()).position(|window| window == stand_in).unwrap();
    [&around[..at], &section(module), &around[at + stand_in.len()..]].concat()
}

/// Bytes that look random and come again with the same seed (splitmix64).
fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let number = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as u8
    };
    std::iter::repeat_with(number).take(count).collect()
}

fn module(seed: u64) -> Option<Vec<u8>> {
    let noise = bytes(seed, 2_048);
    let config = Smith {
        exports: Some(wat::parse_str(SHAPE).unwrap()),
        max_imports: 0,
        // An endless loop costs a whole tick each time; some seeds have one all the same.
        max_instructions: 60,
        max_memories: 1,
        memory64_enabled: false,
        threads_enabled: false,
        gc_enabled: false,
        reference_types_enabled: false,
        exceptions_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        shared_everything_threads_enabled: false,
        ..Smith::default()
    };
    Module::new(config, &mut arbitrary::Unstructured::new(&noise)).ok().map(|module| module.to_bytes())
}

/// A host in memory: two thousand components are of no use on a disk.
fn runtime() -> Arc<Runtime> {
    let world = OsWorld::new(Vec::new(), Vec::new(), WorldOptions::default()).unwrap();
    let mut config = Config::new(Arc::new(Memory::default()), Arc::new(world));
    config.limits = Some(CallLimits { cpu_ticks: TICKS, memory_bytes: MEMORY, ..CallLimits::default() });
    config.resident_max = 16;
    Runtime::open(config).unwrap()
}

async fn meet(runtime: &Arc<Runtime>, seed: u64) -> &'static str {
    let Some(module) = module(seed) else { return "nothing" };
    let name = format!("smith-{seed}");
    let added = runtime.add_component(wrapped(&module), Some(name.clone()), false).await;
    if let Err(why) = added {
        assert!(!why.to_string().is_empty(), "{name} is refused without a word");
        return "refused";
    }
    match call(runtime, &name).await.0.as_str() {
        "done" => "done",
        "trap" => "trap",
        "limit" => "limit",
        "fault" => "fault",
        other => panic!("{name} ended as {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_generated_modules_end_in_a_typed_way_and_leave_nothing_behind() {
    let _alone = ALONE.lock().await;
    let modules = std::env::var("LIBOS_SOAK_MODULES").ok().and_then(|number| number.parse().ok()).unwrap_or(MODULES);
    let mut ends = std::collections::BTreeMap::<&str, u64>::new();
    // A host keeps every component that was ever added, so there are several. The last ones meet what another one met, so that what they
    // leave behind is theirs alone and no larger module's.
    let (mut early, each) = (0.0, modules / HOSTS);
    for host in 0..HOSTS + AGAIN {
        let part = host.min(HOSTS - 1);
        let runtime = runtime();
        for seed in part * each..(part + 1) * each {
            *ends.entry(meet(&runtime, seed).await).or_default() += 1;
        }
        runtime.add_component(component(""), Some("behaves".into()), false).await.unwrap();
        assert_eq!(call(&runtime, "behaves").await.0, "done");
        runtime.close().await;
        drop(runtime);
        println!("host {host}: {:.1} MiB", resident() as f64 / 1048576.0);
        if host == HOSTS {
            early = resident() as f64;
        }
    }
    let late = resident() as f64;
    println!("{ends:?}");
    assert!(late <= early * GROWTH_MAX, "memory went from {early} to {late} bytes");
    let ran: u64 = ends.iter().filter(|(word, _)| !["nothing", "refused"].contains(word)).map(|(_, count)| count).sum();
    assert!(ran >= modules / 4, "too few of them ran for this to say something: {ends:?}");
}
