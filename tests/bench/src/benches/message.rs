//! Processes that sleep and exchange messages, few and many: what one message costs must not grow with them. The store is in memory, so
//! that the disk hides nothing.

use crate::measure::{each, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Nothing};
use libos::kernel::kernel::Kernel;
use libos::kernel::model::call::Call;
use libos::kernel::model::id::{CallId, Pid};
use libos::kernel::model::message::{MessageFilter, MessageOptions};
use libos::kernel::store::disk::Memory;
use libos::kernel::syscall::Line;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::sync::Arc;
use tokio::runtime::Handle;

const ROUNDS: usize = 9;
const FEW: usize = 10;
const MANY: usize = 10_000;
/// Messages of one turn.
const COUNT: usize = 200;

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    let (few, many) = (Stage::new(tokio.handle(), FEW), Stage::new(tokio.handle(), MANY));
    type Frame = (&'static str, &'static str, fn(&Stage));
    let frames: [Frame; 2] = [
        ("message.queue", "a message is sent to a queue and received", Stage::queue),
        ("message.exchange", "a message wakes a call that left memory, which waits for the next one", Stage::exchange),
    ];
    for (name, what, exchange) in frames {
        let [few, many] = turns(ROUNDS, [&mut || few.cost(exchange), &mut || many.cost(exchange)]);
        let row = Row::time(name, format!("{what}, beside {MANY} processes that wait"), many);
        report.row(row.against(format!("beside {FEW}"), few).target(Target::TimesAtMost(2.0)));
    }
}

/// Processes, half of which wait for a message and half of which sleep, all of them out of memory.
struct Stage {
    on: Handle,
    kernel: Arc<Kernel>,
    receivers: RefCell<Vec<(Pid, CallId)>>,
    sender: Pid,
    next: Cell<usize>,
}

fn receive(timeout: Option<u64>) -> Call {
    Call::MessageReceive { filter: MessageFilter::default(), timeout }
}

/// Makes a system call that must wait, and lets its call go from memory.
fn park(kernel: &Kernel, mut line: Line, call: Call) {
    let id = line.call();
    let waits = stage::poll(pin!(line.run(call))).is_none();
    assert!(waits && kernel.park_call(id));
}

impl Stage {
    fn new(on: &Handle, count: usize) -> Stage {
        let kernel = stage::kernel_with_tool(Arc::new(Memory::default()), Arc::new(Nothing));
        let mut receivers = Vec::with_capacity(count / 2);
        for number in 0..count {
            let pid = stage::process(&kernel);
            let line = stage::line(&kernel, pid);
            if number % 2 == 0 {
                receivers.push((pid, line.call()));
                park(&kernel, line, receive(None));
            } else {
                park(&kernel, line, Call::ClockSleep { nanoseconds: 1_000_000_000_000_000 });
            }
            if number % 500 == 499 {
                on.block_on(kernel.barrier()).unwrap();
            }
        }
        on.block_on(kernel.barrier()).unwrap();
        let sender = stage::process(&kernel);
        let receivers = RefCell::new(receivers);
        Stage { on: on.clone(), kernel, receivers, sender, next: Cell::new(0) }
    }

    /// Nanoseconds of one; what it leaves for the disk is brought there outside the time.
    fn cost(&self, exchange: fn(&Stage)) -> f64 {
        let cost = each(COUNT, || exchange(self));
        self.on.block_on(self.kernel.barrier()).unwrap();
        cost
    }

    fn send(&self, line: &mut Line, to: Pid) {
        let options = MessageOptions { channel: "work".into(), ..MessageOptions::default() };
        let call = Call::MessageSend { to: to.to_string(), body: r#"{"what":"the next part"}"#.into(), options };
        self.on.block_on(stage::done(line, call));
    }

    fn queue(&self) {
        let mut line = stage::line(&self.kernel, self.sender);
        for _ in 0..COUNT {
            self.send(&mut line, self.sender);
            self.on.block_on(stage::done(&mut line, receive(Some(0))));
        }
        self.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    }

    fn exchange(&self) {
        let mut line = stage::line(&self.kernel, self.sender);
        let mut receivers = self.receivers.borrow_mut();
        let count = receivers.len();
        for _ in 0..COUNT {
            let next = self.next.get();
            self.next.set(next + 1);
            let (to, call) = receivers[next % count];
            self.send(&mut line, to);
            assert_eq!(self.kernel.take_runnable(), [call]);
            let started = self.on.block_on(self.kernel.resume_call(call)).unwrap();
            let mut woken = Line::new(Arc::clone(&self.kernel), &started);
            self.on.block_on(stage::done(&mut woken, receive(None)));
            self.kernel.end_call(call, Ok("null".into())).unwrap();
            let next_line = stage::line(&self.kernel, to);
            receivers[next % count].1 = next_line.call();
            park(&self.kernel, next_line, receive(None));
        }
        self.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    }
}
