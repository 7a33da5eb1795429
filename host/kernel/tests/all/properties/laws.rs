//! The laws of authority, checked on a kernel whatever happened to it: nobody has more than those that he has it from, and everything
//! hangs on what a person gave.

use super::values::near_file;
use super::words::{Rows, Who, Word};
use libos_kernel::kernel::Kernel;
use libos_kernel::kernel::grants::Grants;
use libos_kernel::model::decide::Default as WithoutGrant;
use libos_kernel::model::grant::{Effect, Grant, Holder, Issuer};
use libos_kernel::model::id::{GrantId, Pid};
use libos_kernel::model::limit::GRANT_DEPTH_MAX;
use libos_kernel::model::need::Need;
use libos_kernel::model::resource::Kind;
use libos_kernel::model::right::Right;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseResult;

/// Name of the tool in whose name everything is asked.
pub const TOOL: &str = "act";

/// The component that the tool of a house is from.
fn component() -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(b"a component").into()
}

/// What the rules in words say of a need of a process, in the tool's name.
pub fn decided(rows: &Rows, holder: &Holder, need: &Need) -> Word {
    let component = component();
    let who = Who { holder, tool: TOOL, component: &component, default: WithoutGrant::Deny, by_person: false };
    rows.decide(who, need)
}

/// The rows that count.
pub fn in_force(rows: &Rows) -> Vec<Grant> {
    rows.rows.values().filter(|row| rows.in_force(row)).cloned().collect()
}

/// Four rights on files out of few.
pub fn some_needs() -> impl Strategy<Value = Vec<Need>> {
    let right = select(&[Right::Read, Right::List, Right::Write, Right::Delete][..]);
    let need = (near_file(), right, prop::bool::weighted(0.2));
    prop::collection::vec(need.prop_map(|(resource, right, whole)| Need { resource, right, whole }), 4)
}

/// The processes on which an allow hangs, at whatever distance.
fn givers<'a>(rows: &'a Rows, row: &Grant) -> Vec<&'a Holder> {
    let chain = rows.chain(row).unwrap_or_default();
    let above = chain.into_iter().skip(1).map(|above| &above.holder);
    above.filter(|holder| matches!(holder, Holder::Process(_)) && **holder != row.holder).collect()
}

/// What a process may do that has only what it was handed, one of its givers may do.
pub fn nobody_has_more_than_a_giver(kernel: &Kernel, pids: &[Pid], wanted: &[Need]) -> TestCaseResult {
    let rows = Rows::new(kernel.grants(), kernel.now());
    let uncounted = rows.without_counts();
    for pid in pids {
        let holder = Holder::Process(*pid);
        let ours = |row: &&Grant| {
            row.holder == holder && row.effect == Effect::Allow && row.pattern.kind() == Kind::Fs && rows.in_force(row)
        };
        let allows: Vec<&Grant> = rows.rows.values().filter(ours).collect();
        let handed = |row: &&Grant| matches!(row.issuer, Issuer::Process(_));
        if allows.is_empty() || !allows.iter().all(handed) {
            continue;
        }
        // Its own asks ask for more than its givers have.
        let asks = |row: &&Grant| row.holder == holder && row.effect == Effect::Ask && rows.in_force(row);
        let asked_by_givers = rows.rows.values().filter(asks).all(|row| handed(&row));
        let direct: Vec<&Holder> = allows.iter().filter_map(|row| givers(&rows, row).first().copied()).collect();
        for need in wanted {
            let explained = kernel.explain(*pid, need, Some(TOOL)).unwrap();
            let have = match explained.verdict {
                "allow" => Word::Allowed,
                "ask" => Word::Asked,
                _ => Word::Denied,
            };
            prop_assert_eq!(have, decided(&rows, &holder, need), "{} {:?} {:#?}", pid, need, explained);
            if have == Word::Asked && !asked_by_givers {
                continue;
            }
            let most = direct.iter().map(|giver| decided(&uncounted, giver, need)).max().unwrap_or(Word::Denied);
            prop_assert!(have <= most, "{} has {:?}, its givers {:?}: {:?} {:#?}", pid, have, most, need, explained);
        }
    }
    Ok(())
}

/// Everything in force hangs on what is in force, down from what a person, the policy or the runtime gave, and only gets narrower.
pub fn everything_hangs_on_what_is_in_force(rows: &Rows) -> TestCaseResult {
    let mut table = Grants::default();
    for row in rows.rows.values() {
        table.insert(row.clone());
    }
    for row in rows.rows.values() {
        let live = rows.in_force(row);
        prop_assert_eq!(table.in_force(row.id, rows.now).is_some(), live, "{:?}", row);
        if !live {
            continue;
        }
        let chain = rows.chain(row).unwrap_or_default();
        prop_assert!(chain.len() <= 1 + GRANT_DEPTH_MAX, "{} rows", chain.len());
        let root = chain[chain.len() - 1];
        prop_assert!(!matches!(root.issuer, Issuer::Process(_)), "{:?}", root);
        for step in chain.windows(2) {
            let [below, above] = step else { unreachable!() };
            let ends = |row: &Grant| row.not_after.map_or(u64::MAX, |last| last.0);
            prop_assert!(above.pattern.contains(&below.pattern), "{} from {}", below, above);
            prop_assert!(above.rights.contains_all(below.rights), "{} from {}", below, above);
            prop_assert!(ends(below) <= ends(above), "{} from {}", below, above);
            prop_assert_eq!(above.effect, below.effect);
            prop_assert_eq!(&above.only_tool, &below.only_tool);
        }
        if row.effect == Effect::Allow && row.pattern.kind() == Kind::Fs {
            for giver in givers(rows, row) {
                restrictions_hold(rows, row, giver)?;
            }
        }
    }
    Ok(())
}

fn root(rows: &Rows, row: &Grant) -> Option<GrantId> {
    rows.chain(row)?.last().map(|root| root.id)
}

/// What is denied to a giver, or asked of it, is so for who has something from it.
fn restrictions_hold(rows: &Rows, row: &Grant, giver: &Holder) -> TestCaseResult {
    let live = |holder: &Holder| {
        let holder = holder.clone();
        rows.rows
            .values()
            .filter(move |other| other.holder == holder && other.effect != Effect::Allow && rows.in_force(other))
    };
    for restriction in live(giver).filter(|other| other.pattern.meets(&row.pattern)) {
        // What was handed on and back again is on both sides, from one root.
        let same = |other: &Grant| {
            root(rows, other) == root(rows, restriction)
                && other.pattern == restriction.pattern
                && other.rights == restriction.rights
        };
        prop_assert!(live(&row.holder).any(same), "{:?} of {} does not hold for {:?}", restriction, giver, row);
    }
    Ok(())
}
