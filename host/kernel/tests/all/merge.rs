//! What a child made comes to its parent only three ways, and what the end of a process leaves behind.

use crate::gc::collect;
use crate::processes::{child, spawn};
use crate::sim::{House, done};
use crate::views::{Family, create, delete, update};
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::Stop;
use libos_kernel::model::call::{Call, ObjectOptions, Payload, Reply};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::Pid;
use libos_kernel::model::object::Resolution::{self, Beside, Ours, Report, Theirs};
use libos_kernel::model::purse::Coin;
use libos_kernel::model::view::ViewMode::{CopyOnWrite, ReadOnly, Worker};
use libos_kernel::store::table::Table;
use std::ops::ControlFlow;

impl Family {
    /// Ends a process; others may not have a call of it any more.
    async fn end(&mut self, number: usize) {
        let exit = Call::ProcessExit { result: "null".into() };
        self.do_all(number, vec![exit]).await;
        self.house.kernel.end_call(self.lines[number - 1].call(), Ok("null".into())).unwrap();
    }

    /// Merges what a child made; answers what was merged, what was deleted and what was not, by short names.
    async fn merge(&mut self, parent: usize, child: u64, resolution: Resolution) -> [String; 3] {
        let call = Call::ObjectMerge { child: format!("p{child}"), resolution };
        let answer = self.house.run(&mut self.lines[parent - 1], call).await;
        let Reply::Merged(merged) = done(&answer) else { panic!("{answer:?}") };
        let short = |names: Vec<&String>| {
            let names: Vec<&str> = names.iter().map(|name| name.splitn(3, '/').last().unwrap()).collect();
            names.join(" ")
        };
        let conflicts = merged.conflicts.iter().map(|conflict| &conflict.name).collect();
        [merged.merged.iter().collect(), merged.deleted.iter().collect(), conflicts].map(short)
    }

    /// Rows of a table whose keys start so.
    async fn rows(&self, table: Table, prefix: &str) -> Result<usize, Stop> {
        self.house.kernel.barrier().await?;
        let mut count = 0;
        let scanned = self.house.snapshot().scan(table, prefix.as_bytes(), |_, _| {
            count += 1;
            Ok(ControlFlow::Continue(()))
        });
        scanned.unwrap();
        Ok(count)
    }

    async fn left_of(&self, number: usize) -> usize {
        let prefix = format!("process/{number}/");
        self.rows(Table::Object, &prefix).await.unwrap() + self.rows(Table::ObjectPayload, &prefix).await.unwrap()
    }

    /// A process and a child that it made, which is in nobody's way.
    async fn of_two() -> Family {
        let mut family = Family::new(1);
        family.house.grant(Holder::Process(Pid(1)), "allow spawn process:image/*", None);
        let child = spawn(&family.house, &mut family.lines[0], child(&[])).await;
        family.lines.push(family.house.line_of(child));
        family
    }

    /// A parent with some objects, and a child that sees them and may be merged.
    async fn parent_and_child() -> Family {
        let mut family = Family::of_two().await;
        let names = ["same", "theirs", "ours", "both", "alike", "gone", "gone-here", "gone-both"];
        family.do_all(1, names.map(|name| create(name, "1")).into()).await;
        family.show(2, 1, CopyOnWrite, None);
        let theirs = [update("theirs", "t"), update("both", "t"), update("alike", "a"), update("gone-here", "t")];
        family.do_all(2, theirs.into()).await;
        family.do_all(2, vec![delete("gone"), delete("gone-both"), create("new", "n"), create("clash", "t")]).await;
        let ours = [update("ours", "o"), update("both", "o"), update("alike", "a"), update("gone-both", "o")];
        family.do_all(1, ours.into()).await;
        family.do_all(1, vec![delete("gone-here"), create("clash", "o")]).await;
        family
    }

    async fn texts(&mut self, number: usize, names: &[&str]) -> String {
        let mut texts = Vec::new();
        for name in names {
            let read = self.read(number, name).await;
            texts.push(read.split(' ').next_back().unwrap().to_owned());
        }
        texts.join(" ")
    }
}

