//! Explanations: they say what the decision says, whose line it was, and what comes nearest.

use crate::grants::ends;
use crate::sim::{House, new_grant};
use libos_kernel::kernel::NewGrant;
use libos_kernel::kernel::explain::{Authority, Explanation};
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::decide::Ceiling;
use libos_kernel::model::grant::{Holder, Issuer};
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::BASE;
use libos_kernel::model::need::Need;
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::model::right::Right;
use std::time::Duration;

fn need(path: &str) -> Need {
    Need { resource: Resource::new(Kind::Fs, path), right: Right::Write, whole: false }
}

fn explain(house: &House, pid: Pid, path: &str) -> Explanation {
    house.kernel.explain(pid, &need(path), Some("act")).unwrap()
}

/// Under these rules of the image and of the process, why `a` may or may not be written, and what comes nearest.
async fn check(rules: &[&str], own: &[&str], verdict: &str, because: &str, nearest: Option<&str>) {
    let house = House::new(rules);
    let pid = house.process();
    for rule in own {
        house.grant(Holder::Process(pid), rule, None);
    }
    let said = explain(&house, pid, "workspace/a");
    assert_eq!(said.verdict, verdict, "{rules:?} {own:?}: {said:?}");
    assert!(said.because.contains(because), "{rules:?} {own:?}: {said:?}");
    let lacks = said.nearest.map(|nearest| nearest.lacks);
    assert_eq!(lacks.is_some(), nearest.is_some(), "{rules:?} {own:?}: {lacks:?}");
    assert!(lacks.unwrap_or_default().contains(nearest.unwrap_or_default()), "{rules:?} {own:?}");
    // From the rows of the disk it is the same.
    house.kernel.barrier().await.unwrap();
    let snapshot = house.snapshot();
    let authority = Authority::of_process(&View(&snapshot), pid, Ceiling::default()).unwrap().unwrap();
    let tool = house.kernel.tools().into_iter().find(|tool| tool.name == "act");
    let read = authority.explain(&need("workspace/a"), tool.as_deref(), house.kernel.now());
    assert_eq!((read.verdict, read.because), (said.verdict, said.because));
    // And what is said happens.
    let write = Call::FsWrite { path: "a".into(), content: Vec::new(), mode: WriteMode::CreateOrReplace };
    let ended = ends(&house, &mut house.line_of(pid), write).await;
    let want = if verdict == "allow" {
        "done"
    } else if verdict == "ask" {
        "asks"
    } else {
        "denied"
    };
    assert_eq!(ended, want, "{rules:?} {own:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_says_what_happens_and_why() {
    let (allow, ask, deny) = ("allow write fs:workspace/**", "ask write fs:workspace/a", "deny write fs:workspace/*");
    check(&[allow], &[], "allow", "allows it", None).await;
    check(&[allow, ask], &[], "ask", "asks a person each time", None).await;
    check(&[ask], &["allow write fs:workspace/a"], "allow", "which would ask a person", None).await;
    check(&[allow, deny], &[], "deny", "a rule denies it", None).await;
    check(&["default ask"], &[], "ask", "the process's default", None).await;
    check(&[], &[], "deny", "no grant allows it", None).await;
    let nearest = "it gives read,list, not write";
    check(&["allow read,list fs:workspace/**"], &[], "deny", "no grant", Some(nearest)).await;
    let nearest = "it gives write on fs:workspace/b/**, not on fs:workspace/a";
    check(&["allow write fs:workspace/b/**", "allow write fs:other/**"], &[], "deny", "no grant", Some(nearest)).await;
    check(&["allow read object:x/**"], &[], "deny", "no grant", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_have_allowed_it_is_said_to_be_over() {
    let house = House::new(&[]);
    let pid = house.process();
    let grant = |uses, expires_in, only_tool: Option<&str>| {
        let new = new_grant(Holder::Process(pid), "allow write fs:workspace/a", uses);
        let new = NewGrant { expires_in, only_tool: only_tool.map(str::to_owned), ..new };
        house.kernel.grant(new).unwrap().what[0].clone()
    };
    let lacks = || explain(&house, pid, "workspace/a").nearest.unwrap().lacks;
    let revoked = grant(None, None, None);
    house.kernel.revoke(revoked.id).unwrap();
    assert_eq!(lacks(), "it is revoked");
    let house = &house;
    let other = House::new(&[]);
    drop(other);
    let short = grant(None, Some(Duration::from_secs(1)), None);
    assert_eq!(explain(house, pid, "workspace/a").verdict, "allow");
    house.world.set_clock(short.not_after.unwrap().after(Duration::from_nanos(1)));
    assert_eq!(explain(house, pid, "workspace/a").verdict, "deny");
    grant(None, None, Some("echo"));
    let said = house.kernel.explain(pid, &need("workspace/a"), Some("echo")).unwrap();
    assert_eq!(said.verdict, "allow");
    assert_eq!(explain(house, pid, "workspace/a").verdict, "deny");
}

#[tokio::test]
async fn the_chain_leads_to_the_line_of_the_policy() {
    let house = House::new(&["allow read fs:workspace/**", "deny write fs:workspace/a"]);
    let pid = house.process();
    let said = explain(&house, pid, "workspace/a");
    let [chain] = &said.grants[..] else { panic!("{said:?}") };
    assert_eq!(chain.len(), 2);
    assert_eq!((&chain[0].holder, &chain[1].holder), (&Holder::Process(pid), &Holder::Image(BASE.into())));
    assert!(matches!(chain[1].issuer, Issuer::Policy(line) if line > 1), "{chain:?}");
}
