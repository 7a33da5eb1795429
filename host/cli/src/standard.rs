//! The standard tools, embedded as components.

use libos_kernel::model::id::Digest;
use libos_kernel::model::row::ToolRow;

/// A component that comes with the program.
pub struct Standard {
    pub name: &'static str,
    pub digest: Digest,
    pub bytes: &'static [u8],
}

/// All of them.
pub const ALL: &[Standard] = include!(concat!(env!("OUT_DIR"), "/standard.rs"));

/// Those that the host does not have in this version.
pub fn missing<'a>(tools: impl Iterator<Item = &'a ToolRow>) -> Vec<&'static Standard> {
    let have: Vec<Digest> = tools.filter(|tool| tool.standard).map(|tool| tool.component).collect();
    ALL.iter().filter(|standard| !have.contains(&standard.digest)).collect()
}
