//! Paths as tools put them together, in the name only.

use libos::Error;
use libos::fs;

/// The path of something in a directory, so that it can be used as it is.
pub fn join(directory: &str, name: &str) -> String {
    match directory {
        "." | "" => name.to_owned(),
        _ => format!("{}/{name}", directory.trim_end_matches('/')),
    }
}

/// The segments of a path from the mounts on: the first is the mount. `working` is absolute. The host decides itself what a name is.
pub fn absolute<'a>(working: &'a str, path: &'a str) -> Vec<&'a str> {
    let start = if path.starts_with('/') { "" } else { working };
    let mut segments = Vec::new();
    for segment in start.split('/').chain(path.split('/')) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    segments
}

/// Makes a directory; those above it only where one is missing, so that a usual call is one system call. Answers those that it made,
/// the outermost first, also when it failed.
pub fn make_all(path: &str, made: &mut Vec<String>) -> Result<(), Error> {
    match (fs::make_dir(path), parent(path)) {
        (Err(Error::NotFound(_)), Some(parent)) => match make_all(parent, made) {
            // Another process may have made it meanwhile.
            Ok(()) | Err(Error::AlreadyExists(_)) => fs::make_dir(path).map(|()| made.push(path.to_owned())),
            Err(error) => Err(error),
        },
        (done, _) => done.map(|()| made.push(path.to_owned())),
    }
}

/// The path without its last segment; none if there would be no segment left, or only a mount.
pub fn parent(path: &str) -> Option<&str> {
    let (parent, _) = path.trim_end_matches('/').rsplit_once('/')?;
    let parent = parent.trim_end_matches('/');
    let is_root = parent.is_empty() || parent.starts_with('/') && !parent[1..].contains('/');
    (!is_root).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_entry_can_be_used_as_it_is() {
        assert_eq!(join(".", "a"), "a");
        assert_eq!(join("notes/", "a"), "notes/a");
        assert_eq!(join("/workspace", "a"), "/workspace/a");
    }

    #[test]
    fn only_directories_below_a_mount_can_be_made() {
        let check = |path, expected| assert_eq!(parent(path), expected, "{path}");
        check("a", None);
        check("a/b", Some("a"));
        check("a/b/c/", Some("a/b"));
        check("/workspace", None);
        check("/workspace/a", None);
        check("/workspace/a/b", Some("/workspace/a"));
    }

    #[test]
    fn two_names_of_one_place_are_one() {
        let check = |path, expected: &[&str]| assert_eq!(absolute("/workspace/src", path), expected, "{path}");
        check("a", &["workspace", "src", "a"]);
        check("./x/../a", &["workspace", "src", "a"]);
        check("/workspace//src/a/", &["workspace", "src", "a"]);
        check("..", &["workspace"]);
        check(".", &["workspace", "src"]);
        check("../../../..", &[]);
    }
}
