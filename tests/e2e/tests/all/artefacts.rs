//! Calls as artefacts: a kept call is exported, and its component goes the same way again on the recorded answers alone.

use libos::kernel::kernel::view::View;
use libos::kernel::model::answer::{Answer, CallError};
use libos::kernel::model::call::{Approval, Call, Reply};
use libos::kernel::model::history::{self, End, History, Start};
use libos::kernel::model::id::CallId;
use libos::kernel::model::question::Subject;
use libos::{CallEvent, CallRequest, Compile, Difference, Replayer, Report, Runtime, Verdict, Waiting};
use libos_e2e::{Host, OPEN, guest};
use serde_json::{Value, json};
use std::fs;
use std::sync::OnceLock;

/// Under which a part is refused and a part is asked about.
const GUARDED: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list,write,delete fs:workspace/**", "read,list,write object:**", "ask,tell human:owner", "call tool:*"]
ask = ["write fs:workspace/guarded/**"]
deny = ["read fs:workspace/secret/**"]
"#;

/// Keeps a call from its start to its end; a person says `blue`, or yes.
pub async fn kept(host: &Host, tool: &str, arguments: &str) -> CallId {
    let request = CallRequest { keep: true, ..CallRequest::new(tool, arguments) };
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    let mut event = Runtime::settle(&mut events).await;
    loop {
        event = match event {
            CallEvent::Waits(Waiting::Question(id)) => match host.question(id).subject {
                Subject::Question { .. } => host.say(id, "blue").await,
                _ => host.answer(id, Approval::Allow).await,
            },
            CallEvent::Ended(_) => return call,
            other => panic!("{tool}: {other:?}"),
        };
    }
}

/// The text of a call that was kept, read again.
pub fn exported(host: &Host, call: CallId) -> History {
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    let history = View(&snapshot).history(call).unwrap();
    let text = history::write(&history);
    assert_eq!(history::read(&text).as_ref(), Ok(&history), "{text}");
    history
}

/// One for all tests: what was compiled once is ready.
pub fn replayer() -> &'static Replayer {
    static REPLAYER: OnceLock<Replayer> = OnceLock::new();
    REPLAYER.get_or_init(|| Replayer::new(Compile::InProcess).unwrap())
}

/// Replays with one guest for everything.
async fn replay(history: &History, with: &str) -> Report {
    let bytes = guest(with);
    let component = move |_: &Start, _: usize| Some(bytes.clone().into());
    replayer().replay(history, &component).await.unwrap()
}

#[track_caller]
fn same(report: &Report) {
    assert!(report.is_same() && report.verdict == Verdict::Same, "{report:#?}");
}

fn different(report: Report) -> Difference {
    match report.verdict {
        Verdict::Different { difference } => *difference,
        other => panic!("it is not different: {other:?}"),
    }
}

async fn journey(host: &Host) -> History {
    fs::create_dir_all(host.workspace().join("notes")).unwrap();
    host.put("notes/a.md", "some notes\n");
    let call = kept(host, "journey", r#"{"name": "a"}"#).await;
    exported(host, call)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exported_call_goes_the_same_way_again_and_touches_nothing() {
    let host = Host::new(OPEN, &["journey"]).await;
    let history = journey(&host).await;
    assert!(history.imports.len() > 10);
    for entry in fs::read_dir(host.workspace()).unwrap() {
        fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
    let records = host.records().await.len();
    let report = replay(&history, "journey").await;
    same(&report);
    assert_eq!(report.same_imports as usize, history.imports.len());
    assert_eq!(fs::read_dir(host.workspace()).unwrap().count(), 0);
    assert_eq!(host.records().await.len(), records);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_tool_is_told_at_the_first_difference() {
    let host = Host::new(OPEN, &["two_writes"]).await;
    let call = kept(&host, "two_writes", "{}").await;
    let history = exported(&host, call);
    same(&replay(&history, "two_writes").await);
    let Difference::Import { position, recorded, made, fields, .. } =
        different(replay(&history, "two_writes_changed").await)
    else {
        panic!("no import differs")
    };
    assert_eq!((position, recorded, made), (1, "fs.write", "fs.write"));
    let fields: Vec<_> =
        fields.iter().map(|field| (field.field.as_str(), field.recorded.clone(), field.made.clone())).collect();
    assert_eq!(fields, [("content", Some(json!("two")), Some(json!("TWO\n")))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_difference_is_told() {
    let host = Host::new(OPEN, &["journey"]).await;
    let whole = journey(&host).await;
    let changed = |change: fn(&mut History)| {
        let mut history = whole.clone();
        change(&mut history);
        history
    };
    let other = changed(|history| history.imports[1].call = Call::ClockNow);
    let told = different(replay(&other, "journey").await);
    assert!(matches!(told, Difference::Import { position: 1, recorded: "clock.now", made: "fs.read", .. }), "{told:?}");
    let short = changed(|history| history.imports.truncate(5));
    let told = different(replay(&short, "journey").await);
    assert!(matches!(told, Difference::Extra { position: 5, made: "random.bytes", .. }), "{told:?}");
    let longer = changed(|history| history.imports.extend_from_within(16..));
    let told = different(replay(&longer, "journey").await);
    assert!(matches!(told, Difference::Missing { position: 18, recorded: "process.self", left: 2, .. }), "{told:?}");
    let answer = changed(|history| history.imports[17].answered.as_mut().unwrap().1 = bytes(b"other"));
    let Difference::End { fields, .. } = different(replay(&answer, "journey").await) else { panic!("{answer:?}") };
    assert_eq!((fields[0].field.as_str(), fields[0].made.clone()), ("done.output", Some(json!("other"))));
    let refused = changed(|history| {
        history.imports[1].answered.as_mut().unwrap().1 = Answer::Failed(CallError::NotFound("notes/a.md".into()));
    });
    let told = different(replay(&refused, "journey").await);
    let Difference::Missing { position: 2, ended, .. } = &told else { panic!("{told:?}") };
    assert!(ended.to_string().contains("not found: notes/a.md"), "{ended}");
    // The same value written in another way is the same.
    let spaced = changed(|history| {
        let End::Done(text) = &mut history.end else { panic!("it did not end well") };
        *text = serde_json::to_string_pretty(&serde_json::from_str::<Value>(text).unwrap()).unwrap();
    });
    same(&replay(&spaced, "journey").await);
}

fn bytes(bytes: &[u8]) -> Answer {
    Answer::Done(Reply::Bytes(bytes.to_vec()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_within_a_call_are_exported_with_it_and_replayed_each() {
    let host = Host::new(OPEN, &["nest", "word_count", "basics"]).await;
    host.put("a.md", "one two");
    let inner = json!({"name": "word_count", "arguments": r#"{"path":"a.md"}"#}).to_string();
    let call = kept(&host, "nest", &json!({"name": "nest", "arguments": inner}).to_string()).await;
    let history = exported(&host, call);
    assert_eq!(history.size(), (3, 3));
    let by_tool = |start: &Start, _: usize| Some(guest(&start.tool).into());
    let report = replayer().replay(&history, &by_tool).await.unwrap();
    same(&report);
    let innermost = &report.nested[0].nested[0];
    assert_eq!(
        (innermost.tool.as_str(), &innermost.verdict, innermost.same_imports),
        ("word_count", &Verdict::Same, 1)
    );
    let outer = |_: &Start, depth: usize| (depth == 0).then(|| guest("nest").into());
    let report = replayer().replay(&history, &outer).await.unwrap();
    assert_eq!((&report.verdict, &report.nested[0].verdict), (&Verdict::Same, &Verdict::NotReplayed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_went_on_in_another_host_is_exported_whole() {
    let mut host = Host::new(OPEN, &["ask_twice"]).await;
    let request = CallRequest { keep: true, ..CallRequest::new("ask_twice", r#"{"first":"One?","second":"Two?"}"#) };
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    let mut event = Runtime::settle(&mut events).await;
    for answer in ["1", "2"] {
        let CallEvent::Waits(Waiting::Question(id)) = event else { panic!("{event:?}") };
        assert!(host.park(call));
        host = host.restart().await;
        event = host.say(id, answer).await;
    }
    assert!(matches!(event, CallEvent::Ended(_)), "{event:?}");
    let history = exported(&host, call);
    assert_eq!((history.start.resumes, history.imports.len()), (2, 2));
    same(&replay(&history, "ask_twice").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_or_asked_about_is_replayed_without_asking() {
    let host = Host::new(GUARDED, &["two_writes", "every_import", "files"]).await;
    fs::create_dir_all(host.workspace().join("guarded")).unwrap();
    let asked = kept(&host, "two_writes", r#"{"first":"guarded/a","second":"guarded/b"}"#).await;
    same(&replay(&exported(&host, asked), "two_writes").await);
    let sleeps = kept(&host, "every_import", r#"{"import":"clock.sleep"}"#).await;
    let history = exported(&host, sleeps);
    let answer = &history.imports[0].answered.as_ref().unwrap().1;
    assert!(matches!(answer, Answer::Failed(CallError::Denied(_))), "{answer:?}");
    same(&replay(&history, "every_import").await);
    let failed = kept(&host, "read_text_file", r#"{"path":"secret/key"}"#).await;
    let history = exported(&host, failed);
    assert!(matches!(history.end, End::Failed(_)));
    same(&replay(&history, "files").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_record_ends_in_a_report() {
    let host = Host::new(OPEN, &["journey", "spin", "read_loop"]).await;
    let whole = journey(&host).await;
    // Answers of another shape than the import has, or larger than the guest can take.
    for answer in [Answer::Done(Reply::Unit), Answer::Done(Reply::Names(vec!["x".into(); 100_000])), bytes(&[0xff; 9])]
    {
        for position in 0..whole.imports.len() {
            let mut history = whole.clone();
            history.imports[position].answered.as_mut().unwrap().1 = answer.clone();
            let text = history::write(&history);
            replay(&history::read(&text).unwrap(), "journey").await;
        }
    }
    let mut large = whole.clone();
    large.start.limits.memory_bytes = 2 << 20;
    large.imports[1].answered.as_mut().unwrap().1 = bytes(&vec![b'x'; 16 << 20]);
    let told = different(replay(&large, "journey").await);
    assert!(format!("{told:?}").contains("memory"), "{told:?}");
    // A tool that never ends is ended by the record's own limit of processor time.
    let mut spins = History { imports: Vec::new(), ..whole.clone() };
    (spins.start.export, spins.start.arguments) = ("spin".into(), "{}".into());
    spins.start.limits.cpu_ticks = 3;
    let told = different(replay(&spins, "spin").await);
    assert!(format!("{told:?}").contains("cpu-time"), "{told:?}");
    let mut nothing = whole;
    nothing.start.export = "no such tool".into();
    let told = different(replay(&nothing, "read_loop").await);
    assert!(matches!(told, Difference::Missing { position: 0, .. }), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_or_a_clock_ended_is_compared_up_to_there() {
    let host = Host::with_limits(OPEN, &["spin", "ask_twice"], |limits| limits.cpu_ticks = 5).await;
    let request = CallRequest { keep: true, ..CallRequest::new("ask_twice", r#"{"first":"One?","second":"Two?"}"#) };
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    let CallEvent::Waits(Waiting::Question(id)) = Runtime::settle(&mut events).await else { panic!("it does not ask") };
    host.say(id, "1").await;
    host.runtime.cancel(call, "enough").await.unwrap();
    let history = exported(&host, call);
    assert_eq!((&history.end, history.imports.len()), (&End::Cancelled("enough".into()), 2));
    let report = replay(&history, "ask_twice").await;
    assert_eq!((report.verdict, report.same_imports), (Verdict::SameUntilCut, 1));
    let spun = kept(&host, "spin", "{}").await;
    let history = exported(&host, spun);
    assert!(history.is_cut(), "{:?}", history.end);
    assert!(replay(&history, "spin").await.is_same());
}
