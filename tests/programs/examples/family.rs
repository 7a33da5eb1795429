//! Makes children and waits for them, asks to become another image, writes between two waits: what processes do with each other.

use libos::process::{self, ChildOptions, End};
use libos::{Failure, clock, fs};
use std::time::Duration;

/// Does one thing: `spawn-and-wait` makes a child with the grant `text` and answers how it ended; `exec` becomes one of the image `text`;
/// `write-twice` writes two files with a sleep between; `exit-then-read` exits with `text` and reads a file.
#[libos::tool]
fn family(act: String, text: String) -> libos::Result<String> {
    match act.as_str() {
        "spawn-and-wait" => {
            let pid = process::spawn(&ChildOptions::new("to work").grant(text))?;
            let ended =
                process::wait(std::slice::from_ref(&pid), None)?.ok_or_else(|| Failure::failed("no time was over"))?;
            let how = match ended.how {
                End::Exited(result) => format!("exited {result}"),
                End::Failed(why) => format!("failed {why}"),
                End::Killed(by) => format!("killed {by}"),
            };
            Ok(format!("{pid} {how}"))
        }
        "exec" => {
            process::exec(&text, Some("to review"))?;
            Ok(process::identity().image)
        }
        "write-twice" => {
            fs::write("first.txt", "1")?;
            clock::sleep(Duration::from_nanos(1))?;
            fs::write("second.txt", "2")?;
            Ok("written".into())
        }
        "exit-then-read" => {
            process::exit(&text)?;
            Ok(fs::read_to_string("notes.md")?)
        }
        other => Err(Failure::invalid_arguments(format_args!("no act is called {other}"))),
    }
}
