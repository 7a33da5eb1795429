//! The policy file: what is read, what is refused and how that is told, what is warned of, and how long it takes.

use super::*;
use crate::model::facility::Facility;
use proptest::prelude::*;

/// The starter with every line that is commented out put in force.
fn whole_starter() -> String {
    let is_setting = |line: &str| {
        let line = line.trim_start();
        line.starts_with(['[', '"', ']']) || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let starter = Policy::starter();
    let uncommented = starter.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if is_setting(rest) => rest,
        _ => line,
    });
    uncommented.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_starter_says_what_its_comments_say() {
    let policy = Policy::parse(&Policy::starter()).unwrap();
    assert_eq!(policy.mounts["workspace"].path, ".");
    assert_eq!(policy.templates.len(), 6);
    assert_eq!(policy.templates[0].rights.to_string(), "read,list");
    assert_eq!(policy.defaults[BASE], WithoutGrant::Deny);
    assert_eq!((policy.limits, policy.questions), (CallLimits::default(), QuestionRules::default()));
    assert_eq!(policy.accepted, Facilities::NONE);
}

#[test]
fn all_that_the_starter_has_commented_out_is_right() {
    let text = whole_starter();
    let checked = Policy::check(&text, Some(&[BASE.to_owned()]));
    assert_eq!((checked.errors.as_slice(), checked.warnings.as_slice()), (&[][..], &[][..]), "{text}");
    let policy = checked.policy.unwrap();
    assert!(policy.mounts["media"].allow_hard_links);
    assert_eq!(policy.templates.last().unwrap().image, "*");
    // What is shown is what holds without it, but for the questions' life.
    assert_eq!(policy.limits, CallLimits::default());
    assert_eq!(policy.questions.expire_after, Some(Duration::from_secs(7 * 86_400)));
    assert_eq!(policy.questions.open_max, QuestionRules::default().open_max);
    assert_eq!((policy.retain, policy.space), (Retain::default(), Space::default()));
    assert!(policy.accepted.contains(Facility::CaseSensitiveNames));
}

#[test]
fn settings_are_read_in_the_units_that_people_write() {
    let text = "[limits]\nmemory = \"64 MiB\"\nprocessor-time = \"95ms\"\nwall-time = \"2m\"\nimports = 1_000\njournal = \"1 MiB\"\n\
                [questions]\nexpire-after = \"1h30m\"\nopen-max = 3\nper-hour = 0x10\n";
    let Policy { limits, questions, .. } = Policy::parse(text).unwrap();
    let want = CallLimits {
        memory_bytes: 64 << 20,
        cpu_ticks: 10,
        wall_milliseconds: 120_000,
        imports: 1_000,
        journal_bytes: 1 << 20,
    };
    assert_eq!(limits, want);
    assert_eq!(questions.expire_after, Some(Duration::from_secs(5_400)));
    assert_eq!((questions.open_max, questions.per_hour), (3, 16));
    assert_eq!(Policy::parse("[questions]\nexpire-after = \"never\"").unwrap().questions.expire_after, None);
}

/// The first error of a text is there, and says and advises this.
#[track_caller]
fn check_error(text: &str, (line, column): (u32, u32), what: &str, hint: &str) {
    let error = Policy::parse(text).unwrap_err();
    assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
    assert!(error.what.contains(what), "{text}: {error}");
    let told = error.hint.clone().unwrap_or_default();
    assert!(told.contains(hint), "{text}: {told}");
}