/// What both have changed, sorted.
const CONFLICTS: &str = "both clash gone-both gone-here";

#[tokio::test]
async fn a_merge_takes_what_only_the_child_changed_and_overwrites_nothing_else() {
    let mut family = Family::parent_and_child().await;
    family.end(2).await;
    assert_eq!(family.merge(1, 2, Report).await, ["new theirs", "gone", CONFLICTS]);
    let all = ["same", "theirs", "ours", "both", "alike", "new", "clash", "gone-both"];
    assert_eq!(family.texts(1, &all).await, "1 t o o a n o o");
    assert_eq!(family.read(1, "gone").await, "not found");
    assert_eq!(family.read(1, "theirs").await, "2 t");
    assert_eq!(family.left_of(2).await, 9, "three objects and a deletion wait for a decision, and its goal is there");
    assert_eq!(family.merge(1, 2, Report).await, ["", "", CONFLICTS], "asked again, the same conflicts");
}

#[tokio::test]
async fn conflicts_are_resolved_as_the_parent_says_and_nothing_is_left_of_the_child() {
    let all = ["both", "clash", "gone-here", "gone-both"];
    for (resolution, wanted, texts) in [
        (Ours, ["new theirs", "gone", ""], "o o found o"),
        (Theirs, ["both clash gone-here new theirs", "gone gone-both", ""], "t t t found"),
        (Beside, ["both.p2 clash.p2 gone-here.p2 new theirs", "gone", "gone-both"], "o o found o"),
    ] {
        let mut family = Family::parent_and_child().await;
        family.end(2).await;
        assert_eq!(family.merge(1, 2, resolution).await, wanted, "{resolution:?}");
        assert_eq!(family.texts(1, &all).await, texts, "{resolution:?}");
        if resolution == Beside {
            assert_eq!(family.texts(1, &["both.p2", "clash.p2", "gone-here.p2"]).await, "t t t");
            assert_eq!(family.merge(1, 2, Ours).await, ["", "", ""]);
        }
        assert_eq!(family.left_of(2).await, 0, "{resolution:?}");
        for table in [Table::ObjectPin, Table::ObjectVersion, Table::Unmerged] {
            assert_eq!(family.rows(table, "").await, Ok(0), "{resolution:?}: {table:?}");
        }
        assert_eq!(family.act(1, Call::ObjectMerge { child: "p2".into(), resolution }).await, "not found");
    }
}

#[tokio::test]
async fn a_child_that_lives_is_merged_again_and_again() {
    let mut family = Family::new(2);
    family.house.grant(Holder::Process(Pid(1)), "allow wait process:pid/*", None);
    family.do_all(1, vec![create("a", "1")]).await;
    family.show(2, 1, CopyOnWrite, None);
    for text in ["x", "y", "z"] {
        family.do_all(2, vec![update("a", text)]).await;
        assert_eq!(family.merge(1, 2, Report).await, ["a", "", ""]);
        assert_eq!(family.merge(1, 2, Report).await, ["", "", ""]);
        assert_eq!(family.texts(1, &["a"]).await, text);
    }
    family.do_all(1, vec![update("a", "mine")]).await;
    family.do_all(2, vec![update("a", "theirs")]).await;
    assert_eq!(family.merge(1, 2, Report).await, ["", "", "a"]);
    assert_eq!(family.texts(1, &["a"]).await, "mine");
}

