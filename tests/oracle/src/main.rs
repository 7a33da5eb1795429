//! Three opinions on random policies: the matcher's trie, the rules in words, and Cedar. A difference is printed as the smallest case
//! that still shows it. `libos-oracle [PAIRS [SEED]]`

#![expect(clippy::disallowed_methods, reason = "a seed that nobody chose is the time")]

mod cases;
mod cedar;
mod words;

use cases::{Case, Draw};
use libos_kernel::kernel::grants::{Asking, Grants};
use libos_kernel::model::decide::{Default as WithoutGrant, Verdict};
use libos_kernel::model::grant::{Effect, Grant, Holder, Issuer};
use libos_kernel::model::id::{GrantId, Pid};
use libos_kernel::model::need::Need;
use libos_kernel::model::time::Time;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Pairs of a policy and a request that are compared if nothing is said.
const PAIRS: u64 = 100_000;
/// Requests that each policy is asked.
const REQUESTS: usize = 10;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let pairs = words.next().map_or(Ok(PAIRS), |word| word.parse());
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let seed = words.next().map_or(Ok(clock), |word| word.parse());
    let (Ok(pairs), Ok(seed)) = (pairs, seed) else {
        eprintln!("libos-oracle [PAIRS [SEED]]: two numbers");
        return ExitCode::from(2);
    };
    println!("{pairs} pairs, seed {seed}");
    match compare(pairs, seed) {
        Ok(allowed) => {
            println!("three opinions agree on {pairs} pairs; {allowed} are allowed");
            ExitCode::SUCCESS
        }
        Err(difference) => {
            println!("{difference}");
            println!("again: libos-oracle {pairs} {seed}");
            ExitCode::FAILURE
        }
    }
}

/// Compares so many pairs. Answers how many are allowed, or the first difference in its smallest form.
fn compare(pairs: u64, seed: u64) -> Result<u64, String> {
    let mut draw = Draw::new(seed);
    let (mut done, mut allowed) = (0, 0);
    while done < pairs {
        let case = Case::draw(&mut draw, REQUESTS);
        let policies = cedar::Policies::new(&case.rules)?;
        for need in &case.needs {
            let said = opinions(&case.rules, &policies, need)?;
            if !said.agree() {
                return Err(smallest(case.rules.clone(), need));
            }
            done += 1;
            allowed += u64::from(said.trie);
        }
    }
    Ok(allowed)
}

/// Who says that something is allowed.
#[derive(Debug, Clone, Copy)]
struct Opinions {
    trie: bool,
    words: bool,
    cedar: bool,
}

impl Opinions {
    fn agree(self) -> bool {
        self.trie == self.words && self.words == self.cedar
    }
}

fn opinions(rules: &[cases::Rule], policies: &cedar::Policies, need: &Need) -> Result<Opinions, String> {
    Ok(Opinions { trie: trie(rules, need), words: words::allows(rules, need), cedar: policies.allow(need)? })
}

fn trie(rules: &[cases::Rule], need: &Need) -> bool {
    let holder = Holder::Process(Pid(1));
    let mut grants = Grants::default();
    for (id, rule) in (1..).zip(rules) {
        grants.insert(Grant {
            id: GrantId(id),
            holder: holder.clone(),
            pattern: rule.pattern.clone(),
            rights: rule.rights,
            effect: if rule.allows { Effect::Allow } else { Effect::Deny },
            uses_left: None,
            not_after: None,
            only_tool: None,
            answers: None,
            parent: None,
            issuer: Issuer::Host,
            revoked: false,
            created: Time(1),
            moved: false,
        });
    }
    let asking = Asking { tool: "", component: &[0; 32], now: Time(2), default: WithoutGrant::Deny };
    matches!(grants.decide(&holder, need, asking, false), Verdict::Allow(_))
}

/// Leaves out rules as long as the opinions still differ.
fn smallest(mut rules: Vec<cases::Rule>, need: &Need) -> String {
    let differ = |rules: &[cases::Rule]| {
        let policies = cedar::Policies::new(rules).ok()?;
        opinions(rules, &policies, need).ok().filter(|said| !said.agree())
    };
    let mut at = 0;
    while at < rules.len() {
        let mut fewer = rules.clone();
        fewer.remove(at);
        if differ(&fewer).is_some() {
            rules = fewer;
        } else {
            at += 1;
        }
    }
    let lines: String = rules.iter().map(|rule| format!("  {rule}\n")).collect();
    format!("they differ on {} {}\n{lines}  {:?}", need.right, need.resource, differ(&rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_pairs_agree_and_some_of_them_are_allowed() {
        let allowed = compare(2_000, 7).unwrap();
        assert!((200..1_800).contains(&allowed), "{allowed} of 2,000");
    }
}
