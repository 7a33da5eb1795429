//! The power goes at every operation of the disk, and around and in the middle of every effect: what is left is a prefix of history,
//! nothing is done twice, and what was under way is told apart.

use crate::sim::{Clerk, House, MOUNT, SimStorage, SimWorld, Tear, Trouble, words};
use libos_kernel::kernel::audit;
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::Stop;
use libos_kernel::model::call::{Call, ObjectOptions, Payload, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::EffectId;
use libos_kernel::model::image::BASE;
use libos_kernel::model::record::{Outcome, Record};
use libos_kernel::model::row::EffectState;
use libos_kernel::syscall::Line;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

const RULES: [&str; 6] = [
    "allow read,list,write,delete fs:workspace/free/**",
    "ask write,delete fs:workspace/asked/**",
    "allow ask human:owner",
    "allow sleep clock:sleep",
    "allow read fs:workspace/notes.md",
    "deny read fs:workspace/free/secret",
];
const ONCE: &str = "allow write fs:workspace/once/**";

fn write(path: &str, content: &str) -> Call {
    Call::FsWrite { path: path.into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

fn append(path: &str, content: &str) -> Call {
    Call::FsAppend { path: path.into(), content: content.into() }
}

/// The system calls of the story, and what each does outside.
fn script() -> Vec<(Call, &'static str)> {
    let text = |text: &str| text.to_owned();
    let options = ObjectOptions {
        object_type: text("note"),
        immutable: false,
        title: text(""),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    vec![
        (Call::FsRead { path: text("notes.md") }, ""),
        (write("free/a", "1"), "fs.write fs:workspace/free/a 1"),
        (append("free/log", "first;"), "fs.append fs:workspace/free/log first;"),
        (write("once/x", "once"), "fs.write fs:workspace/once/x once"),
        (write("once/x", "twice"), ""),
        (Call::HumanAsk { question: text("Which?"), queue: None }, ""),
        (write("asked/z", "yes"), "fs.write fs:workspace/asked/z yes"),
        (Call::ObjectCreate { name: text("o"), payload: Payload::Json("1".repeat(70_000)), options }, ""),
        (append("free/log", "second;"), "fs.append fs:workspace/free/log second;"),
        (Call::FsMakeDir { path: text("free/made") }, "fs.make-dir fs:workspace/free/made"),
        (Call::ClockSleep { nanoseconds: 10 }, ""),
        (
            Call::FsRename { old: text("free/old"), new: text("free/made/new"), replace: false },
            "fs.rename fs:workspace/free/old fs:workspace/free/made/new",
        ),
        (Call::FsRemove { path: text("free/gone"), recursive: false }, "fs.remove fs:workspace/free/gone"),
        (
            Call::FsCopy { source: text("free/a"), target: text("free/copy"), replace: false },
            "fs.write fs:workspace/free/copy 1",
        ),
    ]
}

fn outside() -> (Arc<SimWorld>, SimStorage) {
    let disk = SimStorage::default();
    let world = SimWorld::new(MOUNT, disk.clone());
    for name in ["free", "once", "asked"] {
        world.put_directory(&format!("{MOUNT}/{name}"));
    }
    for name in ["notes.md", "free/old", "free/gone"] {
        world.put_file(&format!("{MOUNT}/{name}"), name);
    }
    (Arc::new(world), disk)
}

/// What somebody outside has seen of the log: it may never change again.
#[derive(Default)]
struct Witness {
    seen: Vec<Vec<u8>>,
}

impl Witness {
    /// Looks at what is committed, as far as the disk can be read.
    fn look(&mut self, house: &House) {
        let Ok(snapshot) = house.kernel.snapshot() else { return };
        let from = self.seen.len() as u64;
        let mut new = Vec::new();
        let read = snapshot.log(from, |_, stored| {
            new.push(stored.bytes);
            Ok(ControlFlow::Continue(()))
        });
        if read.is_ok() {
            self.seen.extend(new);
        }
    }

    /// What was seen is still there.
    fn check(&self, house: &House, what: &str) {
        let mut now = Witness::default();
        now.look(house);
        assert!(now.seen.starts_with(&self.seen), "{what}: a record that was seen is gone or changed");
    }
}

fn host(error: impl ToString) -> Stop {
    Stop::Host(error.to_string())
}

/// Starts the story, or goes on with it wherever it was stopped.
async fn line(house: &House) -> Result<Option<Line>, Stop> {
    let snapshot = house.kernel.snapshot().map_err(host)?;
    let view = View(&snapshot);
    if view.policy().map_err(host)?.is_none() {
        house.furnish(&RULES).map_err(host)?;
    }
    if !view.grants().map_err(host)?.iter().any(|grant| grant.uses_left.is_some()) {
        house.kernel.grant(crate::sim::new_grant(Holder::Image(BASE.into()), ONCE, Some(1))).map_err(host)?;
    }
    let Some(known) = view.calls().map_err(host)?.pop() else {
        let pid = house.kernel.new_process(BASE, false).map_err(host)?;
        let started = house.kernel.start_call(house.start(pid)).map_err(host)?;
        return Ok(Some(Line::new(Arc::clone(&house.kernel), &started)));
    };
    if known.state.is_final() {
        return Ok(None);
    }
    // It may still wait: then what it waits for comes now.
    house.end_wait(known.id, &Clerk::default()).await?;
    let started = house.kernel.resume_call(known.id).await.map_err(host)?;
    Ok(Some(Line::new(Arc::clone(&house.kernel), &started)))
}

/// The story, as far as the disk lets it go. Answers how each system call ended.
async fn tell(house: &House, witness: &mut Witness) -> Result<Vec<String>, Stop> {
    let mut ended = Vec::new();
    let Some(mut line) = line(house).await? else { return Ok(ended) };
    for (call, _) in script() {
        let answer = house.run(&mut line, call).await;
        witness.look(house);
        ended.push(words(&Ok(answer?)));
    }
    let end = house.kernel.end_call(line.call(), Ok("null".into()))?;
    house.kernel.durable(end.durable).await?;
    witness.look(house);
    Ok(ended)
}

/// Everything that must hold of a store whenever it is opened.
async fn check_store(house: &House, what: &str) {
    let records = house.records().await;
    let verified = audit::verify(&house.snapshot()).unwrap();
    assert_eq!(verified.problem, None, "{what}");
    let mut effects: BTreeMap<EffectId, (u32, Vec<&Outcome>)> = BTreeMap::new();
    for record in &records {
        if let Some(effect) = record.effect {
            let (intents, ends) = effects.entry(effect).or_default();
            match &record.outcome {
                Outcome::Intent => *intents += 1,
                outcome => ends.push(outcome),
            }
        }
    }
    for (effect, (intents, ends)) in &effects {
        assert_eq!((*intents, ends.len()), (1, 1), "{what}: {effect} ended {ends:?}");
    }
    let open = View(&house.snapshot()).effects().unwrap();
    assert!(open.iter().all(|row| row.state == EffectState::Unknown), "{what}: {open:?}");
    for grant in View(&house.snapshot()).grants().unwrap() {
        assert!(grant.uses_left.is_none_or(|uses| uses <= 1), "{what}: {grant}");
    }
    check_against_world(house, &records, what);
}

/// What the log says of each effect is what happened.
fn check_against_world(house: &House, records: &[Record], what: &str) {
    for (position, (_, effect)) in script().into_iter().enumerate().filter(|(_, (_, effect))| !effect.is_empty()) {
        let of_effect = |record: &&Record| record.effect.is_some() && record.position == Some(position as u32);
        let here = records.iter().filter(of_effect);
        let ends = |wanted: Outcome| here.clone().filter(|record| record.outcome == wanted).count();
        let (done, unknown, times) = (ends(Outcome::Done), ends(Outcome::Unknown), house.world.count(effect));
        assert!(done + unknown <= 1, "{what}: position {position} ended {done} times");
        let right = if unknown == 1 { times <= 1 } else { times == done };
        assert!(right, "{what}: '{effect}' was done {times} times, the log says {done}");
    }
}

/// What is left in the end: everything once, but for what nobody knows.
fn check_end(house: &House, ended: &[String], what: &str) {
    for (position, (_, effect)) in script().into_iter().enumerate().filter(|(_, (_, effect))| !effect.is_empty()) {
        // A call that had ended before has nothing more to say: then all was done.
        let ended = ended.get(position).map_or("done", String::as_str);
        let times = house.world.count(effect);
        let unknown = ended.starts_with("nobody knows");
        assert!(times == 1 || (unknown && times == 0), "{what}: '{effect}' was done {times} times and {ended}");
        assert!(unknown || ended == "done", "{what}: {ended}");
    }
    assert_eq!(house.world.count("fs.write fs:workspace/once/x twice"), 0, "{what}: once was twice");
}

fn tear(number: u64) -> Tear {
    match number % 3 {
        0 => Tear::None,
        1 => Tear::All,
        _ => Tear::Some(number),
    }
}

/// This happens at this operation of the disk; the story goes on in another host. False if it ended before.
async fn check(number: u64, trouble: Trouble, tear: Tear) -> bool {
    let what = format!("{trouble:?} at {number}");
    let (world, disk) = outside();
    disk.trouble_at(number, trouble);
    let mut witness = Witness::default();
    if let Ok(house) = House::open(Arc::clone(&world), disk.clone()) {
        // It ends where the disk does.
        let _ = tell(&house, &mut witness).await;
        disk.cut();
        house.kernel.shutdown();
    }
    let missed = disk.operations() < number;
    disk.recover(tear);
    let house = House::open(world, disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    witness.check(&house, &what);
    check_store(&house, &what).await;
    let ended = tell(&house, &mut witness).await.unwrap_or_else(|stop| panic!("{what}: {stop}"));
    check_store(&house, &what).await;
    check_end(&house, &ended, &what);
    !missed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_loss_of_power_at_any_operation_of_the_disk_the_story_goes_on() {
    let mut number = 1;
    while check(number, Trouble::Cut, tear(number)).await {
        number += 1;
    }
    assert!(number > 100, "the story has only {number} operations of the disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failure_at_an_operation_of_the_disk_the_story_goes_on_in_a_new_host() {
    // The outside goes on as if nothing had been: a host that went on too would be seen there.
    let mut number = 3;
    while check(number, Trouble::Fail, Tear::All).await {
        number += 7;
    }
}