#[tokio::test]
async fn what_a_worker_made_never_takes_the_place_of_what_its_parent_made() {
    let mut family = Family::new(2);
    family.house.grant(Holder::Process(Pid(1)), "allow wait process:pid/*", None);
    family.show(2, 1, Worker, None);
    family.do_all(2, vec![create("both", "t"), create("new", "t")]).await;
    family.do_all(1, vec![create("both", "o")]).await;
    assert_eq!(family.merge(1, 2, Report).await, ["new", "", "both"], "a live window shows no moment before");
    family.do_all(1, vec![update("new", "o")]).await;
    family.do_all(2, vec![update("new", "t2")]).await;
    assert_eq!(family.merge(1, 2, Report).await, ["", "", "both new"]);
    assert_eq!(family.texts(1, &["both", "new"]).await, "o o");
    assert_eq!(family.merge(1, 2, Theirs).await, ["both new", "", ""]);
    family.do_all(2, vec![update("new", "t3")]).await;
    assert_eq!(family.merge(1, 2, Report).await, ["new", "", ""], "what was merged before is where both began");
    family.do_all(1, vec![delete("new")]).await;
    assert_eq!(family.merge(1, 2, Report).await, ["", "", "new"], "what was deleted since does not come back");
}

#[tokio::test]
async fn goals_stay_with_their_process_and_nothing_takes_the_place_of_what_never_changes() {
    let immutable = |name: &str, text: &str| {
        let Call::ObjectCreate { name, payload, options } = create(name, text) else { unreachable!() };
        let object_type = if name == "rule" { "note" } else { "goal" }.to_owned();
        Call::ObjectCreate { name, payload, options: ObjectOptions { immutable: true, object_type, ..options } }
    };
    for (resolution, merged, conflicts) in
        [(Report, "goal-x", "rule"), (Ours, "goal-x", ""), (Theirs, "goal-x", "rule"), (Beside, "goal-x rule.p2", "")]
    {
        let mut family = Family::new(2);
        family.house.grant(Holder::Process(Pid(1)), "allow wait process:pid/*", None);
        family.do_all(1, vec![immutable("goal", "o"), immutable("rule", "o")]).await;
        // What the child was for before it became another image.
        family.do_all(2, vec![immutable("goal", "t"), immutable("goal-c9", "t"), immutable("goal-x", "t")]).await;
        family.show(2, 1, CopyOnWrite, None);
        family.do_all(2, vec![delete("rule"), create("rule", "t")]).await;
        assert_eq!(family.merge(1, 2, resolution).await, [merged, "", conflicts], "{resolution:?}");
        assert_eq!(family.texts(1, &["goal", "goal-c9", "rule"]).await, "o found o", "{resolution:?}");
    }
}

#[tokio::test]
async fn what_a_child_made_at_a_name_that_was_refused_to_it_is_no_change_of_its_parents() {
    let mut family = Family::of_two().await;
    family.do_all(1, ["a", "b", "c", "d"].map(|name| create(name, "o")).into()).await;
    for name in ["a", "b", "c", "d"] {
        family.house.grant(Holder::Process(Pid(2)), &format!("deny read object:process/1/{name}"), None);
    }
    family.show(2, 1, CopyOnWrite, None);
    family.do_all(2, vec![create("a", "t"), create("b", "t"), delete("b"), create("b", "t2")]).await;
    let rename = Call::ObjectRename { old: "x".into(), new: "c".into(), expected_version: None };
    family.do_all(2, vec![create("x", "t"), rename, create("d", "t"), delete("d")]).await;
    family.end(2).await;
    assert_eq!(family.merge(1, 2, Report).await, ["", "", "a b c"]);
    assert_eq!(family.texts(1, &["a", "b", "c", "d"]).await, "o o o o");
    assert_eq!(family.merge(1, 2, Theirs).await, ["a b c", "", ""]);
}

#[tokio::test]
async fn a_merge_moves_so_many_bytes_and_the_next_one_goes_on() {
    for ended in [false, true] {
        let mut family = Family::of_two().await;
        family.do_all(1, vec![create("z", "1")]).await;
        family.show(2, 1, CopyOnWrite, None);
        let large = "x".repeat(9 << 20);
        family.do_all(2, ["a", "b", "c"].map(|name| create(name, &large)).into()).await;
        family.do_all(2, vec![update("z", "2")]).await;
        if ended {
            family.end(2).await;
        }
        assert_eq!(family.merge(1, 2, Theirs).await, ["a z", "", "b c"], "{ended}");
        assert_eq!(family.merge(1, 2, Theirs).await, ["b", "", "c"], "{ended}");
        assert_eq!(family.merge(1, 2, Theirs).await, ["c", "", ""], "{ended}");
        assert_eq!(family.list(1).await, "a b c z");
    }
}

