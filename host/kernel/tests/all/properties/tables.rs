//! The decision over tables of grants at random, rows of every shape: as the rules say in words, and what must never be.

use super::config;
use super::values::{effect, file_rights, near_file, near_pattern};
use super::words::{Rows, Who, Word};
use libos_kernel::kernel::grants::{Asking, Grants};
use libos_kernel::model::decide::{Default as WithoutGrant, Verdict};
use libos_kernel::model::grant::{Effect, Grant, Holder, Issuer, OnlyTool};
use libos_kernel::model::id::{Digest, GrantId, Pid};
use libos_kernel::model::need::Need;
use libos_kernel::model::right::Right;
use libos_kernel::model::time::Time;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const TOOL: &str = "act";
const OLD: Digest = [1; 32];
const NEW: Digest = [2; 32];
const NOW: Time = Time(100);
const ASKING: Holder = Holder::Process(Pid(1));

/// A row but for its place; a parent and an ask are chosen among those before it.
fn row() -> impl Strategy<Value = (Grant, Option<Index>, Option<Index>)> {
    let uses = prop_oneof![3 => Just(None), 1 => (0u32..3).prop_map(Some)];
    let last = prop_oneof![4 => Just(None), 1 => (98u64..103).prop_map(|last| Some(Time(last)))];
    let tool = prop_oneof![
        4 => Just(None),
        1 => (select(&[TOOL, "other"][..]), select(&[OLD, NEW][..])).prop_map(Some),
    ];
    let what = (near_pattern(), file_rights(), effect(), any::<bool>());
    let state = (uses, last, tool, prop::bool::weighted(0.1), any::<bool>());
    let hangs = (option::of(any::<Index>()), option::of(any::<Index>()));
    (what, state, hangs).prop_map(
        |((pattern, rights, effect, own), (uses_left, not_after, tool, revoked, moved), hangs)| {
            let grant = Grant {
                id: GrantId(0),
                holder: if own { ASKING } else { Holder::Process(Pid(2)) },
                pattern,
                rights,
                effect,
                uses_left,
                not_after,
                only_tool: tool.map(|(name, component)| OnlyTool { name: name.into(), component }),
                answers: None,
                parent: None,
                issuer: Issuer::Host,
                revoked,
                created: Time(1),
                moved,
            };
            (grant, hangs.0, hangs.1)
        },
    )
}

/// Rows, each of which may hang on an earlier one of the same effect and, if it allows, name any ask.
fn table() -> impl Strategy<Value = Vec<Grant>> {
    prop::collection::vec(row(), 0..9).prop_map(|rows| {
        let mut table: Vec<Grant> = Vec::new();
        let asks: Vec<GrantId> =
            (1..).zip(&rows).filter(|(_, row)| row.0.effect == Effect::Ask).map(|(id, _)| GrantId(id)).collect();
        for (id, (grant, parent, ask)) in (1..).zip(rows) {
            let alike: Vec<GrantId> = table.iter().filter(|row| row.effect == grant.effect).map(|row| row.id).collect();
            let chosen = |index: Option<Index>, among: &[GrantId]| {
                index.filter(|_| !among.is_empty()).map(|index| *index.get(among))
            };
            let answers = if grant.effect == Effect::Allow { chosen(ask, &asks) } else { None };
            let parent = chosen(parent, &alike);
            let moved = grant.moved && parent.is_some();
            table.push(Grant { id: GrantId(id), answers, parent, moved, ..grant });
        }
        table
    })
}

fn need() -> impl Strategy<Value = Need> {
    let right = select(&[Right::Read, Right::List, Right::Write, Right::Delete][..]);
    (near_file(), right, prop::bool::weighted(0.3)).prop_map(|(resource, right, whole)| Need { resource, right, whole })
}

/// Who asks, as far as it is not always the same.
fn manner() -> impl Strategy<Value = (WithoutGrant, bool)> {
    (select(&[WithoutGrant::Deny, WithoutGrant::Deny, WithoutGrant::Ask][..]), prop::bool::weighted(0.3))
}

fn who((default, by_person): (WithoutGrant, bool)) -> Who<'static> {
    Who { holder: &ASKING, tool: TOOL, component: &NEW, default, by_person }
}