#[test]
fn an_error_says_line_and_column_and_what_to_write() {
    for (text, line, column, what, hint) in [
        ("[mounts]\nworkspace = 1", 2, 13, "a mount is a path", "workspace = \".\""),
        ("[mounts]\n\"a/b\" = \".\"", 2, 1, "no '/'", "workspace"),
        ("[mounts]\nw = { hardlinks = \"allow\" }", 2, 5, "needs a path", "path = "),
        (
            "[mounts]\nw = { path = \".\", hardlinks = \"alow\" }",
            2,
            31,
            "\"guard\" or \"allow\"",
            "did you mean 'allow'?",
        ),
        ("[mounts]\nw = { path = \".\", hardlink = \"allow\" }", 2, 19, "no 'hardlink'", "did you mean 'hardlinks'?"),
        ("[image.base]\nallow = [\n  \"read fs:\",\n]", 3, 3, "no name", "read,list fs:workspace/**"),
        ("[image.base]\nallow = [\"wirte fs:w\"]", 2, 10, "'wirte' is no right", "did you mean 'write'?"),
        ("[image.base]\nallow = [\"sleep fs:w\"]", 2, 10, "has the rights", "read,list fs:workspace/**"),
        ("[image.base]\nallow = [\"read fss:w\"]", 2, 10, "names no resource", "did you mean 'fs:'?"),
        ("[image.base]\nallow = [1]", 2, 10, "a line of 'allow' is a text", "read,list"),
        ("[image.base]\nallow = \"read fs:w\"", 2, 9, "a list of lines", "allow = ["),
        ("[image.base]\nalow = []", 2, 1, "no 'alow'", "did you mean 'allow'?"),
        ("[image.base]\ndefault = \"aks\"", 2, 11, "\"deny\" or \"ask\"", "did you mean 'ask'?"),
        ("[image.\"*\"]\ndefault = \"ask\"", 2, 1, "no default", "[image.base]"),
        ("[image.\"a b\"]\nallow = []", 1, 8, "no name of an image", "[image.base]"),
        ("[imgae.base]\nallow = []", 1, 2, "no section 'imgae'", "did you mean 'image'?"),
        ("[colours]\nx = 1", 1, 2, "no section 'colours'", "one of mounts, image, limits"),
        ("mounts = 1", 1, 10, "is a section", "[mounts]"),
    ] {
        check_error(text, (line, column), what, hint);
    }
}

#[test]
fn an_error_in_settings_says_what_may_be_written() {
    for (text, line, column, what, hint) in [
        ("[limits]\nmemory = \"256 MB\"", 2, 10, "'256 MB' is no size", "MiB"),
        ("[limits]\nmemory = \"1 KiB\"", 2, 10, "from 1 MiB to 4 GiB", "for example"),
        ("[limits]\nmemory = 256", 2, 10, "is a text", "memory = \""),
        ("[limits]\nmemmory = \"1 MiB\"", 2, 1, "no 'memmory'", "did you mean 'memory'?"),
        ("[limits]\nwall-time = \"30\"", 2, 13, "no length of time", "120s"),
        ("[limits]\nprocessor-time = \"2h\"", 2, 18, "from 10ms to 1h", "30s"),
        ("[limits]\nimports = -1", 2, 11, "from 1 to 1000000", "imports = "),
        ("[limits]\njournal = \"1 GiB\"", 2, 11, "to 256 MiB", "for example"),
        ("[questions]\nopen-max = \"3\"", 2, 12, "a number from 1", "open-max = "),
        ("[questions]\nexpire-afer = \"7d\"", 2, 1, "no 'expire-afer'", "did you mean 'expire-after'?"),
        ("[accept]\nopenat2 = \"x\"", 2, 1, "starts without openat2", "take the line away"),
        (
            "[accept]\ncase-sensitive-name = \"x\"",
            2,
            1,
            "nothing called",
            "did you mean case-sensitive-names = \"a deny can",
        ),
        ("[accept]\nfirewall = \"x\"", 2, 1, "nothing called 'firewall'", "one of mount-identity"),
        (
            "[accept]\ncase-sensitive-names = \"yes\"",
            2,
            24,
            "to the letter",
            "\"a deny can be evaded by another spelling\"",
        ),
        (
            "[accept]\ncase-sensitive-names = true",
            2,
            24,
            "to the letter",
            "\"a deny can be evaded by another spelling\"",
        ),
        ("x", 1, 2, "", "name = value"),
        ("[mounts]\nw = \"a", 2, 7, "", "ends on its line"),
        ("[mounts]\nw = \".\"\nw = \".\"", 3, 1, "duplicate", "stand once"),
        ("# \u{e9}\u{e9}\n[image.base]\nallow = [\"\u{e9}\", \"fly fs:w\"]", 3, 10, "a rule is", "an example"),
    ] {
        check_error(text, (line, column), what, hint);
    }
}

