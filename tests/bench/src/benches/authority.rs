//! What people do with authority: explain it, read a policy and put it in force, take grants back, hand them on.

use crate::measure::{each, keep, median, nanoseconds, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Nothing};
use libos::kernel::kernel::{Attempt, Delegation, Kernel, NewGrant, Place};
use libos::kernel::model::call::Call;
use libos::kernel::model::grant::{Effect, Holder};
use libos::kernel::model::id::{GrantId, Pid};
use libos::kernel::model::image::BASE;
use libos::kernel::model::need::Need;
use libos::kernel::model::policy::Policy;
use libos::kernel::model::resource::{Kind, Pattern, Resource};
use libos::kernel::model::right::{Right, Rights};
use libos::kernel::model::rule::Rule;
use libos::kernel::store::disk::Memory;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 9;
/// Lines of a large policy.
const LINES: usize = 10_000;
/// Processes that have something from one grant.
const HEIRS: usize = 10_000;

fn kernel() -> Arc<Kernel> {
    stage::kernel_with_tool(Arc::new(Memory::default()), Arc::new(Nothing))
}

fn grant(kernel: &Kernel, holder: Holder, effect: Effect, pattern: &str) -> GrantId {
    let (rights, pattern) = (Rights::of(&[Right::Read, Right::Write]), Pattern::parse(pattern).unwrap());
    let new = NewGrant { holder, rights, pattern, effect, uses: None, expires_in: None, only_tool: None };
    kernel.grant(new).unwrap().what[0].id
}

fn file(path: String) -> Resource {
    Resource::new(Kind::Fs, path)
}

/// Explanations of what is allowed, denied, asked, and near to something, beside few and many grants.
pub fn explain(report: &mut Report) {
    let make = |count: usize| {
        let kernel = kernel();
        let pid = stage::process(&kernel);
        for number in 0..count {
            let effect = [Effect::Allow, Effect::Allow, Effect::Deny, Effect::Ask][number % 4];
            grant(&kernel, Holder::Process(pid), effect, &format!("fs:data/d{number}/**"));
        }
        let right = |number: usize| [Right::Read, Right::Delete][number / 4 % 2];
        let need = |number: usize| Need {
            resource: file(format!("data/d{}/f/x.txt", number * (count / 16).max(1))),
            right: right(number),
            whole: false,
        };
        let beside = Need { resource: file("data/elsewhere/x".into()), right: Right::Read, whole: false };
        (kernel, pid, (0..16).map(need).chain([beside]).collect::<Vec<_>>())
    };
    let stages = [16, 1_000, 10_000].map(make);
    let cost = |at: usize| {
        let (kernel, pid, needs) = &stages[at];
        each(needs.len() * 100, || {
            for need in needs.iter().cycle().take(needs.len() * 100) {
                keep(kernel.explain(*pid, need, None).unwrap());
            }
        })
    };
    let [few, many, most] = turns(ROUNDS, [&mut || cost(0), &mut || cost(1), &mut || cost(2)]);
    for (count, cost) in [(1_000, many), (10_000, most)] {
        let row =
            Row::time(format!("explain.{count}"), format!("beside {count} grants, with what comes nearest"), cost);
        report.row(row.against("16 grants", few).target(Target::AtMost(20_000.0)));
    }
}

fn text(lines: usize) -> String {
    let line = |number: usize| format!("    \"read,list fs:workspace/directory-{number}/**\",\n");
    let lines: String = (0..lines).map(line).collect();
    format!("[mounts]\nworkspace = \".\"\n[image.base]\nallow = [\n{lines}]\n")
}

/// A policy as large as there can be: read, put in force, and put in force again unchanged.
pub fn policy(report: &mut Report) {
    let (small, large) = (text(LINES / 10), text(LINES));
    let read = |text: &str| each(1, || keep(Policy::parse(text).unwrap()));
    let new = |text: &str| {
        let kernel = kernel();
        each(1, || keep(kernel.set_policy(text).unwrap()))
    };
    let kernel = kernel();
    kernel.set_policy(&large).unwrap();
    let again = || each(1, || keep(kernel.set_policy(&large).unwrap()));
    let [few, most, few_new, most_new, again] = turns(
        ROUNDS,
        [&mut || read(&small), &mut || read(&large), &mut || new(&small), &mut || new(&large), &mut || again()],
    );
    let tenth = format!("{} lines", LINES / 10);
    let row = Row::time("policy.read", format!("Policy::parse of {LINES} lines"), most).against(tenth.as_str(), few);
    report.row(row.target(Target::AtMost(50e6)).target(Target::TimesAtMost(15.0)));
    let row = Row::time("policy.set", format!("Kernel::set_policy of {LINES} new lines"), most_new);
    report.row(row.against(tenth, few_new).target(Target::TimesAtMost(15.0)));
    let row = Row::time("policy.again", format!("the same of {LINES} lines that are in force already"), again);
    report.row(row.against("new", most_new).target(Target::TimesAtMost(1.0)));
}

