//! Processes that a script chooses for: real tools, real files, people who answer, and hosts that end in the middle.

use libos::kernel::kernel::view::View;
use libos::kernel::model::call::Approval;
use libos::kernel::model::id::{CallId, Pid, QuestionId};
use libos::kernel::model::image::BASE;
use libos::kernel::model::process::State;
use libos::kernel::model::record::Outcome;
use libos::{CallEvent, NewAgent, Progress, Reaction, Runtime};
use libos_e2e::{Host, OPEN};
use serde_json::{Value, json};

const ASKING: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list fs:workspace/**", "sleep clock:sleep"]
ask = ["write fs:workspace/asked/**"]
"#;

/// Starts a process with these lines as its script.
async fn start(host: &Host, lines: &[Value]) -> Pid {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let script = lines.join("\n");
    let new = NewAgent { image: BASE, goal: "to try it", planner: Some(&script), new: false };
    host.runtime.start_agent(new).await.unwrap().what.pid
}

/// What a process has come to, once nothing of it runs any more.
async fn settled(host: &Host, pid: Pid) -> (State, Progress) {
    let progress = host.runtime.settled(pid).await.unwrap();
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    (View(&snapshot).process(pid).unwrap().unwrap().state, progress)
}

async fn ended(host: &Host, pid: Pid) -> State {
    let (state, progress) = settled(host, pid).await;
    assert!(progress.is_over, "{state:?}: {progress:?}");
    state
}

fn exited(result: Value) -> State {
    State::Exited(result.to_string())
}

async fn answer(host: &Host, id: QuestionId, approval: Approval) {
    host.runtime.answer(id, Reaction::Approve { approval, note: None }).await.unwrap();
}

#[tokio::test]
async fn what_a_tool_gave_goes_into_later_lines_and_a_failure_of_one_is_no_failure_of_the_process() {
    let host = Host::new(OPEN, &["basics", "files"]).await;
    let pid = start(
        &host,
        &[
            json!({"tool": "echo", "args": {"name": "made.md", "deep": [{"x": 7}]}}),
            json!({"tool": "read_text_file", "args": {"path": "missing.md"}}),
            json!({"tool": "never_was"}),
            json!({"tool": "write_text_file", "args": {"path": {"$from": [1, "/name"]}, "content": "1"}}),
            json!({"exit": {"deep": {"$from": [1, "/deep/0/x"]}, "why": {"$from": [3, "/failed"]}}}),
        ],
    )
    .await;
    assert_eq!(ended(&host, pid).await, exited(json!({"deep": 7, "why": "not found: tool:never_was"})));
    assert_eq!(host.content("made.md").unwrap(), "1");
}

#[tokio::test]
async fn a_line_that_does_not_come_as_expected_fails_the_process_and_says_so() {
    let host = Host::new(OPEN, &["basics", "files"]).await;
    let missing = json!({"tool": "read_text_file", "args": {"path": "missing.md"}, "expect": {"failed": "not found"}});
    let echo = json!({"tool": "echo", "args": {"n": 1}, "expect": {"n": 2}});
    let write = json!({"tool": "write_text_file", "args": {"path": "a", "content": "1"}});
    let pid = start(&host, &[missing, echo, write]).await;
    let why = "line 2: echo was to give {\"n\":2}, and gave {\"n\":1}";
    assert_eq!(ended(&host, pid).await, State::Failed(why.into()));
    assert_eq!(host.content("a"), None, "nothing comes after it");
}

#[tokio::test]
async fn a_tool_that_a_planner_chose_moves_its_process() {
    let host = Host::new(OPEN, &["files"]).await;
    std::fs::create_dir(host.workspace().join("sub")).unwrap();
    let pid = start(
        &host,
        &[
            json!({"tool": "set_working_directory", "args": {"path": "sub"}}),
            json!({"tool": "write_text_file", "args": {"path": "a", "content": "1"}}),
        ],
    )
    .await;
    assert!(matches!(ended(&host, pid).await, State::Exited(_)));
    assert_eq!(host.content("sub/a").unwrap(), "1");
}

/// Two writes at once, both of which a person must allow. The host is dropped before the import at a position of whatever runs, and
/// ended and started again before each answer; the second question is answered first.
async fn check_two_questions(position: Option<u32>, restarts: bool) {
    let mut host = Host::new(ASKING, &["files"]).await;
    std::fs::create_dir(host.workspace().join("asked")).unwrap();
    host.runtime.interrupt_first_runs_at(position);
    // The first quantum is the first call.
    let mut events = host.runtime.listen(CallId(1));
    let write =
        |name: &str| json!({"tool": "write_text_file", "args": {"path": format!("asked/{name}"), "content": name}});
    // A last line with a call that fails unexpectedly would fail the process.
    let mut denied = write("b");
    denied["expect"] = json!({"failed": "denied"});
    let pid = start(&host, &[json!({"calls": [write("a"), denied]})]).await;
    if matches!(Runtime::settle(&mut events).await, CallEvent::Interrupted(_)) {
        host = host.restart().await;
        host.runtime.kernel().drive(pid);
    }
    for answered in 0..2 {
        let (_, progress) = settled(&host, pid).await;
        assert_eq!(progress.questions.len(), 2 - answered, "{position:?}: {progress:?}");
        if restarts {
            host = host.restart().await;
            host.runtime.kernel().drive(pid);
        }
        // Of the two the one that came later; then the other one.
        let about = |name: &str| {
            let has =
                |id: &&QuestionId| format!("{:?}", host.question(**id)).contains(&format!("workspace/asked/{name}"));
            *progress.questions.iter().find(has).unwrap()
        };
        let (id, approval) = if answered == 0 { (about("b"), Approval::Deny) } else { (about("a"), Approval::Allow) };
        answer(&host, id, approval).await;
    }
    let State::Exited(result) = ended(&host, pid).await else { panic!("{position:?}") };
    let result: Value = serde_json::from_str(&result).unwrap();
    assert!(result[0].get("failed").is_none(), "{position:?}: {result}");
    assert!(result[1]["failed"].as_str().unwrap().contains("denied"), "{position:?}: {result}");
    assert_eq!((host.content("asked/a").as_deref(), host.content("asked/b")), (Some("a"), None), "{position:?}");
    let written = |record: &&libos::Record| record.operation == "fs.write" && record.outcome == Outcome::Done;
    assert_eq!(host.records().await.iter().filter(written).count(), 1, "{position:?}");
}

#[tokio::test]
async fn tools_that_run_at_once_and_both_ask_are_answered_in_any_order_over_a_restart_at_every_position() {
    for position in [None, Some(0), Some(1), Some(2)] {
        for restarts in [false, true] {
            check_two_questions(position, restarts).await;
        }
    }
}

#[tokio::test]
async fn two_processes_that_sleep_between_their_words_take_turns() {
    let host = Host::new(OPEN, &["basics", "people"]).await;
    let talk = |name: &str| {
        let say = json!({"tool": "human_output", "args": {"message": name}});
        let sleep = json!({"tool": "sleep", "args": {"seconds": 0.05}});
        [say.clone(), sleep.clone(), say.clone(), sleep, say]
    };
    let (a, b) = (start(&host, &talk("A")).await, start(&host, &talk("B")).await);
    for pid in [a, b] {
        assert!(matches!(ended(&host, pid).await, State::Exited(_)));
    }
    let told = |record: &libos::Record| (record.operation == "human.tell").then_some(record.pid).flatten();
    let order: Vec<Pid> = host.records().await.iter().filter_map(told).collect();
    let turns: Vec<&[Pid]> = order.chunks(2).collect();
    assert_eq!(order.len(), 6);
    assert!(turns.iter().all(|turn| turn.contains(&a) && turn.contains(&b)), "{order:?}");
}

#[tokio::test]
async fn after_a_restart_a_process_goes_on_only_if_somebody_says_so() {
    let host = Host::new(ASKING, &["basics", "files"]).await;
    std::fs::create_dir(host.workspace().join("asked")).unwrap();
    let write = json!({"tool": "write_text_file", "args": {"path": "asked/a", "content": "1"}});
    let pid = start(&host, &[write, json!({"tool": "echo", "args": {"n": 1}})]).await;
    let (_, progress) = settled(&host, pid).await;
    let host = host.restart().await;
    answer(&host, progress.questions[0], Approval::Allow).await;
    // The call that was answered ends its step; nobody takes the next one.
    let (state, progress) = settled(&host, pid).await;
    assert_eq!((state, progress.is_over), (State::Ready, false));
    host.runtime.kernel().drive(pid);
    assert_eq!(ended(&host, pid).await, exited(json!({"n": 1})));
}
