//! The WIT contract: it is sound, it is the only copy, and each interface has a file of its own.

use crate::demand;
use crate::source;
use wit_parser::Resolve;

const PACKAGE: &str = "libos:runtime";

#[test]
fn the_contract_is_sound_as_it_stands() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(source::root().join("wit")).unwrap_or_else(|error| panic!("{error:?}"));
    let package = &resolve.packages[package];
    assert_eq!(format!("{}:{}", package.name.namespace, package.name.name), PACKAGE);
    assert!(!package.worlds.is_empty(), "wit/ has no world");
    let files: Vec<String> = source::files("wit").into_iter().map(|(path, _)| path).collect();
    let lost = package.interfaces.keys().map(|name| format!("wit/{name}.wit")).filter(|path| !files.contains(path));
    let problems: Vec<String> = lost.map(|path| format!("{path} is missing")).collect();
    demand(&problems, "Give each interface a file of its own, named as it is.");
}

#[test]
fn there_is_one_copy_of_the_contract() {
    let strays = source::files("wit").into_iter().map(|(path, _)| path).filter(|path| !path.starts_with("wit/"));
    demand(&strays.collect::<Vec<_>>(), "Hosts and guests read wit/ itself: a copy would drift.");
}
