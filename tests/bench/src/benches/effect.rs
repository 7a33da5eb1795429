//! A change of the outside: its intent is on the disk before it starts. One caller against append and sync; many against the database
//! alone, which commits the same rows in groups.

use crate::measure::{each, keep, nanoseconds, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Nothing, Scratch};
use libos::kernel::kernel::view::View;
use libos::kernel::kernel::{Kernel, Place};
use libos::kernel::model::answer::Answer;
use libos::kernel::model::call::{Call, Reply};
use libos::kernel::model::codec::to_bytes;
use libos::kernel::model::id::{CallId, EffectId, EffectKey, Pid};
use libos::kernel::model::resource::{Kind, Resource};
use libos::kernel::model::row::{Before, EffectRow, EffectState, JournalRow, Probe};
use libos::kernel::model::time::Time;
use redb::{Builder, Database, TableDefinition, WriteTransaction};
use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

const ROUNDS: usize = 9;
/// Effects of one turn of one caller.
const EFFECTS: usize = 60;
const CALLERS: usize = 256;
/// How long many callers are measured in one turn.
const WINDOW: Duration = Duration::from_millis(700);
const CONTENT: usize = 200;

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    one(report, tokio.handle());
    many(report, tokio.handle());
    unawaited(report, tokio.handle());
}

/// What nobody waits for reaches the disk all the same, after 50 ms.
fn unawaited(report: &mut Report, on: &Handle) {
    const PATIENCE: Duration = Duration::from_millis(300);
    let scratch = Scratch::new("effect-unawaited");
    let kernel = stage::kernel_with_tool(scratch.storage(), Arc::new(Nothing));
    let size = || View(&kernel.snapshot().unwrap()).log_size().unwrap();
    let mut change = || {
        on.block_on(kernel.barrier()).unwrap();
        // Until the thread that commits has seen that there is nothing more to do.
        std::thread::sleep(Duration::from_millis(60));
        let before = size();
        let began = Instant::now();
        stage::process(&kernel);
        while size() == before && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        nanoseconds(began.elapsed())
    };
    let [took] = turns(3, [&mut change]);
    let what =
        format!("a change that nobody waits for, until it is committed; given up after {} ms", PATIENCE.as_millis());
    report.row(Row::time("effect.unawaited", what, took).target(Target::AtMost(60e6)));
}

fn append() -> Call {
    Call::FsAppend { path: "log.txt".into(), content: vec![b'x'; CONTENT] }
}

fn one(report: &mut Report, on: &Handle) {
    let (real, log_only, plain) = (Scratch::new("effect"), Scratch::new("effect-log"), Scratch::new("effect-redb"));
    let real_kernel = stage::kernel_with_tool(real.storage(), real.world());
    let idle_kernel = stage::kernel_with_tool(log_only.storage(), Arc::new(Nothing));
    let effects = |kernel: &Arc<Kernel>| {
        let mut line = stage::line(kernel, stage::process(kernel));
        on.block_on(kernel.barrier()).unwrap();
        each(EFFECTS, || {
            on.block_on(async {
                for _ in 0..EFFECTS {
                    stage::done(&mut line, append()).await;
                }
            });
        })
    };
    let mut file = open_to_append(&real.workspace().join("baseline.txt"));
    let sync = || {
        each(EFFECTS, || {
            for _ in 0..EFFECTS {
                file.write_all(&[b'x'; CONTENT]).unwrap();
                file.sync_data().unwrap();
            }
        })
    };
    let rows = Rows::new();
    let database = rows.database(&plain.data().join("baseline.redb"));
    let number = Cell::new(0);
    let commits = |safety| {
        each(EFFECTS, || {
            for _ in 0..EFFECTS {
                rows.commit(&database, number.replace(number.get() + 1), 1, safety);
            }
        })
    };
    let hop = || each(EFFECTS, || on.block_on(hops(EFFECTS)));
    let costs = turns(
        ROUNDS,
        [
            &mut || effects(&real_kernel),
            &mut || effects(&idle_kernel),
            &mut { sync },
            &mut || commits(AS_THE_STORE),
            &mut || commits(Safety { two_phase: true, quick_repair: false }),
            &mut || commits(Safety { two_phase: false, quick_repair: false }),
            &mut { hop },
        ],
    );
    let against = "append + fdatasync";
    let row =
        Row::time("effect.one", format!("fs.append of {CONTENT} B: intent durable, then append + fdatasync"), costs[0]);
    let row = row.against(against, costs[2]).target(Target::TimesAtMost(3.2));
    let row = row.phase("the log's part, over an outside that does nothing", costs[1]);
    let row = row.phase("of it: the database alone, same rows, same settings", costs[3]);
    let row = row.phase("the same without quick repair", costs[4]);
    let row = row.phase("the same with one phase and without quick repair", costs[5]);
    let row = row.phase("a task and a thread that may block, without work", costs[6]);
    let row = row.phase("append + fdatasync alone", costs[2]);
    report.row(
        row.note("Counted: one commit (the outcome of the effect before goes with it) and the effect's own fdatasync."),
    );
    let row = Row::time("effect.log", "the same over an outside that does nothing: the log's part", costs[1]);
    report.row(row.against(against, costs[2]));
}

