//! What is allowed is within the declaration of the tool and of every tool that it was called from.

use super::fewer;
use super::values::{file_rights, near_file, near_pattern};
use super::words::{Rows, Who, Word};
use crate::sim::House;
use libos_kernel::kernel::{Admit, Attempt, NewGrant, NewTool, Place, StartCall};
use libos_kernel::model::call::Call;
use libos_kernel::model::decide::Default as WithoutGrant;
use libos_kernel::model::grant::{Effect, Holder};
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::need::{Need, needs};
use libos_kernel::model::resource::{Pattern, Resource};
use libos_kernel::model::right::{Right, Rights};
use libos_kernel::model::row::Wait;
use libos_kernel::model::rule::Rule;
use proptest::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;

/// Chains of tools that one kernel sees.
const CHAINS: usize = 50;

/// A tool: whether it imports files, and what it declares.
type Tool = (bool, Option<Vec<Rule>>);

fn tool() -> impl Strategy<Value = Tool> {
    let rule = (near_pattern(), file_rights()).prop_map(|(pattern, rights)| Rule { rights, pattern });
    let needs = prop::option::weighted(0.8, prop::collection::vec(rule, 0..4));
    (prop::bool::weighted(0.8), needs)
}

fn call() -> impl Strategy<Value = (Call, Vec<Resource>)> {
    let path = String::new;
    prop_oneof![
        near_file().prop_map(move |name| (Call::FsRead { path: path() }, vec![name])),
        near_file().prop_map(move |name| (Call::FsList { path: path() }, vec![name])),
        (near_file(), near_file()).prop_map(move |(old, new)| {
            (Call::FsCopy { source: path(), target: path(), replace: true }, vec![old, new])
        }),
        (near_file(), near_file()).prop_map(move |(old, new)| {
            (Call::FsRename { old: path(), new: path(), replace: true }, vec![old, new])
        }),
    ]
}

thread_local! {
    static HOUSE: RefCell<Option<(Arc<House>, usize)>> = const { RefCell::new(None) };
}

fn house() -> Arc<House> {
    let known = HOUSE.with_borrow_mut(Option::take).filter(|(_, left)| *left > 0);
    let (house, left) = known.unwrap_or_else(|| (Arc::new(House::new(&[])), CHAINS));
    HOUSE.set(Some((Arc::clone(&house), left - 1)));
    house
}

fn add(house: &House, number: usize, (imports_files, declared): &Tool) {
    let imports: &[&str] = if *imports_files { &["fs", "tools"] } else { &["tools"] };
    let imports: Vec<String> = imports.iter().map(|name| (*name).to_owned()).collect();
    let call_others = Rule::parse("call tool:**").unwrap();
    let new = NewTool {
        name: format!("t{number}"),
        export: "t".into(),
        summary: "Acts.".into(),
        arguments: "{}".into(),
        result: "{}".into(),
        needs: declared.clone().map(|rules| rules.into_iter().chain([call_others]).collect()),
        script: None,
    };
    house.kernel.add_tools(b"a component", &imports, vec![new], false).unwrap();
}

fn allow(house: &House, pid: Pid, rights: Rights, pattern: Pattern) {
    let holder = Holder::Process(pid);
    let (effect, uses, expires_in, only_tool) = (Effect::Allow, None, None, None);
    house.kernel.grant(NewGrant { holder, rights, pattern, effect, uses, expires_in, only_tool }).unwrap();
}

fn attempt(pid: Pid, call: CallId, what: &Call, names: &[Resource]) -> Attempt {
    let place = Place { pid, call, position: 0, incarnation: 0 };
    Attempt {
        place,
        call: Arc::new(what.clone()),
        names: names.to_vec(),
        asked: names.to_vec(),
        kind: None,
        prepared: None,
    }
}

/// Within one declaration, or within the imports where there is none.
fn within((imports_files, declared): &Tool, need: &Need) -> bool {
    match declared {
        None => *imports_files,
        Some(rules) => rules.iter().any(|rule| rule.rights.contains(need.right) && rule.pattern.covers(&need.resource)),
    }
}

proptest! {
    #![proptest_config(fewer())]

    #[test]
    fn what_is_allowed_is_within_every_declaration_on_the_way(
        tools in prop::collection::vec(tool(), 1..4),
        allows in prop::collection::vec((near_pattern(), file_rights()), 0..4),
        calls in prop::collection::vec(call(), 12),
    ) {
        let house = house();
        let pid = house.process();
        for (number, tool) in tools.iter().enumerate() {
            add(&house, number, tool);
        }
        allow(&house, pid, Rights::of(&[Right::Call]), Pattern::parse("tool:**").unwrap());
        for (pattern, rights) in allows {
            allow(&house, pid, rights, pattern);
        }
        let (rows, holder) = (Rows::new(house.kernel.grants(), house.kernel.now()), Holder::Process(pid));
        let who = Who { holder: &holder, tool: "", component: &[0; 32], default: WithoutGrant::Deny, by_person: false };
        let start = StartCall { tool: "t0".into(), ..house.start(pid) };
        let mut call = house.kernel.start_call(start).unwrap().row.id;
        for depth in 0..tools.len() {
            for (what, names) in &calls {
                let wanted = needs(what, names, false);
                let declared = wanted.iter().all(|need| tools[..=depth].iter().all(|tool| within(tool, need)));
                let granted = wanted.iter().all(|need| rows.decide(who, need) == Word::Allowed);
                let refused = house.kernel.would_refuse(&attempt(pid, call, what, names));
                prop_assert_eq!(refused, !(declared && granted), "{:?} {:?} in {:?}", what, names, &tools[..=depth]);
            }
            if depth + 1 < tools.len() {
                let tool = format!("t{}", depth + 1);
                let name = Resource::new(libos_kernel::model::resource::Kind::Tool, tool.as_str());
                let nest = Call::ToolCall { tool, arguments: "null".into() };
                let admitted = house.kernel.admit(&attempt(pid, call, &nest, &[name])).unwrap();
                prop_assert!(matches!(admitted, Admit::Wait(_)));
                let Some(Wait::Call(nested)) = house.kernel.wait_of(call) else { panic!("nothing is called") };
                call = nested;
            }
        }
        house.kernel.end_unused_process(pid, "the case has ended");
    }
}
