//! The long story: a test fails, a forked worker reads the log, the agent writes a parser for it, and the repair is refused until a person
//! allows it.

use super::{Act, Demo, Seen};
use libos_kernel::kernel::view::View;
use serde_json::{Value, json};

const BROKEN: &str = "def add(a, b):\n    return a - b\n";
const TEST: &str = "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n";
const LOG: &str = "\
============================= test session starts ==============================
collected 1 item

test_calc.py F                                                           [100%]

=================================== FAILURES ===================================
___________________________________ test_add ___________________________________

    def test_add():
>       assert add(2, 3) == 5
E       assert -1 == 5
E        +  where -1 = add(2, 3)

test_calc.py:5: AssertionError
=========================== short test summary info ============================
FAILED test_calc.py::test_add - assert -1 == 5
============================== 1 failed in 0.02s ===============================
";

const PATCH: &str =
    "--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n";

const PARSER: &str = r#"export function run(args) {
  const of = (pattern) => [...args.log.matchAll(pattern)].map((found) => found[1]);
  return { failed: of(/^FAILED (\S+)/gm), reasons: of(/^E +(assert .*)$/gm) };
}
"#;

fn call(tool: &str, args: Value) -> Value {
    json!({ "tool": tool, "args": args })
}

/// What the worker chooses: it sees the log and nothing else.
fn worker() -> String {
    let lines = [
        call("read_memory_object", json!({ "name": "ERROR_TRACE" })),
        call("parse_pytest_log", json!({ "log": { "$from": [1, "/payload/content"] } })),
        json!({ "exit": { "$from": [2, ""] } }),
    ];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn plan() -> Vec<Value> {
    let patch = || json!({ "patch": PATCH });
    let fork = json!({
        "goal": "Find out which tests failed.",
        "mode": "read-only",
        "roots": ["ERROR_TRACE"],
        "planner": worker(),
    });
    let candidate = || json!({ "candidate_id": { "$from": [5, "/candidate_id"] } });
    let proposal = json!({
        "name": "extract_failed_tests",
        "description": "Names the tests that failed in a log of pytest, and why.",
        "source_code": PARSER,
        "tests": [{ "args": { "log": "FAILED a.py::b - no\n" }, "result": { "failed": ["a.py::b"], "reasons": [] } }],
    });
    let report = "calc.py subtracted where it should add, so test_add failed. I changed one line of calc.py, with your \
                  permission. I ran nothing: run pytest to see it pass.";
    vec![
        call("create_object_from_file", json!({ "name": "ERROR_TRACE", "path": "pytest.log" })),
        call("fork_child_process", fork),
        call("wait_child_process", json!({ "child_pid": { "$from": [2, "/child_pid"] } })),
        call("read_memory_object", json!({ "name": "ERROR_TRACE" })),
        call("propose_jit_tool", proposal),
        call("validate_jit_tool", candidate()),
        call("register_jit_tool", candidate()),
        call("extract_failed_tests", json!({ "log": { "$from": [4, "/payload/content"] } })),
        json!({ "calls": [call("read_text_file", json!({ "path": "calc.py" })), call("read_text_file", json!({ "path": "test_calc.py" }))] }),
        json!({ "tool": "apply_patch", "args": patch(), "expect": { "failed": "denied" } }),
        call(
            "request_permission",
            json!({ "resource": "fs:workspace/calc.py", "rights": ["write"], "reason": "test_add fails: add() subtracts" }),
        ),
        call("apply_patch", patch()),
        call("read_text_file", json!({ "path": "calc.py" })),
        call("human_output", json!({ "message": report })),
        json!({ "exit": { "failed-before": { "$from": [8, "/failed"] }, "by-the-worker": { "$from": [3, "/result"] }, "changed": ["calc.py"] } }),
    ]
}

/// The story of a failing test.
pub fn repair() -> Demo {
    Demo {
        name: "repair",
        about: "a failing test is repaired: a worker reads the log, a parser is written, the patch is refused, allowed and applied",
        image: "base",
        goal: "Repair what pytest.log says is broken.",
        policy: "[mounts]\nworkspace = \".\"\n\n[image.base]\nallow = [\n    \"read,list fs:workspace/**\",\n    \"ask,tell human:owner\",\n    \
                 \"spawn process:image/base\",\n    \"register tool:extract_failed_tests\",\n]\n",
        files: &[("calc.py", BROKEN), ("test_calc.py", TEST), ("pytest.log", LOG)],
        plan,
        person: &[Act::CheckpointAndAllow],
        checks: |seen| {
            let records = operations(seen)?;
            let has = |operation: &str| records.iter().any(|record| record == operation);
            let named = seen.transcript()?.matches("\"failed\":[\"test_calc.py::test_add\"]").count();
            Ok(vec![
                ("worker and parser both named the test that failed", named >= 2),
                ("calc.py adds now", seen.file("calc.py").is_some_and(|text| text.contains("a + b"))),
                ("the tests are as they were", seen.file("test_calc.py").as_deref() == Some(TEST)),
                ("a first patch was refused, and the log says so", has("fs.write denied")),
                ("the agent wrote a tool, and it was tested and used", has("call.start extract_failed_tests")),
                ("there is a checkpoint from before the permission", !View(&seen.snapshot).checkpoints()?.is_empty()),
                ("a report was left", seen.notes()?.iter().any(|note| note.contains("one line of calc.py"))),
            ])
        },
    }
}

/// What the log has, a word or two each.
fn operations(seen: &Seen) -> anyhow::Result<Vec<String>> {
    use libos_kernel::model::record::Outcome;
    let mut found = Vec::new();
    View(&seen.snapshot).records(0, |record| {
        let first = record.detail.as_deref().and_then(|detail| detail.split(' ').next()).unwrap_or_default();
        let word = if record.outcome == Outcome::Denied { "denied" } else { first };
        found.push(format!("{} {word}", record.operation));
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(found)
}
