//! Texts, patches, and what comes of them.

use super::*;
use crate::patch;

fn apply(content: &str, body: &str) -> Result<String, String> {
    let text = format!("--- a/f\n+++ b/f\n{body}");
    fit(content, &patch::parse(&text).unwrap()[0].hunks)
}

#[track_caller]
fn check(content: &str, body: &str, expected: &str) {
    assert_eq!(apply(content, body).as_deref(), Ok(expected));
}

#[track_caller]
fn refused(content: &str, body: &str, why: &str) {
    let found = apply(content, body).unwrap_err();
    assert!(found.contains(why), "{found}");
}

#[test]
fn hunks_go_where_they_say() {
    check("a\nb\nc\n", "@@ -2 +2 @@\n-b\n+x\n", "a\nx\nc\n");
    check("a\nb\nc\n", "@@ -1,3 +1,2 @@\n a\n-b\n c\n", "a\nc\n");
    check("a\nb\n", "@@ -1,0 +2 @@\n+x\n", "a\nx\nb\n");
    check("a\n", "@@ -0,0 +1 @@\n+x\n", "x\na\n");
    check("", "@@ -0,0 +1,2 @@\n+x\n+y\n", "x\ny\n");
    check("a\n", "@@ -1 +0,0 @@\n-a\n", "");
    check("a\na\na\n", "@@ -2 +2 @@\n-a\n+x\n", "a\nx\na\n");
    check("1\n2\n3\n4\n", "@@ -1 +1,2 @@\n-1\n+x\n+y\n@@ -4 +5 @@\n-4\n+z\n", "x\ny\n2\n3\nz\n");
}

#[test]
fn a_hunk_with_a_wrong_line_goes_where_it_fits_alone() {
    check("a\nb\nc\n", "@@ -9 +9 @@\n-b\n+x\n", "a\nx\nc\n");
    check("1\n2\n3\n4\n5\n", "@@ -1 +1 @@\n-3\n+x\n@@ -3 +3 @@\n-5\n+y\n", "1\n2\nx\n4\ny\n");
    refused("a\nb\na\n", "@@ -2 +2 @@\n-a\n+x\n", "not at line 2, but at lines 1, 3; give it more");
    refused(
        "a\nb\n",
        "@@ -2 +2 @@\n-b\n+x\n@@ -1 +1 @@\n-a\n+y\n",
        "hunk 2 (@@ -1 +1 @@, line 6 of the patch) does not fit",
    );
    refused("a\nb\nc\n", "@@ -2 +2 @@\n-b\n+x\n@@ -1,0 +1 @@\n+y\n", "overlaps the hunk before");
}

#[test]
fn what_does_not_fit_is_shown_with_what_is_there() {
    refused("a\nb\nc\n", "@@ -1,3 +1,3 @@\n a\n-x\n+y\n c\n", "line 2 is \"b\", and the hunk has \"x\"");
    refused("a\nb\nc\n", "@@ -1,3 +1,3 @@\n a\n-x\n+y\n c\n", "There is now:\n1: a\n2: b\n3: c");
    refused("", "@@ -1 +1 @@\n-x\n+y\n", "the file has 0 lines, and the hunk has \"x\" as line 1");
    refused("a\n", "@@ -5,0 +6 @@\n+x\n", "the file has only 1 lines");
    refused("a\n", "@@ -18446744073709551615 +1 @@\n-x\n+y\n", "the file has 1 lines");
    let far = "@@ -1 +1 @@\n-b\n+x\n@@ -18446744073709551615 +1 @@\n-y\n+z\n";
    refused("a\na\nb\n", far, "hunk 2 (@@ -18446744073709551615");
    refused("a\nb\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+x\n", "line 1 does not end as the hunk says");
    refused("a\nb\n", "@@ -1 +1 @@\n-a\n+x\n\\ No newline at end of file\n", "is not the last of the file");
    refused(&"é".repeat(1_000), "@@ -1 +1 @@\n-x\n+y\n", "é…\", and the hunk has");
}

#[test]
fn the_end_of_a_file_is_as_the_patch_says() {
    check("a", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n", "b");
    check("a", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", "b\n");
    check("a\n", "@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n", "b");
    check("a", "@@ -1 +1,2 @@\n a\n+b\n", "a\nb\n");
    check("a\nb", "@@ -1 +1 @@\n-a\n+x\n", "x\nb");
}

#[test]
fn line_ends_stay_as_they_are() {
    check("a\r\nb\r\nc\r\n", "@@ -1,3 +1,4 @@\n a\n-b\n+x\n+y\n c\n", "a\r\nx\r\ny\r\nc\r\n");
    check("a\r\nb\r\n", "@@ -2 +2 @@\n-b\r\n+x\r\n", "a\r\nx\r\n");
    check("a\nb\n", "@@ -1,2 +1,2 @@\r\n a\r\n-b\r\n+x\r\n", "a\nx\n");
    check("a\r\nb\n", "@@ -2 +2 @@\n-b\n+x\n", "a\r\nx\n");
    check("a\r\n", "@@ -1,0 +2 @@\n+x\n", "a\r\nx\r\n");
    check("a\r\nb\r\n", "@@ -1 +1 @@\n-a\r\n+x\n", "x\nb\r\n");
    check("", "@@ -0,0 +1 @@\n+x\r\n", "x\r\n");
    check("a\r\nb", "@@ -2 +2,2 @@\n b\n+c\n", "a\r\nb\r\nc\r\n");
}

#[test]
fn a_hostile_patch_ends() {
    let content = "a\n".repeat(100_000);
    let body = format!("@@ -1,9001 +1 @@\n{}-b\n+c\n", "-a\n".repeat(9_000));
    refused(&content, &body, "takes too long");
}