#[tokio::test]
async fn what_waits_to_be_merged_is_there_after_a_restart_and_goes_with_its_parent() {
    let mut family = Family::parent_and_child().await;
    family.end(2).await;
    let Family { house, lines } = family;
    drop(lines);
    let house = house.reopen();
    let lines = vec![house.line_of(Pid(1))];
    let mut family = Family { house, lines };
    assert_eq!(family.merge(1, 2, Report).await, ["new theirs", "gone", CONFLICTS], "the base was kept");
    family.end(1).await;
    assert_eq!((family.left_of(1).await, family.left_of(2).await), (0, 0));
    for table in [Table::ObjectPin, Table::ObjectVersion, Table::Unmerged, Table::ObjectLinkBack] {
        assert_eq!(family.rows(table, "").await, Ok(0), "{table:?}");
    }
}

#[tokio::test]
async fn only_its_parent_merges_a_child_and_a_rule_keeps_what_it_denies() {
    let mut family = Family::new(3);
    family.do_all(1, vec![create("a", "1"), create("b", "1")]).await;
    family.show(2, 1, CopyOnWrite, None);
    family.do_all(2, vec![update("a", "2"), update("b", "2"), create("c", "2")]).await;
    let merge = |child: u64| Call::ObjectMerge { child: format!("p{child}"), resolution: Theirs };
    assert_eq!(family.act(1, merge(2)).await, "denied", "it needs `wait`");
    for number in [1, 3] {
        family.house.grant(Holder::Process(Family::pid(number)), "allow wait process:pid/*", None);
    }
    for (number, child) in [(3, 2), (1, 3), (1, 1), (1, 99)] {
        assert_eq!(family.act(number, merge(child)).await, "not found", "{number} {child}");
    }
    family.house.grant(Holder::Process(Pid(1)), "deny read object:process/2/a", None);
    assert_eq!(family.merge(1, 2, Theirs).await, ["b c", "", "a"]);
    family.house.grant(Holder::Process(Pid(1)), "deny write object:process/1/b", None);
    assert_eq!(family.act(1, merge(2)).await, "denied", "all of the namespace is needed");
}

#[tokio::test]
async fn links_among_what_a_child_made_lead_to_the_parents_after_a_merge() {
    let mut family = Family::of_two().await;
    family.do_all(1, vec![create("claim", "1")]).await;
    family.show(2, 1, Worker, None);
    let link = Call::ObjectLink { from: "proof".into(), relation: "supports".into(), to: "claim".into() };
    let namespace = Call::ObjectCreateNamespace { namespace: "process/2/notes".into() };
    family.do_all(2, vec![create("proof", "2"), link, namespace, create("process/2/notes/a", "2")]).await;
    family.end(2).await;
    assert_eq!(family.merge(1, 2, Report).await, ["notes/a proof", "", ""]);
    let links = Call::ObjectLinks { name: "claim".into() };
    let answer = family.house.run(&mut family.lines[0], links).await;
    let Reply::Links(ends) = done(&answer) else { panic!("{answer:?}") };
    assert_eq!(ends.iter().map(|end| &*end.name).collect::<Vec<_>>(), ["process/1/proof"]);
    assert_eq!(family.read(1, "process/1/notes/a").await, "1 2");
}