fn verdict(table: &[Grant], need: &Need, (default, by_person): (WithoutGrant, bool)) -> Verdict {
    let mut grants = Grants::default();
    for grant in table {
        grants.insert(grant.clone());
    }
    let asking = Asking { tool: TOOL, component: &NEW, now: NOW, default };
    grants.decide(&ASKING, need, asking, by_person)
}

fn word(verdict: &Verdict) -> Word {
    match verdict {
        Verdict::Allow(_) => Word::Allowed,
        Verdict::Ask(_) => Word::Asked,
        Verdict::Deny(_) => Word::Denied,
    }
}

fn decide(table: &[Grant], need: &Need, manner: (WithoutGrant, bool)) -> Word {
    word(&verdict(table, need, manner))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_table_decides_as_the_rules_say(table in table(), need in need(), manner in manner()) {
        let said = Rows::new(table.clone(), NOW).decide(who(manner), &need);
        prop_assert_eq!(decide(&table, &need, manner), said, "{:#?}", table);
    }

    #[test]
    fn nothing_is_allowed_by_default(table in table(), need in need()) {
        let restrictions: Vec<Grant> = table.into_iter().filter(|grant| grant.effect != Effect::Allow).collect();
        prop_assert!(decide(&restrictions, &need, (WithoutGrant::Deny, false)) != Word::Allowed);
        prop_assert!(decide(&restrictions, &need, (WithoutGrant::Ask, false)) != Word::Allowed);
    }

    #[test]
    fn a_deny_more_or_an_allow_less_never_allows_more(
        table in table(),
        need in need(),
        manner in manner(),
        (extra, _, _) in row(),
        gone in any::<Index>(),
    ) {
        let before = decide(&table, &need, manner);
        let deny = Grant { id: GrantId(100), effect: Effect::Deny, ..extra };
        let live = Rows::new([deny.clone()], NOW).of(who(manner)).count() > 0;
        let after = decide(&[&table[..], std::slice::from_ref(&deny)].concat(), &need, manner);
        prop_assert!(after <= before, "{:?} became {:?}", before, after);
        let hit = live && deny.rights.contains(need.right) && deny.pattern.covers(&need.resource);
        prop_assert!(!hit || after == Word::Denied);
        let allows: Vec<usize> = (0..table.len()).filter(|at| table[*at].effect == Effect::Allow).collect();
        if !allows.is_empty() {
            let mut fewer = table.clone();
            fewer.remove(*gone.get(&allows));
            let after = decide(&fewer, &need, manner);
            prop_assert!(after <= before, "{:?} became {:?}", before, after);
        }
    }

    #[test]
    fn an_ask_is_satisfied_by_an_allow_that_names_it_or_by_a_person_and_by_nothing_else(
        table in table(),
        need in need(),
        default in select(&[WithoutGrant::Deny, WithoutGrant::Ask][..]),
    ) {
        let verdict = verdict(&table, &need, (default, false));
        let rows = Rows::new(table.clone(), NOW);
        let live: Vec<&Grant> = rows.of(who((default, false))).collect();
        let covers = |row: &&&Grant| row.rights.contains(need.right) && row.pattern.covers(&need.resource);
        let asks: Vec<GrantId> =
            live.iter().filter(covers).filter(|row| row.effect == Effect::Ask).map(|row| row.id).collect();
        let names = |ask: GrantId| {
            live.iter().filter(covers).any(|row| row.effect == Effect::Allow && row.answers == Some(ask))
        };
        if let Verdict::Allow(id) = &verdict {
            prop_assert!(asks.iter().all(|ask| names(*ask)), "{:?} of {:#?}", asks, table);
            prop_assert!(need.whole || asks.is_empty() || table.iter().any(|row| row.id == *id && row.answers.is_some()));
            if need.whole {
                let inside = |row: &&Grant| row.effect == Effect::Ask && row.pattern.meets_subtree(&need.resource);
                prop_assert!(!live.iter().any(inside));
            }
        }
        // A person's yes satisfies it, unless something is denied or a whole directory is asked for.
        if word(&verdict) == Word::Asked {
            prop_assert_eq!(decide(&table, &need, (default, true)), Word::Allowed);
        }
    }
}
