//! Object memory: whose names are whose, what a move, a link and a query need and tell, and what the end of a process leaves.

use crate::sim::{House, done, words};
use crate::views::{Family, create, delete, update};
use libos_kernel::model::call::{Call, ObjectOptions, Payload, Reply};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::Pid;
use libos_kernel::model::limit;
use libos_kernel::model::object::{Filter, LinkEnd};
use libos_kernel::syscall::Line;

fn rename(old: &str, new: &str) -> Call {
    Call::ObjectRename { old: old.into(), new: new.into(), expected_version: None }
}

fn link(from: &str, relation: &str, to: &str) -> Call {
    Call::ObjectLink { from: from.into(), relation: relation.into(), to: to.into() }
}

fn namespace(name: &str) -> Call {
    Call::ObjectCreateNamespace { namespace: name.into() }
}

fn typed(name: &str, object_type: &str, tags: &[&str], text: &str) -> Call {
    let options = ObjectOptions {
        object_type: object_type.into(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        title: format!("Title of {name}"),
        ..ObjectOptions::default()
    };
    Call::ObjectCreate { name: name.into(), payload: Payload::Json(format!("{text:?}")), options }
}

/// Makes a query; answers the short names that it found, and the one to go on after.
async fn query(house: &House, line: &mut Line, filter: Filter) -> (String, Option<String>) {
    let answer = house.run(line, Call::ObjectQuery { filter }).await;
    let Reply::Found(found, next) = done(&answer) else { panic!("{answer:?}") };
    let short = |name: &str| name.splitn(3, '/').last().unwrap().to_owned();
    (found.iter().map(|info| short(&info.name)).collect::<Vec<_>>().join(" "), next.as_deref().map(short))
}

/// The links of an object: an arrow, the relation, and the other end's short name.
async fn links(house: &House, line: &mut Line, name: &str) -> Vec<String> {
    let answer = house.run(line, Call::ObjectLinks { name: name.into() }).await;
    let Reply::Links(ends) = done(&answer) else { panic!("{answer:?}") };
    let shown = |end: &LinkEnd| {
        let arrow = if end.outgoing { "to" } else { "from" };
        format!("{} {arrow} {}", end.relation, end.name.rsplit('/').next().unwrap())
    };
    ends.iter().map(shown).collect()
}

#[tokio::test]
async fn no_process_makes_a_top_level_namespace_without_a_grant() {
    let house = House::new(&["allow write,read,list object:team/**"]);
    let mut line = house.line();
    for name in ["corp-secrets", "process/2", "process/1x", "other/below"] {
        assert_eq!(words(&house.run(&mut line, namespace(name)).await), "denied", "{name}");
    }
    assert_eq!(words(&house.run(&mut line, namespace("team")).await), "done", "the pattern covers its root");
    assert_eq!(words(&house.run(&mut line, namespace("process/1/mine")).await), "done");
}

#[tokio::test]
async fn the_same_bare_name_is_another_object_in_each_process() {
    let mut family = Family::new(2);
    family.do_all(1, vec![create("plan", "one")]).await;
    assert_eq!(family.read(2, "plan").await, "not found");
    family.do_all(2, vec![create("plan", "two")]).await;
    assert_eq!((family.read(1, "plan").await, family.read(2, "plan").await), ("1 one".into(), "1 two".into()));
    assert_eq!(family.act(1, create("plan", "again")).await, "already exists");
    for call in [
        create("process/1/other", "x"),
        update("process/1/plan", "x"),
        delete("process/1/plan"),
        rename("process/1/plan", "mine"),
        rename("plan", "process/1/theirs"),
        link("plan", "references", "process/1/plan"),
        Call::ObjectLinks { name: "process/1/plan".into() },
        Call::ObjectList { namespace: Some("process/1".into()) },
        Call::ObjectQuery { filter: Filter { namespace: Some("process/1".into()), ..Filter::default() } },
        Call::ObjectQuery { filter: Filter { linked_to: Some("process/1/plan".into()), ..Filter::default() } },
    ] {
        let name = format!("{call:?}");
        assert_eq!(family.act(2, call).await, "denied", "{name}");
    }
}

#[tokio::test]
async fn a_move_needs_rights_at_both_ends_and_a_free_name() {
    let rules = ["allow read,list,write,delete object:team/**", "allow read object:mail/**"];
    let house = House::new(&rules);
    let mut line = house.line();
    for call in [namespace("team"), create("a", "1"), create("b", "2")] {
        assert_eq!(words(&house.run(&mut line, call).await), "done");
    }
    for (call, wanted) in [
        (rename("a", "b"), "already exists: process/1/b"),
        (rename("a", "a"), "already exists: process/1/a"),
        (rename("gone", "c"), "not found: process/1/gone"),
        (rename("a", "mail/a"), "denied"),
        (rename("mail/a", "c"), "denied"),
        (rename("a", "team/no/a"), "not found: the namespace team/no"),
        (rename("a", "team/a"), "done"),
        (Call::ObjectRead { name: "a".into() }, "not found: process/1/a"),
        (rename("team/a", "c"), "done"),
    ] {
        let name = format!("{call:?}");
        assert_eq!(words(&house.run(&mut line, call).await), wanted, "{name}");
    }
    let answer = house.run(&mut line, Call::ObjectRead { name: "c".into() }).await;
    let Reply::Object(info, payload) = done(&answer) else { panic!("{answer:?}") };
    assert_eq!((info.version, &*info.name, payload.as_bytes()), (3, "process/1/c", &b"\"1\""[..]));
    let stale = Call::ObjectRename { old: "c".into(), new: "d".into(), expected_version: Some(1) };
    assert_eq!(words(&house.run(&mut line, stale).await), "conflict: the version is 3 now");
}

#[tokio::test]
async fn an_immutable_object_is_never_updated_but_can_be_moved_and_deleted() {
    let house = House::new(&[]);
    let mut line = house.line();
    let options = ObjectOptions { object_type: "goal".into(), immutable: true, ..ObjectOptions::default() };
    let make = Call::ObjectCreate { name: "a".into(), payload: Payload::Json("1".into()), options };
    for (call, wanted) in [
        (make, "done"),
        (update("a", "2"), "wrong kind: process/1/a is immutable"),
        (rename("a", "b"), "done"),
        (update("b", "2"), "wrong kind: process/1/b is immutable"),
        (delete("b"), "done"),
    ] {
        assert_eq!(words(&house.run(&mut line, call).await), wanted);
    }
}

#[tokio::test]
async fn links_are_seen_from_both_ends_and_go_with_either() {
    let house = House::new(&[]);
    let mut line = house.line();
    for call in [create("claim", "x"), create("proof", "x"), create("other", "x")] {
        done(&house.run(&mut line, call).await);
    }
    for (from, relation, to) in
        [("proof", "supports", "claim"), ("claim", "references", "other"), ("proof", "supports", "claim")]
    {
        done(&house.run(&mut line, link(from, relation, to)).await);
    }
    assert_eq!(links(&house, &mut line, "claim").await, ["supports from proof", "references to other"]);
    assert_eq!(words(&house.run(&mut line, link("claim", "x", "nothing")).await), "not found: process/1/nothing");
    assert_eq!(words(&house.run(&mut line, link("nothing", "x", "claim")).await), "not found: process/1/nothing");
    done(&house.run(&mut line, rename("claim", "thesis")).await);
    assert_eq!(links(&house, &mut line, "thesis").await, ["supports from proof", "references to other"]);
    assert_eq!(links(&house, &mut line, "proof").await, ["supports to thesis"]);
    done(&house.run(&mut line, delete("proof")).await);
    done(&house.run(&mut line, delete("other")).await);
    assert_eq!(links(&house, &mut line, "thesis").await, [""; 0]);
    done(&house.run(&mut line, create("other", "again")).await);
    assert_eq!(links(&house, &mut line, "thesis").await, [""; 0], "a name that is used again is not linked");
    done(&house.run(&mut line, link("thesis", "references", "other")).await);
    let unlink = || Call::ObjectUnlink { from: "thesis".into(), relation: "references".into(), to: "other".into() };
    done(&house.run(&mut line, unlink()).await);
    assert_eq!(links(&house, &mut line, "other").await, [""; 0]);
    assert!(words(&house.run(&mut line, unlink()).await).starts_with("not found: a link 'references'"));
    for relation in ["", "a\0b", "a\u{202e}b", &"x".repeat(65)] {
        let ended = words(&house.run(&mut line, link("thesis", relation, "other")).await);
        assert!(ended.starts_with("invalid") || ended.starts_with("too large"), "{relation:?}: {ended}");
    }
}

#[tokio::test]
async fn links_of_one_object_are_bounded() {
    let house = House::new(&[]);
    let mut line = house.line();
    for call in [create("a", "x"), create("b", "x")] {
        done(&house.run(&mut line, call).await);
    }
    for number in 0..limit::OBJECT_LINKS_MAX {
        done(&house.run(&mut line, link("a", &format!("r{number}"), "b")).await);
    }
    assert!(words(&house.run(&mut line, link("a", "more", "b")).await).starts_with("too large"));
}

#[tokio::test]
async fn a_link_tells_nothing_of_what_may_not_be_read() {
    let house = House::new(&["allow read,list,write,delete,link object:team/**"]);
    let mut line = house.line();
    for call in [namespace("team"), create("team/open", "x"), create("team/secret", "x"), create("team/asked", "x")] {
        done(&house.run(&mut line, call).await);
    }
    for name in ["team/secret", "team/asked"] {
        done(&house.run(&mut line, link("team/open", "references", name)).await);
        done(&house.run(&mut line, link(name, "supports", "team/open")).await);
    }
    assert_eq!(links(&house, &mut line, "team/open").await.len(), 4);
    house.grant(Holder::Process(Pid(1)), "deny read object:team/secret", None);
    house.grant(Holder::Process(Pid(1)), "ask read object:team/asked", None);
    assert_eq!(links(&house, &mut line, "team/open").await, [""; 0]);
    let all = |linked_from: Option<&str>| Filter {
        namespace: Some("team".into()),
        linked_from: linked_from.map(str::to_owned),
        ..Filter::default()
    };
    assert_eq!(query(&house, &mut line, all(Some("team/open"))).await.0, "");
    assert_eq!(query(&house, &mut line, all(None)).await.0, "open");
}

#[tokio::test]
async fn a_query_finds_what_all_of_its_words_say() {
    let house = House::new(&[]);
    let mut line = house.line();
    let calls = [
        namespace("process/1/deep"),
        typed("alpha", "claim", &["x", "y"], "The Quick fox"),
        typed("beta", "claim", &["x"], "nothing"),
        typed("gamma", "proof", &["y"], "quick"),
        typed("process/1/deep/delta", "proof", &[], "a b"),
        link("gamma", "supports", "alpha"),
        link("process/1/deep/delta", "references", "alpha"),
    ];
    for call in calls {
        done(&house.run(&mut line, call).await);
    }
    let text = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    for (filter, wanted) in [
        (none(), "alpha beta deep/delta gamma"),
        (Filter { object_type: text("claim"), ..none() }, "alpha beta"),
        (Filter { tags: vec!["x".into()], ..none() }, "alpha beta"),
        (Filter { tags: vec!["x".into(), "y".into()], ..none() }, "alpha"),
        (Filter { text: text("QUICK"), ..none() }, "alpha gamma"),
        (Filter { text: text("delt"), ..none() }, "deep/delta"),
        (Filter { text: text("title of beta"), ..none() }, "beta"),
        (Filter { text: text("quick"), object_type: text("proof"), ..none() }, "gamma"),
        (Filter { linked_to: text("alpha"), ..none() }, "deep/delta gamma"),
        (Filter { linked_to: text("alpha"), relation: text("supports"), ..none() }, "gamma"),
        (Filter { linked_from: text("gamma"), ..none() }, "alpha"),
        (Filter { linked_from: text("gamma"), relation: text("references"), ..none() }, ""),
        (Filter { namespace: text("process/1/deep"), ..none() }, "deep/delta"),
        (Filter { after: text("process/1/beta"), ..none() }, "deep/delta gamma"),
        (Filter { limit: Some(0), ..none() }, ""),
    ] {
        let name = format!("{filter:?}");
        assert_eq!(query(&house, &mut line, filter).await.0, wanted, "{name}");
    }
}

#[tokio::test]
async fn a_query_says_where_it_stopped_and_goes_on_from_there() {
    let house = House::new(&[]);
    let mut line = house.line();
    let names: Vec<String> = (10..40).map(|number| format!("o{number}")).collect();
    for name in &names {
        done(&house.run(&mut line, create(name, "x")).await);
    }
    house.kernel.barrier().await.unwrap();
    // Some of it is not on the disk yet.
    done(&house.run(&mut line, delete("o15")).await);
    done(&house.run(&mut line, create("o15b", "x")).await);
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let filter = Filter { limit: Some(7), after, ..Filter::default() };
        let (some, next) = query(&house, &mut line, filter).await;
        found.extend(some.split_whitespace().map(str::to_owned));
        let Some(next) = next else { break };
        after = Some(format!("process/1/{next}"));
    }
    let wanted = names.iter().map(|name| if name == "o15" { "o15b" } else { name });
    assert_eq!(found, wanted.collect::<Vec<_>>());
    let large = "a".repeat(limit::QUERY_BYTES_MAX / 2);
    for name in ["big1", "big2", "big3"] {
        done(&house.run(&mut line, create(name, &large)).await);
    }
    let search = |after: Option<&str>| Filter {
        text: Some("no such words".into()),
        after: after.map(str::to_owned),
        ..Filter::default()
    };
    assert_eq!(query(&house, &mut line, search(None)).await, (String::new(), Some("big2".into())));
    assert_eq!(query(&house, &mut line, search(Some("process/1/big2"))).await, (String::new(), None));
}

