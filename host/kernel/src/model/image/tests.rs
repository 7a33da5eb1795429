//! What a manifest says in both formats, where it is wrong, and what is refused.

use super::*;

/// The same image in both formats.
const TOML: &str = r#"
id = "helper"
version = "1.10"
description = "Helps."
planner = "model:default"
tools = ["read_text_file", "sleep"]
needs = ["read fs:workspace/**"]
prompt = """
Help.
Say no.
"""

[context]
compact-at = "32 KiB"
preview = "2 KiB"

[policy]
ask = ["write fs:workspace/**"]
deny = ["delete fs:**"]

[budget]
tool-calls = 100
"#;
const YAML: &str = r#"
id: helper
version: 1.10
description: Helps.
planner: model:default
tools:
  - read_text_file
  - sleep
needs: ["read fs:workspace/**"]
prompt: |
  Help.
  Say no.
context: {compact-at: 32 KiB, preview: 2 KiB}
policy:
  ask: ["write fs:workspace/**"]
  deny:
    - "delete fs:**"
budget:
  tool-calls: 100
"#;

/// The errors of a text as `line:column what / hint`.
fn errors(text: &str, format: Format) -> Vec<String> {
    let Err(errors) = Image::read(text, format) else { return Vec::new() };
    let told = |error: &ManifestError| {
        format!("{}:{} {} / {}", error.line, error.column, error.what, error.hint.as_deref().unwrap_or("no hint"))
    };
    errors.iter().map(told).collect()
}

#[test]
fn both_formats_say_the_same() {
    let toml = Image::read(TOML, Format::Toml).unwrap();
    assert_eq!(toml, Image::read(YAML, Format::Yaml).unwrap());
    assert_eq!(toml.version, "1.10");
    assert_eq!(toml.prompt.as_deref(), Some("Help.\nSay no.\n"));
    assert_eq!(toml.planner, Some(ImagePlanner::Model("default".into())));
    assert_eq!(toml.context, Some(ContextLimits { compact_at: Some(32 << 10), preview: Some(2 << 10) }));
    assert_eq!(toml.budget, Some(vec![(Coin::ToolCalls, 100)]));
    let policy: Vec<String> =
        toml.policy.iter().flatten().map(|line| format!("{} {}", line.effect.word(), line.rule)).collect();
    assert_eq!(policy, ["deny delete fs:**", "ask write fs:workspace/**"]);
}

/// Rows: a line that is put in, where the error is, and words of it and of its hint.
#[test]
fn an_error_says_where_and_what_to_write() {
    let head = "id = \"a\"\nversion = \"1\"\ntools = []\n";
    for (text, at, what, hint) in [
        ("colour = 1", (4, 1), "no 'colour'", "one of id, version"),
        ("promt = \"x\"", (4, 1), "no 'promt'", "did you mean 'prompt'?"),
        ("allow = []", (4, 1), "no 'allow'", "grants nothing"),
        ("name = \"b\"", (4, 1), "the same", "leave 'name' out"),
        ("prompt = 1", (4, 10), "a text, not a number", "for example prompt"),
        ("prompt = \"a\\u200bb\"", (4, 10), "U+200B", "take it out"),
        ("planner = \"modle:x\"", (4, 11), "'modle:x' is no planner", "model:default"),
        ("needs = [\n  \"wirte fs:w\"]", (5, 3), "'wirte' is no right", "did you mean 'write'?"),
        ("needs = \"read fs:w\"", (4, 9), "a list, not a text", "needs = ["),
        ("needs = [\"read fs:w\", \"read fs:w\"]", (4, 23), "twice", "once"),
        ("[policy]\nallow = [\"read fs:w\"]", (5, 1), "grants nothing", "libos.toml"),
        ("[policy]\naks = []", (5, 1), "no 'aks'", "did you mean 'ask'?"),
        ("[context]\ncompact-at = 5", (5, 14), "a size from 4 KiB to 16 MiB", "32 KiB"),
        ("[context]\ncompact-at = \"1 KiB\"", (5, 14), "a size from 4 KiB", "32 KiB"),
        ("[context]\ncompact-at = \"4 KiB\"\npreview = \"4 KiB\"", (6, 11), "more than half", "one result"),
        ("[budget]\ntool-cals = 1", (5, 1), "no kind of budget", "did you mean 'tool-calls'?"),
        ("[budget]\ntool-calls = -1", (5, 14), "a number from 0", "tens"),
        ("memory = 1", (4, 1), "no 'memory'", "one of"),
        ("x = ", (4, 5), "", "name = value"),
    ] {
        let told = errors(&format!("{head}{text}\n"), Format::Toml);
        let (line, column) = at;
        let fine = told.first().is_some_and(|told| {
            told.starts_with(&format!("{line}:{column} ")) && told.contains(what) && told.contains(hint)
        });
        assert!(fine, "{text}: {told:#?}");
    }
    let whole = errors("tools = [\"Read\", 1, \"*\", \"*\"]\nversion = \"a b\"\n", Format::Toml).join("\n");
    for part in [
        "'id' is missing",
        "1:10 'Read' is no name",
        "1:18 a tool is a text",
        "1:26 the tool '*' stands twice",
        "2:11 'version'",
    ] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
}