/// Takes one grant back from which so many are derived, until the next check of one who had it is refused.
pub fn revoke(report: &mut Report) {
    let kernel = kernel();
    let image = || Holder::Image(BASE.into());
    let roots: Vec<GrantId> =
        (0..ROUNDS).map(|at| grant(&kernel, image(), Effect::Allow, &format!("fs:shared{at}/**"))).collect();
    let pids: Vec<Pid> = (0..HEIRS).map(|_| stage::process(&kernel)).collect();
    let alone: Vec<GrantId> = (0..ROUNDS)
        .map(|at| grant(&kernel, Holder::Process(pids[0]), Effect::Allow, &format!("fs:own{at}/**")))
        .collect();
    let cost = |pid: Pid, id: GrantId, path: String| {
        let call = stage::start(&kernel, pid, stage::TOOL, "{}".into()).row.id;
        let place = Place { pid, call, position: 0, incarnation: 0 };
        let names = vec![file(path)];
        let call = Arc::new(Call::FsRead { path: String::new() });
        let attempt = Attempt { place, call, asked: names.clone(), names, kind: None, prepared: None };
        assert!(!kernel.would_refuse(&attempt));
        let began = Instant::now();
        kernel.revoke(id).unwrap();
        let refused = kernel.would_refuse(&attempt);
        let took = nanoseconds(began.elapsed());
        assert!(refused);
        took
    };
    let (mut many, mut one) = (Vec::new(), Vec::new());
    for at in 0..ROUNDS {
        many.push(cost(pids[HEIRS - 1 - at], roots[at], format!("shared{at}/x")));
        one.push(cost(pids[0], alone[at], format!("own{at}/x")));
    }
    let (many, one) = (median(&mut many), median(&mut one));
    let row = Row::time("revoke.tree", format!("{HEIRS} grants hang on it; until the next check refuses"), many);
    report.row(row.against("none", one).target(Target::AtMost(100_000.0)).target(Target::TimesAtMost(3.0)));
}

/// One line from a process with few and with many grants, to processes that have nothing of it yet.
pub fn delegate(report: &mut Report) {
    let make = |count: usize| {
        let kernel = kernel();
        let giver = stage::process(&kernel);
        for number in 0..count {
            let effect = if number % 10 == 9 { Effect::Deny } else { Effect::Allow };
            grant(&kernel, Holder::Process(giver), effect, &format!("fs:data/d{number}/**"));
        }
        (kernel, giver)
    };
    let (few, many) = (make(16), make(1_000));
    let rule = Rule::parse("read fs:data/d3/src/**").unwrap();
    let line = || Delegation { rule: rule.clone(), uses: None, expires_in: None };
    let hand_over = |(kernel, giver): &(Arc<Kernel>, Pid)| {
        let takers: Vec<Pid> = (0..100).map(|_| stage::process(kernel)).collect();
        each(takers.len(), || takers.iter().for_each(|taker| keep(kernel.delegate(*giver, *taker, &[line()]).unwrap())))
    };
    let give = |(kernel, _): &(Arc<Kernel>, Pid)| {
        let takers: Vec<Pid> = (0..100).map(|_| stage::process(kernel)).collect();
        each(takers.len(), || {
            takers.iter().for_each(|taker| {
                grant(kernel, Holder::Process(*taker), Effect::Allow, "fs:data/d3/src/**");
            });
        })
    };
    let [plain, few, many] = turns(ROUNDS, [&mut || give(&few), &mut || hand_over(&few), &mut || hand_over(&many)]);
    let row = Row::time("delegate.16", "one line, from a process with 16 grants", few);
    report.row(row.against("a grant by a person", plain).target(Target::TimesAtMost(3.0)));
    let row = Row::time("delegate.1000", "one line, from a process with 1000 grants", many);
    report.row(row.against("a grant by a person", plain));
}
