//! Confines the programs that the stories of `injection` start: the test is not started anew for that, this is.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == libos::programs::SUPERVISE_VERB) {
        return libos::programs::supervisor_main();
    }
    ExitCode::FAILURE
}
