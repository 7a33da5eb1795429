//! The smallest program that can confine others: says what this machine offers. Tests and benches use it as the supervisor.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == libos_confine::SUPERVISE_VERB) {
        return libos_confine::supervisor_main();
    }
    let found = libos_confine::examine(&libos_confine::Supervisor::this_program());
    for piece in &found.enforced {
        println!("{piece}");
    }
    match found.missing {
        None => ExitCode::SUCCESS,
        Some(missing) => {
            println!("missing: {missing}");
            ExitCode::FAILURE
        }
    }
}
