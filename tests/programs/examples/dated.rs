//! Writes the time of its own clock into what it does: a replay that saw another time would go another way.

use libos::{clock, fs, human};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Names a file after the time that it sees, asks, and names another one so.
#[libos::tool]
fn dated(path: String) -> libos::Result<Vec<String>> {
    let start = Instant::now();
    let stamp = || -> libos::Result<u128> {
        Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_err(libos::Failure::failed)?.as_nanos())
    };
    let mut seen = Vec::new();
    for step in 0..3 {
        let _ = clock::now();
        fs::append(&path, format!("{step} {}\n", stamp()?))?;
        clock::sleep(Duration::from_nanos(1 + u64::try_from(start.elapsed().as_nanos() % 1_000).unwrap_or(0)))?;
        seen.push(format!("{step} {}", stamp()?));
    }
    human::ask(&format!("Seen at {}?", stamp()?))?;
    fs::append(&path, format!("end {}\n", stamp()?))?;
    Ok(seen)
}
