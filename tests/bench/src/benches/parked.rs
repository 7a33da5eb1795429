//! Many calls that wait for a person and have left memory: what each takes on the disk and in memory, how long a host takes to start
//! beside them, and how quickly they are listed and answered.

use crate::alloc::size_of_made;
use crate::measure::{median, nanoseconds, percentile};
use crate::report::{Report, Row, Target, Unit, show};
use crate::stage::{self, Nothing, Scratch};
use libos::kernel::kernel::view::View;
use libos::kernel::kernel::{Kernel, Reaction};
use libos::kernel::model::grant::{Grant, Holder};
use libos::kernel::model::id::{CallId, Digest, QuestionId};
use libos::kernel::model::index::{GrantIndex, Leaf};
use libos::kernel::store::StoreError;
use libos::kernel::store::disk::{Directory, Storage};
use libos::kernel::store::reader::Snapshot;
use libos::kernel::store::table::Table;
use redb::{Builder, ConcurrencyMode, Database};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;

/// What the targets are for.
const PROMISED: usize = 100_000;
/// Questions that are answered one after another.
const ANSWERS: usize = 200;

pub fn run(report: &mut Report) {
    let count = if report.options.full { PROMISED } else { PROMISED / 10 };
    let tokio = stage::tokio();
    let (empty, full) = (Scratch::new("parked-none"), Scratch::new("parked"));
    let began = Instant::now();
    let (before, _) = fill(tokio.handle(), &empty, 0);
    let (after, parked) = fill(tokio.handle(), &full, count);
    let took = nanoseconds(began.elapsed());
    disk(report, &full, (after - before) as f64, count);
    start(report, &empty, &full, count);
    let kernel = stage::kernel(full.storage(), Arc::new(Nothing));
    list(report, &full, count);
    answer(report, tokio.handle(), &kernel, &empty, &parked);
    let each = took / count as f64;
    report.row(Row::time("parked.make", "one of them: a process, its grants, a call, a question", each));
}

/// Parks so many calls in a new store. Bytes of its file when it is closed.
fn fill(on: &Handle, scratch: &Scratch, count: usize) -> (u64, Vec<CallId>) {
    let kernel = stage::kernel_with_tool(scratch.storage(), Arc::new(Nothing));
    // A few are in the empty store too, so that every table has its first page.
    on.block_on(stage::park(&kernel, ANSWERS));
    let parked = on.block_on(stage::park(&kernel, count));
    on.block_on(kernel.barrier()).unwrap();
    drop(kernel);
    (scratch.store_bytes(), parked)
}

fn disk(report: &mut Report, scratch: &Scratch, bytes: f64, count: usize) {
    let row = Row::new(
        "parked.disk",
        format!("{count} parked calls, the store's file, for each"),
        bytes / count as f64,
        Unit::Bytes,
    );
    let mut row = row.target(Target::AtMost(2_048.0));
    let all = (count + ANSWERS) as f64;
    let mut sum = 0;
    for (table, rows, bytes) in tables(scratch) {
        sum += bytes;
        if rows as f64 >= all {
            row = row.fact(
                format!("{}: {:.1} rows each", table.name(), rows as f64 / all),
                show(bytes as f64 / all, Unit::Bytes),
            );
        }
    }
    row = row.fact("keys and values of all tables", show(sum as f64 / all, Unit::Bytes));
    let database = Builder::new().open(scratch.data().join("store.redb")).unwrap();
    let stats = database.begin_write().unwrap().stats().unwrap();
    let pages = stats.allocated_pages() as f64 * stats.page_size() as f64;
    row = row.fact("pages in use", show(pages / all, Unit::Bytes));
    report.row(row.fact("of them: unused within pages", show(stats.fragmented_bytes() as f64 / all, Unit::Bytes)));
}

