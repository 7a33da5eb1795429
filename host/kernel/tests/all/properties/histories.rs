//! Authority over histories at random: grants, images, delegation, revocation, use, time, ends and restarts. Whatever happened, nobody
//! has more than those that he has it from, everything hangs on what a person gave, and no use is used twice.

use super::config;
use super::laws::{
    TOOL, decided, everything_hangs_on_what_is_in_force, in_force, nobody_has_more_than_a_giver, some_needs,
};
use super::values::{effect, file_rights, near_file, near_pattern};
use super::words::{Rows, Word};
use crate::sim::House;
use libos_kernel::kernel::{Admit, Attempt, Delegation, NewGrant, Place, Prepared, StartCall};
use libos_kernel::model::answer::CallError;
use libos_kernel::model::call::Call;
use libos_kernel::model::grant::{Effect, Grant, Holder, Issuer};
use libos_kernel::model::id::{GrantId, Pid};
use libos_kernel::model::image::BASE;
use libos_kernel::model::need::needs;
use libos_kernel::model::resource::{Kind, Pattern, Resource};
use libos_kernel::model::right::Rights;
use libos_kernel::model::row::Probe;
use libos_kernel::model::rule::Rule;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Processes of a history.
const PROCESSES: usize = 5;
/// Histories of one kernel: a kernel has what it had, and gets slower by it.
const HISTORIES: usize = 50;

#[derive(Debug, Clone)]
struct Line {
    /// The line is as one of the giver's own grants, not made up.
    like: Option<Index>,
    pattern: Pattern,
    rights: Rights,
    uses: Option<u32>,
    expires_in: Option<u64>,
}

#[derive(Debug, Clone)]
enum Step {
    Grant {
        to: Option<usize>,
        pattern: Pattern,
        rights: Rights,
        effect: Effect,
        uses: Option<u32>,
        expires_in: Option<u64>,
        only_tool: bool,
    },
    Process {
        place: usize,
    },
    Delegate {
        from: usize,
        to: usize,
        lines: Vec<Line>,
    },
    Revoke {
        which: Index,
    },
    Use {
        by: usize,
        name: Resource,
        write: bool,
    },
    Move {
        by: usize,
        old: Resource,
        new: Resource,
    },
    Pass {
        seconds: u64,
    },
    End {
        who: usize,
    },
    Restart,
}

fn uses() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![Just(None), (1u32..4).prop_map(Some)]
}

fn expiry() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![3 => Just(None), 1 => (1u64..100).prop_map(Some)]
}

