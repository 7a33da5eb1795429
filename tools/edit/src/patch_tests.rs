//! Patches as they are written, and what is read in them.

use super::*;

/// Old name, new name, lines of each hunk.
fn read(patch: &str) -> Result<Vec<String>, String> {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".into());
    let line = |line: &HunkLine| {
        let mark = match line.kind {
            LineKind::Context => ' ',
            LineKind::Removed => '-',
            LineKind::Added => '+',
        };
        format!("{mark}{}{}", line.text, if line.ends { "" } else { "$" })
    };
    let hunk = |hunk: &Hunk| format!("{}:{}", hunk.start, hunk.lines.iter().map(line).collect::<Vec<_>>().join("|"));
    let file = |file: &FilePatch| {
        let hunks: Vec<String> = file.hunks.iter().map(hunk).collect();
        format!("{} > {} {}", name(&file.old), name(&file.new), hunks.join(" ")).trim_end_matches(' ').to_owned()
    };
    Ok(parse(patch)?.iter().map(file).collect())
}

#[track_caller]
fn check(patch: &str, expected: &[&str]) {
    assert_eq!(read(patch), Ok(expected.iter().map(|line| (*line).to_owned()).collect()), "{patch}");
}

#[test]
fn plain_diffs_are_read() {
    check("--- a.rs\n+++ a.rs\n@@ -1,2 +1,2 @@ fn main\n a\n-b\n+c\n", &["a.rs > a.rs 1: a|-b|+c"]);
    check("--- a/x y\t2026-01-01 00:00\n+++ b/x y\t2026\n@@ -1 +1 @@\n-a\n+b\n", &["x y > x y 1:-a|+b"]);
    check("--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+a\n", &["- > n 0:+a"]);
    check("--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-a", &["n > - 1:-a"]);
    check("Fixes it.\n\n--- a/n\n+++ b/n\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39\n", &["n > n 1:-a|+b"]);
    check(
        "--- a/1\n+++ b/1\n@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @@\n-c\n+d\n--- a/2\n+++ b/2\n@@ -1 +1 @@\n-a\n+b\n",
        &["1 > 1 1:-a|+b 9:-c|+d", "2 > 2 1:-a|+b"],
    );
    check("--- a/1\r\n+++ b/1\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n", &["1 > 1 1:-a\r|+b\r"]);
    check("--- a/1\n+++ b/1\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", &["1 > 1 1:-a$|+b"]);
    check("--- a/1\n+++ b/1\n@@ -1,2 +1 @@\n--- x\n-y\n+b\n", &["1 > 1 1:--- x|-y|+b"]);
}

#[test]
fn what_git_writes_is_read() {
    let index = "index 1..2 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
    check(&format!("diff --git a/x b/x\n{index}"), &["x > x 1:-a|+b"]);
    check("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n", &["x > y"]);
    check(
        "diff --git a/x b/y\nrename from x\nrename to y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\ndiff --git a/e b/e\nnew file mode 100644\n",
        &["x > y 1:-a|+b", "- > e"],
    );
    check("diff --git a/e f b/e f\ndeleted file mode 100644\nindex 1..0\n", &["e f > -"]);
    check("diff --git \"a/\\303\\251\" \"b/\\303\\251\"\nnew file mode 100644\n", &["- > é"]);
    check("--- \"a/\\303\\251 \\\"\"\n+++ \"b/\\303\\251 \\\"\"\n@@ -1 +1 @@\n-a\n+b\n", &["é \" > é \" 1:-a|+b"]);
}

#[test]
fn wrong_counts_and_bare_empty_lines_are_read_as_they_are_meant() {
    check("--- a/1\n+++ b/1\n@@ -1,9 +1,9 @@\n a\n-b\n+c\n", &["1 > 1 1: a|-b|+c"]);
    check("--- a/1\n+++ b/1\n@@ -1,1 +1,1 @@\n a\n-b\n+c\n", &["1 > 1 1: a|-b|+c"]);
    check("--- a/1\n+++ b/1\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n\n", &["1 > 1 1: a||-b|+c".replace("||", "| |").as_str()]);
    check(
        "--- a/1\n+++ b/1\n@@ -1,7 +1,7 @@\n-a\n+b\n\n--- a/2\n+++ b/2\n@@ -1,7 +1 @@\n-c\n+d\n",
        &["1 > 1 1:-a|+b", "2 > 2 1:-c|+d"],
    );
}

#[track_caller]
fn refused(patch: &str, why: &str) {
    let found = read(patch).unwrap_err();
    assert!(found.contains(why), "{found}");
}

#[test]
fn what_is_no_patch_is_refused_by_its_line() {
    refused("", "there is no file in the patch");
    refused("*** Begin Patch\n*** Update File: a\n", "line 1 of the patch: this form of patch is not known");
    refused("@@ -1 +1 @@\n-a\n+b\n", "line 1 of the patch: a hunk without the names");
    refused("--- a/1\n+++ b/1\n", "line 3 of the patch: after the names of a file a hunk must follow");
    refused("--- a/1\n+++ b/1\n@@ -x +1 @@\n-a\n", "line 3 of the patch: a hunk begins with");
    refused("--- a/1\n+++ b/1\n@@ -1 +1 @@\n", "the hunk is empty");
    refused("--- a/1\n+++ b/1\n@@ -1 +1 @@\n\\ No newline\n", "the line that it speaks of is missing");
    refused("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "the file has no name");
    refused("--- a/n\n+++ n\n@@ -1 +1 @@\n-a\n+b\n", "--- says a/n and +++ says n");
    refused("--- \n+++ \n@@ -1 +1 @@\n-a\n+b\n", "a file has no name");
    refused("--- \"a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n", "is not quoted");
    refused("--- \"\\377\"\n+++ \"\\9\"\n@@ -1 +1 @@\n-a\n+b\n", "is not UTF-8");
    refused("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", "line 2 of the patch: the mode of a file");
    refused("diff --git a/x b/x\nnew file mode 120000\n", "can only have mode 100644");
    refused("diff --git a/x b/y\ncopy from x\ncopy to y\n", "copies are not made");
    refused("diff --git a/x b/x\nGIT binary patch\n", "binary files");
    refused("Binary files a/x and b/x differ\n", "binary files");
    refused("diff --git a/x b/y\nrename from x\n", "go together");
    refused("diff --git a/x b/x\nindex 1..2\n", "nothing is said of what becomes");
    refused(&"--- a/1\n+++ b/1\n@@ -1 +1 @@\n-a\n+b\n".repeat(FILES_MAX + 1), "has 201 files");
    refused(&" ".repeat(PATCH_BYTES_MAX + 1), "at most 4194304");
}