/// Rows and bytes of each table.
fn tables(scratch: &Scratch) -> Vec<(Table, usize, usize)> {
    let snapshot = Snapshot::of_directory(&Directory::new(scratch.data())).unwrap();
    let count = |table: Table| {
        let (mut rows, mut bytes) = (0, 0);
        match table {
            // Their values do not say where they are.
            Table::Tree => {}
            Table::Log => snapshot
                .log(0, |_, stored| {
                    (rows, bytes) = (rows + 1, bytes + 8 + 32 + stored.bytes.len());
                    Ok(ControlFlow::Continue(()))
                })
                .unwrap(),
            Table::Meta => {}
            _ => snapshot
                .scan(table, &[], |key, value| {
                    (rows, bytes) = (rows + 1, bytes + key.len() + 1 + value.len());
                    Ok(ControlFlow::Continue(()))
                })
                .unwrap(),
        }
        (table, rows, bytes)
    };
    Table::ALL.into_iter().map(count).collect()
}

fn start(report: &mut Report, empty: &Scratch, full: &Scratch, count: usize) {
    let (mut without, mut with, mut lean) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        without.push(child(empty, "usual"));
        with.push(child(full, "usual"));
        lean.push((child(empty, "lean"), child(full, "lean")));
    }
    let middle = |samples: &[(f64, f64)], part: fn(&(f64, f64)) -> f64| {
        median(&mut samples.iter().map(part).collect::<Vec<_>>())
    };
    let memory = |without: f64, with: f64| (with - without) / count as f64;
    let lean_bytes = memory(
        median(&mut lean.iter().map(|(without, _)| without.1).collect::<Vec<_>>()),
        median(&mut lean.iter().map(|(_, with)| with.1).collect::<Vec<_>>()),
    );
    let usual = memory(middle(&without, |sample| sample.1), middle(&with, |sample| sample.1));
    let row = Row::new(
        "parked.memory",
        format!("resident, for each of {count}, in a host that has just started"),
        lean_bytes,
        Unit::Bytes,
    );
    let row = row
        .target(Target::AtMost(1_024.0))
        .fact("with the database's cache, at most 64 MiB in all", show(usual, Unit::Bytes));
    let row = parts(full).into_iter().fold(row, |row, (what, bytes)| row.fact(what, show(bytes as f64, Unit::Bytes)));
    report.row(row.note("Measured with a cache of 1 MiB: the rest does not grow with the number of calls."));
    let seconds = 2e9 * count as f64 / PROMISED as f64;
    let row = Row::time(
        "parked.start",
        format!("Kernel::open beside {count} parked calls, after an orderly end"),
        middle(&with, |sample| sample.0),
    );
    let row =
        row.against(format!("beside {ANSWERS}"), middle(&without, |sample| sample.0)).target(Target::AtMost(seconds));
    report.row(row.note("The target is 2 s for 100,000, taken in proportion."));
}

/// Bytes of what the kernel keeps of one of them, without the tables that hold it.
fn parts(scratch: &Scratch) -> Vec<(&'static str, usize)> {
    let snapshot = Snapshot::of_directory(&Directory::new(scratch.data())).unwrap();
    let view = View(&snapshot);
    let process = view.processes().unwrap().swap_remove(ANSWERS);
    let call = view.calls().unwrap().swap_remove(ANSWERS);
    let holder = Holder::Process(process.pid);
    let grants: Vec<Grant> = view.grants().unwrap().into_iter().filter(|grant| grant.holder == holder).collect();
    let index = || {
        let mut index = GrantIndex::default();
        for grant in &grants {
            index.insert(&grant.pattern, Leaf { slot: 0, rights: grant.rights, effect: grant.effect });
        }
        index
    };
    vec![
        ("the index of its grants", size_of_made(index)),
        ("of it: in its place, one root a kind of resource", size_of::<GrantIndex>()),
        ("the rows of its grants", size_of_made(|| grants.clone())),
        ("the row of its call", size_of_made(|| call.clone())),
        ("the row of its process", size_of_made(|| process.clone())),
    ]
}

