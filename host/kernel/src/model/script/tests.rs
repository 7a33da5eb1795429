//! Scripts: what is one, what a step of it is, and what comes of it.

use super::*;

/// The JSON of the step with this index, when every earlier step had this result.
fn step(text: &str, index: usize, result: &str) -> Step {
    let script = Script::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let earlier = |_| Ok::<_, ()>(Some(result.to_owned()));
    script.step(index, earlier).unwrap().unwrap()
}

fn answer(result: Result<&str, &str>) -> Arc<Answer> {
    Arc::new(Answer::Done(Reply::Called(match result {
        Ok(text) => Called::Done(text.into()),
        Err(why) => Called::Failed(why.into()),
    })))
}

#[test]
fn a_script_that_is_wrong_is_refused_as_a_whole_with_its_line_and_column() {
    for (text, line, column, why) in [
        ("", 1, 1, "no step"),
        ("# only words\n\n", 1, 1, "no step"),
        ("{\"tool\":\"a\"}\n\n{\"tool\": 7}", 3, 10, "invalid type"),
        ("{\"tool\":\"a\"}\n{\"tool\":\"a\",}", 2, 13, "trailing comma"),
        ("{\"tool\":\"a\",\"arguments\":{}}", 1, 23, "unknown field"),
        ("{\"tool\":\"a\",\"tool\":\"b\"}", 1, 18, "duplicate field"),
        ("{}", 1, 1, "a line is one of"),
        ("{\"tool\":\"a\",\"exit\":null}", 1, 1, "a line is one of"),
        ("{\"calls\":[]}", 1, 1, "1 to 64 calls"),
        ("{\"calls\":[{\"args\":{}}]}", 1, 21, "missing field `tool`"),
        ("{\"tool\":\"\"}", 1, 1, "1 to 64 bytes"),
        ("{\"tool\":\"a\",\"args\":[1]}", 1, 1, "args is an object"),
        ("{\"exit\":1}\n{\"tool\":\"a\"}", 2, 1, "nothing comes after the exit in line 1"),
        ("{\"tool\":\"a\"}\n{\"tool\":\"a\",\"args\":{\"x\":{\"$from\":[2,\"\"]}}}", 2, 26, "names line 2"),
        ("# words\n{\"tool\":\"a\"}\n{\"exit\":{\"$from\":[1,\"\"]}}", 3, 10, "names line 1"),
        ("{\"tool\":\"a\"}\n{\"exit\":{\"$from\":[1,\"x\"]}}", 2, 10, "a reference is"),
        ("{\"tool\":\"a\"}\n{\"exit\":{\"$from\":[1,\"\"],\"more\":1}}", 2, 10, "a reference is"),
        ("{\"tool\":\"a\"}\n{\"exit\":{\"$from\":\"1\"}}", 2, 10, "a reference is"),
    ] {
        let error = Script::parse(text).unwrap_err();
        assert!(error.why.contains(why), "{text}: {error}");
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
    }
}

#[test]
fn a_script_is_bounded() {
    let line = "{\"tool\":\"a\"}\n";
    assert_eq!(Script::parse(&line.repeat(limit::SCRIPT_STEPS_MAX)).unwrap().steps(), limit::SCRIPT_STEPS_MAX);
    let error = Script::parse(&line.repeat(limit::SCRIPT_STEPS_MAX + 1)).unwrap_err();
    assert_eq!((error.line, error.why.as_str()), (limit::SCRIPT_STEPS_MAX + 1, "a script has at most 10000 steps"));
    let large = format!("{line}#{}", "x".repeat(limit::PLANNER_BYTES_MAX));
    assert!(Script::parse(&large).unwrap_err().why.contains("at most 1048576"));
    let many = |count| format!("{{\"calls\":[{}]}}", vec!["{\"tool\":\"a\"}"; count].join(","));
    assert!(Script::parse(&many(limit::CALLS_AT_ONCE_MAX)).is_ok());
    assert!(Script::parse(&many(limit::CALLS_AT_ONCE_MAX + 1)).is_err());
}

