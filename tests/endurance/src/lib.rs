//! A host under load against a provider of effects, to be killed. The host's program, the provider's and the tests share what is here.

#![allow(
    clippy::disallowed_methods,
    reason = "all of this is a test: it starts programs, and is the outside of a kernel"
)]

pub mod check;
pub mod forest;
pub mod guest;
pub mod outside;
pub mod point;
pub mod provider;
pub mod storage;
pub mod tree;
