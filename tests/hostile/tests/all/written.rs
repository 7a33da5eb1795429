//! The rows of `rows.corpus`.

use crate::house::{ALONE, add, call, component, host, lives, resident};
use libos_e2e::Host;

const ROWS: &str = include_str!("rows.corpus");
/// Rows that there are at least.
const ROWS_MIN: usize = 36;
/// How often the host meets all rows after the first time.
const PASSES: usize = 3;
/// How much more memory it may have after the last of them than after the first.
const GROWTH_MAX: f64 = 1.05;

struct Row {
    name: &'static str,
    when: &'static str,
    ends: &'static str,
    text: &'static str,
    fields: &'static str,
}

fn rows() -> Vec<Row> {
    let rows = ROWS.split("\n== ").skip(1).map(|row| {
        let (head, fields) = row.split_once('\n').unwrap();
        let words: Vec<&str> = head.split('|').map(str::trim).collect();
        let [name, when, ends, text] = words[..] else { panic!("'{head}' is no head of a row") };
        Row { name, when, ends, text, fields }
    });
    rows.collect()
}

async fn meet(host: &Host, row: &Row) -> Result<(), String> {
    let name = (row.when == "call").then_some(row.name);
    let added = add(host, name, component(row.fields)).await;
    let (word, text) = match (row.when, added) {
        ("add", Ok(())) => ("added".to_owned(), String::new()),
        ("add", Err(text)) => ("refused".into(), text),
        (_, Ok(())) => call(&host.runtime, row.name).await,
        (_, Err(text)) => ("not added".into(), text),
    };
    lives(host, row.name).await;
    if row.ends.split('/').any(|end| end == word) && text.contains(row.text) {
        Ok(())
    } else {
        Err(format!("{}: {word}: {text}", row.name))
    }
}

// One worker: the allocator keeps what it once gave to a thread, up to what one crossing of the boundary may move, for each thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_written_attack_ends_as_its_row_says_and_the_host_lives() {
    let _alone = ALONE.lock().await;
    let rows = rows();
    assert!(rows.len() >= ROWS_MIN);
    let host = host().await;
    let mut wrong = Vec::new();
    for row in &rows {
        wrong.extend(meet(&host, row).await.err());
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    // The first times fill caches; after that nothing may stay behind.
    let mut sizes = Vec::new();
    for _ in 0..PASSES {
        for row in &rows {
            meet(&host, row).await.unwrap();
        }
        sizes.push(resident() as f64);
    }
    let (before, after) = (sizes[0], sizes[sizes.len() - 1]);
    println!(
        "{} rows {PASSES} times: {:?} MiB",
        rows.len(),
        sizes.iter().map(|size| (size / 1048576.0) as u64).collect::<Vec<_>>()
    );
    assert!(after <= before * GROWTH_MAX, "memory went from {before} to {after} bytes");
}
