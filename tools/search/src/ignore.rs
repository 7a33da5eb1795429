//! Ignore files, as git reads them: what a `.gitignore` or `.ignore` says of the paths below its directory.

use crate::glob::{Glob, Name};

/// Bytes of an ignore file that are read.
pub const FILE_BYTES_MAX: u32 = 256 * 1_024;
/// Rules of one file that are kept.
pub const RULES_MAX: usize = 2_000;

/// The rules of one file.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Segments of the directory that it is in.
    pub depth: usize,
    /// Whether the file has more rules than are kept.
    pub is_cut: bool,
}

#[derive(Debug)]
struct Rule {
    glob: Glob,
    /// `!`: what it matches is not ignored.
    negated: bool,
    /// It matches directories only.
    directory: bool,
    /// It matches the name alone, in whatever directory.
    by_name: bool,
}

impl Rules {
    /// Reads a file. What git cannot match either is passed over.
    pub fn parse(content: &[u8], depth: usize) -> Self {
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let lines = content.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        let mut rules: Vec<Rule> = lines.filter_map(rule).take(RULES_MAX + 1).collect();
        let is_cut = rules.len() > RULES_MAX || content.len() > FILE_BYTES_MAX as usize;
        rules.truncate(RULES_MAX);
        Self { rules, depth, is_cut }
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether a path (from the same place as `depth`) is ignored; none if no rule speaks of it. The last rule decides.
    pub fn ignores(&self, path: &[Name], is_directory: bool) -> Option<bool> {
        let below = path.get(self.depth..)?;
        let name = below.len().checked_sub(1)?;
        let fits = |rule: &&Rule| {
            let path = if rule.by_name { &below[name..] } else { below };
            (is_directory || !rule.directory) && rule.glob.matches(path)
        };
        self.rules.iter().rev().find(fits).map(|rule| !rule.negated)
    }
}

fn rule(line: &str) -> Option<Rule> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.starts_with('#') {
        return None;
    }
    let line = without_trailing_spaces(line);
    let (negated, line) = match line.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (directory, line) = match line.strip_suffix('/') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let anchored = line.contains('/');
    let glob = Glob::parse(line.strip_prefix('/').unwrap_or(line)).ok()?;
    Some(Rule { by_name: !anchored && glob.is_name(), glob, negated, directory })
}

/// Spaces at the end count only behind a backslash.
fn without_trailing_spaces(line: &str) -> &str {
    let kept = line.trim_end_matches(' ');
    let backslashes = kept.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let is_escaped = backslashes % 2 == 1 && kept.len() < line.len();
    &line[..kept.len() + usize::from(is_escaped)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glob::names;

    /// A file, and for each path (a directory's ends in `/`) what it says.
    #[track_caller]
    fn check(file: &str, rows: &[(&str, Option<bool>)]) {
        let rules = Rules::parse(file.as_bytes(), 0);
        for (path, expected) in rows {
            assert_eq!(rules.ignores(&names(path), path.ends_with('/')), *expected, "{file:?}: {path}");
        }
    }

    const YES: Option<bool> = Some(true);
    const NO: Option<bool> = Some(false);

    #[test]
    fn rules_are_read_as_git_reads_them() {
        check("target", &[("target", YES), ("target/", YES), ("a/target", YES), ("target/a", None)]);
        check("target/", &[("target", None), ("target/", YES), ("a/target/", YES)]);
        check("/target", &[("target", YES), ("a/target", None)]);
        check("a/b", &[("a/b", YES), ("x/a/b", None)]);
        check("**/a/b", &[("a/b", YES), ("x/a/b", YES)]);
        check("a/**", &[("a/", None), ("a/b", YES), ("a/b/c", YES)]);
        check("a/**/b", &[("a/b", YES), ("a/x/y/b", YES)]);
        check("*.log\n!keep.log", &[("a.log", YES), ("keep.log", NO), ("x/keep.log", NO), ("a.txt", None)]);
        check("!keep.log\n*.log", &[("keep.log", YES)]);
        check("**", &[("a", YES), ("a/b", YES)]);
        check("*", &[(".hidden", YES)]);
    }

    #[test]
    fn lines_are_taken_apart_as_git_takes_them() {
        check("# a\n\n  \n\\#b\n\\!c", &[("# a", None), ("#b", YES), ("!c", YES)]);
        check("a  \nb\\ \nc\\\\ ", &[("a", YES), ("a  ", None), ("b ", YES), ("b", None), ("c\\", YES)]);
        check("a\r\nb\r\n", &[("a", YES), ("b", YES)]);
        check("\u{feff}a", &[("a", YES)]);
        check("/\n//\n!\n[\na//b\n", &[("a", None), ("[", None)]);
        check(" a", &[(" a", YES), ("a", None)]);
    }

    #[test]
    fn a_rule_speaks_of_what_is_below_its_file() {
        let rules = Rules::parse(b"/a\nb", 1);
        assert_eq!(rules.ignores(&names("x/a"), false), YES);
        assert_eq!(rules.ignores(&names("x/y/b"), false), YES);
        assert_eq!(rules.ignores(&names("x/y/a"), false), None);
        assert_eq!(rules.ignores(&names("x"), true), None);
        assert_eq!(rules.ignores(&[], true), None);
    }

    #[test]
    fn a_hostile_file_is_cut_and_says_so() {
        let many = "a\n".repeat(RULES_MAX + 1);
        let rules = Rules::parse(many.as_bytes(), 0);
        assert!(rules.is_cut && rules.len() == RULES_MAX);
        assert!(!Rules::parse(b"a\n\xff\xfe\nb", 0).is_cut);
        assert_eq!(Rules::parse(b"\xff\nb", 0).ignores(&names("b"), false), YES);
    }
}
