//! What a process is started from. An image declares; it grants nothing.

use super::limit;
use super::view::View;
use minicbor::{CborLen, Decode, Encode};

/// The image that is always there: every tool of the host, nothing else.
pub const BASE: &str = "base";

/// Stands in a policy for every image, those too that come later.
pub const ALL_IMAGES: &str = "*";

/// Whether an image can have this name, or this version.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= limit::TOOL_NAME_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// An image, as its TOML file says it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Image {
    #[n(0)]
    #[serde(rename(serialize = "id"))]
    pub name: String,
    #[n(1)]
    pub version: String,
    #[n(2)]
    #[serde(default)]
    pub description: String,
    /// Names of tools; `*` is every tool that the host has.
    #[n(3)]
    pub tools: Vec<String>,
    /// Objects that its processes find, which it holds. Only a checkpoint gives an image one; no file can.
    #[n(30)]
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub memory: Option<View>,
}

impl Image {
    /// The image `base`.
    pub fn base() -> Image {
        Image {
            name: BASE.into(),
            version: "1".into(),
            description: "Every tool that the host has.".into(),
            tools: vec!["*".into()],
            memory: None,
        }
    }

    /// Reads a TOML file.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Image, String> {
        let image: Image = toml::from_str(text).map_err(|error| error.to_string())?;
        if !is_name(&image.name) {
            return Err("name: 1 to 64 characters of a-z, A-Z, 0-9, '-', '_' and '.'".into());
        }
        if !is_name(&image.version) {
            return Err("version: 1 to 64 characters of a-z, A-Z, 0-9, '-', '_' and '.'".into());
        }
        if image.tools.len() > limit::IMAGE_TOOLS_MAX {
            return Err(format!("tools: at most {}", limit::IMAGE_TOOLS_MAX));
        }
        Ok(image)
    }

    /// Whether its processes see a tool.
    pub fn has(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == "*" || name == tool)
    }
}
