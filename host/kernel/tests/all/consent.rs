//! Consent: a grant that names a tool is for the component that the tool had; for another one a person is asked, and told what it gained.

use crate::approvals::{approve, first_step, write};
use crate::sim::{House, every_interface, new_grant, tool, words};
use libos_kernel::kernel::NewGrant;
use libos_kernel::model::call::{Approval, Call};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::image::BASE;
use libos_kernel::model::question::Subject;

/// How a write by a tool whose component was replaced ends, and what comes after the answer.
async fn check_consent(approval: Approval, first: &str, second: &str) {
    let house = House::new(&[]);
    let pid = house.process();
    let rule =
        |holder| NewGrant { only_tool: Some("act".into()), ..new_grant(holder, "allow write fs:workspace/**", None) };
    let grant = house.kernel.grant(rule(Holder::Process(pid))).unwrap().what[0].id;
    let declares = |needs: &[&str]| tool("act", Some(needs));
    house.kernel.add_tools(b"v1", &every_interface(), vec![declares(&["write fs:workspace/**"])], true).unwrap();
    house.kernel.revoke(grant).unwrap();
    let grant = house.kernel.grant(rule(Holder::Process(pid))).unwrap().what[0].id;
    let needs = ["write fs:workspace/**", "ask human:owner"];
    house.kernel.add_tools(b"v2", &every_interface(), vec![declares(&needs)], true).unwrap();
    let mut line = house.line_of(pid);
    assert_eq!(first_step(&house, &mut line, write("a", "1")).await, "waits");
    let question = house.question(house.asked(line.call()));
    let Subject::Approval { rule, consent: Some(consent), .. } = &question.subject else { panic!("{question:?}") };
    assert_eq!((*rule, consent.grant), (Some(grant), grant));
    assert_eq!(consent.gained, ["now needs ask human:owner"]);
    let shown = libos_kernel::model::preview::question(&question).join("\n");
    assert!(shown.contains("has changed since") && shown.contains("now needs ask human:owner"), "{shown}");
    drop(line);
    let call = question.call;
    assert!(house.kernel.park_call(call));
    house.kernel.answer(question.id, approve(approval)).unwrap();
    let house = house.reopen();
    let mut line = house.resume(call).await;
    assert_eq!(words(&house.run(&mut line, write("a", "1")).await), first, "{approval:?}");
    assert_eq!(first_step(&house, &mut house.line_of(pid), write("b", "1")).await, second, "{approval:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_for_a_tool_asks_again_when_its_component_has_changed() {
    check_consent(Approval::Allow, "done", "waits").await;
    check_consent(Approval::Always, "done", "done").await;
    check_consent(Approval::Deny, "denied", "waits").await;
    check_consent(Approval::Never, "denied", "denied").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consent_is_for_the_grant_that_names_the_tool_and_for_what_hangs_on_it() {
    let house = House::new(&[]);
    let rule =
        |holder| NewGrant { only_tool: Some("act".into()), ..new_grant(holder, "allow delete fs:workspace/**", None) };
    let line = house.kernel.grant(rule(Holder::Image(BASE.into()))).unwrap().what[0].id;
    let other = house.kernel.grant(rule(Holder::Image(BASE.into()))).unwrap().what[0].id;
    let (asking, living) = (house.process(), house.process());
    house.kernel.revoke(other).unwrap();
    let act = tool("act", None);
    house.kernel.add_tools(b"v2", &every_interface(), vec![act], true).unwrap();
    let furnish = || {
        house.world.put_directory("workspace/d");
        house.world.put_file("workspace/d/x", "1");
    };
    furnish();
    let remove = || Call::FsRemove { path: "d".into(), recursive: true };
    let call = house.park(house.line_of(asking), remove()).await;
    house.kernel.barrier().await.unwrap();
    let question = house.question(house.asked(call));
    let Subject::Approval { consent: Some(consent), .. } = &question.subject else { panic!("{question:?}") };
    assert_eq!(consent.grant, line, "the one that was given, not what hangs on it");
    let changed = house.kernel.answer(question.id, approve(Approval::Always)).unwrap().grants;
    assert_eq!(changed.len(), 3, "{changed:?}");
    assert_eq!(first_step(&house, &mut house.resume(call).await, remove()).await, "done");
    for pid in [living, house.process()] {
        furnish();
        assert_eq!(first_step(&house, &mut house.line_of(pid), remove()).await, "done");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_consent_takes_nothing_back() {
    let house = House::new(&[]);
    let pid = house.process();
    let rule = new_grant(Holder::Process(pid), "allow write fs:workspace/**", None);
    let rule = NewGrant { only_tool: Some("act".into()), ..rule };
    let grant = house.kernel.grant(rule).unwrap().what[0].id;
    let act = || tool("act", None);
    let mut asked = Vec::new();
    for component in [&b"v2"[..], b"v3"] {
        house.kernel.add_tools(component, &every_interface(), vec![act()], true).unwrap();
        let call = house.park(house.line_of(pid), write("a", "1")).await;
        asked.push(house.asked(call));
    }
    house.kernel.answer(asked[1], approve(Approval::Always)).unwrap();
    for approval in [Approval::Always, Approval::Never] {
        let refused = house.kernel.answer(asked[0], approve(approval)).unwrap_err().to_string();
        assert!(refused.contains("does not name the component any more"), "{refused}");
    }
    house.kernel.answer(asked[0], approve(Approval::Allow)).unwrap();
    assert_eq!(first_step(&house, &mut house.line_of(pid), write("b", "1")).await, "done", "{grant} names v3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_answers_a_rule_that_asks_says_that_its_tool_has_changed() {
    let house = House::new(&["ask write fs:workspace/asked/**"]);
    house.world.put_directory("workspace/asked");
    let rule = NewGrant {
        only_tool: Some("act".into()),
        ..new_grant(Holder::Image(BASE.into()), "allow write fs:workspace/asked/**", None)
    };
    let grant = house.kernel.grant(rule).unwrap().what[0].id;
    let steps = [
        (Approval::Allow, "waits", "once is once"),
        (Approval::Always, "done", "it counts again"),
        (Approval::Never, "waits", "the rule asks"),
    ];
    for (version, (approval, after, why)) in steps.into_iter().enumerate() {
        let component = format!("v{}", version + 2);
        house.kernel.add_tools(component.as_bytes(), &every_interface(), vec![tool("act", None)], true).unwrap();
        let pid = house.process();
        let call = house.park(house.line_of(pid), write("asked/a", &component)).await;
        house.kernel.barrier().await.unwrap();
        let question = house.question(house.asked(call));
        let Subject::Approval { consent: Some(consent), .. } = &question.subject else { panic!("{question:?}") };
        assert_eq!(consent.grant, grant, "{approval:?}");
        house.kernel.answer(question.id, approve(approval)).unwrap();
        let first = words(&house.run(&mut house.resume(call).await, write("asked/a", &component)).await);
        assert_eq!(first, if approval == Approval::Never { "denied" } else { "done" }, "{approval:?}");
        let mut line = house.line_of(pid);
        assert_eq!(first_step(&house, &mut line, write("asked/b", &component)).await, after, "{approval:?}: {why}");
    }
    // Nothing that it answered is left: the rule asks about whatever code this is.
    let call = house.park(house.line_of(house.process()), write("asked/c", "x")).await;
    house.kernel.barrier().await.unwrap();
    let question = house.question(house.asked(call));
    assert!(matches!(question.subject, Subject::Approval { consent: None, .. }), "{question:?}");
}
