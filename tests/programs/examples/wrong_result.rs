//! Breaks the contract: its result is no JSON, and its failure is longer than a failure may be.

use libos::bindings::{Description, Failure, Guest, Reason, export};

struct Component;

impl Guest for Component {
    fn describe() -> Vec<Description> {
        vec![Description {
            name: "wrong_result".into(),
            summary: "Returns text that is not JSON; with the arguments `\"fail\"`, a failure of 64 KiB.".into(),
            arguments: "true".into(),
            result: "true".into(),
        }]
    }

    fn call(_tool: String, arguments: String) -> Result<String, Failure> {
        if arguments == r#""fail""# {
            return Err(Failure { reason: Reason::Failed, message: "é".repeat(32 * 1024) });
        }
        Ok("this is not JSON".into())
    }
}

export!(Component with_types_in libos::bindings);