#[test]
fn how_long_what_has_ended_is_kept_is_read() {
    let day = |days: u64| Duration::from_secs(days * 86_400);
    let text = "[retain]\ncalls = \"30d\"\nquestions = \"forever\"\nprocesses = \"1h30m\"\njournals = \"7d\"\n[space]\nkeep-free = \"1 GiB\"\n";
    let policy = Policy::parse(text).unwrap();
    let want =
        Retain { calls: Some(day(30)), questions: None, processes: Some(Duration::from_secs(5_400)), journals: day(7) };
    assert_eq!((policy.retain, policy.space.keep_free), (want, 1 << 30));
    assert_eq!(Policy::parse("[retain]\njournals = \"none\"").unwrap().retain, Retain::default());
    assert_eq!(
        settings(&Policy::default(), &policy),
        [
            "calls that have ended are kept for: forever -> 30d",
            "processes that have ended are kept for: forever -> 90m",
            "journals of calls that have ended are kept for: none -> 7d",
            "space that stays free: 64 MiB -> 1 GiB",
        ]
    );
    for (text, place, what, hint) in [
        ("[retain]\ncalls = 30", (2, 9), "is a text", "30d"),
        ("[retain]\ncalls = \"none\"", (2, 9), "no length of time", "30d"),
        ("[retain]\ncalls = \"0s\"", (2, 9), "from 1s", "30d"),
        ("[retain]\njournal = \"7d\"", (2, 1), "no 'journal' in [retain]", "journals"),
        ("[retain]\njournals = \"forever\"", (2, 12), "no length of time", "7d"),
        ("[space]\nkeep-free = \"1 KiB\"", (2, 13), "from 1 MiB", "for example"),
        ("[space]\nfree = \"1 GiB\"", (2, 1), "no 'free' in [space]", "keep-free"),
    ] {
        check_error(text, place, what, hint);
    }
}

#[test]
fn every_error_is_told_in_the_order_of_the_file() {
    let text =
        "[limits]\nmemory = 1\n[image.base]\nallow = [\"a b:c\"]\ndeny = [\"d e:f\", \"g h:i\"]\n[accept]\nx = 1\n";
    let lines: Vec<u32> = Policy::check(text, None).errors.iter().map(|error| error.line).collect();
    assert_eq!(lines, [2, 4, 5, 5, 7]);
    let many = format!("[image.base]\nallow = [{}]", "\"x\",\n".repeat(1_000));
    assert!(Policy::check(&many, None).errors.len() <= 20);
}