fn open_to_append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// What the line does around an effect, without the effect.
async fn hops(count: usize) {
    for _ in 0..count {
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async { tokio::task::spawn_blocking(|| ()).await });
        tasks.join_next().await;
    }
}

fn many(report: &mut Report, on: &Handle) {
    let (scratch, plain) = (Scratch::new("effects"), Scratch::new("effects-redb"));
    let kernel = stage::kernel_with_tool(scratch.storage(), Arc::new(Nothing));
    let rows = Arc::new(Rows::new());
    let database = Arc::new(rows.database(&plain.data().join("baseline.redb")));
    let commits = AtomicU64::new(0);
    let next = AtomicU64::new(0);
    let through = || on.block_on(through_the_line(&kernel));
    let alone = || on.block_on(through_the_database(&rows, &database, &next, &commits));
    let inside = || on.block_on(inside_the_kernel(&kernel));
    let [through, alone, inside] = turns(3, [&mut { through }, &mut { alone }, &mut { inside }]);
    let row = Row::new(
        "effect.many",
        format!("{CALLERS} callers at once, fs.append over an outside that does nothing"),
        through,
        crate::report::Unit::PerSecond,
    );
    let row = row.against("the database alone, same rows and settings", alone);
    let row = row.target(Target::TimesAtLeast(0.6)).target(Target::AtLeast(25_000.0));
    let row = row.fact("the same callers, object.update and wait for the disk", format!("{inside:.0}/s"));
    let grouped = next.load(Ordering::Relaxed) as f64 / commits.load(Ordering::Relaxed) as f64;
    report.row(row.fact("effects a commit, database alone", format!("{grouped:.0}")));
}

/// Effects a second.
async fn through_the_line(kernel: &Arc<Kernel>) -> f64 {
    together(|stop| {
        let kernel = Arc::clone(kernel);
        async move {
            let mut line = stage::line(&kernel, stage::process(&kernel));
            let mut count = 0u64;
            while !stop.load(Ordering::Relaxed) {
                stage::done(&mut line, append()).await;
                count += 1;
            }
            kernel.end_call(line.call(), Ok("null".into())).unwrap();
            count
        }
    })
    .await
}

