//! Eight walks through the kernel, in each of which everything that it does outside, and operations of its disk, fail in turn: nothing
//! panics, nothing is lost or done twice, uses are accounted for, and the next walk without a failure ends as it should.

use crate::sim::{Clerk, House, MOUNT, Plan, Tear, Trouble, new_grant, words};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{Delegation, audit};
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CallId, EffectId, Pid};
use libos_kernel::model::image::BASE;
use libos_kernel::model::record::Outcome;
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::model::row::Wait;
use libos_kernel::model::rule::Rule;
use libos_kernel::syscall::Line;
use libos_kernel::world::WorldError;
use std::collections::BTreeMap;
use std::sync::Arc;

const RULES: [&str; 6] = [
    "allow read,list,write,delete fs:workspace/free/**",
    "ask write fs:workspace/asked/**",
    "allow list fs:workspace/asked/**",
    "allow ask human:owner",
    "allow sleep clock:sleep",
    "allow call tool:*",
];

/// A walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    Files,
    Looks,
    People,
    Nested,
    Delegated,
    Waits,
    Cancelled,
    Recovered,
}

const STORIES: [Story; 8] = [
    Story::Files,
    Story::Looks,
    Story::People,
    Story::Nested,
    Story::Delegated,
    Story::Waits,
    Story::Cancelled,
    Story::Recovered,
];

fn errors() -> Vec<WorldError> {
    let elsewhere = Resource::new(Kind::Fs, "workspace/free/elsewhere");
    vec![
        WorldError::NotFound,
        WorldError::AlreadyExists,
        WorldError::WrongKind("a socket".into()),
        WorldError::NotEmpty,
        WorldError::TooLarge("1 byte at most".into()),
        WorldError::Protected("it is the runtime's"),
        WorldError::Link { index: 0, to: Ok(elsewhere) },
        WorldError::Link { index: 0, to: Err("it leads out".into()) },
        WorldError::Changed("it was replaced".into()),
        WorldError::Io("the cable was pulled".into()),
    ]
}

/// Tells a story once.
struct Teller {
    house: House,
    /// Part of all names, so that a story can be told again in the same house.
    number: u32,
    /// How each system call ended.
    told: Vec<String>,
    /// Grants for one use that were made.
    once: u32,
}

/// It cannot go on; why is told.
struct Over;

type Told<T> = Result<T, Over>;

impl Teller {
    fn path(&self, place: &str) -> String {
        let number = self.number;
        match place.split_once('/') {
            Some((top, rest)) => format!("{top}/{number}/{rest}"),
            None => format!("{place}/{number}"),
        }
    }

    fn write(&self, place: &str) -> Call {
        Call::FsWrite { path: self.path(place), content: b"1".to_vec(), mode: WriteMode::CreateOrReplace }
    }

    fn end<T>(&mut self, why: impl ToString) -> Told<T> {
        self.told.push(format!("over: {}", why.to_string()));
        Err(Over)
    }

    fn process(&mut self) -> Told<Pid> {
        self.house.kernel.new_process(BASE, false).or_else(|error| self.end(error))
    }

    fn start(&mut self, pid: Pid) -> Told<Line> {
        match self.house.kernel.start_call(self.house.start(pid)) {
            Ok(started) => Ok(Line::new(Arc::clone(&self.house.kernel), &started)),
            Err(error) => self.end(error),
        }
    }

    fn line(&mut self) -> Told<Line> {
        let pid = self.process()?;
        self.start(pid)
    }

    async fn resume(&mut self, call: CallId) -> Told<Line> {
        match self.house.kernel.resume_call(call).await {
            Ok(started) => Ok(Line::new(Arc::clone(&self.house.kernel), &started)),
            Err(error) => self.end(error),
        }
    }

    async fn act(&mut self, line: &mut Line, call: Call) -> Told<()> {
        let answer = self.house.run(line, call).await;
        self.told.push(words(&answer));
        if answer.is_ok() { Ok(()) } else { Err(Over) }
    }

    /// Makes a system call that waits, and lets the call go from memory. None if it did not wait.
    async fn park(&mut self, mut line: Line, call: Call) -> Told<Option<CallId>> {
        let (mut waiting, id) = (line.waiting(), line.call());
        let answer = tokio::select! {
            biased;
            answer = line.run(call) => Some(words(&answer)),
            _ = waiting.wait_for(Option::is_some) => None,
        };
        match answer {
            None if self.house.kernel.park_call(id) => Ok(Some(id)),
            None => self.end("it did not park"),
            Some(words) => {
                self.told.push(words);
                Ok(None)
            }
        }
    }

