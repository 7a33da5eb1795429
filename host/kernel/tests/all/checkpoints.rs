//! Checkpoints: what is in one, what going back to it changes, and what it never brings back.

use crate::grants::ends;
use crate::sim::{House, MOUNT, Tear, Trouble, done, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Call, ObjectOptions, Payload, Reply, WriteMode};
use libos_kernel::model::checkpoint::Restored;
use libos_kernel::model::child::ChildOptions;
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CheckpointId, Pid};
use libos_kernel::model::question::QuestionState;
use libos_kernel::model::row::CallState;

pub const OPEN: &[&str] =
    &["allow read,write,delete fs:workspace/**", "allow ask human:owner", "allow create checkpoint:**"];

pub fn write(path: &str) -> Call {
    Call::FsWrite { path: path.into(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace }
}

pub fn create(name: &str, payload: &str) -> Call {
    let options = ObjectOptions { object_type: "note".into(), ..ObjectOptions::default() };
    Call::ObjectCreate { name: name.into(), payload: Payload::Json(payload.into()), options }
}

pub fn take(house: &House, pid: Pid) -> CheckpointId {
    house.kernel.checkpoint(pid, "to come back").unwrap().what.id
}

pub fn restore(house: &House, id: CheckpointId) -> Restored {
    house.kernel.restore(id).unwrap().what
}

/// Makes a system call in a call of its own.
pub async fn act(house: &House, pid: Pid, call: Call) -> String {
    let mut line = house.line_of(pid);
    let ended = words(&house.run(&mut line, call).await);
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_flight_are_noted_and_cut_off_and_their_questions_are_withdrawn() {
    let house = House::new(OPEN);
    let pid = house.process();
    let before = house.line_of(pid).call();
    let id = take(&house, pid);
    let asking = house.park(house.line_of(pid), Call::HumanAsk { question: "Which?".into(), queue: None }).await;
    let question = house.asked(asking);
    let restored = restore(&house, id);
    house.kernel.barrier().await.unwrap();
    let view = house.snapshot();
    let row = View(&view).checkpoint(id).unwrap().unwrap();
    assert_eq!(row.members[0].calls, [before]);
    assert_eq!(restored.interrupted, [before, asking]);
    assert_eq!(restored.withdrawn, [question]);
    for call in [before, asking] {
        let row = View(&view).call(call).unwrap().unwrap();
        assert!(matches!(&row.state, CallState::Cancelled(why) if why.contains("went back to k1")), "{row:?}");
    }
    assert!(matches!(house.question(question).state, QuestionState::Withdrawn { .. }));
    let process = View(&view).process(pid).unwrap().unwrap();
    assert_eq!((process.incarnation, process.state.word()), (1, "ready"));
    // It goes on.
    assert_eq!(act(&house, pid, write("a")).await, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_bytes_than_one_return_brings_back_are_refused_before_anything_changes() {
    let house = House::new(OPEN);
    let pid = house.process();
    let payload = format!("{:?}", "x".repeat(14 << 20));
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(act(&house, pid, create(name, &payload)).await, "done");
    }
    let id = take(&house, pid);
    for name in ["a", "b", "c", "d", "e"] {
        let small =
            Call::ObjectUpdate { name: name.into(), payload: Payload::Json("1".into()), expected_version: None };
        assert_eq!(act(&house, pid, small).await, "done");
    }
    let refused = house.kernel.restore(id).unwrap_err().to_string();
    assert!(refused.contains("73400330 bytes") && refused.contains("checkpoint fork k1"), "{refused}");
    house.kernel.barrier().await.unwrap();
    assert_eq!(View(&house.snapshot()).process(pid).unwrap().unwrap().incarnation, 0);
    assert_eq!(act(&house, pid, write("a")).await, "done", "the host goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_outside_since_stays_done_and_is_listed() {
    let house = House::new(OPEN);
    let (pid, other) = (house.process(), house.process());
    assert_eq!(act(&house, pid, write("before")).await, "done");
    let id = take(&house, pid);
    for (pid, path) in [(pid, "a"), (other, "b"), (pid, "c")] {
        assert_eq!(act(&house, pid, write(path)).await, "done");
    }
    let restored = restore(&house, id);
    assert_eq!(act(&house, pid, write("after")).await, "done");
    house.kernel.barrier().await.unwrap();
    let (effects, count) = View(&house.snapshot()).effects_since(&restored).unwrap();
    let names: Vec<&str> = effects.iter().flat_map(|effect| &effect.resources).map(String::as_str).collect();
    assert_eq!((names, count), (vec!["fs:workspace/a", "fs:workspace/c"], 2));
    assert!(effects.iter().all(|effect| effect.outcome == "done" && effect.pid == pid));
    assert!(house.world.listing().iter().any(|line| line.contains("workspace/a")), "nothing outside is undone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_brings_no_revoked_grant_back() {
    let house = House::new(&["allow ask human:owner"]);
    let pid = house.process();
    let grants = house.grant(Holder::Process(pid), "allow write fs:workspace/**", None);
    let once = house.grant(Holder::Process(pid), "allow delete fs:workspace/**", Some(1));
    let id = take(&house, pid);
    house.world.put_file(&format!("{MOUNT}/gone"), "x");
    let remove = |path: &str| Call::FsRemove { path: path.into(), recursive: false };
    assert_eq!(act(&house, pid, remove("gone")).await, "done");
    house.kernel.revoke(grants[0].id).unwrap();
    // Twice, and over a restart: what was revoked or used up stays so.
    let mut house = house;
    for _ in 0..2 {
        restore(&house, id);
        assert_eq!(act(&house, pid, write("a")).await, "denied");
        house.world.put_file(&format!("{MOUNT}/again"), "x");
        assert_eq!(act(&house, pid, remove("again")).await, "denied");
        house = house.reopen();
    }
    let held = house.kernel.grants_of(pid);
    assert!(held.iter().any(|grant| grant.id == grants[0].id && grant.revoked));
    assert!(held.iter().any(|grant| grant.id == once[0].id && grant.uses_left == Some(0)));
    // What was given since stays too.
    house.grant(Holder::Process(pid), "allow write fs:workspace/new", None);
    restore(&house, id);
    assert_eq!(act(&house, pid, write("new")).await, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_gives_no_use_back_that_was_taken_by_what_was_cut_off() {
    let house = House::new(&["allow ask human:owner"]);
    let pid = house.process();
    let once = house.grant(Holder::Process(pid), "allow ask human:other", Some(1));
    let id = take(&house, pid);
    let ask = || Call::HumanAsk { question: "Which?".into(), queue: Some("other".into()) };
    house.park(house.line_of(pid), ask()).await;
    restore(&house, id);
    assert_eq!(act(&house, pid, ask()).await, "denied");
    assert!(house.kernel.grants_of(pid).iter().any(|grant| grant.id == once[0].id && grant.uses_left == Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_deletes_no_unrelated_process() {
    let house = House::new(OPEN);
    let (pid, other) = (house.process(), house.process());
    let id = take(&house, pid);
    let later = house.process();
    let line = house.line_of(other);
    let restored = restore(&house, id);
    assert_eq!((restored.processes, restored.ended.len()), (vec![pid], 0));
    assert!(house.kernel.is_live(line.call()));
    for pid in [other, later] {
        assert_eq!(act(&house, pid, write("x")).await, "done");
        house.kernel.barrier().await.unwrap();
        assert_eq!(View(&house.snapshot()).process(pid).unwrap().unwrap().incarnation, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_erases_no_event() {
    let house = House::new(OPEN);
    let pid = house.process();
    let id = take(&house, pid);
    assert_eq!(act(&house, pid, write("a")).await, "done");
    let before = house.records().await;
    restore(&house, id);
    let after = house.records().await;
    assert_eq!(after[..before.len()], before[..]);
    let last = after.last().unwrap();
    assert_eq!((last.operation.as_str(), last.resources[0].as_str()), ("checkpoint.restore", "k1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_a_tool_asks_for_is_taken_when_its_call_has_ended() {
    let house = House::new(OPEN);
    let pid = house.process();
    let ask = |reason: &str| Call::ProcessCheckpoint { reason: reason.into() };
    let mut line = house.line_of(pid);
    let first = house.run(&mut line, ask("one")).await;
    assert_eq!(done(&first), &Reply::Text("k1".into()));
    let again = house.run(&mut line, ask("two")).await;
    assert_eq!(done(&again), &Reply::Text("k1".into()), "it is the same moment");
    house.kernel.barrier().await.unwrap();
    assert!(View(&house.snapshot()).checkpoint(CheckpointId(1)).unwrap().is_none());
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    house.kernel.barrier().await.unwrap();
    let row = View(&house.snapshot()).checkpoint(CheckpointId(1)).unwrap().unwrap();
    assert_eq!((row.call, row.reason.as_str()), (Some(line.call()), "one"));
    assert!(row.members[0].calls.is_empty(), "the call that asked is not in flight");
    assert!(row.members[0].process.checkpoint_requested.is_none());
    // Of a call that is cancelled there is none, and that is recorded.
    let mut line = house.line_of(pid);
    assert_eq!(done(&house.run(&mut line, ask("three")).await), &Reply::Text("k2".into()));
    house.kernel.cancel_call(line.call(), "enough").unwrap();
    let records = house.records().await;
    assert!(View(&house.snapshot()).checkpoint(CheckpointId(2)).unwrap().is_none());
    assert!(records.iter().any(|record| record.operation == "checkpoint.create" && record.resources == ["k2"]));
    // It needs the right, on itself.
    let other = House::new(&["allow create checkpoint:99"]);
    assert_eq!(ends(&other, &mut other.line(), ask("x")).await, "denied");
}

pub async fn read(house: &House, pid: Pid, name: &str) -> Option<(u64, String)> {
    let mut line = house.line_of(pid);
    let answer = house.run(&mut line, Call::ObjectRead { name: name.into() }).await;
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    match words(&answer).as_str() {
        "done" => match done(&answer) {
            Reply::Object(info, Payload::Json(text)) => Some((info.version, text.clone())),
            other => panic!("{other:?}"),
        },
        _ => None,
    }
}

pub fn update(name: &str, payload: &str) -> Call {
    Call::ObjectUpdate { name: name.into(), payload: Payload::Json(payload.into()), expected_version: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_goes_back_with_its_content_and_its_version_only_grows() {
    let house = House::new(OPEN);
    let pid = house.process();
    for name in ["kept", "changed", "deleted"] {
        assert_eq!(act(&house, pid, create(name, "1")).await, "done");
    }
    let id = take(&house, pid);
    let delete = |name: &str| Call::ObjectDelete { name: name.into(), expected_version: None };
    for call in [update("changed", "2"), update("changed", "3"), delete("deleted"), create("made", "1")] {
        assert_eq!(act(&house, pid, call).await, "done");
    }
    let mut house = house;
    let mut last = 3;
    for _ in 0..2 {
        let restored = restore(&house, id);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read(&house, pid, "kept").await, Some((1, "1".into())), "what did not change is not touched");
        let (version, content) = read(&house, pid, "changed").await.unwrap();
        assert!(content == "1" && version > last, "content of then, number of now: {version} {content}");
        last = version;
        assert_eq!(read(&house, pid, "deleted").await.map(|(_, content)| content), text("1"));
        assert_eq!(read(&house, pid, "made").await, None);
        assert_eq!(restored.objects, 3, "{restored:?}");
        // It can be gone back to again, also after a restart.
        for call in [update("changed", "4"), delete("deleted"), create("made", "2")] {
            assert_eq!(act(&house, pid, call).await, "done");
        }
        last += 1;
        house = house.reopen();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_checkpoint_held_goes_with_it() {
    let house = House::new(OPEN);
    let pid = house.process();
    assert_eq!(act(&house, pid, create("a", "1")).await, "done");
    let (first, second) = (take(&house, pid), take(&house, pid));
    assert_eq!(act(&house, pid, update("a", "2")).await, "done");
    let kept =
        |house: &House| house.snapshot().keys(libos_kernel::store::table::Table::ObjectVersion, &[]).unwrap().len();
    for (gone, left) in [(first, 1), (second, 0)] {
        house.kernel.remove_checkpoint(gone).unwrap();
        house.kernel.barrier().await.unwrap();
        assert_eq!(kept(&house), left, "{gone}");
    }
    assert_eq!(View(&house.snapshot()).checkpoints().unwrap(), []);
    // What nothing shows any more is not kept.
    assert_eq!(act(&house, pid, update("a", "3")).await, "done");
    house.kernel.barrier().await.unwrap();
    assert_eq!(kept(&house), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_is_not_gone_back_to() {
    let house = House::new(OPEN);
    let pid = house.process();
    let id = take(&house, pid);
    let mut line = house.line_of(pid);
    done(&house.run(&mut line, Call::ProcessExit { result: "1".into() }).await);
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    let refused = house.kernel.restore(id).unwrap_err().to_string();
    assert!(refused.contains("has ended") && refused.contains("checkpoint fork k1"), "{refused}");
    assert!(house.kernel.restore(CheckpointId(9)).unwrap_err().to_string().contains("checkpoint list"));
    house.kernel.remove_checkpoint(id).unwrap();
    assert!(house.kernel.remove_checkpoint(id).is_err());
}

/// The power goes at this operation of the disk after a restore has begun. Answers false if there is no such operation.
async fn loses_power(number: u64, tear: Tear) -> bool {
    let house = House::new(OPEN);
    let pid = house.process();
    assert_eq!(act(&house, pid, create("a", "1")).await, "done");
    let id = take(&house, pid);
    assert_eq!(act(&house, pid, update("a", "2")).await, "done");
    let since = spawn(&house, pid).await;
    let asking = house.park(house.line_of(pid), Call::HumanAsk { question: "Which?".into(), queue: None }).await;
    house.kernel.barrier().await.unwrap();
    house.disk.trouble_at(number, Trouble::Cut);
    let changed = house.kernel.restore(id);
    let confirmed = match &changed {
        Ok(changed) => house.kernel.durable(changed.durable).await.is_ok(),
        Err(_) => false,
    };
    if house.disk.operations() < number {
        return false;
    }
    let house = house.crash(tear);
    let view = house.snapshot();
    let process = View(&view).process(pid).unwrap().unwrap();
    let went = process.incarnation == 1;
    let cut_off = View(&view).call(asking).unwrap().unwrap().state.is_final();
    let withdrawn = View(&view).questions(true).unwrap().is_empty();
    let ended = View(&view).process(since).unwrap().unwrap().state.is_final();
    let back = read(&house, pid, "a").await.is_some_and(|(_, content)| content == "1");
    let recorded = house.records().await.iter().any(|record| record.operation == "checkpoint.restore");
    assert_eq!([cut_off, withdrawn, ended, back, recorded], [went; 5], "{number}: all of it or nothing");
    assert!(went || !confirmed, "{number}: what was confirmed is lost");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_loss_of_power_at_any_operation_a_restore_is_there_or_it_never_was() {
    for tear in [Tear::None, Tear::All, Tear::Some(7)] {
        let mut number = 1;
        while loses_power(number, tear).await {
            number += 1;
        }
        assert!(number > 3, "nothing was cut");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_waits_again_after_its_process_went_back() {
    let house = House::new(&["allow message process:pid/*"]);
    let (pid, other) = (house.process(), house.process());
    let send =
        |to: Pid, body: &str| Call::MessageSend { to: to.to_string(), body: body.into(), options: Default::default() };
    let receive = || Call::MessageReceive { filter: Default::default(), timeout: Some(0) };
    assert_eq!(act(&house, other, send(pid, "1")).await, "done");
    let id = take(&house, pid);
    assert_eq!(act(&house, pid, receive()).await, "done");
    // From itself it is taken back; from outside it stays, because nobody else would send it again.
    assert_eq!(act(&house, pid, send(pid, "2")).await, "done");
    assert_eq!(act(&house, other, send(pid, "3")).await, "done");
    let house = house.reopen();
    assert_eq!(restore(&house, id).messages, 2);
    let house = house.reopen();
    let mut bodies = Vec::new();
    let mut line = house.line_of(pid);
    for _ in 0..3 {
        match done(&house.run(&mut line, receive()).await) {
            Reply::Message(Some(message)) => bodies.push(message.body.clone()),
            _ => break,
        }
    }
    assert_eq!(bodies, ["1", "3"]);
}

/// Makes a child, as a call of its own.
pub async fn spawn(house: &House, parent: Pid) -> Pid {
    house.grant(Holder::Process(parent), "allow spawn process:image/*", None);
    let child = ChildOptions { image: Some("base".into()), goal: "work".into(), ..ChildOptions::default() };
    let mut line = house.line_of(parent);
    let answer = house.run(&mut line, Call::ProcessSpawn { child }).await;
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    match done(&answer) {
        Reply::Pid(pid) => *pid,
        other => panic!("{other:?}"),
    }
}

pub async fn exit(house: &House, pid: Pid) {
    assert_eq!(act(house, pid, Call::ProcessExit { result: "1".into() }).await, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_goes_back_and_what_has_ended_stays_so() {
    let house = House::new(&[]);
    let root = house.process();
    let (kept, ends, middle) = (spawn(&house, root).await, spawn(&house, root).await, spawn(&house, root).await);
    let leaves = spawn(&house, middle).await;
    assert_eq!(act(&house, kept, create("a", "1")).await, "done");
    let id = take(&house, root);
    assert_eq!(act(&house, kept, update("a", "2")).await, "done");
    let since = spawn(&house, kept).await;
    let below = spawn(&house, since).await;
    // One is handed up and on, out of the tree of the middle one; another has ended.
    assert_eq!(act(&house, root, Call::ProcessHandOver { pid: middle.to_string() }).await, "done");
    exit(&house, ends).await;
    let restored = restore(&house, id);
    assert_eq!(restored.processes, [root, kept]);
    assert_eq!((restored.gone, restored.elsewhere), (vec![ends], vec![middle, leaves]));
    let mut ended = restored.ended;
    ended.sort_unstable();
    assert_eq!(ended, [since, below]);
    let house = house.reopen();
    let view = house.snapshot();
    let state = |pid| View(&view).process(pid).unwrap().unwrap().state.word();
    assert_eq!(
        [root, kept, ends, since, below, middle].map(state),
        ["ready", "ready", "exited", "killed", "killed", "ready"]
    );
    assert_eq!(read(&house, kept, "a").await.map(|(_, content)| content), Some("1".into()));
    // The row says how it is above, and not how it was.
    assert_eq!(View(&view).process(middle).unwrap().unwrap().parent, None);
}

/// The cost is that of what there is: no count of rows written grows faster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_costs_what_changed_and_a_checkpoint_nothing_for_each_object() {
    let mut costs = Vec::new();
    for count in [20_u64, 200] {
        let house = House::new(OPEN);
        let pid = house.process();
        let mut line = house.line_of(pid);
        for number in 0..count {
            done(&house.run(&mut line, create(&format!("o{number}"), "1")).await);
        }
        house.kernel.barrier().await.unwrap();
        let bytes = |house: &House| house.kernel.uncommitted_bytes();
        let before = bytes(&house);
        let id = house.kernel.checkpoint(pid, "").unwrap().what.id;
        let taken = bytes(&house) - before;
        for number in 0..count {
            done(&house.run(&mut line, update(&format!("o{number}"), "2")).await);
        }
        house.kernel.barrier().await.unwrap();
        let restored = restore(&house, id);
        assert_eq!(restored.objects, count);
        costs.push((taken, bytes(&house) as u64 / count));
    }
    let [(few, each_of_few), (many, each_of_many)] = costs[..] else { panic!("{costs:?}") };
    assert!(many < few + few / 2, "a checkpoint grows with the objects: {costs:?}");
    assert!(each_of_many < 2 * each_of_few + 1, "a restore grows faster than what changed: {costs:?}");
}
