//! Writes two files; under rules that ask about the second it waits there with the first one written.

use libos::{fs, human};

/// Writes `one` into the first file and `two` into the second, leaves a note, and returns what both hold.
#[libos::tool]
fn two_writes(first: Option<String>, second: Option<String>) -> libos::Result<[String; 2]> {
    let first = first.unwrap_or_else(|| "first.txt".into());
    let second = second.unwrap_or_else(|| "second.txt".into());
    fs::write(&first, "one")?;
    fs::write(&second, "two")?;
    human::tell(&format!("wrote {first} and {second}"))?;
    let both = [fs::read_to_string(&first)?, fs::read_to_string(&second)?];
    assert_eq!(both, ["one", "two"]);
    Ok(both)
}
