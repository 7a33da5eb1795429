//! What stands in a section `[model.NAME]`, and what is said of one that is wrong.

use super::super::{Policy, settings};
use super::*;

const KEY: &str = "sk-canary-4Jq9xVb2LmT7wRzN5yKd8HcP";
const HTTPS: &str = "base-url = \"https://a/v1\"\nmodel = \"m\"\n";

fn url(url: &str) -> String {
    format!("base-url = \"{url}\"\nmodel = \"m\"\n")
}

fn section(lines: &str) -> Result<ModelProfile, super::super::PolicyError> {
    Policy::parse(&format!("[model.test]\n{lines}")).map(|policy| policy.models["test"].clone())
}

#[test]
fn a_profile_says_all_that_it_says() {
    let lines = "api = \"responses\"\nkey-file = \"/home/a/key\"\ntoken-limit-field = \"max_completion_tokens\"\n\
                 connect-timeout = \"500ms\"\nwhole-timeout = \"1h\"\nreply-bytes = \"64 KiB\"\nreply-tokens = 50\nattempts = 2\n\
                 price = { input = 2.5, output = 10 }\n";
    let found = section(&(url("https://api.example.com/v1/") + lines)).unwrap();
    assert_eq!(
        (&*found.base_url, found.api, found.token_limit_field),
        ("https://api.example.com/v1", ModelApi::Responses, TokenLimitField::MaxCompletionTokens)
    );
    assert_eq!(found.key, Some(KeyPlace::File("/home/a/key".into())));
    assert_eq!((found.connect_timeout, found.whole_timeout), (Duration::from_millis(500), Duration::from_hours(1)));
    assert_eq!((found.reply_bytes, found.reply_tokens, found.attempts), (64 << 10, 50, 2));
    assert_eq!((found.price_input, found.price_cached_input, found.price_output), (2_500_000, 2_500_000, 10_000_000));
    let plain = section(&url("http://[::1]:8080")).unwrap();
    assert_eq!((plain.key, plain.api), (None, ModelApi::Chat));
    assert!(section(&(url("http://example.com/v1") + "cleartext = true")).is_ok());
}

#[test]
fn a_profile_that_is_wrong_is_refused_at_its_place() {
    let rows: Vec<(String, (u32, u32), &str)> = vec![
        ("model = \"m\"\n".to_owned(), (1, 1), "base-url"),
        ("base-url = \"https://a\"\n".to_owned(), (1, 1), "and model"),
        (format!("{HTTPS}colour = \"red\""), (4, 1), "colour"),
        (format!("{HTTPS}api = \"smtp\""), (4, 7), "chat, responses"),
        (url("http://example.com/v1"), (2, 12), "shows key"),
        (url("http://127.0.0.1.example.com/v1"), (2, 12), "shows key"),
        (url("ftp://127.0.0.1/"), (2, 12), "http://"),
        (url("https://user:word@a/"), (2, 12), "user name"),
        (url("https://a/?k=1"), (2, 12), "query"),
        (url("https://a/#k"), (2, 12), "#"),
        (url("https://a/b c"), (2, 12), "space"),
        (url("https://a:99999/"), (2, 12), "port"),
        (url("https://a:0/"), (2, 12), "port"),
        (url("https://a:/"), (2, 12), "port"),
        (url("https://[::1]8/"), (2, 12), "port"),
        (url("https://[::g]/"), (2, 12), "host"),
        (url("https:///v1"), (2, 12), "host"),
        (url("a/v1"), (2, 12), "http://"),
        (format!("{HTTPS}key-env = \"A\"\nkey-file = \"/k\""), (5, 1), "not in both"),
        (format!("{HTTPS}key-file = \"k\""), (4, 12), "absolute"),
        (format!("{HTTPS}ca-file = \"k\""), (4, 11), "absolute"),
        (format!("{HTTPS}key-env = \"{KEY}\""), (4, 11), "never the key itself"),
        (format!("{HTTPS}attempts = 0"), (4, 12), "attempts"),
        (format!("{HTTPS}idle-timeout = \"0s\""), (4, 16), "idle-timeout"),
        (format!("{HTTPS}idle-timeout = \"5 parsecs\""), (4, 16), "length of time"),
        (format!("{HTTPS}reply-bytes = 1000"), (4, 15), "reply-bytes"),
        (format!("{HTTPS}price = {{ input = -1 }}"), (4, 19), "price"),
        (format!("{HTTPS}price = {{ input = nan }}"), (4, 19), "price"),
        (format!("{HTTPS}price = {{ put = 1 }}"), (4, 11), "put"),
        (format!("{HTTPS}key-env = \"AKEY\"\n[environment]\nAKEY = \"x\""), (6, 1), "[environment]"),
        (format!("{HTTPS}key-env = \"AKEY\"\n[programs]\nenvironment = {{ A = \"x\", AKEY = \"x\" }}"), (6, 26), "get"),
        (format!("{HTTPS}key-env = \"AKEY\"\n[programs]\ninherit = [\"CI\", \"AKEY\"]"), (6, 18), "inherit"),
        (format!("{HTTPS}key-env = \"AKEY\"\n[programs]\nsettable = [\"AKEY\"]"), (6, 13), "settable"),
    ];
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(lines, place, what)| match section(lines) {
            Ok(_) => Some(format!("{lines}: read")),
            Err(error) => {
                let fits = (error.line, error.column) == *place && error.what.contains(what);
                (!fits || format!("{error:?}").contains(KEY)).then(|| format!("{lines}: {error}"))
            }
        })
        .collect();
    assert_eq!(wrong, [""; 0]);
    let error = Policy::parse(&format!("[model.\"a b\"]\n{HTTPS}")).unwrap_err();
    assert_eq!((error.line, error.column), (1, 8), "{error}");
}

#[test]
fn what_differs_between_profiles_is_told_and_a_rule_on_none_is_worth_a_second_look() {
    let policy = |lines: &str| Policy::parse(&format!("[model.test]\n{HTTPS}{lines}")).unwrap();
    let told = settings(&policy("key-env = \"A\""), &policy("key-env = \"B\"\nprice = { input = 2.5 }"));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("model test: m at https://a/v1"), "{told:?}");
    assert!(told[0].contains("$A") && told[0].contains("$B") && told[0].contains("2500000, 2500000 and 0"), "{told:?}");
    let text = format!("[image.base]\nallow = [\"use model:tst\", \"use model:*\"]\n[model.test]\n{HTTPS}");
    let warnings = Policy::check(&text, None).warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].what.contains("'tst'") && warnings[0].hint.as_deref().unwrap().contains("test"));
}

#[test]
fn the_files_of_a_profile_are_those_of_keys_and_of_certificates() {
    let files = |key: &str, ca: &str| {
        let text = format!("[model.test]\n{HTTPS}key-file = \"{key}\"\nca-file = \"{ca}\"");
        Policy::parse(&text).unwrap().model_files().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(files("/k", "/c"), ["/k", "/c"]);
    // Programs read what the system has, and change nothing of it; a key they do not even read.
    assert_eq!(files("/usr/k", "/usr/share/ca/c"), ["/usr/k"]);
}
