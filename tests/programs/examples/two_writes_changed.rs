//! Another build of `two_writes`: what it writes into the second file is not the same, so a recorded call of the first does not fit.

use libos::fs;

/// Writes `one` into the first file and `TWO` into the second, and returns what both hold.
#[libos::tool]
fn two_writes(first: Option<String>, second: Option<String>) -> libos::Result<[String; 2]> {
    let first = first.unwrap_or_else(|| "first.txt".into());
    let second = second.unwrap_or_else(|| "second.txt".into());
    fs::write(&first, "one")?;
    fs::write(&second, "TWO\n")?;
    Ok([fs::read_to_string(&first)?, fs::read_to_string(&second)?])
}
