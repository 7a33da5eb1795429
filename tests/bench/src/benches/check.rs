//! The decision over many grants: through `Kernel::would_refuse`, which is the lock, the clock, the needs of the call and the decision.

use crate::alloc::allocations;
use crate::measure::{each, keep, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Nothing};
use libos::kernel::kernel::{Attempt, Delegation, Kernel, NewGrant, Place};
use libos::kernel::model::call::{Call, WriteMode};
use libos::kernel::model::grant::{Effect, Holder};
use libos::kernel::model::id::Pid;
use libos::kernel::model::image::BASE;
use libos::kernel::model::index::{GrantIndex, Leaf};
use libos::kernel::model::need::needs;
use libos::kernel::model::resource::{Kind, Pattern, Resource};
use libos::kernel::model::right::{Right, Rights};
use libos::kernel::model::rule::Rule;
use libos::kernel::store::disk::Memory;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::Arc;

const ROUNDS: usize = 15;
/// Checks of one turn.
const CHECKS: usize = 20_000;
const COUNTS: [usize; 3] = [16, 1_000, 10_000];
/// Grants that hang on a line of the image, as most do.
const KINDS: usize = 8;

pub fn run(report: &mut Report) {
    let stages: Vec<Stage> = COUNTS.into_iter().map(Stage::new).collect();
    let [few, many, most] = &stages[..] else { unreachable!("three counts") };
    let costs = turns(ROUNDS, [&mut || few.check(), &mut || many.check(), &mut || most.check(), &mut || few.around()]);
    for ((stage, count), cost) in stages.iter().zip(COUNTS).zip(costs) {
        let before = allocations();
        stage.check();
        let allocated = (allocations() - before) as f64 / CHECKS as f64;
        let what = format!("{count} grants: allow, ask, deny, wildcards, uses");
        let row = Row::time(format!("check.{count}"), what, cost).allocations(allocated);
        let row = if count == COUNTS[0] {
            row.against("lock and clock alone", costs[3])
        } else {
            row.against(format!("{} grants", COUNTS[0]), costs[0])
        };
        let row = row.target(Target::AtMost(300.0)).target(Target::NoAllocation).phases(stage.phases());
        report.row(row);
    }
    delegated(report, many);
    hosts(report);
}

/// What was handed on eight times, beside 1,000 other grants, to a tool that declares sixteen needs.
fn delegated(report: &mut Report, plain: &Stage) {
    let stage = Stage::delegated(COUNTS[1]);
    let [cost, plain] = turns(ROUNDS, [&mut || stage.check(), &mut || plain.check()]);
    let before = allocations();
    stage.check();
    let allocated = (allocations() - before) as f64 / CHECKS as f64;
    let what = format!("{} grants, the one that counts handed on eight times, and a declared bound", COUNTS[1]);
    let row = Row::time("check.delegated", what, cost).allocations(allocated).against("mixed, not handed on", plain);
    report.row(row.target(Target::AtMost(300.0)).target(Target::NoAllocation));
}

/// A process with many grants, and what is asked for.
struct Stage {
    kernel: Arc<Kernel>,
    attempts: Vec<Attempt>,
    index: GrantIndex,
}

impl Stage {
    fn new(count: usize) -> Stage {
        let kernel = stage::kernel_with_tool(Arc::new(Memory::default()), Arc::new(Nothing));
        let mut index = GrantIndex::default();
        let mut rules = rules(count);
        // An allow that is made over an ask names it; here asks shall be open, so they come last.
        rules.sort_by_key(|(effect, ..)| *effect != Effect::Allow);
        for (slot, (effect, rights, pattern, uses)) in rules.into_iter().enumerate() {
            let rights = Rights::parse(rights).unwrap();
            let pattern = Pattern::parse(&pattern).unwrap();
            index.insert(&pattern, Leaf { slot: slot as u32, rights, effect });
            let holder = Holder::Image(BASE.into());
            let grant = NewGrant { holder, rights, pattern, effect, uses, expires_in: None, only_tool: None };
            kernel.grant(grant).unwrap();
        }
        let pid = stage::process(&kernel);
        let attempts = attempts(&kernel, pid, count);
        Stage { kernel, attempts, index }
    }

