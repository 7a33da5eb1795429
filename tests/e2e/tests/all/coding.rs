//! The standard tools that a coding agent works with, over real files: odd ones, hostile ones, and ones that may not be seen.

use libos::kernel::model::call::Approval;
use libos::{CallEvent, EndedCall, Waiting};
use libos_e2e::{Host, OPEN, result};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

const GUESTS: [&str; 3] = ["files", "search", "edit"];

/// Everything but one subtree.
const GUARDED: &str = "deny = [\"read,list,write,delete fs:workspace/secret/**\"]\n";

fn write(host: &Host, name: &str, content: impl AsRef<[u8]>) {
    let path = host.workspace().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Files of many kinds that all have `needle` in them.
async fn tree(policy: &str) -> Host {
    let host = Host::new(policy, &GUESTS).await;
    for (name, content) in [
        ("a.txt", "one\nneedle\ntwo"),
        ("b crlf.txt", "x\r\nneedle\r\n"),
        ("bom.txt", "\u{feff}needle\n"),
        ("empty.txt", ""),
        ("é/-n.rs", "let needle = 1;\n"),
        (".hidden/c", "needle\n"),
        (".git/config", "needle\n"),
        ("target/out.rs", "needle\n"),
        ("deep/target/out.rs", "needle\n"),
        ("deep/kept.log", "needle\n"),
        ("deep/other.log", "needle\n"),
        ("secret/passwords.txt", "needle in secret\n"),
        (".gitignore", "# build\ntarget/\n*.log\r\n"),
        ("deep/.ignore", "!kept.log\n"),
    ] {
        write(&host, name, content);
    }
    write(&host, "binary", b"\0needle\n");
    write(&host, "latin", b"\xe9 needle\n");
    let outside = host.data().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("o.txt"), "needle outside\n").unwrap();
    symlink(&outside, host.workspace().join("out")).unwrap();
    symlink("a.txt", host.workspace().join("link")).unwrap();
    fs::write(host.workspace().join(std::ffi::OsStr::from_bytes(b"\xff.txt")), "needle\n").unwrap();
    host
}

