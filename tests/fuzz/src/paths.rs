//! Names in a real directory with symbolic links, read through the line with either resolver, against forty lines that say what a name
//! means. What lies outside is never read, whatever the links say.

#![expect(clippy::disallowed_methods, reason = "makes the directory that the names are in")]

use crate::draw::Draw;
use crate::house::House;
use libos::world::Resolver;
use libos_kernel::model::answer::Answer;
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::limit::LINKS_MAX;
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Mutex;

const OUTSIDE: &str = "what lies outside";
const NODES_MAX: usize = 8;
const POLICY: &str = "[mounts]\nworkspace = \".\"\n[image.base]\nallow = [\"read,list fs:workspace/**\"]\n";

enum Node {
    File(String),
    Directory,
    Link(String),
}

static HOUSES: Mutex<[Option<House>; 2]> = Mutex::new([None, None]);

type Tree = BTreeMap<String, Node>;

pub fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let tree = tree(&mut draw);
    let paths: Vec<String> = (0..4).map(|_| draw.path()).collect();
    let mut houses = HOUSES.lock().expect("a finding ends the fuzzer");
    for (place, resolver) in houses.iter_mut().zip([Resolver::Openat2, Resolver::Walk]) {
        let house = House::in_place(place, resolver, || POLICY.to_owned());
        build(&house.base, &tree);
        let calls = paths.iter().map(|path| Call::FsRead { path: path.clone() }).collect();
        let answers = house.make(calls, || None);
        assert_eq!(answers.len(), paths.len());
        for (path, answer) in paths.iter().zip(answers) {
            let read = match &*answer.expect("a read stops no guest") {
                Answer::Done(Reply::Bytes(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
                Answer::Done(other) => panic!("a read is answered by {other:?}"),
                Answer::Failed(_) => None,
            };
            assert_ne!(read.as_deref(), Some(OUTSIDE));
            assert_eq!(read.as_deref(), meaning(&tree, path), "{path:?} with {resolver:?}");
        }
    }
}

/// Takes the houses down.
pub fn finish() {
    *HOUSES.lock().expect("a finding ends the fuzzer") = [None, None];
}

fn tree(draw: &mut Draw) -> Tree {
    let mut tree = Tree::new();
    for number in 0..draw.below(NODES_MAX + 1) {
        let parents: Vec<&str> =
            tree.iter().filter(|(_, node)| matches!(node, Node::Directory)).map(|(path, _)| path.as_str()).collect();
        let parent = if parents.is_empty() || draw.flag() { "" } else { parents[draw.below(parents.len())] };
        let name = draw.one(&["a", "b", "link", "file", "secret", "..."]);
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") };
        let node = match draw.below(3) {
            0 => Node::Directory,
            1 => Node::File(format!("file {number}")),
            _ => Node::Link(match draw.path().replace('\0', "_") {
                empty if empty.is_empty() => "../outside/file".into(),
                target => target,
            }),
        };
        tree.entry(path).or_insert(node);
    }
    tree
}

fn build(base: &Path, tree: &Tree) {
    let root = base.join("workspace");
    for entry in std::fs::read_dir(&root).expect("the workspace is there").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
            .expect("the workspace is the fuzzer's");
    }
    std::fs::create_dir_all(base.join("outside")).expect("the outside");
    std::fs::write(base.join("outside/file"), OUTSIDE).expect("the outside");
    for (path, node) in tree {
        let path = root.join(path);
        match node {
            Node::Directory => std::fs::create_dir(path),
            Node::File(content) => std::fs::write(path, content),
            Node::Link(target) => symlink(target, path),
        }
        .expect("the tree can be made");
    }
}

/// The content of the file that the path means; none if it means none.
fn meaning<'t>(tree: &'t Tree, path: &str) -> Option<&'t str> {
    let mut name = match path.strip_prefix('/') {
        Some(absolute) => {
            let (mount, rest) = absolute.trim_start_matches('/').split_once('/').unwrap_or((absolute, ""));
            let _ = (mount, rest);
            from_mount(path)?
        }
        None => within("", path)?,
    };
    'links: for _ in 0..=LINKS_MAX {
        let segments: Vec<&str> = name.split('/').filter(|segment| !segment.is_empty()).collect();
        for end in 1..=segments.len() {
            let (upper, rest) = (segments[..end].join("/"), segments[end..].join("/"));
            match tree.get(&upper)? {
                Node::File(content) if rest.is_empty() => return Some(content),
                Node::File(_) => return None,
                Node::Directory => {}
                Node::Link(target) if target.starts_with('/') => return None,
                Node::Link(target) => {
                    let parent = segments[..end - 1].join("/");
                    name = within(&parent, &format!("{target}/{rest}"))?;
                    continue 'links;
                }
            }
        }
        return None;
    }
    None
}

/// The path, which begins with the mount's name, in the mount.
fn from_mount(path: &str) -> Option<String> {
    let mut segments = Vec::new();
    if path.contains('\0') {
        return None;
    }
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.len() > 1 => drop(segments.pop()),
            ".." => return None,
            _ => segments.push(segment),
        }
    }
    match segments.split_first() {
        Some((&"workspace", rest)) => Some(rest.join("/")),
        _ => None,
    }
}

/// A path relative to a directory of the mount, in the mount.
fn within(directory: &str, path: &str) -> Option<String> {
    if path.is_empty() { None } else { from_mount(&format!("workspace/{directory}/{path}")) }
}
