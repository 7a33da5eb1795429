//! From what a guest writes to the name of a resource. `.` and `..` are resolved in the name; nothing is opened.

use super::limit;
use super::resource::{Kind, Resource};

/// The file that a guest means: relative to the working directory, or absolute as `/<mount>/<segments>`.
///
/// # Errors
/// Why it means nothing: it is too long, has NUL, or leaves its mount.
pub fn resolve(path: &str, working_directory: &Resource) -> Result<Resource, String> {
    if path.len() > limit::PATH_BYTES_MAX {
        return Err(format!("the path has more than {} bytes", limit::PATH_BYTES_MAX));
    }
    if path.is_empty() {
        return Err("the path is empty".into());
    }
    if path.contains('\0') {
        return Err("the path has a NUL byte".into());
    }
    let mut segments: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => working_directory.segments().collect(),
    };
    let absolute = segments.is_empty();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.len() > 1 => {
                segments.pop();
            }
            ".." => return Err("the path leaves its mount".into()),
            _ if segment.len() > limit::SEGMENT_BYTES_MAX => {
                return Err(format!("a name has more than {} bytes", limit::SEGMENT_BYTES_MAX));
            }
            _ => segments.push(segment),
        }
    }
    if segments.is_empty() {
        return Err(
            if absolute { "a path names a mount first, for example /workspace" } else { "the path is empty" }.into()
        );
    }
    if segments.len() > limit::PATH_SEGMENTS_MAX {
        return Err(format!("the path has more than {} segments", limit::PATH_SEGMENTS_MAX));
    }
    Ok(Resource::new(Kind::Fs, segments.join("/")))
}

/// Where a symbolic link at `link` leads, inside its mount.
///
/// # Errors
/// It leads out of the mount, by an absolute target or by `..`.
pub fn follow(link: &Resource, target: &str, rest: &str) -> Result<Resource, String> {
    if target.starts_with('/') {
        return Err("a symbolic link leads out of its mount".into());
    }
    let parent = match link.path().rsplit_once('/') {
        Some((parent, _)) => Resource::new(Kind::Fs, parent),
        None => return Err("a mount is no link".into()),
    };
    let whole = if rest.is_empty() { target.to_owned() } else { format!("{target}/{rest}") };
    resolve(&whole, &parent).map_err(|why| match why.as_str() {
        "the path leaves its mount" => "a symbolic link leads out of its mount".into(),
        _ => why,
    })
}

/// The object that a guest means: a bare name is in the process's own namespace.
///
/// # Errors
/// Why it is no name.
pub fn object(name: &str, own_namespace: &str) -> Result<Resource, String> {
    if name.len() > limit::OBJECT_NAME_BYTES_MAX {
        return Err(format!("an object's name has more than {} bytes", limit::OBJECT_NAME_BYTES_MAX));
    }
    super::name::check_new(name)?;
    let full = if name.contains('/') { name.to_owned() } else { format!("{own_namespace}/{name}") };
    namespace(&full)
}

/// A namespace by its full name.
///
/// # Errors
/// Why it is no name.
pub fn namespace(name: &str) -> Result<Resource, String> {
    if name.len() > limit::OBJECT_NAME_BYTES_MAX {
        return Err(format!("an object's name has more than {} bytes", limit::OBJECT_NAME_BYTES_MAX));
    }
    super::name::check_new(name)?;
    if name.split('/').count() > limit::OBJECT_NAME_SEGMENTS_MAX {
        return Err(format!("an object's name has more than {} segments", limit::OBJECT_NAME_SEGMENTS_MAX));
    }
    Ok(Resource::new(Kind::Object, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, want: Result<&str, &str>) {
        let cwd = Resource::new(Kind::Fs, "workspace/src");
        match (resolve(path, &cwd), want) {
            (Ok(have), Ok(want)) => assert_eq!(have.path(), want, "{path:?}"),
            (Err(have), Err(want)) => assert!(have.contains(want), "{path:?}: {have}"),
            (have, want) => panic!("{path:?}: {have:?}, not {want:?}"),
        }
    }

    #[test]
    fn a_path_is_resolved_in_its_name_and_never_leaves_its_mount() {
        check("a.rs", Ok("workspace/src/a.rs"));
        check("./a//b/./c", Ok("workspace/src/a/b/c"));
        check("../README.md", Ok("workspace/README.md"));
        check("..", Ok("workspace"));
        check("a/../..", Ok("workspace"));
        check("/workspace", Ok("workspace"));
        check("/other/x", Ok("other/x"));
        check("...", Ok("workspace/src/..."));
        check(".. /x", Ok("workspace/src/.. /x"));
        check("..\\..\\x", Ok("workspace/src/..\\..\\x"));
        check("%2e%2e/x", Ok("workspace/src/%2e%2e/x"));
        check("//server/share", Ok("server/share"));
        check("../../x", Err("leaves its mount"));
        check("/workspace/../other/x", Err("leaves its mount"));
        check("/", Err("names a mount first"));
        check("", Err("empty"));
        check("a\0/../../x", Err("NUL"));
        check(&"x/".repeat(2_000), Err("segments"));
        check(&"x".repeat(4_097), Err("4096 bytes"));
    }

    #[test]
    fn a_link_leads_only_inside_its_mount() {
        let link = Resource::new(Kind::Fs, "workspace/a/link");
        assert_eq!(follow(&link, "b", "c").unwrap().path(), "workspace/a/b/c");
        assert_eq!(follow(&link, "../b", "").unwrap().path(), "workspace/b");
        assert!(follow(&link, "../../etc/passwd", "").is_err());
        assert!(follow(&link, "/etc/passwd", "").is_err());
    }
}
