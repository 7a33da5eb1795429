//! Messages between processes: handed over once, in order, to whoever wants them, over restarts and losses of power.

use crate::sim::{Clerk, House, SimStorage, SimWorld, Tear, Trouble, done, words};
use libos_kernel::model::answer::{Answer, CallError, Stop};
use libos_kernel::model::call::{Call, Called, Reply};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::limit::{MESSAGE_BYTES_MAX, MESSAGES_WAITING_BYTES_MAX, MESSAGES_WAITING_MAX};
use libos_kernel::model::message::{Message, MessageFilter, MessageKind, MessageOptions};
use libos_kernel::model::record::Outcome;
use libos_kernel::store::table::Table;
use libos_kernel::syscall::Line;
use std::sync::Arc;

const RULES: [&str; 5] = [
    "allow message process:pid/*",
    "allow sleep clock:sleep",
    "allow ask human:owner",
    "allow call tool:*",
    "allow write fs:workspace/**",
];

fn on(channel: &str, kind: MessageKind) -> MessageOptions {
    MessageOptions { kind, channel: channel.into(), correlation: None }
}

fn send(to: Pid, body: &str, options: MessageOptions) -> Call {
    Call::MessageSend { to: to.to_string(), body: body.into(), options }
}

fn normal(to: Pid, body: &str) -> Call {
    send(to, body, MessageOptions::default())
}

fn receive(channel: &str, timeout: Option<u64>) -> Call {
    let channel = (!channel.is_empty()).then(|| channel.to_owned());
    Call::MessageReceive { filter: MessageFilter { channel, ..MessageFilter::default() }, timeout }
}

/// The message that a receive was answered with.
#[track_caller]
fn got(answer: &Result<Arc<Answer>, Stop>) -> Option<Message> {
    match done(answer) {
        Reply::Message(message) => message.clone(),
        other => panic!("{other:?} is no message"),
    }
}

#[track_caller]
fn body(answer: &Result<Arc<Answer>, Stop>) -> String {
    got(answer).map_or_else(|| "nothing".into(), |message| message.body)
}

/// Sends, from a new process.
async fn sent(house: &House, call: Call) -> String {
    words(&house.run(&mut house.line(), call).await)
}