/// Changes inside the kernel a second, each awaited until it is on the disk: no task, no thread, one record.
async fn inside_the_kernel(kernel: &Arc<Kernel>) -> f64 {
    use libos::kernel::model::call::{ObjectOptions, Payload};
    together(|stop| {
        let kernel = Arc::clone(kernel);
        async move {
            let mut line = stage::line(&kernel, stage::process(&kernel));
            let payload = || Payload::Bytes(vec![7; CONTENT]);
            let options = ObjectOptions {
                object_type: "note".into(),
                immutable: false,
                title: String::new(),
                tags: Vec::new(),
                sources: Vec::new(),
            };
            stage::done(&mut line, Call::ObjectCreate { name: "note".into(), payload: payload(), options }).await;
            let mut count = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let update = Call::ObjectUpdate { name: "note".into(), payload: payload(), expected_version: None };
                stage::done(&mut line, update).await;
                kernel.barrier().await.unwrap();
                count += 1;
            }
            kernel.end_call(line.call(), Ok("null".into())).unwrap();
            count
        }
    })
    .await
}

/// As many by the database alone: callers hand their rows to one thread, which commits all that is there.
async fn through_the_database(
    rows: &Arc<Rows>,
    database: &Arc<Database>,
    next: &AtomicU64,
    commits: &AtomicU64,
) -> f64 {
    let (sender, receiver) = mpsc::channel::<oneshot::Sender<()>>();
    let (thread_rows, thread_database) = (Arc::clone(rows), Arc::clone(database));
    let mut first = next.load(Ordering::Relaxed);
    let writer = std::thread::spawn(move || {
        let mut made = 0;
        while let Ok(one) = receiver.recv() {
            let waiting: Vec<_> = std::iter::once(one).chain(receiver.try_iter()).collect();
            thread_rows.commit(&thread_database, first, waiting.len() as u64, AS_THE_STORE);
            first += waiting.len() as u64;
            made += 1;
            waiting.into_iter().for_each(|waiting| keep(waiting.send(())));
        }
        (first, made)
    });
    let rate = together(|stop| {
        let sender = sender.clone();
        async move {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                let (done, committed) = oneshot::channel();
                sender.send(done).unwrap();
                committed.await.unwrap();
                count += 1;
            }
            count
        }
    })
    .await;
    drop(sender);
    let (last, made) = writer.join().unwrap();
    next.store(last, Ordering::Relaxed);
    commits.fetch_add(made, Ordering::Relaxed);
    rate
}

/// Lets all callers work for a while. What they did a second, in all.
async fn together<F: Future<Output = u64> + Send + 'static>(caller: impl Fn(Arc<AtomicBool>) -> F) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    let began = Instant::now();
    for _ in 0..CALLERS {
        tasks.spawn(caller(Arc::clone(&stop)));
    }
    tokio::time::sleep(WINDOW).await;
    stop.store(true, Ordering::Relaxed);
    let count: u64 = tasks.join_all().await.into_iter().sum();
    count as f64 / began.elapsed().as_secs_f64()
}

/// How a transaction of the database is committed.
#[derive(Clone, Copy)]
struct Safety {
    two_phase: bool,
    quick_repair: bool,
}

/// As `host/kernel/src/store/writer.rs` does it.
const AS_THE_STORE: Safety = Safety { two_phase: true, quick_repair: true };

/// What one effect leaves in the database, as bytes of the sizes that it has there.
struct Rows {
    intent: Vec<u8>,
    outcome: Vec<u8>,
    effect: Vec<u8>,
    journal: Vec<u8>,
}

const LOG: TableDefinition<&[u8], &[u8]> = TableDefinition::new("log");
const EFFECT: TableDefinition<&[u8], &[u8]> = TableDefinition::new("effect");
const JOURNAL: TableDefinition<&[u8], &[u8]> = TableDefinition::new("journal");
const META: TableDefinition<&[u8], &[u8]> = TableDefinition::new("meta");