    async fn end_wait(&mut self, call: CallId) -> Told<()> {
        let ended = self.house.end_wait(call, &Clerk::default()).await;
        ended.or_else(|stop| self.end(stop))
    }

    fn grant_once(&mut self, pid: Pid) -> Told<String> {
        let place = format!("fs:{MOUNT}/{}", self.path("once"));
        match self.house.kernel.grant(new_grant(Holder::Process(pid), &format!("allow write {place}"), Some(1))) {
            Ok(_) => self.once += 1,
            Err(error) => return self.end(error),
        }
        Ok(place)
    }

    fn close(&mut self, line: &Line) -> Told<()> {
        let ended = self.house.kernel.end_call(line.call(), Ok("null".into()));
        ended.map(drop).or_else(|stop| self.end(stop))
    }

    /// What is there before.
    fn furnish(&self) {
        let world = &self.house.world;
        for place in ["free", "asked", "once"] {
            world.put_directory(&format!("{MOUNT}/{place}"));
        }
        world.put_directory(&format!("{MOUNT}/{}", self.path("free")));
        world.put_file(&format!("{MOUNT}/{}", self.path("free/small")), "small");
        world.put_file(&format!("{MOUNT}/{}", self.path("free/large")), vec![b'x'; 5_000]);
    }

    async fn tell(&mut self, story: Story) {
        // How it ended is told.
        let _ = match story {
            Story::Files => self.files().await,
            Story::Looks => self.looks().await,
            Story::People => self.people().await,
            Story::Nested => self.nested().await,
            Story::Delegated => self.delegated().await,
            Story::Waits => self.waits().await,
            Story::Cancelled => self.cancelled().await,
            Story::Recovered => Ok(()),
        };
    }

    async fn files(&mut self) -> Told<()> {
        let mut line = self.line()?;
        let path = |teller: &Teller, place: &str| teller.path(place);
        for call in [
            self.write("free/a"),
            Call::FsAppend { path: path(self, "free/a"), content: b"2".to_vec() },
            Call::FsMakeDir { path: path(self, "free/m") },
            Call::FsCopy { source: path(self, "free/a"), target: path(self, "free/m/c"), replace: false },
            Call::FsRename { old: path(self, "free/small"), new: path(self, "free/m/r"), replace: false },
            Call::FsRemove { path: path(self, "free/m"), recursive: true },
        ] {
            self.act(&mut line, call).await?;
        }
        self.close(&line)
    }

    async fn looks(&mut self) -> Told<()> {
        let mut line = self.line()?;
        for call in [
            Call::FsRead { path: self.path("free/small") },
            Call::FsRead { path: self.path("free/large") },
            Call::FsReadRange { path: self.path("free/large"), offset: 10, length: 10 },
            Call::FsStat { path: self.path("free/small") },
            Call::FsList { path: self.path("free") },
            Call::RandomBytes { count: 8 },
            Call::FsChangeDirectory { path: self.path("free") },
            Call::FsRead { path: "small".into() },
        ] {
            self.act(&mut line, call).await?;
        }
        self.close(&line)
    }

    async fn people(&mut self) -> Told<()> {
        let mut line = self.line()?;
        let calls =
            [self.write("asked"), Call::HumanAsk { question: "Which?".into(), queue: None }, self.write("free/after")];
        for call in calls {
            self.act(&mut line, call).await?;
        }
        self.close(&line)
    }

    async fn nested(&mut self) -> Told<()> {
        let other = || Call::ToolCall { tool: "echo".into(), arguments: "1".into() };
        let line = self.line()?;
        let Some(outer) = self.park(line, other()).await? else { return Ok(()) };
        let Some(Wait::Call(inner)) = self.house.kernel.wait_of(outer) else { return self.end("it waits for no call") };
        let mut line = self.resume(inner).await?;
        let write = self.write("free/inner");
        self.act(&mut line, write).await?;
        self.close(&line)?;
        let mut line = self.resume(outer).await?;
        self.act(&mut line, other()).await?;
        let write = self.write("free/outer");
        self.act(&mut line, write).await?;
        self.close(&line)
    }

