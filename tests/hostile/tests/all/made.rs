//! Components that are too large to be written: many of something, deep in something, or of another kind altogether.

use crate::house::{ALONE, add, call, component, host, lives, text};
use std::fmt::Write;

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// What it is, its bytes, and whether it is refused; if it is not, its call ends by itself or is stopped.
fn attacks() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let functions = many(100_001, &|_| "(func)".into());
    let nested = format!("(func $deep {}{})", "(block ".repeat(20_000), ")".repeat(20_000));
    let labels = many(60_000, &|_| " 0".into());
    let branches = format!("(func $table (param i32) (br_table{labels} (local.get 0)))");
    let name = "n".repeat(5 << 20);
    let globals = many(200_000, &|_| "(global i32 (i32.const 0))".into());
    let locals = format!("(func $locals (local{}))", " i64".repeat(49_000));
    let mut wrong_world = text("");
    wrong_world = wrong_world.replace("(export \"call\" (func $call))\n)", "(export \"run\" (func $call))\n)");
    let foreign = text("").replace("libos:runtime/fs@0.1.0", "libos:runtime/network@0.1.0");
    let newer = text("").replace("libos:runtime/fs@0.1.0", "libos:runtime/fs@9.0.0");
    let mut imports = String::from("(component");
    for number in 0..10_000 {
        let _ = write!(imports, "(import \"evil:e/i{number}\" (func))");
    }
    imports.push(')');
    let mut deep = String::from("(component (type $t0 (option u8))");
    for number in 1..200 {
        let _ = write!(deep, "(type $t{number} (option $t{}))", number - 1);
    }
    deep.push_str("(import \"libos:runtime/fs@0.1.0\" (instance (export \"read\" (func)))))");
    let memories = format!("(component (core module {}))", "(memory 1)".repeat(10_000));
    let instances = format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(2_000));
    let of_one_memory = "(core module $m (memory 1))".to_owned() + &"(core instance (instantiate $m))".repeat(3);
    let memories_of_instances = text("").replacen("(component", &format!("(component {of_one_memory}"), 1);
    let group = format!("(rec {})", "(type (func))".repeat(200_001));
    let exports = many(20_000, &|number| format!("(export \"e{number}\" (func (param \"x\" (own $r))))"));
    let shape = format!("(component (export \"r\" (type $r (sub resource))) {exports})");
    let made = "(instance (instantiate $c))".repeat(900);
    let copies = format!("(component (type $i {shape}) (import \"c\" (component $c (type $i))) {made})");
    let declared = format!("(component (type (instance {})))", "(type bool)".repeat(200_001));
    let needs =
        |line: &str| text("").replacen("(component", &format!("(component (@custom \"libos:needs\" \"{line}\")"), 1);
    let lies = needs("{\\\"tool\\\":\\\"another\\\",\\\"needs\\\":[\\\"read fs:workspace/a\\\"]}");
    let garbage = needs("\\ff\\00{{{");
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(10_000, 0);
    vec![
        ("functions-beyond-measure", component(&functions), Some("functions")),
        ("blocks-in-blocks", component(&nested), None),
        ("table-of-branches", component(&branches), None),
        ("name-of-five-megabytes", component(&format!("(func (export \"{name}\"))")), None),
        ("globals", component(&globals), None),
        ("locals", component(&locals), None),
        ("no-exports", parse("(component)"), Some("describe")),
        ("core-module", parse("(module)"), Some("component")),
        ("wrong-world", parse(&wrong_world), Some("call")),
        ("unknown-interface", parse(&foreign), Some("network")),
        ("newer-interface", parse(&newer), Some("9.0.0")),
        ("ten-thousand-imports", parse(&imports), Some("")),
        ("types-in-types", parse(&deep), Some("")),
        ("ten-thousand-memories", parse(&memories), Some("")),
        ("two-thousand-instances", parse(&instances), Some("")),
        ("memories-of-instances", parse(&memories_of_instances), Some("linear memories")),
        ("types-in-one-group", component(&group), Some("types, imports")),
        ("instances-of-a-large-component", parse(&copies), Some("instances of components")),
        ("types-in-one-instance-type", parse(&declared), Some("types, imports")),
        ("declaration-that-lies", parse(&lies), Some("")),
        ("declaration-of-garbage", parse(&garbage), Some("")),
        ("machine-code", elf, Some("machine code")),
        ("nothing", Vec::new(), Some("")),
        ("memory-of-64-bits", component("(memory i64 1)"), Some("")),
        ("shared-memory", component("(memory 1 1 shared)"), Some("")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_or_of_another_kind_is_refused_or_bounded() {
    let _alone = ALONE.lock().await;
    let host = host().await;
    let mut wrong = Vec::new();
    for (name, bytes, refused) in attacks() {
        let added = add(&host, Some(name), bytes).await;
        match (refused, added) {
            (Some(text), Err(why)) if why.contains(text) && !why.is_empty() => {}
            (Some(_), Err(why)) => wrong.push(format!("{name}: refused, but: {why}")),
            (Some(_), Ok(())) => wrong.push(format!("{name}: was added")),
            // Refused or not, it is bounded; if it is there, it ends like any other.
            (None, Err(_)) => {}
            (None, Ok(())) => {
                let (word, text) = call(&host.runtime, name).await;
                if word != "done" {
                    wrong.push(format!("{name}: {word}: {text}"));
                }
            }
        }
        lives(&host, name).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
