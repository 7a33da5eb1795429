//! Images of a host: what a version of one is, who goes by which, and that none of them gives any authority.

use crate::processes::{SPAWNING, child, row};
use crate::sim::{Clerk, House, Tear, done, new_grant, tool, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{Answer, CallError};
use libos_kernel::model::call::{Approval, Call, Reply};
use libos_kernel::model::child::ChildOptions;
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::{Format, Image, Registered};
use libos_kernel::model::purse::Coin;

/// An image with one tool and these lines.
fn image(version: &str, tool: &str, more: &str) -> Image {
    Image::parse(&format!("id = \"helper\"\nversion = \"{version}\"\ntools = [\"act\", \"{tool}\"]\n{more}")).unwrap()
}

/// What becomes of an image that is registered.
fn register(house: &House, image: Image, replace: bool) -> String {
    match house.kernel.register_image(image, replace) {
        Ok(done) => done.what.word().into(),
        Err(error) => error.to_string(),
    }
}

/// The tools that a process sees, of those that images are told apart by.
fn sees(house: &House, pid: Pid) -> Vec<String> {
    let known = house.kernel.known_tools(pid).into_iter().map(|tool| tool.name);
    known.filter(|name| ["echo", "other"].contains(&&**name)).collect()
}

fn house() -> House {
    let house = House::new(&[SPAWNING[0], "allow use image:*", "allow read fs:workspace/**"]);
    house.kernel.add_tools(b"other", &[], vec![tool("other", None)], false).unwrap();
    house
}

/// What comes of a system call: `done`, `denied`, or `asked` if that is for a person to say.
async fn with_both_answers(house: &House, pid: Pid, call: &Call) -> String {
    let mut line = house.line_of(pid);
    // Files that are not there do as well: who may not see them does not learn that.
    let words = |answer| words(&answer).replace("not found: fs:workspace/src/a", "done");
    let yes = words(house.run(&mut line, call.clone()).await);
    let no = Clerk { approval: Approval::Deny, ..Clerk::default() };
    let no = words(house.run_with(&mut line, call.clone(), &no).await);
    match (&*yes, &*no) {
        ("done", "denied") => "asked".into(),
        _ if yes == no => yes,
        _ => format!("{yes} or {no}"),
    }
}

async fn become_helper(house: &House, pid: Pid) -> String {
    let mut line = house.line_of(pid);
    let said = words(&house.run(&mut line, Call::ProcessExec { image: "helper".into(), goal: None }).await);
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    said
}

#[tokio::test]
async fn the_same_version_says_the_same_for_ever() {
    let house = house();
    assert_eq!(register(&house, image("1", "echo", ""), false), "added");
    assert_eq!(register(&house, image("1", "echo", ""), false), "unchanged");
    let said = register(&house, image("1", "other", "prompt = \"Obey.\""), false);
    for part in ["helper' 1 is there already", "- tools: echo", "+ tools: other", "+ prompt: Obey.", "--replace"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(register(&house, image("2", "other", ""), false), "replaced");
    // Also if another version has the name meanwhile, and the host was started again.
    let house = house.reopen();
    assert!(register(&house, image("1", "other", ""), false).contains("says something else"));
    assert_eq!(register(&house, image("1", "echo", ""), false), "replaced");
    assert_eq!(register(&house, image("1", "other", ""), true), "replaced");
    assert!(register(&house, image("1", "nothing", ""), true).contains("names the tool 'nothing'"));
}

#[tokio::test]
async fn a_process_keeps_the_version_that_it_was_started_from() {
    let house = house();
    register(&house, image("1", "echo", ""), false);
    let old = house.kernel.new_process("helper", false).unwrap();
    let digest = image("1", "echo", "").digest();
    assert_eq!(row(&house, old).await.image_digest, Some(digest));
    house.kernel.checkpoint(old, "before").unwrap();
    register(&house, image("2", "other", ""), false);
    let new = house.kernel.new_process("helper", false).unwrap();
    house.kernel.barrier().await.unwrap();
    let house = house.crash(Tear::None);
    assert_eq!((sees(&house, old), sees(&house, new)), (vec!["echo".to_owned()], vec!["other".to_owned()]));
    // One that becomes one of it later has the one of now; going back, it has the one of then.
    house.kernel.grant(new_grant(Holder::Process(old), "allow use image:*", None)).unwrap();
    assert_eq!(become_helper(&house, old).await, "done");
    assert_eq!(sees(&house, old), ["other"]);
    let id = View(&house.snapshot()).checkpoints().unwrap()[0].id;
    house.kernel.restore(id).unwrap();
    assert_eq!(sees(&house, old), ["echo"]);
    let forked = house.kernel.fork_checkpoint(id, None).unwrap().what;
    assert_eq!(sees(&house, forked.pid), ["echo"]);
    // Without its name, too.
    house.kernel.remove_image("helper").unwrap();
    let house = house.reopen();
    assert_eq!((sees(&house, old), sees(&house, new)), (vec!["echo".to_owned()], vec!["other".to_owned()]));
    assert!(house.kernel.new_process("helper", false).is_err());
}

/// Rows: what an image says, and what a process that is started from it, becomes one of it, or is spawned from it may then do. It was
/// allowed to read and write below src, and nothing else.
#[tokio::test]
async fn the_rules_of_an_image_narrow_and_give_nothing() {
    let calls = [
        Call::FsRead { path: "src/a".into() },
        Call::FsStat { path: "src/a".into() },
        Call::FsRead { path: "b".into() },
        Call::ClockSleep { nanoseconds: 1 },
    ];
    for (more, want) in [
        ("", ["done", "done", "denied", "denied"]),
        ("needs = [\"read fs:**\", \"sleep clock:sleep\"]", ["done", "done", "denied", "denied"]),
        ("[policy]\ndeny = [\"read fs:workspace/src/a\"]", ["denied", "done", "denied", "denied"]),
        ("[policy]\ndeny = [\"read,list fs:**\"]", ["denied", "denied", "denied", "denied"]),
        // An ask is no way to be asked for what is refused.
        ("[policy]\nask = [\"read fs:**\", \"sleep clock:*\"]", ["asked", "done", "denied", "denied"]),
        ("[policy]\nask = [\"list fs:*/*/a\"]", ["done", "asked", "denied", "denied"]),
    ] {
        let house = House::new(&["allow use image:*", "allow spawn process:**", "allow read,list fs:workspace/src/**"]);
        let line = "allow read,list fs:workspace/src/**";
        house.kernel.register_image(image("1", "echo", more), false).unwrap();
        house.kernel.grant(new_grant(Holder::Image("helper".into()), line, None)).unwrap();
        let started = house.kernel.new_process("helper", false).unwrap();
        let changed = house.process();
        assert_eq!(become_helper(&house, changed).await, "done");
        let mut parent = house.line();
        let options = ChildOptions { image: Some("helper".into()), ..child(&["read,list fs:workspace/src/**"]) };
        let spawned = crate::processes::spawn(&house, &mut parent, options).await;
        for pid in [started, changed, spawned] {
            let mut said = Vec::new();
            for call in &calls {
                said.push(with_both_answers(&house, pid, call).await);
            }
            assert_eq!(said, want, "{more} for {pid}");
        }
    }
}

#[tokio::test]
async fn what_an_image_forbids_stays_when_its_process_becomes_another() {
    let house = House::new(&["allow use image:*", "allow read fs:workspace/**"]);
    let strict = "[policy]\ndeny = [\"read fs:workspace/a\"]";
    house.kernel.register_image(image("1", "echo", strict), false).unwrap();
    let pid = house.process();
    let count = || house.kernel.grants_of(pid).len();
    let before = count();
    for (name, more) in [("helper", 1), ("base", 1), ("helper", 1)] {
        let mut line = house.line_of(pid);
        let exec = Call::ProcessExec { image: name.into(), goal: None };
        assert_eq!(words(&house.run(&mut line, exec).await), "done");
        house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
        assert_eq!(row(&house, pid).await.image, name);
        // Once, however often.
        assert_eq!(count(), before + more, "{name}");
        let mut line = house.line_of(pid);
        assert_eq!(words(&house.run(&mut line, Call::FsRead { path: "a".into() }).await), "denied", "{name}");
    }
}

#[tokio::test]
async fn an_image_that_is_gone_is_not_become() {
    let house = house();
    register(&house, image("1", "echo", ""), false);
    let pid = house.process();
    let mut line = house.line_of(pid);
    done(&house.run(&mut line, Call::ProcessExec { image: "helper".into(), goal: None }).await);
    house.kernel.remove_image("helper").unwrap();
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    let process = row(&house, pid).await;
    assert_eq!((&*process.image, process.exec_requested), ("base", None));
}

#[tokio::test]
async fn the_budget_of_an_image_counts_where_the_policy_has_none() {
    let house = house();
    register(&house, image("1", "echo", "[budget]\ntool-calls = 3\n"), false);
    let left = async |pid: Pid| row(&house, pid).await.purse.and_then(|purse| purse.left(Coin::ToolCalls));
    let pid = house.kernel.new_process("helper", false).unwrap();
    assert_eq!(left(pid).await, Some(3));
    let text = "[mounts]\nworkspace = \".\"\n[image.helper]\nbudget = { tool-calls = 7 }\n";
    house.kernel.set_policy(text).unwrap();
    assert_eq!(left(house.kernel.new_process("helper", false).unwrap()).await, Some(7));
}

#[tokio::test]
async fn images_of_the_program_stay_what_they_are() {
    let house = House::new(&[]);
    let images = || View(&house.snapshot()).images().unwrap();
    house.kernel.barrier().await.unwrap();
    let names: Vec<String> = images().into_iter().map(|image| image.name).collect();
    assert_eq!(names, ["base", "coding", "research", "review", "toolmaker"]);
    // They name tools that are there, and no others.
    assert!(images().iter().all(|image| image.name == "base" || image.tools.is_empty()));
    house.kernel.add_tools(b"files", &[], vec![tool("read_text_file", None)], true).unwrap();
    house.kernel.add_tools(b"mine", &[], vec![tool("edit_file", None)], false).unwrap();
    house.kernel.barrier().await.unwrap();
    assert_eq!(images()[1].tools, ["read_text_file"]);
    assert_eq!(house.kernel.known_tools(house.kernel.new_process("coding", false).unwrap()).len(), 1);
    for name in ["base", "coding"] {
        let other = Image { name: name.into(), ..image("9", "echo", "") };
        assert!(register(&house, other, true).contains("comes with the program"), "{name}");
        assert!(house.kernel.remove_image(name).is_err(), "{name}");
    }
    assert_eq!(house.kernel.register_image(image("1", "echo", ""), false).unwrap().what, Registered::Added);
    assert!(house.kernel.remove_image("nobody").is_err());
}

/// What `image.register` answers to a process whose image has the tools `act` and `echo`.
async fn registers(house: &House, manifest: &str, format: Format, replace: bool) -> String {
    let pid = house.kernel.new_process("helper", false).unwrap();
    house.kernel.grant(new_grant(Holder::Process(pid), "allow register image:mine", None)).unwrap();
    let mut line = house.line_of(pid);
    let call = Call::ImageRegister { manifest: manifest.into(), format, replace };
    match house.run(&mut line, call).await.as_deref() {
        Ok(Answer::Done(Reply::ImageRegistered(info, done))) => format!("{} {} {}", info.id, info.version, done.word()),
        other => match other {
            Ok(Answer::Failed(CallError::Denied(_))) => "denied".into(),
            Ok(Answer::Failed(error)) => error.to_string(),
            other => panic!("{other:?}"),
        },
    }
}

/// Rows: a manifest, and what the process that registers it is told.
#[tokio::test]
async fn a_process_registers_what_it_has_a_right_to_and_nothing_that_it_does_not_see() {
    let house = house();
    register(&house, image("1", "echo", ""), false);
    for (manifest, format, replace, want) in [
        ("id: mine\nversion: 1\ntools: [echo]\n", Format::Yaml, false, "mine 1 added"),
        ("id = \"mine\"\nversion = \"1\"\ntools = [\"echo\"]\n", Format::Toml, false, "mine 1 unchanged"),
        ("id: mine\nversion: 1\ntools: [act]\n", Format::Yaml, false, "already exists: image:mine 1"),
        ("id: mine\nversion: 1\ntools: [act]\n", Format::Yaml, true, "mine 1 replaced"),
        ("id: mine\nversion: 2\ntools: [other]\n", Format::Yaml, false, "not found: tool:other"),
        ("id: mine\nversion: 2\ntools: [\"*\"]\n", Format::Yaml, false, "not found: tool:*"),
        ("id: mine\nversion: 2\ntools: [none]\n", Format::Yaml, false, "not found: tool:none"),
        ("id: base\nversion: 2\ntools: [echo]\n", Format::Yaml, true, "denied"),
        ("id: helper\nversion: 2\ntools: [echo]\n", Format::Yaml, true, "denied"),
        ("id: mine\nversion: 2\ntool: [echo]\n", Format::Yaml, false, "line 3, column 1: there is no 'tool'"),
        ("id: mine\nversion: 2\ntools: [echo]\nallow: [read fs:**]", Format::Yaml, false, "grants nothing"),
    ] {
        let said = registers(&house, manifest, format, replace).await;
        assert!(said.contains(want), "{manifest}: {said}");
    }
    // It is there for others after a start, and gives them nothing.
    house.kernel.barrier().await.unwrap();
    let house = house.reopen();
    let pid = house.kernel.new_process("mine", false).unwrap();
    let mut line = house.line_of(pid);
    assert_eq!(words(&house.run(&mut line, Call::FsRead { path: "a".into() }).await), "denied");
}

#[tokio::test]
async fn a_process_sees_the_images_that_it_may_use() {
    let house = House::new(&["allow use image:helper", "ask spawn process:image/review", "deny use image:coding"]);
    register(&house, image("1", "echo", "prompt = \"Obey.\""), false);
    let mut line = house.line();
    let Reply::Images(images) = done(&house.run(&mut line, Call::ImageList).await).clone() else { panic!() };
    let names: Vec<&str> = images.iter().map(|image| image.id.as_str()).collect();
    assert_eq!(names, ["helper", "review"]);
    for (id, want) in [("helper", "done"), ("review", "denied"), ("coding", "denied"), ("none", "denied")] {
        assert_eq!(words(&house.run(&mut line, Call::ImageShow { id: id.into() }).await), want, "{id}");
    }
    let shown = house.run(&mut line, Call::ImageShow { id: "helper".into() }).await;
    let Reply::Text(text) = done(&shown).clone() else { panic!() };
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["prompt"], &shown["digest"]), (&"Obey.".into(), &images[0].digest.as_str().into()));
}