    /// A process that reads what it was handed on, with a declaration that allows it.
    fn delegated(count: usize) -> Stage {
        let Stage { kernel, index, .. } = Stage::new(count);
        let whole = Rule::parse("read fs:handed/**").unwrap();
        let other = |number: usize| Rule::parse(&format!("read fs:other{number}/**")).unwrap();
        let needs = (0..15).map(other).chain([whole.clone()]).collect();
        stage::add_tool(&kernel, "declares", Some(needs));
        let mut giver = stage::process(&kernel);
        let (holder, effect) = (Holder::Process(giver), Effect::Allow);
        let (rights, pattern) = (whole.rights, whole.pattern.clone());
        kernel
            .grant(NewGrant { holder, rights, pattern, effect, uses: None, expires_in: None, only_tool: None })
            .unwrap();
        for _ in 0..8 {
            let taker = stage::process(&kernel);
            let line = Delegation { rule: whole.clone(), uses: None, expires_in: None };
            kernel.delegate(giver, taker, &[line]).unwrap();
            giver = taker;
        }
        let call = stage::start(&kernel, giver, "declares", "{}".into()).row.id;
        let place = Place { pid: giver, call, position: 0, incarnation: 0 };
        let attempt = |number: usize| {
            let names = vec![Resource::new(Kind::Fs, format!("handed/d{number}/notes.md"))];
            let call = Arc::new(Call::FsRead { path: String::new() });
            Attempt { place, call, asked: names.clone(), names, kind: None, prepared: None }
        };
        let attempts: Vec<Attempt> = (0..16).map(attempt).collect();
        assert!(attempts.iter().all(|attempt| !kernel.would_refuse(attempt)));
        Stage { kernel, attempts, index }
    }

    /// Nanoseconds of a check.
    fn check(&self) -> f64 {
        self.all(|attempt| keep(self.kernel.would_refuse(attempt)))
    }

    /// What every check does beside deciding.
    fn around(&self) -> f64 {
        self.all(|_| keep((self.kernel.now(), self.kernel.failure())))
    }

    fn all(&self, work: impl Fn(&Attempt)) -> f64 {
        each(CHECKS, || self.attempts.iter().cycle().take(CHECKS).for_each(work))
    }

    fn phases(&self) -> Vec<(String, f64)> {
        let wanted = || self.all(|attempt| keep(needs(&attempt.call, &attempt.names, false)));
        let walk = || {
            self.all(|attempt| {
                let right = needs_right(&attempt.call);
                let mut count = 0;
                let _ = self.index.covering(&attempt.names[0], right, |leaf| {
                    count += usize::from(black_box(leaf).effect == Effect::Allow);
                    ControlFlow::<()>::Continue(())
                });
                black_box(count);
            })
        };
        let [around, wanted, walk] = turns(5, [&mut || self.around(), &mut || wanted(), &mut || walk()]);
        let phases = [
            ("the lock and the clock", around),
            ("the needs of the call", wanted),
            ("the walk through the index", walk),
        ];
        phases.into_iter().map(|(what, cost)| (what.to_owned(), cost)).collect()
    }
}

fn needs_right(call: &Call) -> Right {
    match call {
        Call::FsWrite { .. } => Right::Write,
        Call::FsList { .. } => Right::List,
        _ => Right::Read,
    }
}

