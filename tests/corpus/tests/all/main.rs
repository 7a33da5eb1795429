//! Inputs that try to get out, to look in, to deceive or to outlast a decision, one a line in the data files beside `Cargo.toml`, under
//! both resolvers. For every row: nothing outside changed, and nothing outside was learnt.

#![expect(clippy::disallowed_methods, reason = "the tests make the outside that the host sees")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this crate is a test")]

mod frame;
mod house;
mod learnt;
mod race;
mod request;
mod row;
mod run;
mod sandbox;

use house::House;
use libos::world::Resolver;
use run::Verdict;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

const RESOLVERS: [Resolver; 2] = [Resolver::Openat2, Resolver::Walk];

/// Runs every row of a file under both resolvers and fails with all that is broken at once.
fn check(name: &str, least: usize) {
    let rows = row::read(name);
    assert!(rows.len() >= least, "{name} has only {} rows", rows.len());
    let mut seen = HashSet::new();
    for row in &rows {
        assert!(seen.insert(&row.id), "{}: the id {} is taken", row.place, row.id);
    }
    let broken: Vec<String> = std::thread::scope(|scope| {
        let runs = RESOLVERS.map(|resolver| {
            scope.spawn({
                let rows = &rows;
                move || check_under(name, rows, resolver)
            })
        });
        runs.into_iter().flat_map(|run| run.join().expect("a panic fails the test")).collect()
    });
    assert!(broken.is_empty(), "\n{}\n{} of {} rows\n", broken.join("\n"), broken.len(), 2 * rows.len());
}

fn check_under(name: &str, rows: &[row::Row], resolver: Resolver) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut broken, mut skipped, mut known) = (Vec::new(), 0, 0);
    let mut house = House::new(name.trim_end_matches(".corpus"), resolver);
    for row in rows {
        let run = || runtime.block_on(run::run(&mut house, row));
        let verdict = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
            house = House::new("again", resolver);
            Verdict::Broken("a panic; see above".into())
        });
        if row.replaces_policy() {
            // The world knows the policy file of its start.
            house = House::new("next", resolver);
        }
        let say = |what: &str| format!("{} {} ({}) under {resolver:?}: {what}", row.place, row.id, row.category);
        match (verdict, &row.todo) {
            (Verdict::Kept, None) => {}
            (Verdict::Kept, Some(_)) => println!("{}", say("it is marked as failing, but is kept: take the mark away")),
            (Verdict::Skipped, _) => skipped += 1,
            (Verdict::Broken(what), None) => broken.push(say(&what)),
            (Verdict::Broken(what), Some(why)) => {
                known += 1;
                println!("{}", say(&format!("known to fail, {why}: {what}")));
            }
        }
    }
    println!("{name} under {resolver:?}: {} rows, {skipped} skipped (not root), {known} known to fail", rows.len());
    broken
}

#[test]
fn no_path_leads_out_of_its_mount() {
    check("paths.corpus", 60);
}

#[test]
fn no_link_or_special_file_leads_out_or_blocks() {
    check("links.corpus", 60);
}

#[test]
fn no_name_deceives() {
    check("names.corpus", 40);
}

#[test]
fn no_question_deceives_and_no_answer_outlasts_what_it_was_given_for() {
    check("approvals.corpus", 50);
}

#[test]
fn no_authority_is_wider_than_what_was_granted() {
    check("authority.corpus", 60);
}