    async fn delegated(&mut self) -> Told<()> {
        let (giver, taker) = (self.process()?, self.process()?);
        let place = self.grant_once(giver)?;
        let rule = Rule::parse(&format!("write {place}")).unwrap();
        let moved = Delegation { rule, uses: Some(1), expires_in: None };
        if let Err(error) = self.house.kernel.delegate(giver, taker, &[moved]) {
            return self.end(error);
        }
        for pid in [taker, taker, giver] {
            let mut line = self.start(pid)?;
            let write = self.write("once");
            self.act(&mut line, write).await?;
            self.close(&line)?;
        }
        Ok(())
    }

    async fn waits(&mut self) -> Told<()> {
        let sleep = || Call::ClockSleep { nanoseconds: 10 };
        let ask = || Call::HumanAsk { question: "Which?".into(), queue: None };
        let read = Call::FsRead { path: self.path("free/small") };
        let mut line = self.line()?;
        self.act(&mut line, read.clone()).await?;
        let Some(call) = self.park(line, sleep()).await? else { return Ok(()) };
        self.end_wait(call).await?;
        let mut line = self.resume(call).await?;
        for call in [read.clone(), sleep()] {
            self.act(&mut line, call).await?;
        }
        let Some(call) = self.park(line, ask()).await? else { return Ok(()) };
        self.end_wait(call).await?;
        let mut line = self.resume(call).await?;
        for call in [read, sleep(), ask(), self.write("free/after")] {
            self.act(&mut line, call).await?;
        }
        self.close(&line)
    }

    async fn cancelled(&mut self) -> Told<()> {
        let pid = self.process()?;
        self.grant_once(pid)?;
        let mut line = self.start(pid)?;
        let write = self.write("once");
        self.act(&mut line, write).await?;
        let write = self.write("asked");
        if let Some(call) = self.park(line, write).await?
            && let Err(error) = self.house.kernel.cancel_call(call, "by hand")
        {
            return self.end(error);
        }
        let mut line = self.start(pid)?;
        for call in [self.write("once"), self.write("free/after")] {
            self.act(&mut line, call).await?;
        }
        self.close(&line)
    }
}

/// The power goes in two effects of one call; the grant of the first is good once.
async fn recovered(mut teller: Teller) -> Teller {
    let first = teller.write("once");
    let second = Call::FsAppend { path: teller.path("free/small"), content: b"2".to_vec() };
    let begun = async {
        let pid = teller.process()?;
        teller.grant_once(pid)?;
        teller.start(pid)
    };
    let Ok(mut line) = begun.await else { return teller };
    let id = line.call();
    for (calls, operation, plan) in [
        (&[first.clone()][..], "fs.write", Plan::CutBefore),
        (&[first.clone(), second.clone()], "fs.append", Plan::CutAfter),
    ] {
        teller.house.world.plan(operation, 1, plan);
        for call in calls {
            let _ = teller.house.run(&mut line, call.clone()).await;
        }
        drop(line);
        if !teller.house.disk.is_cut() {
            // It came to its end before, in whatever way; the host is not needed for more.
            teller.house.kernel.drop_call(id);
        } else {
            teller.house = teller.house.crash(Tear::None);
        }
        line = match teller.resume(id).await {
            Ok(line) => line,
            Err(Over) => return teller,
        };
        let replayed = async {
            for call in calls {
                teller.act(&mut line, call.clone()).await?;
            }
            Ok::<(), Over>(())
        };
        if replayed.await.is_err() {
            return teller;
        }
        if calls.len() == 1 {
            // The next start replays it.
            drop(line);
            teller.house.kernel.drop_call(id);
            line = match teller.resume(id).await {
                Ok(line) => line,
                Err(Over) => return teller,
            };
        }
    }
    let _ = teller.close(&line);
    teller
}

/// How the system calls of a story end if nothing fails.
fn expected(story: Story) -> Vec<&'static str> {
    let done = |count: usize| vec!["done"; count];
    match story {
        Story::Files => done(6),
        Story::Looks => done(8),
        Story::People | Story::Nested | Story::Recovered => done(3),
        Story::Delegated => vec!["done", "denied", "denied"],
        Story::Waits => done(7),
        Story::Cancelled => vec!["done", "denied", "done"],
    }
}

async fn tell(story: Story, house: House, number: u32, once: u32) -> Teller {
    let mut teller = Teller { house, number, told: Vec::new(), once };
    teller.furnish();
    if story == Story::Recovered {
        let mut teller = recovered(teller).await;
        // It may end in the dark: what failed kept it from the effect that the power was to go in until it was asked for again.
        if teller.house.disk.is_cut() {
            teller.house = teller.house.crash(Tear::None);
        }
        return teller;
    }
    teller.tell(story).await;
    teller
}