#[test]
fn lines_that_do_nothing_are_warned_of() {
    let check = |rules: &str, want: &[(u32, &str)]| {
        let text = format!("[mounts]\nworkspace = \".\"\n{rules}");
        let checked = Policy::check(&text, Some(&[BASE.to_owned(), "small".to_owned()]));
        let have: Vec<_> = checked.warnings.iter().map(|warning| (warning.line, warning.what.as_str())).collect();
        assert!(checked.errors.is_empty(), "{text}: {:?}", checked.errors);
        assert_eq!(have.len(), want.len(), "{text}: {have:?}");
        for ((line, what), (want_line, part)) in have.iter().zip(want) {
            assert!(line == want_line && what.contains(part), "{text}: {have:?}");
        }
    };
    check("[image.base]\nallow = [\"read fs:workspace/**\"]\ndeny = [\"read fs:workspace/.env\"]", &[]);
    check("[image.base]\nallow = [\"read fs:w/**\"]", &[(4, "no mount 'w'")]);
    check("[image.base]\nallow = [\"read fs:*/a\", \"read fs:**\"]", &[]);
    check("[image.base]\nallow = [\n\"read fs:workspace/a\",\n\"read fs:workspace/a\"]", &[(6, "line 5 already")]);
    check(
        "[image.base]\nallow = [\"read fs:workspace/a\"]\ndeny = [\"read fs:workspace/a\"]",
        &[(5, "under 'allow' on line 4")],
    );
    check("[image.base]\nallow = [\"read fs:workspace/a\"]\n[image.small]\ndeny = [\"read fs:workspace/a\"]", &[]);
    check(
        "[image.base]\ndeny = [\"read fs:workspace/**\"]\nallow = [\"read fs:workspace/a/*\"]",
        &[(5, "the deny on line 4")],
    );
    check("[image.base]\ndeny = [\"read fs:workspace/**\"]\nallow = [\"read,list fs:workspace/a\"]", &[]);
    check("[image.base]\ndeny = [\"read fs:workspace/*\"]\nallow = [\"read fs:workspace/a/**\"]", &[]);
    check("[image.base]\ndeny = [\"read fs:workspace/*\"]\nallow = [\"read fs:workspace/**\"]", &[]);
    check(
        "[image.base]\ndeny = [\"read fs:workspace/a/**\"]\nallow = [\"read fs:workspace/a/**\"]",
        &[(5, "under 'deny'")],
    );
    check(
        "[image.base]\nask = [\"read fs:workspace/**\"]\nallow = [\"read fs:workspace/a\"]",
        &[(5, "the ask on line 4")],
    );
    check(
        "[image.base]\ndeny = [\"read fs:workspace/**\"]\nask = [\"read fs:workspace/a\"]",
        &[(5, "covers all of this ask")],
    );
    check(
        "[image.\"*\"]\ndeny = [\"read fs:workspace/**\"]\n[image.small]\nallow = [\"read fs:workspace/a\"]",
        &[(6, "the deny on line 4")],
    );
    check("[image.bsae]\nallow = []", &[(3, "no image 'bsae'")]);
    check(
        "[image.base]\ndeny = [\"read http:https/*.a.com/443\"]\nallow = [\"read http:https/*.b.a.com/443\"]",
        &[(5, "the deny")],
    );
}

#[test]
fn a_large_policy_is_read_in_a_time_that_grows_with_it() {
    let policy = |rules: usize| {
        let mut text = String::from("[mounts]\nworkspace = \".\"\n[image.base]\nallow = [\n");
        for number in 0..rules {
            text.push_str(&format!("    \"read,list fs:workspace/directory-{number}/**\",\n"));
        }
        text + "]\n"
    };
    assert_eq!(Policy::parse(&policy(limit::POLICY_RULES_MAX)).unwrap().templates.len(), limit::POLICY_RULES_MAX);
    let error = Policy::parse(&policy(limit::POLICY_RULES_MAX + 1)).unwrap_err();
    assert!(error.what.contains("10000 rules") && error.line == limit::POLICY_RULES_MAX as u32 + 5, "{error}");
    let error = Policy::parse(&"#".repeat(limit::POLICY_BYTES_MAX + 1)).unwrap_err();
    assert!(error.what.contains("1 MiB"), "{error}");
    // The better of several runs says what the work is; a slow machine is allowed for.
    let time = |text: &str, rules: usize| {
        let one = |_| {
            let begun = std::time::Instant::now();
            assert_eq!(Policy::check(text, None).policy.unwrap().templates.len(), rules);
            begun.elapsed()
        };
        (0..5).map(one).min().unwrap()
    };
    let (small, large) = (time(&policy(1_000), 1_000), time(&policy(10_000), 10_000));
    println!("1,000 rules: {small:?}; 10,000: {large:?}");
    assert!(large < small * 40, "1,000 rules: {small:?}; 10,000: {large:?}");
    #[cfg(not(debug_assertions))]
    assert!(large < Duration::from_millis(50), "{large:?}");
}

