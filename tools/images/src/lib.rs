//! The standard tool for making images of files.

use libos::Failure;
use libos::image::{self, Change, Format};
use libos_tools_common::Encoding;
use schemars::JsonSchema;
use serde::Serialize;

/// Bytes of a manifest: what the host takes.
const MANIFEST_BYTES_MAX: u32 = 256 * 1024;

/// An image that was registered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Loaded {
    image_id: String,
    version: String,
    /// SHA-256 of all that it says.
    digest: String,
    source_path: String,
    /// `added`, `unchanged` if the same is there already, or `replaced` if another one had this id.
    change: &'static str,
    /// The tools of its processes; `*` is every tool of the host.
    tools: Vec<String>,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Registers the image that a YAML or TOML file describes, so that processes can be started from it. The file has `id`, `version` and
    /// `tools` (names of tools that you have), and, where wanted, `description`, `prompt`, `planner`, `context`, `needs`, `policy` and
    /// `budget`. An image grants nothing. What is wrong in the file is told with its line and column.
    #[needs("read fs:**", "register image:*")]
    pub fn load_image_from_yaml(
        /// The file, relative to the working directory or absolute as `/<mount>/...`. One that ends in `.toml` is read as TOML.
        path: String,
        /// Only `utf-8`.
        encoding: Option<Encoding>,
        /// Most bytes that the file may have: 1 to 262144, which is also what counts if left out.
        #[schemars(range(min = 1, max = 262_144))]
        max_bytes: Option<u32>,
        /// Whether a version that is there already and says something else is replaced; false if left out.
        replace: Option<bool>,
    ) -> libos::Result<Loaded> {
        let Encoding::Utf8 = encoding.unwrap_or_default();
        let max_bytes = libos_tools_common::within("max_bytes", max_bytes, MANIFEST_BYTES_MAX, MANIFEST_BYTES_MAX)?;
        let text = libos_tools_common::read_text(&path, max_bytes)?;
        if text.truncated {
            return Err(Failure::failed(format_args!(
                "{path} has more than {max_bytes} bytes; half a manifest is none"
            )));
        }
        let format = if path.to_ascii_lowercase().ends_with(".toml") { Format::Toml } else { Format::Yaml };
        let done = image::register(&text.content, format, replace.unwrap_or(false))?;
        let change = match done.change {
            Change::Added => "added",
            Change::Unchanged => "unchanged",
            Change::Replaced => "replaced",
        };
        let image::Info { id, version, digest, tools, .. } = done.image;
        Ok(Loaded { image_id: id, version, digest, source_path: path, change, tools })
    }
}
