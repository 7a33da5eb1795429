//! What a process sees of the objects of another one: as they were or as they are, to look at or to change a copy of.

use crate::processes::child;
use crate::sim::{House, done, words};
use libos_kernel::model::call::{Call, ObjectOptions, Payload, Reply};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::Pid;
use libos_kernel::model::object::Filter;
use libos_kernel::model::process::Signal;
use libos_kernel::model::view::ViewMode::{self, CopyOnWrite, ReadOnly, Worker};
use libos_kernel::syscall::Line;

/// The parts of a family: each process has a call that runs.
pub struct Family {
    pub house: House,
    pub lines: Vec<Line>,
}

pub fn create(name: &str, text: &str) -> Call {
    let options = ObjectOptions { object_type: "note".into(), ..ObjectOptions::default() };
    Call::ObjectCreate { name: name.into(), payload: Payload::Json(format!("{text:?}")), options }
}

pub fn update(name: &str, text: &str) -> Call {
    let payload = Payload::Json(format!("{text:?}"));
    Call::ObjectUpdate { name: name.into(), payload, expected_version: None }
}

pub fn delete(name: &str) -> Call {
    Call::ObjectDelete { name: name.into(), expected_version: None }
}

impl Family {
    /// So many processes that know nothing of each other.
    pub fn new(count: usize) -> Family {
        let house = House::new(&[]);
        let lines = (0..count).map(|_| house.line()).collect();
        Family { house, lines }
    }

    pub fn pid(number: usize) -> Pid {
        Pid(number as u64)
    }

    /// Shows a process the objects of another one.
    pub fn show(&self, to: usize, source: usize, mode: ViewMode, roots: Option<&[&str]>) {
        let roots = roots.map(|roots| roots.iter().map(|root| (*root).to_owned()).collect());
        self.house.kernel.show_objects(Self::pid(to), Self::pid(source), mode, roots).unwrap();
    }

    /// Makes a system call as the process with this number; answers what it read, or how it ended.
    pub async fn act(&mut self, number: usize, call: Call) -> String {
        let answer = self.house.run(&mut self.lines[number - 1], call).await;
        match words(&answer) {
            word if word == "done" => match done(&answer) {
                Reply::Object(info, Payload::Json(text)) => format!("{} {}", info.version, text.replace('"', "")),
                Reply::Info(info) => info.version.to_string(),
                Reply::Infos(infos) | Reply::Found(infos, _) => {
                    let names: Vec<&str> = infos.iter().map(|info| info.name.splitn(3, '/').last().unwrap()).collect();
                    names.join(" ")
                }
                Reply::Names(names) => names.join(" "),
                _ => word,
            },
            word => word.split(':').next().unwrap_or_default().to_owned(),
        }
    }

    pub async fn read(&mut self, number: usize, name: &str) -> String {
        self.act(number, Call::ObjectRead { name: name.into() }).await
    }

    pub async fn list(&mut self, number: usize) -> String {
        self.act(number, Call::ObjectList { namespace: None }).await
    }

    pub async fn do_all(&mut self, number: usize, calls: Vec<Call>) {
        for call in calls {
            let name = format!("{call:?}");
            let ended = self.act(number, call).await;
            assert!(ended == "done" || ended.parse::<u64>().is_ok(), "{name}: {ended}");
        }
    }
}

#[tokio::test]
async fn a_read_only_view_shows_what_was_there_and_changes_nothing() {
    let mut family = Family::new(2);
    family.do_all(1, vec![create("plan", "one"), create("gone", "x")]).await;
    family.show(2, 1, ReadOnly, None);
    family.do_all(1, vec![update("plan", "two"), delete("gone"), create("new", "y")]).await;
    assert_eq!(family.read(2, "plan").await, "1 one");
    assert_eq!(family.read(2, "gone").await, "1 x");
    assert_eq!(family.read(2, "new").await, "not found", "it was made since");
    assert_eq!(family.list(2).await, "gone plan");
    for call in [update("plan", "mine"), delete("plan")] {
        assert_eq!(family.act(2, call).await, "wrong kind");
    }
    assert_eq!(family.act(2, create("plan", "mine")).await, "already exists");
    assert_eq!(family.act(2, create("own", "mine")).await, "1");
    assert_eq!(family.list(2).await, "gone own plan");
    assert_eq!((family.list(1).await, family.read(1, "plan").await), ("new plan".into(), "2 two".into()));
    assert_eq!(family.read(2, "process/1/plan").await, "denied", "the view is no grant");
}