#[test]
fn a_step_holds_all_that_its_quantum_depends_on() {
    let text = "# first\n{\"tool\":\"spawn\"}\n\n{\"calls\":[{\"tool\":\"wait\",\"args\":{\"pid\":{\"$from\":[2,\"/pid\"]}}},\
                {\"tool\":\"b\",\"args\":{\"all\":{\"$from\":[2,\"\"]}}}]}";
    let step = step(text, 1, r#"{"pid":"p7"}"#);
    let arguments = |call: &Call| match call {
        Call::AgentCall { tool, arguments } => format!("{tool} {arguments}"),
        other => panic!("{other:?}"),
    };
    let calls: Vec<String> = step.calls().iter().map(arguments).collect();
    assert_eq!(calls, [r#"wait {"pid":"p7"}"#, r#"b {"all":{"pid":"p7"}}"#]);
    assert_eq!(Step::from_json(&step.to_json()).unwrap(), step);
}

#[test]
fn a_reference_to_what_is_not_there_fails_with_what_was_there() {
    let step = step("{\"tool\":\"spawn\"}\n{\"exit\":{\"$from\":[1,\"/pid\"]}}", 1, r#"{"failed":"no"}"#);
    let failure = step.conclude(&[]).unwrap_err();
    assert_eq!(failure.message, r#"line 2: the result of line 1 has nothing at "/pid"; it is {"failed":"no"}"#);
}

/// What comes of a script of one line, or of its first line if there is another.
fn conclusion(line: &str, more: bool, answers: &[Arc<Answer>]) -> String {
    let text = if more { format!("{line}\n{{\"tool\":\"next\"}}") } else { line.to_owned() };
    match step(&text, 0, "null").conclude(answers) {
        Ok(Chosen::GoOn(result)) => format!("go on {result}"),
        Ok(Chosen::Exit(result)) => format!("exit {result}"),
        Ok(Chosen::Hold(why)) => format!("hold {why}"),
        Err(failure) => failure.message,
    }
}

#[test]
fn what_a_line_gives_is_what_its_tools_gave() {
    let one = r#"{"tool":"a"}"#;
    let two = r#"{"calls":[{"tool":"a"},{"tool":"b"}]}"#;
    let (good, bad) = (|| answer(Ok("{\"n\": 1}")), || answer(Err("no \"way\"")));
    for (line, more, answers, want) in [
        (one, true, vec![good()], "go on {\"n\": 1}"),
        (one, false, vec![good()], "exit {\"n\": 1}"),
        (one, true, vec![bad()], r#"go on {"failed":"no \"way\""}"#),
        (one, false, vec![bad()], "line 1: a: no \"way\""),
        (two, false, vec![good(), bad()], "line 1: b: no \"way\""),
        (r#"{"tool":"a","expect":{"failed":"way"}}"#, false, vec![bad()], r#"exit {"failed":"no \"way\""}"#),
        (two, true, vec![good(), bad()], r#"go on [{"n": 1},{"failed":"no \"way\""}]"#),
        (r#"{"exit":null}"#, false, vec![], "exit null"),
    ] {
        assert_eq!(conclusion(line, more, &answers), want, "{line}");
    }
}

#[test]
fn what_is_expected_is_a_part_of_what_comes_or_the_process_fails() {
    for (expect, result, met) in [
        (r#"{"n":1}"#, Ok(r#"{"n":1,"m":2}"#), true),
        (r#"{"n":2}"#, Ok(r#"{"n":1,"m":2}"#), false),
        (r#"{"n":{"a":[1,{}]}}"#, Ok(r#"{"n":{"a":[1,{"x":0}]}}"#), true),
        (r#"{"n":[1]}"#, Ok(r#"{"n":[1,2]}"#), false),
        ("null", Ok("null"), true),
        ("null", Ok("0"), false),
        (r#"{"failed":"denied"}"#, Err("denied: write on fs:a"), true),
        (r#"{"failed":"denied"}"#, Err("not found"), false),
        (r#"{"failed":"denied"}"#, Ok("{}"), false),
        ("{}", Err("not found"), false),
    ] {
        let line = format!(r#"{{"tool":"a","expect":{expect}}}"#);
        let ended = conclusion(&line, true, &[answer(result)]);
        assert_eq!(ended.starts_with("go on"), met, "{expect} {result:?}: {ended}");
        if !met {
            assert!(ended.starts_with("line 1: a was to give ") && ended.contains(expect), "{ended}");
        }
    }
}

#[test]
fn each_result_that_a_step_names_is_read_once() {
    let many = vec![r#"{"$from":[1,"/pid"]}"#; 1_000].join(",");
    let script = Script::parse(&format!("{{\"tool\":\"a\"}}\n{{\"exit\":[{many}]}}")).unwrap();
    let mut reads = 0;
    let read = |_| {
        reads += 1;
        Ok::<_, ()>(Some(r#"{"pid":7}"#.to_owned()))
    };
    let step = script.step(1, read).unwrap().unwrap();
    assert_eq!(step.conclude(&[]), Ok(Chosen::Exit(format!("[{}]", vec!["7"; 1_000].join(",")))));
    assert_eq!(reads, 1);
}

#[test]
fn what_a_step_takes_from_earlier_results_is_bounded() {
    let large = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let half = limit::CALL_TEXT_BYTES_MAX / 2;
    let lines = |count: usize, pointer: &str| {
        let before = vec!["{\"tool\":\"a\"}"; count].join("\n");
        let names: Vec<String> = (1..=count).map(|line| format!("{{\"$from\":[{line},\"{pointer}\"]}}")).collect();
        format!("{before}\n{{\"exit\":[{}]}}", names.join(","))
    };
    for (count, bytes, why) in [
        (2, half, None),
        (2, half + 1, Some("takes from earlier results")),
        (5, limit::CALL_TEXT_BYTES_MAX, Some("takes from earlier results")),
    ] {
        let ended = step(&lines(count, ""), count, &large(bytes)).conclude(&[]);
        match why {
            None => assert!(ended.is_ok()),
            Some(why) => assert!(ended.unwrap_err().message.contains(why), "{count} {bytes}"),
        }
    }
    // Of each only a little, and too much to be looked for it.
    let wide = format!("[0,{}]", large(limit::CALL_TEXT_BYTES_MAX - 4));
    assert!(step(&lines(4, "/0"), 4, &wide).conclude(&[]).is_ok());
    let message = step(&lines(5, "/0"), 5, &wide).conclude(&[]).unwrap_err().message;
    assert!(message.contains("the results that it names"), "{message}");
}

#[test]
fn a_script_names_earlier_results_so_many_times_at_most() {
    let script = |count: usize| {
        let names = vec![r#"{"$from":[1,""]}"#; count].join(",");
        Script::parse(&format!("{{\"tool\":\"a\"}}\n{{\"exit\":[{names}]}}")).map(drop)
    };
    assert_eq!(script(limit::SCRIPT_REFERENCES_MAX), Ok(()));
    let error = script(limit::SCRIPT_REFERENCES_MAX + 1).unwrap_err();
    assert!(error.why.contains("at most 10000 references"), "{error}");
}
