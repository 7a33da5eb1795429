//! Forms of TypeScript, and what they become.