#[tokio::test]
async fn a_query_takes_no_uses() {
    let house = House::new(&["allow list,write object:team/**"]);
    let mut line = house.line();
    for call in [namespace("team"), create("team/once", "x")] {
        done(&house.run(&mut line, call).await);
    }
    house.grant(Holder::Process(Pid(1)), "allow read object:team/once", Some(1));
    let all = Filter { namespace: Some("team".into()), ..Filter::default() };
    assert_eq!(query(&house, &mut line, all).await.0, "");
    let read = || Call::ObjectRead { name: "team/once".into() };
    assert_eq!(words(&house.run(&mut line, read()).await), "done");
    assert_eq!(words(&house.run(&mut line, read()).await), "denied");
}

#[tokio::test]
async fn payloads_survive_a_restart_small_and_large() {
    let house = House::new(&[]);
    let mut line = house.line();
    let large = "a".repeat(3 * limit::INLINE_BYTES_MAX);
    done(&house.run(&mut line, create("small", "x")).await);
    done(&house.run(&mut line, create("large", &large)).await);
    done(&house.run(&mut line, link("small", "references", "large")).await);
    drop(line);
    let house = house.reopen();
    let mut line = house.line_of(Pid(1));
    for (name, text) in [("small", "x"), ("large", &*large)] {
        let answer = house.run(&mut line, Call::ObjectRead { name: name.into() }).await;
        let Reply::Object(_, payload) = done(&answer) else { panic!("{answer:?}") };
        assert_eq!(payload.as_bytes(), format!("{text:?}").as_bytes());
    }
    assert_eq!(links(&house, &mut line, "small").await, ["references to large"]);
}

