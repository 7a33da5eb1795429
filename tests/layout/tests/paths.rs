//! The paths that code names: `crate::...`, `super::...`, `std::...`, with groups in braces taken apart.

use crate::source::{Source, block_end, words};

/// A path, whole: from the crate's root for `crate` and `super`, with its first word otherwise.
pub struct Path {
    /// From 1.
    pub line: usize,
    pub segments: Vec<String>,
}

/// Paths in `code`, a view of `source`, that begin with this word.
pub fn beginning_with(source: &Source, code: &str, first: &str) -> Vec<Path> {
    let mut found = Vec::new();
    for at in words(code, first) {
        let before = code[..at].trim_end();
        if before.ends_with("::") || before.ends_with('$') {
            continue;
        }
        let mut all = Vec::new();
        expand(&code[at..], Vec::new(), &mut all);
        let line = source.line(at);
        for segments in all.into_iter().filter(|segments| segments.len() > 1) {
            found.push(Path { line, segments: resolve(source, code, at, segments) });
        }
    }
    found
}

/// Follows `a::b::{c, d::e}`; what is no path any more ends it.
fn expand(rest: &str, prefix: Vec<String>, found: &mut Vec<Vec<String>>) {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        let inside = &group[..block_end(rest, 0).saturating_sub(2).min(group.len())];
        for part in split(inside) {
            expand(part, prefix.clone(), found);
        }
        return;
    }
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let mut longer = prefix;
    if length == 0 {
        // A glob, or the generic arguments of `f::<T>`.
        longer.extend(rest.starts_with('*').then(|| "*".to_owned()));
        found.push(longer);
        return;
    }
    longer.push(rest[..length].to_owned());
    match rest[length..].trim_start().strip_prefix("::") {
        Some(more) => expand(more, longer, found),
        None => found.push(longer),
    }
}

/// The parts of a group, split at its own commas.
fn split(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (index, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&group[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// A path from the root of its crate.
fn resolve(source: &Source, code: &str, at: usize, segments: Vec<String>) -> Vec<String> {
    match segments[0].as_str() {
        "crate" => segments[1..].to_vec(),
        "super" => {
            let up = segments.iter().take_while(|segment| *segment == "super").count();
            let mut module = module(&source.path);
            module.extend(inline_modules(code, at));
            module.truncate(module.len().saturating_sub(up));
            module.extend_from_slice(&segments[up..]);
            module
        }
        _ => segments,
    }
}

/// The module that a file is, from the root of its crate.
fn module(path: &str) -> Vec<String> {
    let inside = path.rsplit_once("/src/").map_or(path, |(_, inside)| inside);
    let mut names: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        names.pop();
    }
    names
}

/// The modules in the file itself that a place lies in.
fn inline_modules(code: &str, at: usize) -> Vec<String> {
    let mut modules = Vec::new();
    for start in words(&code[..at], "mod") {
        let rest = &code[start + 3..];
        let Some((name, _)) = rest.split_once('{').filter(|(name, _)| !name.contains(';')) else { continue };
        if block_end(code, start + 3 + name.len()) > at {
            modules.push(name.trim().to_owned());
        }
    }
    modules
}

#[test]
fn groups_and_supers_lead_to_whole_paths() {
    let text = "use crate::{a::{b, c::*}, d};\nuse super::super::e::f;\nmod tests { use super::*; use super::super::g; }\n$crate::no; x::crate::no; pub(crate) fn f() {}";
    let source = Source::new("host/kernel/src/kernel/admit.rs", text);
    let seen = |first| {
        let paths = beginning_with(&source, &source.code, first);
        paths.iter().map(|path| format!("{} {}", path.line, path.segments.join("::"))).collect::<Vec<_>>()
    };
    assert_eq!(seen("crate"), ["1 a::b", "1 a::c::*", "1 d"]);
    assert_eq!(seen("super"), ["2 e::f", "3 kernel::admit::*", "3 kernel::g"]);
}