#[tokio::test]
async fn what_a_copy_on_write_view_changes_its_source_never_sees() {
    let mut family = Family::new(2);
    family.do_all(1, vec![create("plan", "one"), create("gone", "x"), update("plan", "two")]).await;
    family.show(2, 1, CopyOnWrite, None);
    assert_eq!(family.act(2, update("plan", "mine")).await, "3", "the copy goes on counting");
    family.do_all(2, vec![delete("gone")]).await;
    assert_eq!(family.read(2, "gone").await, "not found");
    assert_eq!(family.act(2, delete("gone")).await, "not found");
    assert_eq!(family.list(2).await, "plan");
    assert_eq!((family.read(1, "plan").await, family.read(1, "gone").await), ("2 two".into(), "1 x".into()));
    family.do_all(1, vec![update("plan", "theirs")]).await;
    assert_eq!(family.read(2, "plan").await, "3 mine");
    family.do_all(2, vec![delete("plan")]).await;
    assert_eq!(family.read(2, "plan").await, "not found", "a copy that is deleted does not bring the source's back");
    assert_eq!(family.act(2, create("plan", "again")).await, "1");
    assert_eq!(family.list(2).await, "plan");
}

#[tokio::test]
async fn a_worker_sees_its_roots_as_they_are_and_nothing_else() {
    let mut family = Family::new(2);
    family.do_all(1, vec![create("plan", "one"), create("secret", "x")]).await;
    family.show(2, 1, Worker, Some(&["plan", "later"]));
    family.do_all(1, vec![update("plan", "two"), create("later", "y")]).await;
    assert_eq!(family.read(2, "plan").await, "2 two");
    assert_eq!(family.read(2, "later").await, "1 y");
    assert_eq!(family.read(2, "secret").await, "not found");
    assert_eq!(family.list(2).await, "later plan");
    assert_eq!(family.act(2, update("plan", "mine")).await, "wrong kind");
    assert_eq!(family.act(2, create("secret", "mine")).await, "1", "what it does not see is not in its way");
    assert_eq!((family.read(1, "secret").await, family.read(2, "secret").await), ("1 x".into(), "1 mine".into()));
}

#[tokio::test]
async fn views_through_views_show_the_moment_of_each() {
    let mut family = Family::new(4);
    family.do_all(1, vec![create("a", "one"), create("b", "one"), create("c", "one")]).await;
    family.show(2, 1, CopyOnWrite, None);
    family.do_all(2, vec![update("b", "two"), delete("c")]).await;
    family.show(3, 2, CopyOnWrite, None);
    family.show(4, 2, Worker, None);
    family.do_all(1, vec![update("a", "late"), delete("b")]).await;
    family.do_all(2, vec![update("b", "late"), create("d", "late")]).await;
    assert_eq!(family.list(3).await, "a b");
    assert_eq!((family.read(3, "a").await, family.read(3, "b").await), ("1 one".into(), "2 two".into()));
    assert_eq!(family.read(3, "c").await, "not found", "the one between has deleted it");
    assert_eq!(family.list(4).await, "a b d");
    assert_eq!((family.read(4, "a").await, family.read(4, "b").await), ("1 one".into(), "3 late".into()));
    assert_eq!(family.act(3, update("a", "three")).await, "2");
    assert_eq!((family.read(2, "a").await, family.read(1, "a").await), ("1 one".into(), "2 late".into()));
}

