//! What a person gives one process as it is started: it and nobody else has it, as narrow as it was said.

use crate::processes::row;
use crate::sim::{House, Tear};
use libos_kernel::kernel::{HostError, NewAgent, Planned};
use libos_kernel::model::given::{Given, GivenLine};
use libos_kernel::model::grant::Effect;
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::{BASE, Image};
use libos_kernel::model::limit;
use libos_kernel::model::need::Need;
use libos_kernel::model::purse::Coin;
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::model::right::Right;
use libos_kernel::model::rule::Rule;

/// Reads `allow read fs:a`; a `!` before it answers what is asked.
fn given(lines: &[&str]) -> Given {
    let line = |text: &&str| {
        let (answers, text) = text.strip_prefix('!').map_or((false, *text), |rest| (true, rest));
        let (word, rule) = text.split_once(' ').unwrap();
        let effect = [Effect::Allow, Effect::Ask, Effect::Deny].into_iter().find(|effect| effect.word() == word);
        GivenLine { answers, ..GivenLine::new(effect.unwrap(), Rule::parse(rule).unwrap()) }
    };
    Given { lines: lines.iter().map(line).collect(), ..Given::default() }
}

fn start(house: &House, image: &str, goal: &str, given: &Given) -> Result<Planned, HostError> {
    let new = NewAgent { image, goal, planner: Some(r#"{"exit":1}"#), new: false };
    house.kernel.new_agent_given(new, given).map(|made| made.what)
}

fn verdict(house: &House, pid: Pid, right: Right, path: &str) -> &'static str {
    let need = Need { resource: Resource::new(Kind::Fs, path), right, whole: false };
    house.kernel.explain(pid, &need, None).unwrap().verdict
}

/// Rows: what the policy says, what is given, and what then becomes of a write of workspace/a.
#[tokio::test]
async fn what_is_given_is_as_narrow_as_it_was_said() {
    for (policy, lines, want) in [
        (&[][..], &[][..], "deny"),
        (&[], &["allow read fs:workspace/**"], "deny"),
        (&[], &["allow write fs:workspace/**"], "allow"),
        (&["deny write fs:workspace/a"], &["allow write fs:workspace/**"], "deny"),
        (&["deny write fs:workspace/a"], &["!allow write fs:workspace/a"], "deny"),
        (&["ask write fs:workspace/**"], &["allow write fs:workspace/**"], "ask"),
        (&["ask write fs:workspace/**"], &["!allow write fs:workspace/**"], "allow"),
        (&[], &["!allow write fs:workspace/a", "ask write fs:workspace/**"], "allow"),
        (&[], &["allow write fs:workspace/a", "ask write fs:workspace/**"], "ask"),
        (&["allow write fs:workspace/**"], &["deny write fs:workspace/a"], "deny"),
        (&["allow write fs:workspace/**"], &["ask write fs:workspace/a"], "ask"),
    ] {
        let house = House::new(policy);
        let pid = start(&house, BASE, "g", &given(lines)).unwrap().pid;
        house.kernel.barrier().await.unwrap();
        let house = house.crash(Tear::None);
        assert_eq!(verdict(&house, pid, Right::Write, "workspace/a"), want, "{policy:?} {lines:?}");
        // Nobody else of the image has anything of it.
        let other = house.process();
        let alone = House::new(policy);
        let without = verdict(&alone, alone.process(), Right::Write, "workspace/a");
        assert_eq!(verdict(&house, other, Right::Write, "workspace/a"), without, "{policy:?} {lines:?}");
    }
}

#[tokio::test]
async fn the_rules_of_an_image_narrow_what_is_given() {
    let house = House::new(&[]);
    let text = "id = \"helper\"\nversion = \"1\"\ntools = [\"act\"]\n\
                [policy]\nask = [\"write fs:workspace/**\"]\ndeny = [\"delete fs:**\"]\n";
    house.kernel.add_image(Image::parse(text).unwrap()).unwrap();
    let lines = given(&["!allow read,write,delete fs:workspace/**"]);
    let pid = start(&house, "helper", "g", &lines).unwrap().pid;
    let verdicts = [Right::Read, Right::Write, Right::Delete].map(|right| verdict(&house, pid, right, "workspace/a"));
    assert_eq!(verdicts, ["allow", "ask", "deny"]);
}

#[tokio::test]
async fn the_same_command_with_other_grants_is_told_what_is_other() {
    let house = House::new(&[]);
    let first = given(&["allow read fs:workspace/**", "deny read fs:workspace/.env"]);
    let made = start(&house, BASE, "g", &first).unwrap();
    // In another order it is the same; after a restart too.
    let house = house.reopen();
    let again = start(&house, BASE, "g", &given(&["deny read fs:workspace/.env", "allow read fs:workspace/**"]));
    assert_eq!(again.unwrap(), Planned { was_there: true, ..made });
    let wider = given(&["allow read,write fs:workspace/**", "deny read fs:workspace/.env"]);
    let said = start(&house, BASE, "g", &wider).unwrap_err().to_string();
    for part in ["- allow read fs:workspace/**", "+ allow read,write fs:workspace/**", "libos run --pid p1", "--new"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains(".env"), "{said}");
    assert!(start(&house, BASE, "g", &Given::default()).is_err(), "less is other, too");
    let budget = Given { budget: [(Coin::Tokens, 7)].into(), ..first.clone() };
    assert!(start(&house, BASE, "g", &budget).unwrap_err().to_string().contains("+ budget tokens=7"));
    assert_eq!(verdict(&house, made.pid, Right::Write, "workspace/a"), "deny", "nothing was added in silence");
    // Another goal is another command, and what has ended is no obstacle.
    assert!(!start(&house, BASE, "h", &wider).unwrap().was_there);
    house.kernel.signal(made.pid, libos_kernel::model::process::Signal::Kill, "").unwrap();
    assert!(!start(&house, BASE, "g", &wider).unwrap().was_there);
}

#[tokio::test]
async fn a_budget_is_given_over_what_the_policy_says_and_too_many_lines_are_refused() {
    let house = House::new(&[]);
    let budget = Given { budget: [(Coin::ToolCalls, 3), (Coin::Objects, 9)].into(), ..Given::default() };
    let pid = start(&house, BASE, "g", &budget).unwrap().pid;
    assert_eq!(row(&house, pid).await.purse.unwrap().left, budget.budget);
    house.purses_add_up();
    let many = vec!["allow read fs:workspace/a"; limit::GIVEN_LINES_MAX + 1];
    assert!(start(&house, BASE, "many", &given(&many)).is_err());
}