#[tokio::test]
async fn what_an_object_says_to_be_made_from_is_kept_in_full_and_gives_nothing() {
    let house = House::new(&[]);
    let (mut line, mut other) = (house.line(), house.line());
    done(&house.run(&mut other, create("secret", "x")).await);
    let sources = vec!["plan".to_owned(), "process/2/secret".to_owned()];
    let options = ObjectOptions { object_type: "summary".into(), sources, ..ObjectOptions::default() };
    let make = |name: &str, options: &ObjectOptions| Call::ObjectCreate {
        name: name.into(),
        payload: Payload::Json("1".into()),
        options: options.clone(),
    };
    let answer = house.run(&mut line, make("a", &options)).await;
    let Reply::Info(info) = done(&answer) else { panic!("{answer:?}") };
    assert_eq!(info.sources, ["process/1/plan", "process/2/secret"]);
    assert_eq!(words(&house.run(&mut line, Call::ObjectRead { name: "process/2/secret".into() }).await), "denied");
    let many = ObjectOptions { sources: vec!["a".into(); limit::OBJECT_SOURCES_MAX + 1], ..options.clone() };
    assert!(words(&house.run(&mut line, make("b", &many)).await).starts_with("too large"));
    let bad = ObjectOptions { sources: vec!["a//b".into()], ..options };
    assert!(words(&house.run(&mut line, make("b", &bad)).await).starts_with("invalid"));
}