#[tokio::test]
async fn the_end_of_a_process_releases_its_objects_but_what_others_were_given() {
    let house = House::new(&["allow read,list,write,delete object:team/**"]);
    let lines = (0..4).map(|_| house.line()).collect();
    let mut family = Family { house, lines };
    let namespace = |name: &str| Call::ObjectCreateNamespace { namespace: name.into() };
    let calls = vec![
        namespace("team"),
        namespace("process/1/notes"),
        create("mine", "x"),
        create("given", "x"),
        create("wanted", "x"),
        create("process/1/notes/a", "x"),
        create("team/shared", "x"),
    ];
    family.do_all(1, calls).await;
    let grant = |number, rule: &str| family.house.grant(Holder::Process(Family::pid(number)), rule, None);
    grant(2, "allow read object:process/1/given");
    grant(2, "deny read object:process/1/wanted");
    grant(3, "allow read object:process/**");
    let revoked = grant(4, "allow read object:process/1/mine");
    family.house.kernel.revoke(revoked[0].id).unwrap();
    family.end(1).await;
    assert_eq!(family.left_of(1).await, 2, "an object and its payload");
    assert_eq!(family.rows(Table::Namespace, "process/1/").await, Ok(0));
    assert_eq!(family.read(2, "process/1/given").await, "1 x");
    assert_eq!(family.read(2, "team/shared").await, "1 x");
    assert_eq!(family.read(3, "process/1/mine").await, "not found", "a wide pattern is no gift");
    family.end(2).await;
    assert_eq!(family.left_of(1).await, 0, "with the last who was given it, it goes");
}

#[tokio::test]
async fn what_has_no_parent_leaves_nothing_to_merge() {
    let mut family = Family::new(2);
    family.do_all(1, vec![create("a", "1")]).await;
    family.show(2, 1, CopyOnWrite, None);
    family.do_all(2, vec![update("a", "2"), create("b", "2")]).await;
    family.end(2).await;
    assert_eq!(family.left_of(2).await, 0);
    for table in [Table::Unmerged, Table::ObjectPin, Table::ObjectVersion] {
        assert_eq!(family.rows(table, "").await, Ok(0), "{table:?}");
    }
}

#[tokio::test]
async fn namespaces_are_listed_as_long_as_anybody_sees_what_is_in_them() {
    let mut family = Family::new(3);
    let namespace = Call::ObjectCreateNamespace { namespace: "process/1/notes".into() };
    family.do_all(1, vec![namespace, create("process/1/notes/a", "x")]).await;
    family.show(2, 1, ReadOnly, None);
    family.show(3, 1, CopyOnWrite, None);
    family.end(1).await;
    for number in [2, 3] {
        let list = Call::ObjectList { namespace: Some(format!("process/{number}/notes")) };
        assert_eq!(family.act(number, list).await, "notes/a");
        assert_eq!(family.rows(Table::Namespace, "process/1/").await, Ok(1));
        family.end(number).await;
    }
    assert_eq!(family.rows(Table::Namespace, "process/1/").await, Ok(0), "they go with the last who sees them");
}

impl Family {
    /// How many objects a process with a purse may still make.
    async fn objects_left(&self, number: usize) -> u64 {
        self.house.purses_add_up();
        let row = crate::processes::row(&self.house, Family::pid(number)).await;
        row.purse.unwrap().left(Coin::Objects).unwrap()
    }
}

fn rename(old: &str, new: &str) -> Call {
    Call::ObjectRename { old: old.into(), new: new.into(), expected_version: None }
}

#[tokio::test]
async fn an_object_is_given_back_once_and_only_if_it_was_charged() {
    let mut family = Family::new(2);
    for number in [1, 2] {
        family.house.kernel.change_purse(Family::pid(number), &[], &[(Coin::Objects, 9)]).unwrap();
    }
    family.do_all(1, vec![create("a", "1"), create("b", "1")]).await;
    family.show(2, 1, CopyOnWrite, None);
    family.do_all(2, vec![create("own", "2")]).await;
    // What the second one does, what it may still make then, and what the first one may.
    for (call, left) in [
        (rename("own", "moved"), 8),
        (rename("moved", "own"), 8),
        (update("a", "2"), 8),
        (delete("a"), 8),
        (create("a", "2"), 7),
        (delete("a"), 8),
        (rename("b", "c"), 8),
        (create("b", "2"), 7),
        (rename("b", "d"), 7),
        (delete("c"), 7),
        (delete("d"), 8),
        (delete("own"), 9),
    ] {
        let what = format!("{call:?}");
        family.do_all(2, vec![call]).await;
        assert_eq!((family.objects_left(2).await, family.objects_left(1).await), (left, 7), "{what}");
    }
    family.do_all(1, vec![delete("a"), delete("b")]).await;
    assert_eq!(family.objects_left(1).await, 9);
}

