//! The real binary and authority: why something is allowed, what is in force, what is handed over, and what a person's word makes.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

mod scene;

use scene::Scene;
use serde_json::{Value, json};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list fs:workspace/**", "ask,tell human:owner"]
ask = ["write fs:workspace/docs/**"]
deny = ["read fs:workspace/docs/secret"]
"#;

const ASK: &str = r#"{"question": "Which?"}"#;

fn writes(path: &str) -> String {
    json!({ "path": path, "content": "hello" }).to_string()
}

/// A scene in which so many processes live, each with a call that waits.
fn living(name: &str, processes: usize) -> Scene {
    let scene = Scene::new(name, POLICY, &[]);
    for _ in 0..processes {
        scene.run(&["call", "ask_human", ASK]).ends(4);
    }
    scene
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn what_decides_is_explained_with_its_lines_and_what_comes_nearest() {
    let scene = living("explain", 1);
    for (line, code, texts) in [
        (
            "explain image:base read fs:workspace/a",
            0,
            &["image:base may read fs:workspace/a", "libos.toml:5: allow = [\"read,list fs:workspace/**\""][..],
        ),
        (
            "explain p1 write fs:workspace/docs/a",
            0,
            &[
                "p1 must ask before it may write fs:workspace/docs/a",
                "libos.toml:6: ask",
                "to allow it without asking: libos grant p1 write fs:workspace/docs/a",
            ],
        ),
        ("explain p1 read fs:workspace/docs/secret", 3, &["p1 may not read", "libos.toml:7: deny"]),
        (
            "explain p1 write fs:workspace/a",
            3,
            &[
                "p1 may not write fs:workspace/a",
                "nearest: it gives read,list, not write",
                "to allow it: libos grant p1 write fs:workspace/a",
            ],
        ),
        ("explain p1 read fs:workspace/docs --below", 3, &["with all below it", "libos.toml:6: ask"]),
        ("explain p1 read fs:workspace/a --tool read_text_file", 0, &["p1 may read fs:workspace/a"]),
        ("explain p1 read fs:workspace/a --tool echo", 3, &["p1 may not read fs:workspace/a"]),
        ("explain p9 read fs:workspace/a", 2, &["there is no live process p9"]),
        ("explain image:never read fs:workspace/a", 2, &["there is no image 'never'"]),
        ("explain p1 read fs:workspace/a --tool never", 2, &["there is no tool 'never'"]),
    ] {
        scene.run(&words(line)).ends(code).says(texts);
    }
    for (line, code, verdict, grantable) in [
        ("--json explain p1 read fs:workspace/a", 0, "allow", false),
        ("--json explain image:base write fs:workspace/docs/a", 0, "ask", true),
        ("--json explain p1 read fs:workspace/docs/secret", 3, "deny", false),
        ("--json explain p1 write fs:workspace/a", 3, "deny", true),
    ] {
        let said = scene.run(&words(line)).ends(code).json();
        assert_eq!((&said["verdict"], &said["grantable"]), (&json!(verdict), &json!(grantable)), "{line}");
    }
    let nearest = scene.run(&words("--json explain p1 write fs:workspace/a")).ends(3).json()["nearest"].clone();
    let rules: Vec<&Value> = nearest["chain"].as_array().unwrap().iter().map(|grant| &grant["resource"]).collect();
    assert_eq!(rules, ["fs:workspace/**", "fs:workspace/**"], "it and the line that it hangs on");
}

#[test]
fn what_is_handed_over_works_as_long_as_the_giver_lives() {
    let scene = living("from", 2);
    let grant = |line: &str| scene.json(&words(line))[0]["id"].as_str().unwrap().to_owned();
    let source = grant("grant p1 delete fs:workspace/a --uses 2");
    scene.run(&words("grant p2 delete fs:workspace/a --from p1 --uses 3")).ends(2).says(&["2 uses left, not 3"]);
    scene.run(&words("grant p2 delete fs:workspace/b --from p1")).ends(2).says(&["no grant that covers"]);
    let moved = grant("grant p2 delete fs:workspace/a --from p1 --uses 2");
    let line = format!("{moved}\tp2\tallow\tdelete\tfs:workspace/a\t2 left, from {source}\tp1\n");
    // The giver has none left, and the taker has them all.
    let listed = scene.run(&["grants"]).ends(0).says(&[&line]).out;
    assert!(!listed.contains(&format!("\n{source}\t")), "{listed}");
    scene.run(&["grants", "p1", "--all"]).ends(0).says(&["is used up"]);
    scene.run(&["show", "p2"]).ends(0).says(&[&line]);
    scene.run(&words("explain p2 delete fs:workspace/a")).ends(0).says(&["p2 may delete"]);
    scene.run(&words("explain p1 delete fs:workspace/a")).ends(3).says(&["nearest: it is used up"]);

    scene.run(&["calls", "cancel", "c1"]).ends(0);
    let listed = scene.run(&["grants"]).ends(0).out;
    assert!(!listed.contains(&format!("{moved}\t")) && !listed.contains("\tp1\t"), "{listed}");
    let gone = "what it hangs on has ended with its process";
    scene.run(&["grants", "p2", "--all"]).ends(0).says(&[gone]);
    scene.run(&["grants", "p1", "--all"]).ends(0).says(&["is used up", "its process has ended"]);
    scene.run(&words("explain p2 delete fs:workspace/a")).ends(3).says(&[&format!("nearest: {gone}")]);
}

#[test]
fn always_to_a_process_of_one_call_is_a_line_of_its_image_until_that_is_revoked() {
    let scene = Scene::new("always", POLICY, &[]);
    scene.write("docs/there", "");
    scene.run(&["call", "write_text_file", &writes("docs/a")]).ends(4);
    scene.run(&["inbox", "q1"]).ends(0).says(&["always makes for image:base: allow write fs:workspace/docs/a"]);
    let said = scene.run(&["answer", "q1", "always"]).ends(0).says(&["image:base allow write fs:workspace/docs/a"]);
    assert_eq!(said.err.matches("new rule").count(), 1, "{}", said.err);
    let rule = said.err.split_once("new rule ").unwrap().1.split_once(':').unwrap().0.to_owned();
    scene.run(&["call", "write_text_file", &writes("docs/a")]).ends(0);
    assert_eq!(scene.read("docs/a").as_deref(), Some("hello"));
    scene.run(&["call", "write_text_file", &writes("docs/b")]).ends(4);

    // Without the ask the answer to it stays, which is told before and can be ended.
    let text = POLICY.replace("ask = [\"write fs:workspace/docs/**\"]\n", "default = \"ask\"\n");
    scene.write("libos.toml", &text);
    let stays = format!("stays in force, without the ask that it answered; to end it: libos revoke {rule}");
    let shown = scene.run(&["policy", "reload"]).ends(2);
    shown.says(&[&stays, "default of image base, for processes started from now on: deny -> ask"]);
    let meaning = scene.json(&["policy", "reload", "--yes"])["meaning"].clone();
    let wanted = json!([{ "rule": "allow write fs:workspace/docs/a (image base)", "grant": rule }]);
    assert_eq!(meaning["stays"], wanted, "and not what hangs on it");
    scene.run(&words("explain image:base write fs:workspace/docs/a")).ends(0).says(&["image:base may write"]);
    scene.run(&["revoke", &rule]).ends(0);
    scene.run(&words("explain image:base write fs:workspace/docs/a")).ends(0).says(&["must ask before it may"]);
}

#[test]
fn a_policy_in_force_that_cannot_be_read_is_a_finding() {
    let scene = Scene::new("unreadable", POLICY, &[]);
    scene.run(&["doctor"]).ends(0);
    scene.change_store("\nallow = [", "\nalloy = [");
    scene.run(&["doctor"]).ends(5).says(&["policy-in-force\tmissing\tthis version cannot read the policy in force: "]);
    scene.run(&["call", "echo"]).ends(2).says(&["libos policy reload"]);
}