/// Goes on with a call that has left memory, at the import where it waited.
async fn go_on(house: &House, call: CallId, import: Call) -> Result<Arc<Answer>, Stop> {
    let mut line = house.resume(call).await;
    house.run(&mut line, import).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_handed_over_in_the_order_of_sending_interrupts_first() {
    let house = House::new(&RULES);
    let pid = house.process();
    let mut line = house.line_of(pid);
    for (body, kind) in [("1", "normal"), ("2", "interrupt"), ("3", "normal"), ("4", "interrupt")] {
        let kind = if kind == "normal" { MessageKind::Normal } else { MessageKind::Interrupt };
        assert_eq!(sent(&house, send(pid, body, on("", kind))).await, "done");
    }
    // Some are on the disk by now and some are not.
    house.kernel.barrier().await.unwrap();
    assert_eq!(sent(&house, normal(pid, "5")).await, "done");
    assert_eq!(sent(&house, send(pid, "6", on("", MessageKind::Interrupt))).await, "done");
    let count = house.run(&mut line, Call::MessagePending).await;
    assert_eq!(done(&count), &Reply::Count(6));
    let mut order = Vec::new();
    for _ in 0..7 {
        order.push(body(&house.run(&mut line, receive("", Some(0))).await));
    }
    assert_eq!(order, ["2", "4", "6", "1", "3", "5", "nothing"]);
    let count = house.run(&mut line, Call::MessagePending).await;
    assert_eq!(done(&count), &Reply::Count(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_takes_what_it_wants_and_leaves_the_rest() {
    let house = House::new(&RULES);
    let pid = house.process();
    let mut line = house.line_of(pid);
    let mut sender = house.line();
    for (body, channel) in [("1", "a"), ("2", "b"), ("3", "a")] {
        done(&house.run(&mut sender, send(pid, body, on(channel, MessageKind::Normal))).await);
    }
    let correlation = Some("x".to_owned());
    let options = MessageOptions { correlation: correlation.clone(), ..MessageOptions::default() };
    done(&house.run(&mut sender, send(pid, "4", options)).await);
    assert_eq!(body(&house.run(&mut line, receive("b", Some(0))).await), "2");
    let wanted = MessageFilter { correlation, ..MessageFilter::default() };
    let by_correlation = Call::MessageReceive { filter: wanted, timeout: None };
    let answer = house.run(&mut line, by_correlation).await;
    let message = got(&answer).unwrap();
    assert_eq!((message.body.as_str(), message.sent), ("4", house.kernel.now()));
    let from = |pid: String| Call::MessageReceive {
        filter: MessageFilter { from: Some(pid), ..MessageFilter::default() },
        timeout: Some(0),
    };
    assert_eq!(body(&house.run(&mut line, from("p999".into())).await), "nothing");
    assert_eq!(body(&house.run(&mut line, from(message.from.to_string())).await), "1");
    assert_eq!(body(&house.run(&mut line, receive("", None)).await), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_receiver_that_waits_gets_what_it_wants_and_the_one_that_waited_longest_first() {
    let house = House::new(&RULES);
    let pid = house.process();
    let mut waits = Vec::new();
    for channel in ["b", "a", "a", ""] {
        waits.push((house.park(house.line_of(pid), receive(channel, None)).await, channel));
        house.world.pass(1);
    }
    let house = house.reopen();
    // The one without a filter waits shorter than those on `a`, and gets what nobody before it wants.
    let rows = [("a", 1), ("a", 2), ("a", 3), ("b", 0)];
    for (channel, receiver) in rows {
        assert_eq!(sent(&house, send(pid, "1", on(channel, MessageKind::Normal))).await, "done");
        assert_eq!(house.kernel.take_runnable(), [waits[receiver].0], "{channel}");
    }
    for (call, channel) in waits {
        assert_eq!(body(&go_on(&house, call, receive(channel, None)).await), "1", "{channel}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_in_memory_is_woken_by_the_message() {
    let house = House::new(&RULES);
    let pid = house.process();
    let mut line = house.line_of(pid);
    let mut waiting = line.waiting();
    let (received, _) = tokio::join!(line.run(receive("", None)), async {
        waiting.wait_for(Option::is_some).await.unwrap();
        assert_eq!(sent(&house, normal(pid, "1")).await, "done");
    });
    assert_eq!(body(&received), "1");
    let records = house.records_of(line.call()).await;
    let outcomes: Vec<&Outcome> = records.iter().map(|record| &record.outcome).collect();
    assert_eq!(outcomes, [&Outcome::Waiting, &Outcome::Done]);
    assert_eq!(records[1].detail.as_deref(), Some("m1 from p2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_handed_over_is_not_handed_over_again() {
    let house = House::new(&RULES);
    let pid = house.process();
    assert_eq!(sent(&house, normal(pid, "1")).await, "done");
    let mut line = house.line_of(pid);
    let call = line.call();
    assert_eq!(body(&house.run(&mut line, receive("", None)).await), "1");
    drop(line);
    house.kernel.drop_call(call);
    let house = house.reopen();
    let mut line = house.resume(call).await;
    assert_eq!(body(&house.run(&mut line, receive("", None)).await), "1", "its journal has it");
    assert_eq!(body(&house.run(&mut line, receive("", Some(0))).await), "nothing");
    assert_eq!(body(&house.run(&mut house.line_of(pid), receive("", Some(0))).await), "nothing");
}

#[tokio::test]
async fn a_time_out_and_a_message_end_a_wait_once() {
    for message_first in [true, false] {
        let house = House::new(&RULES);
        let pid = house.process();
        let call = house.park(house.line_of(pid), receive("", Some(10))).await;
        let due = house.kernel.next_timer().unwrap();
        house.world.set_clock(due);
        if message_first {
            assert_eq!(sent(&house, normal(pid, "1")).await, "done");
            house.kernel.fire_timers_due();
        } else {
            house.kernel.fire_timers_due();
            assert_eq!(sent(&house, normal(pid, "1")).await, "done");
        }
        assert_eq!(house.kernel.take_runnable(), [call]);
        assert_eq!(house.kernel.next_timer(), None);
        let mut line = house.resume(call).await;
        let both = [receive("", Some(10)), receive("", Some(0))];
        let mut bodies = Vec::new();
        for import in both {
            bodies.push(body(&house.run(&mut line, import).await));
        }
        let want = if message_first { ["1", "nothing"] } else { ["nothing", "1"] };
        assert_eq!(bodies, want, "{message_first}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_ends_sleeps_and_receives_and_not_what_people_and_tools_owe() {
    let house = House::new(&RULES);
    let pid = house.process();
    let sleep = || Call::ClockSleep { nanoseconds: 1_000_000 };
    let ask = || Call::HumanAsk { question: "Which?".into(), queue: None };
    let other = || Call::ToolCall { tool: "echo".into(), arguments: "{}".into() };
    let sleeps = house.park(house.line_of(pid), sleep()).await;
    let receives = house.park(house.line_of(pid), receive("else", Some(1_000_000))).await;
    let asks = house.park(house.line_of(pid), ask()).await;
    let calls = house.park(house.line_of(pid), other()).await;
    let gets = house.park(house.line_of(pid), receive("", None)).await;
    house.kernel.take_runnable();
    assert_eq!(sent(&house, send(pid, "1", on("", MessageKind::Interrupt))).await, "done");
    let mut woken = house.kernel.take_runnable();
    woken.sort_unstable();
    assert_eq!(woken, [sleeps, receives, gets]);
    assert_eq!(house.kernel.next_timer(), None);
    for (call, import) in [(sleeps, sleep()), (receives, receive("else", Some(1_000_000)))] {
        let ended = words(&go_on(&house, call, import).await);
        assert_eq!(ended, "interrupted: m1 came from p2");
    }
    assert_eq!(body(&go_on(&house, gets, receive("", None)).await), "1");
    let clerk = Clerk { text: "7", ..Clerk::default() };
    for call in [asks, calls] {
        house.end_wait(call, &clerk).await.unwrap();
    }
    assert_eq!(done(&go_on(&house, asks, ask()).await), &Reply::Text("7".into()));
    assert_eq!(done(&go_on(&house, calls, other()).await), &Reply::Called(Called::Done("7".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_has_so_many_messages_and_bytes_and_the_sender_learns_it() {
    let large = format!("\"{}\"", "x".repeat(MESSAGE_BYTES_MAX - 2));
    for (body, most) in
        [("1", u64::from(MESSAGES_WAITING_MAX)), (&large, MESSAGES_WAITING_BYTES_MAX / large.len() as u64)]
    {
        let house = House::new(&RULES);
        let pid = house.process();
        let mut sender = house.line();
        let mut fitted = 0;
        let refused = loop {
            match words(&house.run(&mut sender, normal(pid, body)).await) {
                ended if ended == "done" => fitted += 1,
                refused => break refused,
            }
            assert!(fitted <= most);
        };
        assert!(refused.starts_with("too large: "), "{refused}");
        assert!(fitted >= most - 1, "{fitted} of {most}");
        // The bound is of what waits, also in the next host; and whoever waits gets his message all the same.
        let (house, call) = (house.reopen(), sender.call());
        let mut sender = house.resume(call).await;
        for _ in 0..=fitted {
            house.run(&mut sender, normal(pid, body)).await.unwrap();
        }
        assert!(words(&house.run(&mut sender, normal(pid, body)).await).starts_with("too large: "));
        let waits = house.park(house.line_of(pid), receive("else", None)).await;
        assert_eq!(words(&house.run(&mut sender, send(pid, body, on("else", MessageKind::Normal))).await), "done");
        assert!(house.kernel.take_runnable().contains(&waits));
        let mut line = house.line_of(pid);
        got(&house.run(&mut line, receive("", Some(0))).await).unwrap();
        assert_eq!(words(&house.run(&mut sender, normal(pid, body)).await), "done");
    }
    let house = House::new(&RULES);
    let pid = house.process();
    let too_large = sent(&house, normal(pid, &format!("\"{}\"", "x".repeat(MESSAGE_BYTES_MAX)))).await;
    assert!(too_large.starts_with("too large: the body"), "{too_large}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_to_send_says_the_same_of_who_was_there_and_who_was_not() {
    for (rules, want) in [(&[][..], "denied"), (&RULES[..1], "not found: p* is no live process")] {
        let house = House::new(rules);
        let gone = house.process();
        house.kernel.end_unused_process(gone, "enough");
        let mut line = house.line();
        for other in [gone, Pid(99)] {
            let ended = words(&house.run(&mut line, normal(other, "1")).await);
            assert_eq!(ended.replace(&other.to_string(), "p*"), want);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_may_send_to_itself_unless_a_rule_denies_or_asks() {
    for (rule, want) in [
        ("allow sleep clock:sleep", "done"),
        ("deny message process:pid/*", "denied"),
        ("ask message process:pid/*", "waits"),
    ] {
        let house = House::new(&[rule]);
        let pid = house.process();
        let mut line = house.line_of(pid);
        let (call, mut waiting) = (line.call(), line.waiting());
        let ended = tokio::select! {
            biased;
            answer = line.run(normal(pid, "1")) => words(&answer),
            waits = waiting.wait_for(Option::is_some) => { drop(waits); "waits".into() }
        };
        assert_eq!(ended, want, "{rule}");
        if want == "waits" {
            house.asked(call);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_declares_no_messages_sends_none() {
    let house = House::new(&RULES);
    let pid = house.process();
    let needs = Some(&["sleep clock:sleep"][..]);
    house.kernel.add_tools(b"other", &["message".into()], vec![crate::sim::tool("quiet", needs)], true).unwrap();
    let start = libos_kernel::kernel::StartCall { tool: "quiet".into(), ..house.start(pid) };
    let mut line = Line::new(Arc::clone(&house.kernel), &house.kernel.start_call(start).unwrap());
    assert_eq!(words(&house.run(&mut line, normal(pid, "1")).await), "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_drops_its_queue() {
    let house = House::new(&RULES);
    let (pid, stays) = (house.process(), house.process());
    for to in [pid, pid, stays] {
        assert_eq!(sent(&house, normal(to, "1")).await, "done");
    }
    house.kernel.barrier().await.unwrap();
    assert_eq!(sent(&house, normal(pid, "2")).await, "done");
    house.kernel.end_unused_process(pid, "enough");
    house.kernel.barrier().await.unwrap();
    assert_eq!(house.snapshot().keys(Table::Message, &[]).unwrap().len(), 1);
    let mut line = house.line_of(stays);
    assert_eq!(body(&house.run(&mut line, receive("", Some(0))).await), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_receiver_takes_no_message() {
    let house = House::new(&RULES);
    let pid = house.process();
    let call = house.park(house.line_of(pid), receive("", Some(10))).await;
    house.kernel.cancel_call(call, "enough").unwrap();
    assert_eq!(house.kernel.next_timer(), None);
    assert_eq!(sent(&house, normal(pid, "1")).await, "done");
    assert_eq!(body(&house.run(&mut house.line_of(pid), receive("", Some(0))).await), "1");
}

#[tokio::test]
async fn what_makes_no_sense_is_said() {
    let house = House::new(&RULES);
    let pid = house.process();
    for (call, want) in [
        (normal(pid, "{"), "invalid: not JSON"),
        (
            Call::MessageSend { to: "me".into(), body: "1".into(), options: MessageOptions::default() },
            "'me' is not a process",
        ),
        (receive("", Some(u64::MAX)), "ten years"),
        (receive(&"x".repeat(200), None), "too large: a channel"),
    ] {
        let ended = sent(&house, call).await;
        assert!(ended.contains(want), "{ended}");
    }
}

/// Sends numbers to a process that receives them. With the power gone at one operation of the disk, both go on in another host. Answers what
/// was received, in order, and the operations of the disk.
async fn story(cut_at: Option<u64>) -> (Vec<String>, u64) {
    const COUNT: usize = 12;
    let disk = SimStorage::default();
    let world = Arc::new(SimWorld::new(crate::sim::MOUNT, disk.clone()));
    let house = House::open(world, disk).unwrap();
    house.furnish(&RULES).unwrap();
    let (from, to) = (house.process(), house.process());
    let (mut sends, mut receives) = (house.line_of(from), house.line_of(to));
    let calls = [sends.call(), receives.call()];
    house.kernel.barrier().await.unwrap();
    let before = house.disk.operations();
    if let Some(number) = cut_at {
        house.disk.trouble_at(number, Trouble::Cut);
    }
    let mut house = house;
    let mut got = Vec::new();
    let mut number = 0;
    while got.len() < COUNT {
        let round = async |house: &House, sends: &mut Line, receives: &mut Line, number: usize| {
            house.run(sends, normal(to, &number.to_string())).await?;
            if number % 3 == 2 {
                house.kernel.barrier().await?;
            }
            let answer = house.run(receives, receive("", Some(0))).await?;
            // What anybody outside learns waits for the disk.
            house.kernel.barrier().await?;
            Ok::<_, Stop>(body(&Ok(answer)))
        };
        match round(&house, &mut sends, &mut receives, number).await {
            Ok(body) => {
                got.push(body);
                number += 1;
            }
            Err(_) => {
                house = house.crash(Tear::None);
                // Both calls start again from their beginning, and are answered from their journals as far as these go.
                (sends, receives) = (house.resume(calls[0]).await, house.resume(calls[1]).await);
                (got, number) = (Vec::new(), 0);
            }
        }
    }
    (got, house.disk.operations() - if cut_at.is_some() { 0 } else { before })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_loss_of_power_at_any_operation_nothing_is_lost_and_nothing_comes_twice() {
    let want: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    let (calm, operations) = story(None).await;
    assert_eq!(calm, want);
    assert!(operations > 20, "{operations}");
    for number in (1..operations).step_by(3) {
        assert_eq!(story(Some(number)).await.0, want, "the power went at {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_grant_allows_ends_with_it() {
    let house = House::new(&[]);
    let (from, to) = (house.process(), house.process());
    let mut line = house.line_of(from);
    assert_eq!(words(&house.run(&mut line, normal(to, "1")).await), "denied");
    house.grant(Holder::Process(from), &format!("allow message process:pid/{}", to.0), Some(1));
    assert_eq!(words(&house.run(&mut line, normal(to, "1")).await), "done");
    let again = house.run(&mut line, normal(to, "1")).await.unwrap();
    assert!(matches!(&*again, Answer::Failed(CallError::Denied(_))), "{again:?}");
}
