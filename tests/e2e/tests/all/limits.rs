//! Hostile and broken tools: each ends in a typed failure, the host lives, and other calls go on.

use libos::kernel::model::row::FailureReason::{self, Fault, Limit, Trap};
use libos_e2e::{Host, OPEN};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_tool_ends_in_a_typed_failure_and_others_go_on() {
    let rows: &[(&str, Value, FailureReason, &str)] = &[
        ("memory_bomb", json!({}), Limit, "memory"),
        ("stack_overflow", json!({}), Limit, "stack"),
        ("import_flood", json!({}), Fault, "import-flood"),
        ("huge_result", json!({"bytes": 20 << 20}), Limit, "result"),
        ("panics", json!({"message": "on purpose"}), Trap, "panicked"),
        ("wrong_result", json!({}), Fault, "not JSON"),
        ("huge_argument", json!({"bytes": 64 << 20}), Trap, ""),
        ("lying_length", json!({"path": "notes.md"}), Trap, ""),
    ];
    let mut guests: Vec<&str> = rows.iter().map(|row| row.0).collect();
    guests.dedup();
    guests.push("noop");
    let host = Host::new(OPEN, &guests).await;
    for (tool, arguments, reason, text) in rows {
        let failure = host.failed(tool, arguments.clone()).await;
        assert_eq!(failure.reason, *reason, "{tool}: {failure:?}");
        assert!(failure.message.contains(text), "{tool}: {failure:?}");
        host.done("noop", json!({})).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_is_stopped_and_another_call_is_served_meanwhile() {
    let host = Host::with_limits(OPEN, &["spin", "noop"], |limits| limits.cpu_ticks = 50).await;
    let (spin, noop) = tokio::join!(host.failed("spin", json!({})), host.done("noop", json!({})));
    assert_eq!(spin.reason, Limit, "{spin:?}");
    assert!(spin.message.contains("cpu-time"), "{spin:?}");
    let _ = noop;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_output_are_bounded_and_the_tool_goes_on() {
    let host = Host::new(OPEN, &["print_flood", "log_flood"]).await;
    for tool in ["print_flood", "log_flood"] {
        host.done(tool, json!({"lines": 2_000, "bytes": 2_000})).await;
    }
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    for call in libos::kernel::kernel::view::View(&snapshot).calls().unwrap() {
        assert!(call.log_bytes <= 1 << 20, "{call:?}");
        assert!(call.log_dropped > 1 << 20, "{call:?}");
    }
}

#[tokio::test]
async fn content_beyond_its_limit_is_a_clear_error_and_nothing_is_written() {
    let host = Host::new(OPEN, &["huge_argument"]).await;
    let outcome = host.done("huge_argument", json!({"bytes": 17 << 20})).await;
    assert!(outcome.to_string().contains("too large"), "{outcome}");
    assert_eq!(std::fs::read_dir(host.workspace()).unwrap().count(), 0);
}

#[tokio::test]
async fn memory_within_the_limit_is_given() {
    let host = Host::new(OPEN, &["grow_memory"]).await;
    assert_eq!(host.done("grow_memory", json!({"mib": 100})).await, json!(true));
    assert_eq!(host.done("grow_memory", json!({"mib": 300})).await, json!(false));
}

#[tokio::test]
async fn the_standard_library_finds_no_way_out() {
    let host = Host::new(OPEN, &["use_std_fs"]).await;
    host.put("notes.md", "some notes");
    let errors = host.done("use_std_fs", json!({"path": "notes.md"})).await;
    assert!(errors.as_array().is_some_and(|errors| errors.len() == 9), "{errors}");
}

#[tokio::test]
async fn two_runs_share_no_randomness_and_not_a_number_has_one_form() {
    let host = Host::new(OPEN, &["std_clock", "nan_probe"]).await;
    let (one, two) = (host.done("std_clock", json!({})).await, host.done("std_clock", json!({})).await);
    assert_ne!(one["order"], two["order"]);
    let nans = host.done("nan_probe", json!({})).await;
    for bits in nans.as_array().unwrap() {
        let bits = bits.as_str().unwrap();
        assert!(["7ff8000000000000", "7fc00000"].contains(&bits), "{nans}");
    }
}
