//! What a context never does: change what it has said, or grow without bound.

use libos_model::Message;
use libos_model::api::SentCall;
use libos_model::context::{Bounds, Context, preview};
use proptest::prelude::*;

fn prompt() -> Vec<Message> {
    vec![Message::System("You are an agent.".to_owned()), Message::User("Do it.".to_owned())]
}

fn call(id: &str, arguments: &str) -> SentCall {
    SentCall { id: id.to_owned(), name: "read".to_owned(), arguments: arguments.to_owned() }
}

/// What goes over the wire of each message.
fn bytes(context: &Context) -> Vec<String> {
    context.messages().map(|message| format!("{message:?}")).collect()
}

/// One thing that happens to an agent.
#[derive(Clone, Debug)]
enum Happening {
    Told(String),
    /// The model's words, and the arguments and result of each call.
    Turn(String, Vec<(String, String)>),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z \n]{0,60}", 1 => (0_usize..30_000).prop_map(|length| "é\n".repeat(length / 2))]
}

fn happening() -> impl Strategy<Value = Happening> {
    let calls = proptest::collection::vec((text(), text()), 0..4);
    prop_oneof![
        text().prop_map(Happening::Told),
        (text(), calls).prop_map(|(said, calls)| Happening::Turn(said, calls))
    ]
}

fn happen(context: &mut Context, step: usize, happening: &Happening) {
    match happening {
        Happening::Told(text) => context.tell(text),
        Happening::Turn(said, calls) => {
            let id = |at: usize| format!("call-{step}-{at}");
            let sent: Vec<_> = calls.iter().enumerate().map(|(at, (arguments, _))| call(&id(at), arguments)).collect();
            context.said(said, &sent);
            for (at, (_, result)) in calls.iter().enumerate() {
                let handle = (!context.fits(result)).then(|| format!("object:results/{step}-{at}"));
                context.result(&id(at), result, handle.as_ref());
            }
        }
    }
}

/// Every result answers a call of the assistant's message before it.
fn whole_turns(context: &Context) -> bool {
    let mut open: Vec<&str> = Vec::new();
    context.messages().all(|message| match message {
        Message::Assistant { calls, .. } => {
            open = calls.iter().map(|call| call.id.as_str()).collect();
            true
        }
        Message::ToolResult { id, .. } => open.contains(&id.as_str()),
        Message::System(_) | Message::User(_) => true,
    })
}

#[test]
fn a_thousand_trivial_steps_stay_under_forty_thousand_characters() {
    let mut context = Context::new(Bounds::default(), prompt());
    let mut compactions = 0;
    for step in 0..1_000 {
        happen(
            &mut context,
            step,
            &Happening::Turn(String::new(), vec![(format!("{{\"i\":{step}}}"), "done".to_owned())]),
        );
        if context.is_full() {
            let dropped = context.plan().unwrap();
            context.compacted(&dropped, &"s".repeat(10_000), &format!("object:contexts/{step}")).unwrap();
            compactions += 1;
        }
        let request = context.request(&[]);
        let sent: usize = request.messages.iter().map(|message| format!("{message:?}").chars().count()).sum();
        assert!(context.characters() < 40_000 && sent < 40_000, "step {step}: {} {sent}", context.characters());
    }
    assert!((1..20).contains(&compactions), "{compactions}: seldom, so that the cache of the provider is of use");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_said_stays_byte_for_byte_and_is_never_lost(happenings in proptest::collection::vec(happening(), 1..60)) {
        let mut context = Context::new(Bounds::default(), prompt());
        let mut ever: Vec<String> = bytes(&context);
        let prompt_length = ever.len();
        let mut kept: Vec<String> = ever.clone();
        for (step, happening) in happenings.iter().enumerate() {
            happen(&mut context, step, happening);
            let now = bytes(&context);
            prop_assert_eq!(&now[..kept.len()], &kept[..], "only the end grows");
            ever.extend(now[kept.len()..].iter().cloned());
            prop_assert!(whole_turns(&context));
            prop_assert!(context.characters() <= Bounds::default().whole + 4 * 400, "{}", context.characters());
            if context.is_full() && let Some(dropped) = context.plan() {
                let before = bytes(&context);
                context.compacted(&dropped, "What happened.", &"object:contexts/1".to_owned()).unwrap();
                let after = bytes(&context);
                prop_assert!(whole_turns(&context));
                prop_assert_eq!(&after[..prompt_length], &before[..prompt_length], "the prompt stays");
                let gone = dropped.messages.len();
                prop_assert_eq!(&after[prompt_length + 1..], &before[prompt_length + gone..], "the newest stay");
                prop_assert!(context.characters() <= Bounds::default().threshold, "{}", context.characters());
                let shown: Vec<String> = dropped.messages.iter().map(|message| format!("{message:?}")).collect();
                prop_assert_eq!(&shown[..], &before[prompt_length..prompt_length + gone], "what goes is handed out");
            }
            kept = bytes(&context);
        }
    }

    #[test]
    fn a_preview_shows_both_ends_within_its_bound(text in text(), most in 8_usize..3_000) {
        let handle = "object:results/7".to_owned();
        let shown = preview(&text, most, Some(&handle));
        let count = text.chars().count();
        if count <= most {
            prop_assert_eq!(shown, text);
        } else {
            prop_assert!(shown.chars().count() <= most + 200);
            let says = format!("of {count} characters left out; the whole is in {handle}");
            prop_assert!(shown.contains(&says), "{}", shown);
            prop_assert!(text.starts_with(shown.split("\n[").next().unwrap()));
        }
    }
}

#[test]
fn many_large_results_of_one_turn_leave_room_for_each_other() {
    let mut context = Context::new(Bounds::default(), prompt());
    happen(&mut context, 0, &Happening::Turn("s".repeat(9_000), vec![("a".repeat(3_000), "r".repeat(9_000)); 40]));
    let messages = context.messages().count();
    assert!(context.characters() <= Bounds::default().whole + 400 * messages, "{}", context.characters());
    assert!(whole_turns(&context) && context.is_full());
}

#[test]
fn a_plan_of_before_another_compaction_is_refused() {
    let mut context = Context::new(Bounds::default(), prompt());
    for _ in 0..20 {
        context.tell(&"a".repeat(2_000));
    }
    let (first, second) = (context.plan().unwrap(), context.plan().unwrap());
    context.tell("since then");
    let handle = "object:contexts/1".to_owned();
    context.compacted(&first, "They said a.", &handle).unwrap();
    assert!(bytes(&context).last().unwrap().contains("since then"));
    assert!(bytes(&context)[2].contains(&handle));
    for _ in 0..20 {
        context.tell("and more");
    }
    assert!(context.compacted(&second, "They said a.", &handle).is_err());
    assert_eq!(context.generation(), 1);
}

#[test]
fn the_default_bounds_hold_and_others_are_told_apart() {
    let good = Bounds::default();
    assert!(good.hold());
    for bad in [
        Bounds { threshold: good.whole, ..good },
        Bounds { result: good.entry + 1, ..good },
        Bounds { kept: good.threshold, ..good },
    ] {
        assert!(!bad.hold(), "{bad:?}");
    }
}