#[tokio::test]
async fn what_a_rule_keeps_from_a_process_no_view_shows_it() {
    let mut family = Family::new(3);
    family.do_all(1, vec![create("plan", "x"), create("secret", "x"), create("asked", "x"), create("late", "x")]).await;
    family.show(2, 1, CopyOnWrite, None);
    family.show(3, 2, CopyOnWrite, None);
    let rule = |family: &Family, number: usize, rule: &str| {
        family.house.grant(Holder::Process(Family::pid(number)), rule, None);
    };
    // On who sees, on who is between, and on whose it is.
    rule(&family, 3, "deny read object:process/1/secret");
    rule(&family, 2, "ask read object:process/1/asked");
    rule(&family, 1, "deny read object:process/1/late");
    for name in ["secret", "asked", "late", "no-such-thing"] {
        if name == "no-such-thing" {
            rule(&family, 3, "deny read object:process/1/no-such-thing");
        }
        assert_eq!(family.read(3, name).await, "denied", "{name}");
        assert_eq!(family.act(3, update(name, "mine")).await, "denied", "{name}");
        assert_eq!(family.act(3, delete(name)).await, "denied", "{name}");
    }
    assert_eq!(family.list(3).await, "plan");
    assert_eq!(family.act(3, create("secret", "mine")).await, "1", "a name that is refused is as good as free");
    assert_eq!(family.read(3, "secret").await, "1 mine");
    assert_eq!(family.read(2, "secret").await, "1 x");
}

#[tokio::test]
async fn what_a_process_may_not_list_nobody_lists_through_it() {
    let mut family = Family::new(4);
    let namespace = |name: &str| Call::ObjectCreateNamespace { namespace: name.into() };
    family.do_all(1, vec![create("plan", "x"), namespace("process/1/notes"), create("process/1/notes/a", "x")]).await;
    family.show(2, 1, CopyOnWrite, None);
    family.show(3, 2, CopyOnWrite, None);
    family.show(4, 1, CopyOnWrite, None);
    let list = |pid: usize, inside: &str| Call::ObjectList { namespace: Some(format!("process/{pid}{inside}")) };
    let namespaces = Call::ObjectNamespaces { namespace: None };
    for number in 2..=4 {
        assert_eq!(family.act(number, list(number, "")).await, "plan");
        assert_eq!(family.act(number, list(number, "/notes")).await, "notes/a");
    }
    // On whose it is, then on who is between.
    family.house.grant(Holder::Process(Pid(1)), "deny list object:process/1/notes", None);
    for number in 2..=4 {
        assert_eq!(family.act(number, list(number, "/notes")).await, "not found", "{number}");
        assert_eq!(family.act(number, namespaces.clone()).await, "", "{number}");
        let query = Call::ObjectQuery { filter: Filter::default() };
        assert_eq!(family.act(number, query).await, "plan", "{number}");
        assert_eq!(family.read(number, &format!("process/{number}/notes/a")).await, "1 x", "it may still be read");
    }
    family.house.grant(Holder::Process(Pid(2)), "deny list object:process/2", None);
    assert_eq!((family.list(3).await, family.list(4).await), (String::new(), "plan".into()));
    family.house.grant(Holder::Process(Pid(1)), "deny list object:process/1", None);
    assert_eq!(family.list(4).await, "");
}

#[tokio::test]
async fn what_is_kept_from_a_source_is_kept_from_its_viewers_when_it_has_ended() {
    let mut family = Family::new(4);
    let names = ["plan", "secret", "asked", "between", "soon", "revoked"];
    family.do_all(1, names.map(|name| create(name, "x")).into()).await;
    let rule = |family: &Family, number: usize, rule: &str| {
        family.house.grant(Holder::Process(Family::pid(number)), rule, None).remove(0)
    };
    rule(&family, 1, "deny read object:process/1/secret");
    family.show(2, 1, CopyOnWrite, None);
    family.show(3, 2, CopyOnWrite, None);
    rule(&family, 1, "ask read object:process/1/asked");
    rule(&family, 1, "deny write fs:workspace/**");
    rule(&family, 2, "deny read object:process/1/between");
    let revoked = rule(&family, 1, "deny read object:process/1/revoked");
    family.house.kernel.revoke(revoked.id).unwrap();
    let soon = libos_kernel::kernel::NewGrant {
        expires_in: Some(std::time::Duration::from_secs(5)),
        ..crate::sim::new_grant(Holder::Process(Family::pid(1)), "deny read object:process/1/soon", None)
    };
    family.house.kernel.grant(soon).unwrap();
    let kill = |family: &Family, number: usize| {
        family.house.kernel.signal(Family::pid(number), Signal::Kill, "enough").unwrap();
    };
    kill(&family, 1);
    assert_eq!(family.list(3).await, "plan revoked");
    kill(&family, 2);
    // Who gets a view of what has ended is no better off.
    family.show(4, 3, CopyOnWrite, None);
    kill(&family, 3);
    let Family { house, lines } = family;
    drop(lines);
    let house = house.reopen();
    house.world.pass(6_000_000_000);
    let lines = vec![house.line_of(Pid(4))];
    let mut family = Family { house, lines };
    let mut read = async |name: &str| {
        let name = format!("process/4/{name}");
        words(&family.house.run(&mut family.lines[0], Call::ObjectRead { name }).await)
    };
    for (name, want) in
        [("plan", "done"), ("secret", "denied"), ("asked", "denied"), ("between", "denied"), ("soon", "done")]
    {
        assert_eq!(read(name).await, want, "{name}");
    }
    let held = family.house.kernel.grants_of(Pid(4));
    assert!(!held.iter().any(|grant| grant.pattern.to_string().starts_with("fs:")), "only what the view shows");
}

