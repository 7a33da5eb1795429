//! Reads, appends, writes, sleeps and asks: every kind of step at which a host can be killed.

use libos::{fs, human};
use std::time::Duration;

/// Leaves two lines in `log.md` and two files named after the run; the second file is asked about by the rules.
#[libos::tool]
fn endurance(run: String) -> libos::Result<String> {
    let seed = fs::read_to_string("seed.md")?;
    fs::append("log.md", format!("{run} one\n"))?;
    fs::write(&format!("made/{run}.a"), &seed)?;
    libos::clock::sleep(Duration::from_millis(1))?;
    let answer = human::ask(&format!("Go on with {run}?"))?;
    fs::append("log.md", format!("{run} two\n"))?;
    fs::write(&format!("asked/{run}.b"), &answer)?;
    Ok(answer)
}
