//! The images that come with the program. They are manifests as anybody writes them, and grant as little.

use super::{Format, Image};
use std::sync::LazyLock;

const MANIFESTS: [&str; 5] = [
    include_str!("standard/base.toml"),
    include_str!("standard/coding.toml"),
    include_str!("standard/research.toml"),
    include_str!("standard/review.toml"),
    include_str!("standard/toolmaker.toml"),
];

static IMAGES: LazyLock<Vec<Image>> = LazyLock::new(|| {
    let images = MANIFESTS.iter().filter_map(|text| Image::read(text, Format::Toml).ok());
    images.collect()
});

/// The images that come with the program, the plainest first. They name the tools among those that they are for that `is_there`: an image
/// with a tool that this program does not have yet would promise too much.
pub fn standard(is_there: impl Fn(&str) -> bool) -> Vec<Image> {
    let fitted = |image: &Image| {
        let tools = image.tools.iter().filter(|tool| *tool == "*" || is_there(tool)).cloned().collect();
        Image { tools, ..image.clone() }
    };
    IMAGES.iter().map(fitted).collect()
}

/// Whether an image of this name comes with the program.
pub fn is_standard(name: &str) -> bool {
    IMAGES.iter().any(|image| image.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standard_image_can_be_read() {
        for text in MANIFESTS {
            Image::read(text, Format::Toml).unwrap();
        }
        let names: Vec<&str> = IMAGES.iter().map(|image| image.name.as_str()).collect();
        assert_eq!(names, ["base", "coding", "research", "review", "toolmaker"]);
    }

    #[test]
    fn a_standard_image_names_only_tools_that_are_there() {
        let images = standard(|tool| tool == "read_text_file");
        let tools: Vec<_> = images.iter().map(|image| image.tools.join(" ")).collect();
        assert_eq!(tools, ["*", "read_text_file", "read_text_file", "read_text_file", ""]);
    }
}
