//! Uses the standard library's time, randomness and printing, which reach the host through WASI.

use libos::serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Sleeps 1 ms by the standard library and returns the times, the order of a hash map, and what it printed.
#[libos::tool]
fn std_clock() -> libos::Result<Value> {
    let (instant, wall) = (Instant::now(), SystemTime::now());
    std::thread::sleep(Duration::from_millis(1));
    let elapsed = instant.elapsed();
    assert!(elapsed >= Duration::from_millis(1));

    // The order follows from the seed that the host gives.
    let map: HashMap<u32, ()> = (0..32).map(|key| (key, ())).collect();
    let order: Vec<u32> = map.into_keys().collect();
    println!("printed to stdout");
    eprintln!("printed to stderr");

    let wall = wall.duration_since(UNIX_EPOCH).map_err(libos::Failure::failed)?;
    Ok(json!({
        "wall_seconds": wall.as_secs(),
        "wall_nanoseconds": wall.subsec_nanos(),
        "elapsed_nanoseconds": elapsed.as_nanos(),
        "order": order,
        "printed": ["printed to stdout", "printed to stderr"],
    }))
}