impl Rows {
    fn new() -> Rows {
        let place = Place { pid: Pid(1_000), call: CallId(1_000), position: 10_000, incarnation: 0 };
        let target = Resource::new(Kind::Fs, "workspace/log.txt");
        let row = EffectRow {
            id: EffectId(100_000),
            pid: place.pid,
            call: place.call,
            position: place.position,
            operation: "fs.append".into(),
            resources: vec![target.clone()],
            idempotency_key: EffectKey([7; 32]),
            probe: Probe::Append {
                target,
                before: Before::Present { device: 1, inode: 1, size: 200, directory: false, created: None },
                tail: [7; 32],
                size: CONTENT as u64,
            },
            state: EffectState::Prepared,
            intent: 1_000_000,
            time: Time(1_800_000_000_000_000_000),
            uses: Vec::new(),
            request: [7; 32],
            question: None,
            settled: None,
            incarnation: Some(0),
            charged: None,
        };
        let journal = JournalRow {
            request: [7; 32],
            operation: "fs.append".into(),
            time: row.time,
            answer: Answer::Done(Reply::Unit),
        };
        let (intent, outcome) = record_sizes();
        Rows { intent: vec![7; intent], outcome: vec![7; outcome], effect: to_bytes(&row), journal: to_bytes(&journal) }
    }

    fn database(&self, path: &Path) -> Database {
        let database = Builder::new().set_cache_size(64 << 20).create(path).unwrap();
        self.commit(&database, 0, 1, AS_THE_STORE);
        database
    }

    /// One transaction with what so many effects leave: intents and effect rows, and what closes those before them.
    fn commit(&self, database: &Database, first: u64, count: u64, safety: Safety) {
        let mut transaction = database.begin_write().unwrap();
        transaction.set_two_phase_commit(safety.two_phase);
        transaction.set_quick_repair(safety.quick_repair);
        self.insert(&transaction, first, count);
        transaction.commit().unwrap();
    }

    fn insert(&self, transaction: &WriteTransaction, first: u64, count: u64) {
        let mut log = transaction.open_table(LOG).unwrap();
        let mut effects = transaction.open_table(EFFECT).unwrap();
        let mut journal = transaction.open_table(JOURNAL).unwrap();
        let mut meta = transaction.open_table(META).unwrap();
        for number in first..first + count {
            log.insert((2 * number).to_be_bytes().as_slice(), self.intent.as_slice()).unwrap();
            log.insert((2 * number + 1).to_be_bytes().as_slice(), self.outcome.as_slice()).unwrap();
            // A caller has no effect open but its last one.
            let before = number.saturating_sub(CALLERS as u64);
            effects.remove(before.to_be_bytes().as_slice()).unwrap();
            effects.insert(number.to_be_bytes().as_slice(), self.effect.as_slice()).unwrap();
            let place = [(number % CALLERS as u64).to_be_bytes(), (number / CALLERS as u64).to_be_bytes()].concat();
            journal.insert(place.as_slice(), self.journal.as_slice()).unwrap();
        }
        meta.insert(b"counters".as_slice(), [7; 32].as_slice()).unwrap();
        meta.insert(b"frontier".as_slice(), [7; 8 + 32 * 10].as_slice()).unwrap();
    }
}

/// Bytes of the rows that intent and outcome of one effect have in a real log.
fn record_sizes() -> (usize, usize) {
    let storage = Arc::new(libos::kernel::store::disk::Memory::default());
    let kernel = stage::kernel_with_tool(storage, Arc::new(Nothing));
    let on = stage::tokio();
    on.block_on(async {
        let mut line = stage::line(&kernel, stage::process(&kernel));
        stage::done(&mut line, append()).await;
        kernel.barrier().await.unwrap();
    });
    let mut sizes = Vec::new();
    let collect = |_, stored: libos::kernel::store::reader::StoredRecord| {
        sizes.push(32 + stored.bytes.len());
        Ok(std::ops::ControlFlow::Continue(()))
    };
    kernel.snapshot().unwrap().log(0, collect).unwrap();
    let last = sizes.len() - 1;
    (sizes[last - 1], sizes[last])
}