fn line() -> impl Strategy<Value = Line> {
    let like = option::weighted(0.7, any::<Index>());
    (like, near_pattern(), file_rights(), uses(), expiry()).prop_map(|(like, pattern, rights, uses, expires_in)| Line {
        like,
        pattern,
        rights,
        uses,
        expires_in,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..PROCESSES;
    let to = prop_oneof![4 => who().prop_map(Some), 1 => Just(None)];
    let state = (uses(), expiry(), prop::bool::weighted(0.1));
    let grant = (to, near_pattern(), file_rights(), effect(), state).prop_map(
        |(to, pattern, rights, effect, (uses, expires_in, only_tool))| Step::Grant {
            to,
            pattern,
            rights,
            effect,
            uses: uses.filter(|_| effect == Effect::Allow),
            expires_in,
            only_tool,
        },
    );
    let lines = prop::collection::vec(line(), 1..3);
    prop_oneof![
        8 => grant,
        1 => who().prop_map(|place| Step::Process { place }),
        10 => (who(), who(), lines).prop_map(|(from, to, lines)| Step::Delegate { from, to, lines }),
        2 => any::<Index>().prop_map(|which| Step::Revoke { which }),
        4 => (who(), near_file(), any::<bool>()).prop_map(|(by, name, write)| Step::Use { by, name, write }),
        1 => (who(), near_file(), near_file()).prop_map(|(by, old, new)| Step::Move { by, old, new }),
        1 => (1u64..80).prop_map(|seconds| Step::Pass { seconds }),
        1 => who().prop_map(|who| Step::End { who }),
    ]
}

/// Mostly without a restart, which takes longer than all else.
fn history() -> impl Strategy<Value = Vec<Step>> {
    (prop::collection::vec(step(), 3..16), option::weighted(0.05, any::<Index>())).prop_map(|(mut steps, restart)| {
        if let Some(at) = restart {
            let at = at.index(steps.len());
            steps.insert(at, Step::Restart);
        }
        steps
    })
}

thread_local! {
    static HOUSE: RefCell<Option<(House, usize)>> = const { RefCell::new(None) };
}

/// A kernel in the middle of a history.
struct Run {
    house: Option<House>,
    /// How often this kernel may be used after this.
    left: usize,
    pids: Vec<Pid>,
    places: HashMap<Pid, Place>,
    /// Uses that a person gave, and effects that needed one.
    given: u32,
    taken: u32,
}

impl Run {
    fn new() -> Run {
        let (house, left) = HOUSE.with_borrow_mut(Option::take).unwrap_or_else(|| (House::new(&[]), HISTORIES));
        let pids = (0..PROCESSES).map(|_| house.process()).collect();
        Run { house: Some(house), left, pids, places: HashMap::new(), given: 0, taken: 0 }
    }

    /// Leaves the kernel to the next history. One in which something failed is not used again.
    fn close(mut self) {
        for pid in &self.pids {
            self.house().kernel.end_unused_process(*pid, "the history has ended");
        }
        for line in self.house().kernel.grants().iter().filter(|grant| !grant.revoked) {
            self.house().kernel.revoke(line.id).unwrap();
        }
        let kept = self.house.take().filter(|_| self.left > 0).map(|house| (house, self.left - 1));
        HOUSE.set(kept);
    }

    fn house(&self) -> &House {
        self.house.as_ref().expect("it is there but while it restarts")
    }

    fn rows(&self) -> Rows {
        Rows::new(self.house().kernel.grants(), self.house().kernel.now())
    }

    fn holder(&self, at: usize) -> Holder {
        Holder::Process(self.pids[at])
    }

    fn run(&mut self, steps: &[Step]) -> TestCaseResult {
        for step in steps {
            self.step(step)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> TestCaseResult {
        let kernel = Arc::clone(&self.house().kernel);
        match step {
            Step::Grant { to, pattern, rights, effect, uses, expires_in, only_tool } => {
                let new = NewGrant {
                    holder: to.map_or(Holder::Image(BASE.into()), |at| self.holder(at)),
                    rights: *rights,
                    pattern: pattern.clone(),
                    effect: *effect,
                    uses: *uses,
                    expires_in: expires_in.map(Duration::from_secs),
                    only_tool: only_tool.then(|| TOOL.to_owned()),
                };
                // A process that has ended gets nothing.
                if kernel.grant(new).is_ok() {
                    self.given += uses.unwrap_or(0);
                }
            }
            Step::Process { place } => {
                kernel.end_unused_process(self.pids[*place], "another one takes its place");
                self.pids[*place] = self.house().process();
            }
            Step::Delegate { from, to, lines } => self.delegate(*from, *to, lines)?,
            Step::Revoke { which } => {
                // Who lifts a restriction from one process alone means it, and gives it more than its givers have.
                let ours = |grant: &Grant| {
                    !grant.revoked && (grant.effect == Effect::Allow || !matches!(grant.issuer, Issuer::Process(_)))
                };
                let rows: Vec<GrantId> = kernel.grants().iter().filter(|row| ours(row)).map(|row| row.id).collect();
                if !rows.is_empty() {
                    kernel.revoke(*which.get(&rows)).unwrap();
                }
            }
            Step::Use { by, name, write } => {
                let path = String::new();
                let call = if *write { Call::FsList { path } } else { Call::FsRead { path } };
                self.effect(*by, call, vec![name.clone()]);
            }
            Step::Move { by, old, new } => {
                let call = Call::FsRename { old: String::new(), new: String::new(), replace: true };
                self.effect(*by, call, vec![old.clone(), new.clone()]);
            }
            Step::Pass { seconds } => {
                self.house().world.set_clock(kernel.now().after(Duration::from_secs(*seconds)));
            }
            Step::End { who } => kernel.end_unused_process(self.pids[*who], "it is time"),
            Step::Restart => {
                let before = in_force(&self.rows());
                drop(kernel);
                self.house = self.house.take().map(House::reopen);
                self.places.clear();
                prop_assert_eq!(before, in_force(&self.rows()), "before and after a restart");
            }
        }
        Ok(())
    }

    fn delegate(&mut self, from: usize, to: usize, lines: &[Line]) -> TestCaseResult {
        let kernel = &self.house().kernel;
        let own: Vec<Grant> = kernel.grants_of(self.pids[from]);
        let own: Vec<&Grant> =
            own.iter().filter(|grant| grant.effect == Effect::Allow && grant.pattern.kind() == Kind::Fs).collect();
        let delegation = |line: &Line| {
            let like = line.like.filter(|_| !own.is_empty()).map(|index| *index.get(&own));
            let rule = match like {
                Some(like) if like.pattern.contains(&line.pattern) => {
                    Rule { rights: like.rights, pattern: line.pattern.clone() }
                }
                Some(like) => Rule { rights: like.rights, pattern: like.pattern.clone() },
                None => Rule { rights: line.rights, pattern: line.pattern.clone() },
            };
            Delegation { rule, uses: line.uses, expires_in: line.expires_in.map(Duration::from_secs) }
        };
        let before = kernel.grants();
        let wanted: Vec<Delegation> = lines.iter().map(delegation).collect();
        if kernel.delegate(self.pids[from], self.pids[to], &wanted).is_err() {
            prop_assert_eq!(before, kernel.grants(), "what is refused changes nothing");
        }
        Ok(())
    }

    /// Carries something out, if it may be; counts whether it needed a use that a person gave. Answers whether it was carried out.
    fn effect(&mut self, by: usize, call: Call, names: Vec<Resource>) -> bool {
        let (kernel, pid) = (Arc::clone(&self.house().kernel), self.pids[by]);
        let Some(place) = self.place(pid) else { return false };
        let rows = self.rows();
        let endless = rows.only(|row| {
            let root = rows.chain(row).and_then(|chain| chain.last().copied());
            row.effect != Effect::Allow || root.is_none_or(|root| root.uses_left.is_none())
        });
        let holder = Holder::Process(pid);
        let free = needs(&call, &names, false).iter().all(|need| decided(&endless, &holder, need) == Word::Allowed);
        let prepared = Prepared {
            probe: Probe::None,
            directory: false,
            present: [0; 32],
            content: true,
            trouble: None,
            order: None,
        };
        let attempt =
            Attempt { kind: None, place, call: Arc::new(call), asked: names.clone(), names, prepared: Some(prepared) };
        match kernel.admit(&attempt).unwrap() {
            Admit::Go(permit, _) => {
                let _ = kernel.close(permit, Err(CallError::Internal), |_, _, reply| Ok(reply));
                self.taken += u32::from(!free);
                true
            }
            Admit::Wait(_) => {
                // Nobody answers; another call goes on.
                let _ = kernel.end_call(place.call, Ok("null".into()));
                self.places.remove(&pid);
                false
            }
            Admit::Over(_) => false,
            Admit::Look => panic!("it was looked at"),
        }
    }

    /// A place in a call of the process, if that lives.
    fn place(&mut self, pid: Pid) -> Option<Place> {
        let house = self.house.as_ref()?;
        let place = match self.places.get(&pid) {
            Some(place) => Place { position: place.position + 1, ..*place },
            None => {
                let started = house.kernel.start_call(StartCall { pid, ..house.start(pid) }).ok()?;
                Place { pid, call: started.row.id, position: 0, incarnation: 0 }
            }
        };
        if !house.kernel.is_live(place.call) {
            return None;
        }
        self.places.insert(pid, place);
        Some(place)
    }
}

/// Everybody uses what he has until nothing that counts is left.
fn use_up(run: &mut Run) {
    let most = run.given.min(3) + 1;
    for by in 0..PROCESSES {
        for name in ["a", "b/b"] {
            for _ in 0..most {
                let before = run.taken;
                let carried_out =
                    run.effect(by, Call::FsRead { path: String::new() }, vec![Resource::new(Kind::Fs, name)]);
                if !carried_out || run.taken == before {
                    break;
                }
            }
        }
    }
}

/// Histories in which a kernel is reused take longer than single decisions.
fn histories() -> ProptestConfig {
    ProptestConfig { max_shrink_iters: 4_000, ..config() }
}

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn nobody_has_more_than_those_that_he_has_it_from(steps in history(), wanted in some_needs()) {
        let mut run = Run::new();
        run.run(&steps)?;
        nobody_has_more_than_a_giver(&run.house().kernel, &run.pids, &wanted)?;
        everything_hangs_on_what_is_in_force(&run.rows())?;
        run.close();
    }

    #[test]
    fn no_use_is_used_twice(steps in history()) {
        let mut run = Run::new();
        run.run(&steps)?;
        if run.given > 0 {
            use_up(&mut run);
        }
        prop_assert!(run.taken <= run.given, "{} uses were given and {} taken", run.given, run.taken);
        run.close();
    }
}
