//! Calls another tool, perhaps itself.

use libos::tools::Outcome;
use libos::{Failure, tools};

/// Calls the tool `name` with `arguments` (JSON text) and returns what it returned, as text.
#[libos::tool(needs("call tool:*", "read,write fs:workspace/**"))]
fn nest(name: String, arguments: String) -> libos::Result<String> {
    match tools::run(&name, &arguments)? {
        Outcome::Done(result) => Ok(result),
        Outcome::Failed(why) => Err(Failure::failed(why)),
    }
}
