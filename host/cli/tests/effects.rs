//! The real binary and the ledger of effects: what was done outside, what nobody knows, and a person's word on it.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

mod scene;

use scene::{Said, Scene};
use serde_json::{Value, json};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list fs:workspace/**", "write fs:workspace/notes/**"]
"#;
/// So many that a removal takes longer than a signal.
const ENTRIES: usize = 4_000;
const REMOVE: &str = r#"{"path": "big", "recursive": true}"#;

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// The host is killed in the middle of the removal of a directory, for which a grant is good once. Nobody can know what is left of it.
fn killed_in_the_middle(name: &str) -> Scene {
    for number in 0..20 {
        let scene = Scene::new(&format!("{name}-{number}"), POLICY, &[]);
        scene.run(&words("grant image:base delete fs:workspace/** --once")).ends(0);
        for entry in 0..ENTRIES {
            scene.write(&format!("big/{entry}"), "");
        }
        let call = scene.start(&["call", "delete_directory", REMOVE]);
        while scene.entries("big") == Some(ENTRIES) {}
        call.signal("KILL");
        drop(call.end());
        if scene.entries("big").is_some() {
            return scene;
        }
    }
    panic!("the removal is always faster than the signal");
}

fn effect(scene: &Scene) -> Value {
    scene.json(&["effects", "show", "e1"])
}

fn resume(scene: &Scene) -> Said {
    scene.run(&words("calls --resume c1"))
}

#[test]
fn what_nobody_knows_is_shown_everywhere_and_settled_as_not_done_it_is_asked_for_again() {
    let scene = killed_in_the_middle("not-done");
    let host = scene.serve();
    let unknown = scene.json(&["effects", "--unknown"]);
    assert_eq!((&unknown[0]["id"], &unknown[0]["state"]), (&json!("e1"), &json!("unknown")), "{unknown}");
    assert_eq!(unknown[0]["resources"], json!(["fs:workspace/big"]));
    assert_eq!(unknown[0]["key"].as_str().unwrap().len(), 64);
    scene.run(&["effects"]).ends(0).says(&["e1\tunknown\tfs.remove\tfs:workspace/big\tc1\t", "effects settle e1"]);
    scene.run(&words("calls show c1")).ends(0).says(&["effects\n", "e1\tunknown", "effects settle e1 done|not-done"]);
    assert_eq!(scene.json(&words("calls show c1"))["effects"][0]["id"], "e1");

    let settled = scene.run(&words("effects settle e1 not-done --note half-removed")).ends(0);
    settled.says(&["effect e1 is settled as not done: c1 will ask for it again"]);
    let again = ["effect e1 was settled already, as not done, by user "];
    scene.run(&words("effects settle e1 done")).ends(2).says(&again);
    scene.run(&words("effects settle e7 done")).ends(2).says(&["there is no effect e7", "effects --unknown"]);
    assert_eq!(scene.json(&["effects", "--unknown"]), json!([]));
    let row = effect(&scene);
    assert_eq!((&row["state"], &row["settled"]["note"]), (&json!("not-started"), &json!("half-removed")), "{row}");
    scene.run(&words("effects show e1")).ends(0).says(&[
        "not done by user ",
        "half-removed",
        row["key"].as_str().unwrap(),
    ]);
    scene.run(&words("audit show")).ends(0).says(&["host.settle", "half-removed"]);

    resume(&scene).ends(0);
    assert_eq!(scene.entries("big"), None);
    let all = scene.json(&words("effects --call c1"));
    assert_eq!((&all[1]["state"], &all[1]["key"]), (&json!("done"), &row["key"]), "another try of one effect: {all}");
    scene.run(&words("grants --all")).ends(0).says(&["is used up"]);
    scene.run(&words("effects settle e2 done")).ends(2).says(&["it is known how effect e2 ended"]);
    scene.run(&words("audit verify")).ends(0);
    host.signal("INT");
    host.end().ends(0).says(&["the last host ended in the middle of effect e1", "of 1 effects nobody knows"]);
}

#[test]
fn settled_as_done_the_call_is_told_so() {
    let scene = killed_in_the_middle("done");
    // The command is the host while it runs, and says what its start could not find out.
    let said = scene.run(&words("effects settle e1 done")).ends(0);
    said.says(&["the last host ended in the middle of effect e1", "c1 will be told so"]);
    let left = scene.entries("big");
    assert!(left.is_some());
    resume(&scene).ends(0);
    assert_eq!(scene.entries("big"), left, "it was not done again");
    scene.run(&words("grants --all")).ends(0).says(&["is used up"]);
}

#[test]
fn what_the_call_was_told_before_it_was_settled_stays_so_and_the_row_says_it() {
    let scene = killed_in_the_middle("told");
    // A command that only looks finds it, too, and says so.
    scene
        .run(&["effects", "--unknown"])
        .ends(0)
        .says(&["the last host ended in the middle of effect e1", "e1\tunknown"]);
    resume(&scene).ends(1).says(&["nobody knows whether effect e1 happened"]);
    scene.run(&words("effects settle e1 not-done")).ends(0).says(&["c1 had ended or been told that nobody knows"]);
    assert_eq!(effect(&scene)["settled"]["too_late"], true);
    scene.run(&words("audit show")).ends(0).says(&["told before that nobody knows"]);
    // The use is back for another call.
    scene.run(&["call", "delete_directory", REMOVE]).ends(0);
    assert_eq!(scene.entries("big"), None);
    scene.run(&words("grants --all")).ends(0).says(&["is used up"]);
}

#[test]
fn every_effect_is_listed_with_how_it_ended() {
    let scene = Scene::new("listed", POLICY, &[]);
    assert_eq!(scene.json(&["effects"]), json!([]));
    let write = |path: &str| json!({ "path": path, "content": "x" }).to_string();
    scene.write("notes/there", "");
    scene.run(&["call", "write_text_file", &write("notes/a")]).ends(0);
    scene.run(&["call", "write_text_file", &write("notes/b")]).ends(0);
    let all = scene.json(&["effects"]);
    let shown: Vec<_> = all.as_array().unwrap().iter().map(|row| (&row["id"], &row["state"], &row["call"])).collect();
    let text = |text: &'static str| json!(text);
    let (e1, e2, done, c1, c2) = (text("e1"), text("e2"), text("done"), text("c1"), text("c2"));
    assert_eq!(shown, [(&e1, &done, &c1), (&e2, &done, &c2)]);
    assert_ne!(all[0]["key"], all[1]["key"]);
    assert_eq!(scene.json(&words("effects --call c2")), json!([all[1]]));
    scene.run(&words("effects --call c9")).ends(2).says(&["there is no call c9"]);
    scene.run(&words("effects show e9")).ends(2).says(&["there is no effect e9"]);
    scene.run(&words("effects settle e1 done")).ends(2).says(&["it is known how effect e1 ended"]);
}
