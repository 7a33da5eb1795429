//! The stack of the component: so much that what ends deep recursion is always the engine's own limit, which says so.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-cdylib=-zstack-size=8388608");
}
