//! End-to-end tests: real components, a real store, real files.

mod components;
mod imports;
mod limits;
mod replay;
mod walking;
