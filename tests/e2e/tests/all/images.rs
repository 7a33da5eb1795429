//! An image that a tool makes of a file, with the real component.

use libos::{CallEvent, CallRequest, EndedCall};
use libos_e2e::{Host, OPEN, result};
use serde_json::{Value, json};

const MANIFEST: &str = "id: helper\nversion: 1\ntools: [load_image_from_yaml]\nprompt: |\n  Help.\n";

/// What `load_image_from_yaml` returns, or why it failed.
async fn load(host: &Host, arguments: Value) -> Result<Value, String> {
    match host.runtime.call(CallRequest::new("load_image_from_yaml", arguments.to_string())).await.unwrap() {
        CallEvent::Ended(EndedCall { result: Err(failure), .. }) => Err(failure.message),
        ended => Ok(result(ended)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_loads_an_image_from_a_file_and_says_where_it_is_wrong() {
    let host = Host::new(OPEN, &["images"]).await;
    host.put("helper.yaml", MANIFEST);
    host.put("wrong.yaml", "id: helper\nversion: 2\ntools: []\nallow: [read fs:**]\n");
    let loaded = load(&host, json!({"path": "helper.yaml"})).await.unwrap();
    assert_eq!((&loaded["image_id"], &loaded["change"]), (&json!("helper"), &json!("added")));
    assert_eq!(load(&host, json!({"path": "helper.yaml"})).await.unwrap()["change"], "unchanged");
    for (arguments, want) in [
        (json!({"path": "wrong.yaml"}), "line 4, column 1: there is no 'allow' in a manifest"),
        (json!({"path": "none.yaml"}), "not found"),
        (json!({"path": "helper.yaml", "max_bytes": 10}), "more than 10 bytes"),
    ] {
        let said = load(&host, arguments.clone()).await.unwrap_err();
        assert!(said.contains(want), "{arguments}: {said}");
    }
    host.runtime.kernel().new_process("helper", false).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_an_image_needs_the_right_to_register_it() {
    let host = Host::new(&OPEN.replace("\"register image:*\",", ""), &["images"]).await;
    host.put("helper.yaml", MANIFEST);
    let said = load(&host, json!({"path": "helper.yaml"})).await.unwrap_err();
    assert!(said.contains("register"), "{said}");
    assert!(host.runtime.kernel().new_process("helper", false).is_err());
}
