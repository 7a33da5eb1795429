//! Scripts through the whole line.

use libos_e2e::script::one;
use serde_json::json;

#[tokio::test]
async fn a_script_gets_its_arguments_and_gives_its_result() {
    let ran = one("export function run(args) { return args; }", json!({ "n": 1 }), &[]).await;
    assert_eq!(ran.result, Ok(json!({ "n": 1 })));
}
