//! What a program does that embeds the runtime: the builder, answers from code, results.

use libos::world::{Body, MemoryWorld};
use libos::{BuildError, Builder, CallEvent, CallRequest, Compile, NotDone, Reaction, Runtime, RuntimeError};
use libos_e2e::{GUESTS, result};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// After so long something hangs.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(100);

/// A directory that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("libos-embedding-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("workspace")).unwrap();
        Scratch(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn component(name: &str) -> &'static str {
    GUESTS.iter().find(|(known, _)| *known == name).unwrap().1
}

async fn refused(builder: Builder) -> BuildError {
    match builder.open().await {
        Err(error) => error,
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test]
async fn without_any_rule_nothing_is_allowed_and_nothing_is_left() {
    let runtime = Runtime::builder().open().await.unwrap();
    runtime.add_file(component("two_writes"), None).await.unwrap();
    let event = runtime.call(CallRequest::new("two_writes", "{}")).await.unwrap();
    let NotDone::Failed(failure) = event.into_result().unwrap_err() else { panic!("it did not fail") };
    assert_eq!(failure.reason, libos::FailureReason::Denied);
    runtime.close().await;
}

#[tokio::test]
async fn a_store_on_the_disk_goes_on_where_it_was() {
    let scratch = Scratch::new("store");
    let builder = |answers: bool| {
        let builder = Runtime::builder()
            .store(scratch.path("data"))
            .mount("workspace", scratch.path("workspace"))
            .allow("read,write fs:workspace/**")
            .allow("tell human:owner")
            .ask("write fs:workspace/second.txt");
        if answers { builder.on_question(|_| Some(Reaction::allow())) } else { builder }
    };
    let runtime = builder(false).open().await.unwrap();
    runtime.add_file(component("two_writes"), None).await.unwrap();
    let event = runtime.call(CallRequest::new("two_writes", "{}")).await.unwrap();
    let NotDone::Asks(question) = event.into_result().unwrap_err() else { panic!("it did not ask") };
    runtime.close().await;
    drop(runtime);

    // A question from before is not put to the code, which may be another: it is answered by its number.
    let runtime = builder(true).open().await.unwrap();
    assert_eq!(runtime.kernel().tools().len(), 1);
    let call =
        runtime.kernel().snapshot().map(|snapshot| libos::kernel::kernel::view::View(&snapshot).calls().unwrap()[0].id);
    let mut events = runtime.listen(call.unwrap());
    runtime.answer(question, Reaction::allow()).await.unwrap();
    assert_eq!(result(Runtime::settle(&mut events).await), json!(["one", "two"]));
    assert_eq!(std::fs::read_to_string(scratch.path("workspace/second.txt")).unwrap(), "two");
    let event = runtime.call(CallRequest::new("two_writes", "{}")).await.unwrap();
    event.into_result().unwrap();
    runtime.close().await;
}

#[tokio::test]
async fn the_store_of_an_embedder_is_out_of_reach_of_its_tools() {
    let scratch = Scratch::new("protect");
    let runtime = Runtime::builder()
        .store(scratch.path("workspace/data"))
        .mount("workspace", scratch.path("workspace"))
        .protect(scratch.path("workspace/key"))
        .allow("read,list,write,delete fs:workspace/**")
        .open()
        .await
        .unwrap();
    std::fs::write(scratch.path("workspace/key"), "secret").unwrap();
    runtime.add_file(component("file_act"), None).await.unwrap();
    for path in ["data/store.redb", "data/code/x", "key"] {
        for operation in ["read", "write", "remove"] {
            let arguments = json!({ "operation": operation, "path": path }).to_string();
            let event = runtime.call(CallRequest::new("file_act", arguments)).await.unwrap();
            assert!(event.into_result().is_err(), "{operation} {path}");
        }
    }
    assert_eq!(std::fs::read_to_string(scratch.path("workspace/key")).unwrap(), "secret");
    runtime.close().await;
    drop(runtime);
    // A mount within the store is refused, not narrowed.
    let inside =
        Runtime::builder().store(scratch.path("workspace/data")).mount("workspace", scratch.path("workspace/data"));
    assert!(refused(inside).await.to_string().contains("runtime's own"));
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_with_what_to_do() {
    let scratch = Scratch::new("settings");
    std::fs::write(scratch.path("file"), "").unwrap();
    let rows = [
        (Runtime::builder().allow("read"), "the rule 'read': a rule is rights, a space and a resource"),
        (Runtime::builder().deny("read fs:a\"]\nallow = [\"write fs:workspace/**"), "names no resource"),
        (Runtime::builder().policy("[mounts", "."), "the policy: line 1"),
        (Runtime::builder().policy("[mounts]\n", ".").allow("read fs:workspace/**"), "those from code go into it"),
        (Runtime::builder().policy("[mounts]\n", ".").mount("workspace", "."), "those from code go into it"),
        (Runtime::builder().store(scratch.path("file")), "the store's directory"),
        (Runtime::builder().mount("workspace", scratch.path("none")), "the mount 'workspace' cannot be opened"),
        (Runtime::builder().mount("a/b", scratch.path("workspace")), "a mount's name has no '/'"),
    ];
    for (builder, expected) in rows {
        let said = refused(builder).await.to_string();
        assert!(said.contains(expected), "{said}");
    }
    let missing = Runtime::builder().open().await.unwrap().add_file("target/none.wasm", None).await.unwrap_err();
    assert!(matches!(missing, RuntimeError::File { .. }) && missing.to_string().contains("wasm32-wasip2"), "{missing}");
}

#[tokio::test]
async fn a_policy_as_text_and_an_outside_of_ones_own_do() {
    let scratch = Scratch::new("policy");
    std::fs::write(scratch.path("workspace/a.txt"), "one two").unwrap();
    let text = "[mounts]\nworkspace = \"workspace\"\n[image.base]\nallow = [\"read fs:workspace/**\"]\n";
    let world = MemoryWorld::new(&["workspace"], 0);
    world.put("workspace/a.txt", Body::File("one two three".into()));
    let rows = [
        (Runtime::builder().policy(text, &scratch.0), json!(2)),
        (Runtime::builder().world(Arc::new(world), &["workspace"]).allow("read fs:workspace/**"), json!(3)),
    ];
    for (builder, words) in rows {
        let runtime = builder.open().await.unwrap();
        runtime.add_file(component("word_count"), None).await.unwrap();
        let event = runtime.call(CallRequest::new("word_count", r#"{"path":"a.txt"}"#)).await.unwrap();
        assert_eq!(event.into_result().unwrap(), words);
        runtime.close().await;
    }
}

#[tokio::test]
async fn code_answers_what_it_can_and_leaves_the_rest() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let runtime = Runtime::builder()
        .allow("read fs:workspace/**")
        .ask("write fs:workspace/**")
        .allow("tell,ask human:owner")
        .on_question(move |question| {
            // A yes to an open question does not fit; the second write is left to somebody else.
            let number = count.fetch_add(1, Ordering::Relaxed);
            (question.tool == "ask" || number == 0).then(Reaction::allow)
        })
        .open()
        .await
        .unwrap();
    for guest in ["two_writes", "ask"] {
        runtime.add_file(component(guest), None).await.unwrap();
    }
    let event = runtime.call(CallRequest::new("two_writes", "{}")).await.unwrap();
    assert!(matches!(event.into_result(), Err(NotDone::Asks(_))));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    let event = runtime.call(CallRequest::new("ask", r#"{"question":"Which?"}"#)).await.unwrap();
    assert!(matches!(event.into_result(), Err(NotDone::Asks(_))));
    runtime.close().await;
}

#[tokio::test]
async fn a_builder_that_says_so_compiles_in_a_child() {
    let runtime = Runtime::builder().compile(Compile::Child("/bin/false".into())).open().await.unwrap();
    let error = runtime.add_file(component("noop"), None).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Compile(_)), "{error}");
    runtime.close().await;
}

#[tokio::test]
async fn without_a_mount_the_clock_and_randomness_are_real() {
    let (one, other) = (Runtime::builder().open().await.unwrap(), Runtime::builder().open().await.unwrap());
    assert_ne!(one.kernel().random32().unwrap(), other.kernel().random32().unwrap());
    assert_ne!(one.kernel().now(), MemoryWorld::new(&[], 0).time());
    // One that is given is as it was made.
    let world = MemoryWorld::new(&["workspace"], 7);
    let given = Runtime::builder().world(Arc::new(world.clone()), &["workspace"]).open().await.unwrap();
    assert_eq!(given.kernel().now(), world.time());
}

#[tokio::test]
async fn a_runtime_that_nobody_has_any_more_frees_its_store() {
    let scratch = Scratch::new("dropped");
    for _ in 0..3 {
        let runtime = Runtime::builder().store(scratch.path("data")).open().await.unwrap();
        // The loop has had its first turn and waits.
        tokio::task::yield_now().await;
        drop(runtime);
    }
}

#[tokio::test]
async fn code_that_panics_over_a_question_interrupts_the_call_and_not_the_host() {
    let runtime = Runtime::builder()
        .allow("tell human:owner")
        .ask("write fs:workspace/**")
        .on_question(|_| panic!("on purpose"))
        .open()
        .await
        .unwrap();
    runtime.add_file(component("two_writes"), None).await.unwrap();
    let call = runtime.call(CallRequest::new("two_writes", "{}"));
    let event = tokio::time::timeout(PATIENCE, call).await.expect("nobody is told").unwrap();
    assert!(matches!(&event, CallEvent::Interrupted(why) if why.contains("panicked")), "{event:?}");
    assert_eq!(runtime.kernel().failure(), None);
    runtime.close().await;
}
