//! Bytes that say that they are a component: inspected or refused, never more.

use libos::engine::inspect::inspect;

pub fn run(input: &[u8]) {
    let as_given = inspect(input);
    // A fuzzer rarely finds the eight bytes that every component begins with.
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend(input);
    for inspected in [as_given, inspect(&component)] {
        match inspected {
            Ok(inspected) => {
                assert!(inspected.imports.is_sorted());
                assert!(inspected.size == input.len() || inspected.size == component.len());
            }
            Err(error) => assert!(!error.0.is_empty()),
        }
    }
    // The same for what a component declares, which is JSON in a section of its own.
    let _ = libos::engine::declared::read(&[input]);
}