#[tokio::test]
async fn what_is_merged_costs_its_parent_what_it_cost_the_child() {
    for ended in [false, true] {
        let mut family = Family::new(1);
        family.house.grant(Holder::Process(Pid(1)), "allow spawn process:image/*", None);
        family.house.kernel.change_purse(Pid(1), &[], &[(Coin::Objects, 9)]).unwrap();
        family.do_all(1, vec![create("both", "1"), create("changed", "1")]).await;
        let child = spawn(&family.house, &mut family.lines[0], child(&[])).await;
        family.lines.push(family.house.line_of(child));
        family.show(2, 1, CopyOnWrite, None);
        let calls = vec![update("changed", "2"), create("new", "2"), delete("both"), create("both", "2")];
        family.do_all(2, calls).await;
        family.do_all(1, vec![update("both", "2x")]).await;
        assert_eq!(family.objects_left(1).await, 4, "two of its own, a goal, two of the child's");
        if ended {
            family.end(2).await;
        }
        assert_eq!(family.merge(1, 2, Beside).await, ["both.p2 changed new", "", ""]);
        if !ended {
            family.do_all(2, vec![delete("new"), delete("changed")]).await;
            family.end(2).await;
            family.merge(1, 2, Ours).await;
        }
        assert_eq!(family.left_of(2).await, 0);
        assert_eq!(family.objects_left(1).await, 5, "what is there is paid for, once");
        family.do_all(1, ["both", "both.p2", "changed", "new"].map(delete).into()).await;
        assert_eq!(family.objects_left(1).await, 9);
    }
}

#[tokio::test]
async fn what_a_read_only_child_made_goes_with_it() {
    let mut family = Family::new(2);
    family.do_all(1, vec![create("a", "1")]).await;
    family.show(2, 1, ReadOnly, None);
    family.do_all(2, vec![create("own", "2")]).await;
    family.end(2).await;
    assert_eq!(family.left_of(2).await, 0);
    assert_eq!(family.rows(Table::ObjectPin, "").await, Ok(0));
}

#[tokio::test]
async fn a_result_stays_and_a_process_that_fails_leaves_nothing() {
    let family = Family::new(1);
    let pid = family.house.process();
    let mut line = family.house.line_of(pid);
    let options = ObjectOptions { object_type: "note".into(), ..ObjectOptions::default() };
    let payload = Payload::Json("1".into());
    done(&family.house.run(&mut line, Call::ObjectCreate { name: "a".into(), payload, options }).await);
    family.house.kernel.end_unused_process(pid, "it could not be started");
    assert_eq!(family.left_of(2).await, 0);
    assert!(View(&family.house.snapshot()).process(pid).unwrap().unwrap().state.is_final());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_its_parent_is_left_by_gc_and_a_result_goes_with_its_process() {
    let mut family = Family::parent_and_child().await;
    family.end(2).await;
    collect(&family.house.kernel).await;
    assert_eq!(family.merge(1, 2, Ours).await, ["new theirs", "gone", ""]);
    let exit = Call::ProcessExitWith { object: "theirs".into() };
    family.do_all(1, vec![exit]).await;
    family.house.kernel.end_call(family.lines[0].call(), Ok("null".into())).unwrap();
    assert_eq!(family.left_of(1).await, 2, "the result and its payload");
    collect(&family.house.kernel).await;
    assert_eq!(family.left_of(1).await, 0);
}
