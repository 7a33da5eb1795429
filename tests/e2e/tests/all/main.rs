//! End-to-end tests: real components, a real store, real files.

mod walking;