#[test]
fn texts_that_are_deep_or_odd_are_refused_and_break_nothing() {
    let deep = |open: &str, close: &str| format!("x = {}{}", open.repeat(100_000), close.repeat(100_000));
    for text in [
        deep("[", "]"),
        deep("{a=", "}"),
        format!("{}x = 1", "a.".repeat(100_000)),
        format!("[{}x]", "a.".repeat(100_000)),
        "[[image]]\n".repeat(10_000),
        "]\n".repeat(100_000),
        "\u{feff}\u{0}".into(),
        "\r\r\n".repeat(1_000) + "x",
        "[image.base]\nallow = [\"\"\"\nread\nfs:w\"\"\"]".into(),
    ] {
        let checked = Policy::check(&text, None);
        assert!(checked.policy.is_none() && !checked.errors.is_empty(), "{:.40}", text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_breaks_the_reader(text in any::<String>()) {
        let _ = Policy::check(&text, None);
    }

    #[test]
    fn no_change_of_the_starter_breaks_the_reader(changes in prop::collection::vec((any::<prop::sample::Index>(), 0..6usize, any::<char>()), 1..8)) {
        let mut text: Vec<char> = whole_starter().chars().collect();
        for (index, kind, character) in changes {
            if text.is_empty() {
                break;
            }
            let at = index.index(text.len());
            match kind {
                0 => text[at] = character,
                1 => text.insert(at, character),
                2 => drop(text.remove(at)),
                3 => text.truncate(at + 1),
                4 => text.insert(at, ['"', '[', ']', '\n', '*', '{', '=', '.'][character as usize % 8]),
                _ => { let copy: Vec<char> = text[at..].iter().take(40).copied().collect(); text.splice(at..at, copy); }
            }
        }
        let text: String = text.into_iter().collect();
        let checked = Policy::check(&text, Some(&[]));
        prop_assert_eq!(checked.policy.is_none(), !checked.errors.is_empty());
        for told in checked.errors.iter().chain(&checked.warnings) {
            prop_assert!(told.line >= 1 && told.line as usize <= text.lines().count() + 1, "{:?}", told);
            prop_assert!(told.column >= 1 && told.hint.is_some());
        }
        // What is in force is read again at every start.
        prop_assert_eq!(Policy::parse(&text).ok(), checked.policy);
    }
}

#[test]
fn variables_stand_in_the_file_and_a_change_of_them_is_told() {
    let policy = Policy::parse("[environment]\nLANG = \"C.UTF-8\"\n_x1 = \"\"\n").unwrap();
    assert_eq!(policy.environment.len(), 2);
    assert_eq!(policy.environment["LANG"], "C.UTF-8");
    assert_eq!(
        settings(&Policy::parse("[environment]\nLANG = \"de\"").unwrap(), &policy),
        ["variable LANG: \"de\" -> \"C.UTF-8\"", "variable _x1: none -> \"\""]
    );
    for (text, place, what, hint) in [
        ("[environment]\n\"A B\" = \"x\"", (2, 1), "letters, digits", "LANG"),
        ("[environment]\n1A = \"x\"", (2, 1), "letters, digits", "LANG"),
        ("[environment]\nA = 1", (2, 5), "is a text", "A = "),
        ("[environment]\nA = { from = \"A\" }", (2, 5), "is a text", "A = "),
        ("[environment]\nA = \"\\u0000\"", (2, 1), "no NUL", "file"),
        ("environment = 1", (1, 15), "is a section", "[environment]"),
    ] {
        check_error(text, place, what, hint);
    }
    let long = format!("[environment]\nA = \"{}\"", "x".repeat(limit::VARIABLE_BYTES_MAX + 1));
    check_error(&long, (2, 1), "32 KiB", "file");
    let many: String = (0..=limit::VARIABLES_MAX).map(|number| format!("A{number} = \"\"\n")).collect();
    assert!(Policy::parse(&format!("[environment]\n{many}")).unwrap_err().what.contains("more than 256"));
}