#[tokio::test]
async fn views_and_what_they_show_are_there_after_a_restart() {
    let mut family = Family::new(2);
    family.do_all(1, vec![create("plan", "one")]).await;
    family.show(2, 1, ReadOnly, None);
    let Family { house, lines } = family;
    drop(lines);
    let house = house.reopen();
    let lines = [1, 2].map(|pid| house.line_of(Pid(pid))).into();
    let mut family = Family { house, lines };
    family.do_all(1, vec![update("plan", "two")]).await;
    assert_eq!(family.read(2, "plan").await, "1 one", "the pin was known again");
}

#[tokio::test]
async fn a_view_shows_namespaces_below_its_source_too() {
    let mut family = Family::new(2);
    let namespace = |name: &str| Call::ObjectCreateNamespace { namespace: name.into() };
    family.do_all(1, vec![namespace("process/1/notes"), create("process/1/notes/a", "x")]).await;
    family.show(2, 1, CopyOnWrite, Some(&["notes"]));
    assert_eq!(family.act(2, Call::ObjectNamespaces { namespace: None }).await, "process/2/notes");
    let inside = Call::ObjectList { namespace: Some("process/2/notes".into()) };
    assert_eq!(family.act(2, inside).await, "notes/a");
    assert_eq!(family.act(2, update("process/2/notes/a", "y")).await, "2");
    assert_eq!(family.act(2, create("process/2/notes/b", "y")).await, "1");
    assert_eq!(family.read(1, "process/1/notes/a").await, "1 x");
    assert_eq!(family.read(1, "process/1/notes/b").await, "not found");
}

#[test]
fn views_through_views_are_bounded_in_depth_and_roots_are_names() {
    let family = Family::new(10);
    for number in 2..=9 {
        family.show(number, number - 1, CopyOnWrite, None);
    }
    let refused = |source: usize, roots: Option<Vec<String>>| {
        family.house.kernel.show_objects(Family::pid(10), Family::pid(source), Worker, roots).unwrap_err().to_string()
    };
    assert!(refused(9, None).contains("at most 8 deep"));
    let long = vec!["a".repeat(250); 5].join("/");
    for root in ["", "/a", "a//b", "..", "a\0", &long] {
        assert!(!refused(1, Some(vec![root.to_owned()])).is_empty());
    }
    assert!(refused(1, Some(vec!["a".to_owned(); 65])).contains("at most 64 roots"));
}

#[tokio::test]
async fn a_fork_has_roots_no_longer_than_names() {
    let mut family = Family::new(1);
    family.house.grant(Holder::Process(Pid(1)), "allow spawn process:image/*", None);
    for (root, wanted) in
        [(vec!["a".repeat(250); 5].join("/"), "invalid"), (vec!["a".repeat(250); 4].join("/"), "done")]
    {
        let fork = Call::ProcessFork { child: child(&[]), mode: Worker, roots: Some(vec![root]) };
        assert_eq!(family.act(1, fork).await, wanted);
    }
}