/// Every effect ended once and as it says, and every use is there or was taken.
async fn check(house: &House, once: u32, what: &str) {
    let records = house.records().await;
    let mut effects: BTreeMap<EffectId, (u32, bool, Vec<Outcome>)> = BTreeMap::new();
    for record in records {
        let Some(effect) = record.effect else { continue };
        let (intents, counts, ends) = effects.entry(effect).or_default();
        if record.outcome == Outcome::Intent {
            *intents += 1;
            *counts = record.resources.iter().any(|name| name.starts_with("fs:workspace/once/"));
        } else {
            ends.push(record.outcome);
        }
    }
    let (mut done, mut unknown, mut used) = (0, 0, 0);
    for (effect, (intents, counts, ends)) in &effects {
        assert_eq!((*intents, ends.len()), (1, 1), "{what}: {effect} ended {ends:?}");
        done += usize::from(ends[0] == Outcome::Done);
        unknown += usize::from(ends[0] == Outcome::Unknown);
        used += u32::from(*counts && ends[0] != Outcome::NotStarted);
    }
    let times = house.world.done().len();
    assert!(
        (done..=done + unknown).contains(&times),
        "{what}: {times} were done, the log says {done}, {unknown} unknown"
    );
    let left: u32 = View(&house.snapshot()).grants().unwrap().iter().filter_map(|grant| grant.uses_left).sum();
    assert_eq!(left + used, once, "{what}: {used} uses were taken and {left} are left");
}

async fn fails_in_turn(story: Story, error: WorldError) -> u64 {
    let mut house = House::new(&RULES);
    let (mut once, mut nth) = (0, 0);
    loop {
        nth += 1;
        let what = format!("{story:?}, {error:?} at {nth}");
        house.world.fail_at(nth, error.clone());
        let failed = tell(story, house, 2 * nth as u32, once).await;
        let reached = failed.house.world.calm();
        assert!(failed.told.iter().all(|told| !told.contains("panicked")), "{what}: {:?}", failed.told);
        let again = tell(story, failed.house, 2 * nth as u32 + 1, failed.once).await;
        assert_eq!(again.told, expected(story), "{what}: the next one");
        check(&again.house, again.once, &what).await;
        (house, once) = (again.house, again.once);
        house.world.calm();
        if !reached {
            assert_eq!(audit::verify(&house.snapshot()).unwrap().problem, None, "{story:?}, {error:?}");
            return nth - 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_outside_and_whenever_nothing_is_lost_and_the_next_walk_ends_well() {
    for story in STORIES {
        for error in errors() {
            let calls = fails_in_turn(story, error).await;
            assert!(calls >= 3, "{story:?} makes only {calls} calls of the outside");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_operation_of_the_disk_fails_the_next_host_goes_on_well() {
    for story in STORIES {
        for number in 1u64.. {
            let what = format!("{story:?}, the disk fails at {number}");
            let house = House::new(&RULES);
            house.kernel.barrier().await.unwrap();
            house.disk.trouble_at(number, Trouble::Fail);
            let failed = tell(story, house, 1, 0).await;
            // What nobody waited for may meet it, too.
            let _ = failed.house.kernel.barrier().await;
            let reached = failed.house.disk.operations() >= number;
            failed.house.world.calm();
            let house = failed.house.crash(Tear::All);
            check_uses_at_most(&house, failed.once, &what).await;
            let made = house_uses(&house).await;
            let again = tell(story, house, 2, made).await;
            assert_eq!(again.told, expected(story), "{what}: the next one");
            check(&again.house, again.once, &what).await;
            assert_eq!(audit::verify(&again.house.snapshot()).unwrap().problem, None, "{what}");
            if !reached {
                break;
            }
        }
    }
}

/// Grants for one use that are in the store: what was not committed never was.
async fn house_uses(house: &House) -> u32 {
    house.kernel.barrier().await.unwrap();
    let grants = View(&house.snapshot()).grants().unwrap();
    grants.iter().filter(|grant| grant.uses_left.is_some() && grant.parent.is_none()).count() as u32
}

async fn check_uses_at_most(house: &House, once: u32, what: &str) {
    let made = house_uses(house).await;
    assert!(made <= once, "{what}: {made} grants, {once} were made");
    check(house, made, what).await;
}