type Line = (Effect, &'static str, String, Option<u32>);

fn rules(count: usize) -> Vec<Line> {
    use Effect::{Allow, Ask, Deny};
    let mut rules: Vec<Line> = vec![
        (Allow, "list", "fs:workspace/**".into(), None),
        (Deny, "read,list,write,delete", "fs:workspace/.git/**".into(), None),
    ];
    // The policy of the stage and the process's own namespace are there too.
    for number in 0..count.saturating_sub(rules.len() + 5) {
        let at = number - number % KINDS;
        rules.push(match number % KINDS {
            0 => (Allow, "read,list", format!("fs:workspace/d{at}/**"), None),
            1 => (Allow, "read,write", format!("fs:workspace/d{at}/f.txt"), None),
            2 => (Ask, "write", format!("fs:workspace/d{at}/**"), None),
            3 => (Deny, "read,write", format!("fs:workspace/d{at}/secret/**"), None),
            4 => (Allow, "read", format!("fs:workspace/*/x{at}/**"), None),
            5 => (Allow, "read", format!("object:shared{at}/**"), None),
            6 => (Allow, "write", format!("fs:workspace/out{at}/**"), Some(1_000_000)),
            _ => (Allow, "read", format!("http:https/*.h{at}.example.com/443/**"), None),
        });
    }
    rules
}

fn attempts(kernel: &Arc<Kernel>, pid: Pid, count: usize) -> Vec<Attempt> {
    let call = stage::start(kernel, pid, stage::TOOL, "{}".into()).row.id;
    let place = Place { pid, call, position: 0, incarnation: 0 };
    let mut attempts = Vec::new();
    for block in 0..16 {
        let at = (block * 7_919 * KINDS) % (count / KINDS * KINDS).max(KINDS);
        let fs = |path: String| Resource::new(Kind::Fs, format!("workspace/{path}"));
        let read = || Call::FsRead { path: String::new() };
        let write = || Call::FsWrite { path: String::new(), content: Vec::new(), mode: WriteMode::CreateOrReplace };
        for (call, name) in [
            (read(), fs(format!("d{at}/a/b.txt"))),
            (write(), fs(format!("d{at}/f.txt"))),
            (write(), fs(format!("d{at}/z"))),
            (read(), fs(format!("d{at}/secret/key"))),
            (read(), fs(format!("q/x{at}/y"))),
            (write(), fs(format!("out{at}/result.json"))),
            (Call::FsList { path: String::new() }, fs(format!("d{at}"))),
            (read(), fs("nothing/is/here".into())),
            (Call::ObjectRead { name: String::new() }, Resource::new(Kind::Object, format!("shared{at}/note"))),
        ] {
            let names = vec![name];
            attempts.push(Attempt {
                place,
                call: Arc::new(call),
                asked: names.clone(),
                names,
                kind: None,
                prepared: None,
            });
        }
    }
    attempts
}

/// No system call names hosts yet, but the index knows them.
fn hosts(report: &mut Report) {
    let index = |count: usize| {
        let mut index = GrantIndex::default();
        for number in 0..count {
            let pattern = Pattern::parse(&format!("http:https/*.h{number}.example.com/443/**")).unwrap();
            index.insert(
                &pattern,
                Leaf { slot: number as u32, rights: Rights::of(&[Right::Read]), effect: Effect::Allow },
            );
        }
        index
    };
    let (few, many) = (index(16), index(10_000));
    let host = Resource::new(Kind::Http, "https/api.h7.example.com/443/v1");
    let walk = |index: &GrantIndex, count: usize| {
        each(count, || {
            for _ in 0..count {
                let _ = index.covering(black_box(&host), Right::Read, |leaf| {
                    black_box(leaf);
                    ControlFlow::<()>::Continue(())
                });
            }
        })
    };
    let [few, many] = turns(5, [&mut || walk(&few, 2_000), &mut || walk(&many, 200)]);
    let row = Row::time("check.hosts", "the index alone, 10,000 patterns `*.suffix` of hosts", many);
    report.row(row.against("16 patterns", few).target(Target::AtMost(300.0)).target(Target::TimesAtMost(2.0)));
}
