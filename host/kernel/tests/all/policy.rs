//! Policies put in force: what holds for all images, whom a change reaches, and what of it is in the log.

use crate::sim::{House, MOUNT, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::facility::Facilities;
use libos_kernel::model::image::Image;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::syscall::Line;

fn write(path: &str) -> Call {
    Call::FsWrite { path: path.into(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace }
}

/// How a system call ends.
async fn ends(house: &House, line: &mut Line, call: Call) -> String {
    words(&house.run(line, call).await)
}

/// A policy of lines `image effect rule`.
fn policy_of(lines: &[&str]) -> String {
    let mut text = format!("[mounts]\n{MOUNT} = \".\"\n");
    let images: std::collections::BTreeSet<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    for image in images {
        text.push_str(&format!("[image.\"{image}\"]\n"));
        for effect in ["allow", "ask", "deny"] {
            let prefix = format!("{image} {effect} ");
            let rules: Vec<String> =
                lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(|rule| format!("{rule:?}")).collect();
            text.push_str(&format!("{effect} = [{}]\n", rules.join(", ")));
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_all_images_hold_for_each_and_new_restrictions_reach_the_living() {
    let house = House::new(&[]);
    let set = |lines: &[&str]| house.kernel.set_policy(&policy_of(lines)).unwrap();
    set(&["base allow write fs:workspace/**", "* deny write fs:workspace/secret", "* allow sleep clock:sleep"]);
    let image = |name: &str| Image { name: name.into(), ..Image::base() };
    house.kernel.add_image(image("later")).unwrap();
    let (mut base, later) = (house.line(), house.kernel.new_process("later", false).unwrap());
    let mut later = house.line_of(later);
    assert_eq!(ends(&house, &mut base, write("a")).await, "done");
    assert_eq!(ends(&house, &mut base, write("secret")).await, "denied");
    assert_eq!(ends(&house, &mut later, write("a")).await, "denied");
    // What others may do does not reach who lives already; what they may not do reaches all.
    let lines = ["base allow write fs:workspace/**", "* deny write fs:workspace/a", "* allow write fs:workspace/**"];
    set(&lines);
    assert_eq!(ends(&house, &mut base, write("a")).await, "denied");
    assert_eq!(ends(&house, &mut base, write("secret")).await, "done");
    assert_eq!(ends(&house, &mut later, write("b")).await, "denied");
    let mut young = house.line_of(house.kernel.new_process("later", false).unwrap());
    assert_eq!(ends(&house, &mut young, write("b")).await, "done");
    assert_eq!(ends(&house, &mut young, write("a")).await, "denied");
    set(&lines[..2]);
    assert_eq!(ends(&house, &mut young, write("b")).await, "denied");
    set(&lines[..1]);
    assert_eq!(ends(&house, &mut base, write("a")).await, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_and_what_is_missing_is_in_the_log() {
    let house = House::new(&[]);
    let text = "[accept]\ncase-sensitive-names = \"a deny can be evaded by another spelling\"\n";
    house.kernel.set_policy(text).unwrap();
    house.kernel.note_weakened(house.kernel.policy().accepted);
    house.kernel.note_weakened(Facilities::NONE);
    house.kernel.barrier().await.unwrap();
    let mut details = Vec::new();
    View(&house.snapshot())
        .records(0, |record| {
            details.push((record.operation, record.detail.unwrap_or_default()));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let of = |operation: &str| {
        details.iter().filter(|(name, _)| name == operation).map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert!(of("host.policy").last().unwrap().ends_with("; accepts to do without case-sensitive-names"), "{details:?}");
    assert_eq!(of("host.weakened"), ["case-sensitive-names: a deny can be evaded by another spelling"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erroneous_policy_leaves_the_old_one_in_force() {
    let house = House::new(&[]);
    let good = policy_of(&["base allow write fs:workspace/**"]) + "[limits]\nimports = 7\n";
    house.kernel.set_policy(&good).unwrap();
    for bad in ["[image.base]\nallow = [\"fly fs:w\"]", "[limits]\nimports = 0", "["] {
        let why = house.kernel.set_policy(bad).unwrap_err().to_string();
        assert!(why.starts_with("libos.toml: line "), "{why}");
        assert_eq!(house.kernel.policy_text().unwrap().as_deref(), Some(&*good));
        assert_eq!(house.kernel.call_limits(), CallLimits { imports: 7, ..CallLimits::default() });
    }
    assert_eq!(ends(&house, &mut house.line(), write("a")).await, "done");
    let house = house.reopen();
    assert_eq!(house.kernel.call_limits().imports, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_of_many_rules_is_put_in_force_in_a_time_that_grows_with_it() {
    let time = |rules: usize| {
        let house = House::new(&[]);
        let lines: Vec<String> = (0..rules).map(|number| format!("base allow read fs:workspace/{number}/**")).collect();
        let text = policy_of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        // The second time every line is looked for among what is there.
        house.kernel.set_policy(&text).unwrap();
        let begun = std::time::Instant::now();
        house.kernel.set_policy(&text).unwrap();
        begun.elapsed()
    };
    let best = |rules: usize| (0..8).map(|_| time(rules)).min().unwrap();
    let (small, large) = (best(1_000), best(10_000));
    println!("1,000 rules: {small:?}; 10,000: {large:?}");
    assert!(large < small * 40, "1,000 rules: {small:?}; 10,000: {large:?}");
}