/// Starts a host in a process of its own: nanoseconds of it, and how much memory it took.
fn child(scratch: &Scratch, cache: &str) -> (f64, f64) {
    let program = std::env::current_exe().unwrap();
    let output =
        std::process::Command::new(program).arg("--host-start").arg(scratch.data()).arg(cache).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// What such a process does: prints nanoseconds and bytes.
pub fn start_of_a_host(words: &[String]) {
    let directory = Directory::new(&words[0]);
    let storage: Arc<dyn Storage> = if words[1] == "lean" { Arc::new(Lean(directory)) } else { Arc::new(directory) };
    let before = stage::resident_bytes();
    let began = Instant::now();
    let kernel = stage::kernel(storage, Arc::new(Nothing));
    let took = nanoseconds(began.elapsed());
    println!("{took} {}", stage::resident_bytes() - before);
    drop(kernel);
}

/// A directory whose database keeps few pages in memory.
struct Lean(Directory);

impl Storage for Lean {
    fn open(&self) -> Result<Database, StoreError> {
        let mut builder = Builder::new();
        builder.set_concurrency_mode(ConcurrencyMode::SingleWriter).set_cache_size(1 << 20);
        Ok(builder.create(self.0.path().join("store.redb"))?)
    }

    fn put_file(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        self.0.put_file(digest, bytes)
    }

    fn get_file(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        self.0.get_file(digest)
    }
}

/// Questions of one table.
const SHOWN: usize = 100;

fn list(report: &mut Report, scratch: &Scratch, count: usize) {
    let directory = Directory::new(scratch.data());
    let (mut opened, mut first, mut listed, mut calls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..30 {
        let began = Instant::now();
        let snapshot = Snapshot::of_directory(&directory).unwrap();
        opened.push(nanoseconds(began.elapsed()));
        assert_eq!(View(&snapshot).open_questions(QuestionId(0), SHOWN).unwrap().len(), SHOWN);
        first.push(nanoseconds(began.elapsed()));
        let began = Instant::now();
        let found = View(&snapshot).questions(true).unwrap().len();
        listed.push(nanoseconds(began.elapsed()));
        assert_eq!(found, count + ANSWERS);
        let began = Instant::now();
        assert_eq!(View(&snapshot).calls().unwrap().len(), found);
        calls.push(nanoseconds(began.elapsed()));
    }
    let what = format!("the first {SHOWN} of {count} open questions, p99");
    let row = Row::time("parked.list", what, percentile(&mut first, 0.99)).target(Target::AtMost(5e6));
    let row = row.phase("of it: opening the store to read, median", median(&mut opened));
    report.row(row.phase("the median", median(&mut first)));
    let row =
        Row::time("parked.list-all", format!("all of {count} open questions, p99"), percentile(&mut listed, 0.99));
    report.row(row.phase("the median", median(&mut listed)).phase("all calls, median", median(&mut calls)));
}

fn answer(report: &mut Report, on: &Handle, kernel: &Arc<Kernel>, empty: &Scratch, parked: &[CallId]) {
    let other = stage::kernel(empty.storage(), Arc::new(Nothing));
    let few = on.block_on(stage::park(&other, ANSWERS));
    let say = |kernel: &Arc<Kernel>, call: CallId| {
        let question = stage::question(kernel, call);
        let began = Instant::now();
        let answered = kernel.answer(question, Reaction::Tell { text: "yes".into() }).unwrap();
        let decided = nanoseconds(began.elapsed());
        on.block_on(kernel.durable(answered.durable)).unwrap();
        (decided, nanoseconds(began.elapsed()))
    };
    let (mut beside_many, mut beside_few, mut inside) = (Vec::new(), Vec::new(), Vec::new());
    for (many, few) in parked.iter().step_by(parked.len() / ANSWERS).zip(few) {
        let (decided, durable) = say(kernel, *many);
        inside.push(decided);
        beside_many.push(durable);
        beside_few.push(say(&other, few).1);
    }
    let row = Row::time("parked.answer", "one question, durable, p99", percentile(&mut beside_many, 0.99));
    let row = row.against("beside few", percentile(&mut beside_few, 0.99)).target(Target::AtMost(5e6));
    let row = row.phase("the median", median(&mut beside_many)).phase("the median beside few", median(&mut beside_few));
    report.row(row.phase("of it: before the disk, median", median(&mut inside)));
}