/// Rows: what surprises people in YAML, and where it is refused.
#[test]
fn yaml_has_no_surprises() {
    let mut wrong = Vec::new();
    let head = "id: a\nversion: \"1\"\ntools: []\n";
    for (text, at, what) in [
        ("prompt: &x hello", (4, 9), "no anchors"),
        ("prompt: *x", (4, 9), ""),
        ("prompt: !!str 1", (4, 9), "no tags"),
        ("prompt: !ruby/object:Gem x", (4, 9), "no tags"),
        ("<<: {a: b}", (4, 1), "no merge keys"),
        ("id: b", (4, 1), "the key 'id' stands twice"),
        ("[a]: b", (4, 1), "a key is a text, not a list"),
        ("prompt:", (4, 7), "a text, not an empty value"),
        ("---\nid: c", (5, 1), "one document"),
        ("\tprompt: x", (4, 2), ""),
        ("prompt: \"x", (4, 9), ""),
        ("budget: {tool-calls: 1.5}", (4, 22), "a number from 0"),
        ("budget: {tool-calls: 0x10}", (4, 22), "a number from 0"),
    ] {
        let told = errors(&format!("{head}{text}\n"), Format::Yaml);
        let (line, column) = at;
        let fine =
            told.first().is_some_and(|told| told.starts_with(&format!("{line}:{column} ")) && told.contains(what));
        if !fine {
            wrong.push(format!("{text}: want {line}:{column} {what}, got {told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Texts are what they are, whatever they look like.
    let image =
        Image::read("id: no\nversion: 1.0\ntools: [\"*\"]\nprompt: null\ndescription: yes", Format::Yaml).unwrap();
    let Image { name, version, prompt, description, .. } = image;
    assert_eq!((&*name, &*version, prompt.as_deref(), &*description), ("no", "1.0", Some("null"), "yes"));
}

/// Each is refused, and soon: nothing grows faster than the text.
#[test]
fn hostile_yaml_is_refused() {
    let laughs: String = (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
    for text in [
        format!("a0: &a0 x\n{laughs}"),
        "[".repeat(200_000),
        "{".repeat(200_000),
        "- ".repeat(100_000),
        "a: ".repeat(80_000),
        "? ".repeat(100_000),
        "x\n".repeat(100_000),
        format!("id: a\nversion: 1\ntools: [{}]", "a,".repeat(100_000)),
        (0..20_000).map(|n| format!("k{n}: 1\n")).collect(),
        "\"\\U0001F600".repeat(10_000),
        "a".repeat(limit::IMAGE_BYTES_MAX + 1),
        "%YAML 9.9\n---\n".into(),
        "\u{feff}\u{feff}".into(),
        String::new(),
    ] {
        let told = errors(&text, Format::Yaml);
        assert!(!told.is_empty() && told.len() <= 20, "{}", text.chars().take(40).collect::<String>());
    }
}

#[test]
fn a_row_of_an_older_version_is_read_and_keeps_its_digest() {
    #[derive(Encode, CborLen)]
    #[cbor(map)]
    struct Old {
        #[n(0)]
        name: String,
        #[n(1)]
        version: String,
        #[n(2)]
        description: String,
        #[n(3)]
        tools: Vec<String>,
        #[n(30)]
        memory: Option<View>,
    }
    let old =
        Old { name: "a".into(), version: "1".into(), description: "d".into(), tools: vec!["*".into()], memory: None };
    let bytes = crate::model::codec::to_bytes(&old);
    let image: Image = crate::model::codec::from_bytes(&bytes).unwrap();
    assert_eq!(image, Image { name: "a".into(), description: "d".into(), ..Image::base() });
    assert_eq!(crate::model::codec::to_bytes(&image), bytes);
}

#[test]
fn every_key_is_in_the_digest_and_in_the_difference() {
    let whole = Image::read(TOML, Format::Toml).unwrap();
    for (from, to) in [
        ("helper", "helpers"),
        ("1.10", "1.11"),
        ("Helps.", "Helps"),
        ("model:default", "model:other"),
        ("\"sleep\"", "\"echo\""),
        ("read fs:workspace", "read fs:work"),
        ("Say no.", "Say yes."),
        ("32 KiB", "64 KiB"),
        ("\"2 KiB", "\"1 KiB"),
        ("write fs", "read fs"),
        ("delete fs", "list fs"),
        ("= 100", "= 101"),
    ] {
        let other = Image::read(&TOML.replacen(from, to, 1), Format::Toml).unwrap();
        assert_ne!(whole.digest(), other.digest(), "{from}");
        let told = difference(&whole, &other);
        assert!(told.iter().any(|line| line.starts_with('+') && !line.contains("digest")), "{from}: {told:?}");
    }
    assert!(difference(&whole, &whole).is_empty());
}
