//! Ends its process in the middle and goes on: the call itself must still end properly.

use libos::{fs, process};
use libos_programs::{Outcome, outcome};

/// Asks for the end of the process, writes the file `after`, and returns how both went.
#[libos::tool]
fn exit_midway(after: String) -> [Outcome; 2] {
    [outcome(process::exit("done")), outcome(fs::write(&after, "written after exit"))]
}