fn paths(found: &Value) -> Vec<&str> {
    let files = found["files"].as_array().unwrap();
    files.iter().map(|file| file["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn text_is_found_in_what_may_be_seen_and_no_ignore_file_names() {
    let host = tree(&format!("{OPEN}{GUARDED}")).await;
    let found = host.done("search_text", json!({"pattern": "needle"})).await;
    let seen = [".hidden/c", "a.txt", "b crlf.txt", "bom.txt", "deep/kept.log", "latin", "é/-n.rs"];
    assert_eq!(paths(&found), seen, "{found}");
    assert_eq!((&found["matches"], &found["truncated"]), (&json!(7), &json!(false)));
    assert_eq!(found["skipped"], json!({"binary": 1, "denied": 1, "unreadable": 1}));
    assert!(!found.to_string().contains("passwords"), "{found}");
    assert_eq!(found["files"][1]["lines"], json!([{"line": 2, "text": "needle"}]));
    assert_eq!(found["files"][2]["lines"], json!([{"line": 2, "text": "needle"}]));

    let all = host.done("search_text", json!({"pattern": "needle", "include_ignored": true, "files_only": true})).await;
    let more = ["deep/kept.log", "deep/other.log", "deep/target/out.rs", "latin", "target/out.rs", "é/-n.rs"];
    assert_eq!(paths(&all)[4..], more, "{all}");

    // Ignore files above the directory speak of it too; a link, a file and a pattern are taken as they are named.
    for (arguments, expected) in [
        (json!({"path": "deep"}), vec!["deep/kept.log"]),
        (json!({"path": "/workspace/deep"}), vec!["/workspace/deep/kept.log"]),
        (json!({"path": "target"}), vec!["target/out.rs"]),
        (json!({"path": "target/out.rs"}), vec!["target/out.rs"]),
        (json!({"path": "link"}), vec!["link"]),
        (json!({"glob": "*.{rs,log}"}), vec!["deep/kept.log", "é/-n.rs"]),
        (json!({"glob": "é/*"}), vec!["é/-n.rs"]),
        (json!({"pattern": "^NEEDLE$", "ignore_case": true, "path": "bom.txt"}), vec!["bom.txt"]),
        (json!({"pattern": "e{2}.l", "literal": true}), vec![]),
    ] {
        let mut arguments = arguments;
        let pattern = arguments.get("pattern").cloned().unwrap_or_else(|| "needle".into());
        arguments["pattern"] = pattern;
        let found = host.done("search_text", arguments.clone()).await;
        assert_eq!(paths(&found), expected, "{arguments}");
    }
}

#[tokio::test]
async fn a_denied_subtree_is_as_silent_as_a_missing_one() {
    let host = tree(&format!("{OPEN}{GUARDED}")).await;
    for tool in ["search_text", "find_files"] {
        let secret = host.failed(tool, json!({"pattern": "a", "path": "secret"})).await;
        let nothing = host.failed(tool, json!({"pattern": "a", "path": "secret/nothing"})).await;
        for failure in [&secret, &nothing] {
            assert!(failure.message.starts_with("denied: list"), "{failure:?}");
            assert!(!failure.message.contains("passwords"), "{failure:?}");
        }
    }
    for path in ["secret/passwords.txt", "secret/nothing"] {
        let patch = format!("--- {path}\n+++ {path}\n@@ -1 +1 @@\n-x\n+y\n");
        let failure = host.failed("apply_patch", json!({"patch": patch})).await;
        assert!(failure.message.starts_with("denied: read"), "{failure:?}");
        let failure = host.failed("edit_file", json!({"path": path, "old_text": "x", "new_text": "y"})).await;
        assert!(failure.message.starts_with("denied: read"), "{failure:?}");
    }
}

#[tokio::test]
async fn files_are_found_by_their_names() {
    let host = tree(OPEN).await;
    for (arguments, expected) in [
        (json!({"pattern": "*.rs"}), json!(["é/-n.rs"])),
        (
            json!({"pattern": "*.rs", "include_ignored": true}),
            json!(["deep/target/out.rs", "target/out.rs", "é/-n.rs"]),
        ),
        (json!({"pattern": "**/*.{log,rs}", "path": "deep"}), json!(["deep/kept.log"])),
        (json!({"pattern": "deep/*", "kind": "any"}), json!(["deep/.ignore", "deep/kept.log"])),
        (json!({"pattern": "*", "kind": "directory"}), json!([".hidden", "deep", "secret", "é"])),
        (json!({"pattern": "l*", "kind": "any"}), json!(["latin", "link"])),
        (json!({"pattern": "./a.txt"}), json!(["a.txt"])),
        (json!({"pattern": "config"}), json!([])),
        (json!({"pattern": "o.txt", "include_ignored": true}), json!([])),
    ] {
        let found = host.done("find_files", arguments.clone()).await;
        assert_eq!(found["paths"], expected, "{arguments}");
        assert_eq!(
            (&found["truncated"], found["count"].as_u64()),
            (&json!(false), expected.as_array().map(|list| list.len() as u64))
        );
    }
    let cut = host.done("find_files", json!({"pattern": "**", "limit": 2})).await;
    assert_eq!((&cut["paths"], &cut["truncated"]), (&json!([".gitignore", ".hidden/c"]), &json!(true)));
    for (arguments, why) in [
        (json!({"pattern": "["}), "has a [ without its ]"),
        (json!({"pattern": "/etc/*"}), "has an empty segment"),
        (json!({"pattern": "{a,b}".repeat(7)}), "more than 64 patterns"),
        (json!({"pattern": "a", "limit": 0}), "limit is 0"),
        (json!({"pattern": "a", "path": "nothing"}), "not found"),
    ] {
        let failure = host.failed("find_files", arguments).await;
        assert!(failure.message.contains(why), "{failure:?}");
    }
}

#[tokio::test]
async fn what_a_search_leaves_out_is_told() {
    let host = Host::new(OPEN, &GUESTS).await;
    // Behind what is looked at of one file.
    let mut huge = vec![b'\n'; 9 << 20];
    huge.extend_from_slice(b"needle\n");
    write(&host, "0huge", &huge);
    write(&host, "1", "needle\n".repeat(150));
    write(&host, "line", format!("{}needle", "é".repeat(500_000)));
    let found = host.done("search_text", json!({"pattern": "needle"})).await;
    assert_eq!((paths(&found), &found["matches"], &found["truncated"]), (vec!["1"], &json!(100), &json!(true)));
    assert_eq!(found["skipped"], json!({"too_large": 1}));
    let line = host.done("search_text", json!({"pattern": "needle", "path": "line"})).await;
    let text = line["files"][0]["lines"][0]["text"].as_str().unwrap();
    assert!(text.len() < 450 && text.starts_with('…') && text.ends_with("needle"), "{text}");
    // The last of them is not looked through as a whole any more.
    for index in 2..5 {
        write(&host, &index.to_string(), &huge);
    }
    let all = host.done("search_text", json!({"pattern": "nowhere", "glob": "[0-4]*"})).await;
    assert_eq!((&all["files"], &all["truncated"]), (&json!([]), &json!(true)), "{all}");
}

#[tokio::test]
async fn an_exact_text_is_replaced_or_nothing_is() {
    let host = Host::new(OPEN, &GUESTS).await;
    for (content, arguments, expected) in [
        ("a\nb\n", json!({"old_text": "b", "new_text": "c"}), Ok("a\nc\n")),
        ("a\r\nb", json!({"old_text": "a\nb", "new_text": "x\ny\n"}), Ok("x\r\ny\r\n")),
        ("\u{feff}a", json!({"old_text": "a", "new_text": ""}), Ok("\u{feff}")),
        ("aa", json!({"old_text": "a", "new_text": "b", "expected_count": 2}), Ok("bb")),
        (
            "aa",
            json!({"old_text": "a", "new_text": "b"}),
            Err("there 2 times (line 1, 1), expected 1; nothing is changed"),
        ),
        ("", json!({"old_text": "a", "new_text": "b"}), Err("is not in the file; nothing is changed")),
        ("a", json!({"old_text": "", "new_text": "b"}), Err("old_text is empty")),
        ("a", json!({"old_text": "a", "new_text": "a"}), Err("nothing would change")),
        ("a", json!({"old_text": "a", "new_text": "b", "expected_count": 0}), Err("it must be 1 to 10000")),
    ] {
        let mut arguments = arguments;
        arguments["path"] = "odd name é".into();
        host.put("odd name é", content);
        match expected {
            Ok(after) => {
                host.done("edit_file", arguments.clone()).await;
                assert_eq!(host.content("odd name é").as_deref(), Some(after), "{arguments}");
            }
            Err(why) => {
                let failure = host.failed("edit_file", arguments).await;
                assert!(failure.message.contains(why), "{failure:?}");
                assert_eq!(host.content("odd name é").as_deref(), Some(content));
            }
        }
    }
    let missing = host.failed("edit_file", json!({"path": "no", "old_text": "a", "new_text": "b"})).await;
    assert!(missing.message.contains("not found"), "{missing:?}");
    write(&host, "bytes", b"a\xff");
    let bytes = host.failed("edit_file", json!({"path": "bytes", "old_text": "a", "new_text": "b"})).await;
    assert!(bytes.message.contains("not UTF-8"), "{bytes:?}");
}

const PATCH: &str = "\
diff --git a/src/a.rs b/src/a.rs
--- a/src/a.rs
+++ b/src/a.rs
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
diff --git a/new/dir/b.rs b/new/dir/b.rs
new file mode 100644
--- /dev/null
+++ b/new/dir/b.rs
@@ -0,0 +1 @@
+b
\\ No newline at end of file
diff --git a/old.rs b/moved/c.rs
rename from old.rs
rename to moved/c.rs
--- a/old.rs
+++ b/moved/c.rs
@@ -1 +1 @@
-c
+C
diff --git a/gone.rs b/gone.rs
deleted file mode 100644
--- a/gone.rs
+++ /dev/null
@@ -1 +0,0 @@
-d
";

fn before_the_patch(host: &Host) {
    for (name, content) in [("src/a.rs", "one\r\ntwo\r\nthree\r\n"), ("old.rs", "c\n"), ("gone.rs", "d\n")] {
        write(host, name, content);
    }
}

/// What is in the workspace, but for directories.
fn all_files(host: &Host) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![host.workspace()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(host.workspace()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_patch_changes_creates_renames_and_deletes() {
    let host = Host::new(OPEN, &GUESTS).await;
    before_the_patch(&host);
    let done = host.done("apply_patch", json!({"patch": PATCH})).await;
    let changed = |path, change, added, removed| json!({"path": path, "change": change, "lines_added": added, "lines_removed": removed});
    let mut renamed = changed("moved/c.rs", "renamed", 1, 1);
    renamed["old_path"] = "old.rs".into();
    let expected = json!([
        changed("src/a.rs", "modified", 1, 1),
        changed("new/dir/b.rs", "created", 1, 0),
        renamed,
        changed("gone.rs", "deleted", 0, 1)
    ]);
    assert_eq!(done["files"], expected);
    let expected = [("moved/c.rs", "C\n"), ("new/dir/b.rs", "b"), ("src/a.rs", "one\r\nTWO\r\nthree\r\n")];
    assert_eq!(all_files(&host), expected.map(|(name, content)| (name.to_owned(), content.to_owned())));
}

#[tokio::test]
async fn a_patch_that_does_not_fit_changes_nothing() {
    let host = Host::new(OPEN, &GUESTS).await;
    before_the_patch(&host);
    write(&host, "bytes", b"\xff\n");
    fs::create_dir_all(host.workspace().join("dir")).unwrap();
    write(&host, "big", "x\n".repeat(5 << 20));
    let bytes = fs::read(host.workspace().join("bytes")).unwrap();
    fs::remove_file(host.workspace().join("bytes")).unwrap();
    let before = all_files(&host);
    fs::write(host.workspace().join("bytes"), bytes).unwrap();
    let change = |name: &str| format!("{PATCH}--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-x\n+y\n");
    for (patch, why) in [
        (
            PATCH.replace("-d\n", "-x\n"),
            "gone.rs: hunk 1 (@@ -1 +0,0 @@, line 28 of the patch) does not fit: line 1 is \"d\"",
        ),
        (PATCH.replace("-two", "-2"), "There is now:\n1: one\n2: two\n3: three"),
        (PATCH.replace("b/new/dir/b.rs", "b/src/a.rs"), "is in the patch more than once"),
        (change("./src/../old.rs"), "is in the patch more than once"),
        (PATCH.replace("/dev/null\n+++ b/new/dir/b.rs", "/dev/null\n+++ b/dir"), "dir: is there already"),
        (change("no.rs"), "no.rs: is not there"),
        (change("dir"), "dir: is no file"),
        (change("bytes"), "bytes: is not UTF-8 text"),
        (change("big"), "more than 8388608 bytes"),
        (change("../../etc/passwd"), "mount"),
        (PATCH.replace("-d\n", "-d\n+e\n"), "does not show all its lines as removed"),
        (PATCH.replace("@@ -1,3", "@@ -x"), "line 4 of the patch: a hunk begins with"),
    ] {
        let failure = host.failed("apply_patch", json!({"patch": patch})).await;
        assert!(failure.message.contains(why), "{why}: {failure:?}");
        fs::rename(host.workspace().join("bytes"), host.data().join("bytes")).unwrap();
        assert_eq!(all_files(&host), before, "{why}");
        fs::rename(host.data().join("bytes"), host.workspace().join("bytes")).unwrap();
    }
}

#[tokio::test]
async fn a_patch_that_is_refused_half_way_is_taken_back() {
    let deny = "deny = [\"delete fs:workspace/gone.rs\"]\n";
    let host = Host::new(&format!("{OPEN}{deny}"), &GUESTS).await;
    before_the_patch(&host);
    let before = all_files(&host);
    let failure = host.failed("apply_patch", json!({"patch": PATCH})).await;
    assert!(failure.message.starts_with("gone.rs could not be changed: denied: delete"), "{failure:?}");
    assert!(failure.message.ends_with("all is as it was"), "{failure:?}");
    assert_eq!(all_files(&host), before);
    assert!(!host.workspace().join("new").exists());

    // What may be made and not taken away stays, and is told.
    let deny = "deny = [\"delete fs:workspace/gone.rs\", \"delete fs:workspace/new/**\"]\n";
    let host = Host::new(&format!("{OPEN}{deny}"), &GUESTS).await;
    before_the_patch(&host);
    let failure = host.failed("apply_patch", json!({"patch": PATCH})).await;
    assert!(failure.message.contains("but for this\nnew/dir/b.rs could not be put back: denied"), "{failure:?}");
    assert_eq!(host.content("old.rs").as_deref(), Some("c\n"));
    assert_eq!(host.content("src/a.rs").as_deref(), Some("one\r\ntwo\r\nthree\r\n"));
}

#[tokio::test]
async fn one_file_by_two_names_is_not_patched_over_itself() {
    let host = Host::new(OPEN, &GUESTS).await;
    write(&host, "dir/a", "x\n");
    symlink("dir", host.workspace().join("same")).unwrap();
    let patch = "--- dir/a\n+++ dir/a\n@@ -1 +1 @@\n-x\n+y\n--- same/a\n+++ same/a\n@@ -1 +1,2 @@\n x\n+z\n";
    let failure = host.failed("apply_patch", json!({"patch": patch})).await;
    assert!(failure.message.contains("same/a was changed while the patch was applied"), "{failure:?}");
    assert_eq!(host.content("dir/a").as_deref(), Some("x\n"));
}

#[tokio::test]
async fn a_patch_waits_in_its_middle_and_goes_on_there() {
    let policy = format!("{OPEN}ask = [\"write fs:workspace/new/**\"]\n");
    for approval in [Approval::Allow, Approval::Deny] {
        let mut host = Host::new(&policy, &GUESTS).await;
        before_the_patch(&host);
        let before = all_files(&host);
        let mut event = host.call("apply_patch", json!({"patch": PATCH})).await;
        assert_eq!(host.content("src/a.rs").as_deref(), Some("one\r\nTWO\r\nthree\r\n"));
        while let CallEvent::Waits(Waiting::Question(id)) = event {
            assert!(host.park(host.question(id).call));
            host = host.restart().await;
            event = host.answer(id, approval).await;
        }
        if approval == Approval::Allow {
            assert_eq!(result(event)["files"].as_array().unwrap().len(), 4);
            assert_eq!(host.content("new/dir/b.rs").as_deref(), Some("b"));
        } else {
            let CallEvent::Ended(EndedCall { result: Err(failure), .. }) = event else { panic!("{event:?}") };
            assert!(failure.message.ends_with("all is as it was"), "{failure:?}");
            assert_eq!(all_files(&host), before);
        }
    }
}

#[tokio::test]
async fn a_file_is_read_by_its_lines() {
    let host = Host::new(OPEN, &GUESTS).await;
    // Longer than what one system call reads.
    let lines: String = (1..=60_000).map(|line| format!("line {line}\n")).collect();
    write(&host, "long", &lines);
    write(&host, "crlf", "a\r\nb\r\nc");
    for (arguments, content, last, truncated) in [
        (json!({"path": "long", "start_line": 59_999}), "line 59999\nline 60000\n", 60_000, false),
        (json!({"path": "long", "start_line": 40_000, "end_line": 40_000}), "line 40000\n", 40_000, true),
        (json!({"path": "long", "end_line": 9, "max_bytes": 15}), "line 1\nline 2\n", 2, true),
        (json!({"path": "crlf", "start_line": 2, "end_line": 3}), "b\r\nc", 3, false),
    ] {
        let read = host.done("read_text_file", arguments.clone()).await;
        let expected = json!({"path": arguments["path"], "content": content, "bytes_read": content.len(), "truncated": truncated, "last_line": last});
        assert_eq!(read, expected, "{arguments}");
    }
    for (arguments, why) in [
        (json!({"path": "crlf", "start_line": 4}), "crlf has only 3 lines"),
        (json!({"path": "crlf", "start_line": 0}), "start_line is 0"),
        (json!({"path": "crlf", "start_line": 3, "end_line": 2}), "end_line is 2, before start_line"),
    ] {
        let failure = host.failed("read_text_file", arguments).await;
        assert!(failure.message.contains(why), "{failure:?}");
    }
}
