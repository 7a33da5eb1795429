//! Finds the files that cargo made in the messages that it prints, one JSON object a line.

use std::path::{Path, PathBuf};

/// The components among the artifacts, sorted, each once.
pub fn components(messages: &str) -> Vec<PathBuf> {
    let artifacts = messages.lines().filter(|line| line.starts_with(r#"{"reason":"compiler-artifact""#));
    let mut components: Vec<PathBuf> = artifacts
        .flat_map(file_names)
        .map(PathBuf::from)
        .filter(|path| path.extension().is_some_and(|extension| extension == Path::new("wasm")))
        .collect();
    components.sort();
    components.dedup();
    components
}

/// The strings of the array `filenames` in one message.
fn file_names(message: &str) -> Vec<String> {
    let Some((_, array)) = message.split_once(r#","filenames":["#) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let mut name: Option<String> = None;
    let mut characters = array.chars();
    while let Some(character) = characters.next() {
        match (character, &mut name) {
            (']', None) => break,
            ('"', None) => name = Some(String::new()),
            ('"', Some(_)) => names.extend(name.take()),
            // In a path only quotes and backslashes are escaped.
            ('\\', Some(name)) => name.extend(characters.next()),
            (other, Some(name)) => name.push(other),
            (_, None) => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_components_are_found_each_once() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"name":"b"},"filenames":["/t/b.wasm"],"executable":null,"fresh":true}
{"reason":"compiler-artifact","target":{"name":"a"},"filenames":["/t/liba.rlib","/t/a ] \"x\".wasm"],"fresh":true}
{"reason":"compiler-artifact","target":{"name":"b"},"filenames":["/t/b.wasm"],"executable":null,"fresh":true}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(components(messages), [Path::new("/t/a ] \"x\".wasm"), Path::new("/t/b.wasm")]);
    }

    #[test]
    fn a_windows_path_keeps_its_separators() {
        let message = r#"{"reason":"compiler-artifact","filenames":["C:\\t\\a.wasm"]}"#;
        assert_eq!(file_names(message), [r"C:\t\a.wasm"]);
        assert_eq!(file_names("{}"), Vec::<String>::new());
    }
}
