//! What stands in a section `[model.NAME]`, and what is said of one that is wrong.

use crate::support::{KEY, profile};
use libos_model::profile::{self, Base, TokenField};
use libos_model::{Api, KeySource};
use std::time::Duration;

#[test]
fn a_profile_says_all_that_it_says() {
    let lines = "api = \"responses\"\nkey-file = \"/home/a/key\"\ntoken-limit-field = \"max_completion_tokens\"\n\
                 connect-timeout = \"500ms\"\nwhole-timeout = \"1h\"\nreply-bytes = 1000\nreply-tokens = 50\nattempts = 2";
    let found = profile("https://api.example.com/v1/", lines);
    let base = Base { tls: true, host: "api.example.com".to_owned(), port: 443, path: "/v1".to_owned() };
    assert_eq!((found.base, found.api, found.token_field), (base, Api::Responses, TokenField::MaxCompletionTokens));
    assert_eq!(found.key, Some(KeySource::File("/home/a/key".into())));
    assert_eq!((found.times.connect, found.times.whole), (Duration::from_millis(500), Duration::from_secs(3_600)));
    assert_eq!((found.reply_bytes_max, found.reply_tokens_max, found.attempts), (1_000, 50, 2));
    let plain = profile("http://[::1]:8080", "");
    assert_eq!((plain.base.authority().as_str(), plain.base.path.as_str()), ("[::1]:8080", ""));
    assert_eq!((plain.key, plain.api), (None, Api::Chat));
}

#[test]
fn a_profile_that_is_wrong_is_refused_at_its_place() {
    let https = "base-url = \"https://a/v1\"\nmodel = \"m\"\n";
    let url = |url: &str| format!("base-url = \"{url}\"\nmodel = \"m\"\n");
    let key = format!("key-env = \"{KEY}\"");
    let rows: Vec<(String, (usize, usize), &str)> = vec![
        ("model = \"m\"\n".to_owned(), (1, 1), "base-url"),
        (format!("{https}colour = \"red\""), (4, 1), "colour"),
        (format!("{https}api = \"smtp\""), (4, 7), "smtp"),
        (url("http://example.com/v1"), (2, 12), "cleartext"),
        (url("http://127.0.0.1.example.com/v1"), (2, 12), "cleartext"),
        (url("ftp://127.0.0.1/"), (2, 12), "http://"),
        (url("https://user:word@a/"), (2, 12), "user name"),
        (url("https://a/?k=1"), (2, 12), "query"),
        (url("https://a/#k"), (2, 12), "#"),
        (url("https://a:99999/"), (2, 12), "port"),
        (url("https://a:0/"), (2, 12), "port"),
        (url("a/v1"), (2, 12), "URL"),
        (format!("{https}key-env = \"A\"\nkey-file = \"/k\""), (1, 8), "not in both"),
        (format!("{https}key-file = \"k\""), (4, 12), "absolute"),
        (format!("{https}ca-file = \"k\""), (4, 11), "absolute"),
        (format!("{https}{key}"), (4, 11), "never the key itself"),
        (format!("{https}attempts = 0"), (4, 12), "attempts"),
        (format!("{https}idle-timeout = \"0s\""), (4, 16), "a time"),
        (format!("{https}idle-timeout = \"5 parsecs\""), (4, 16), "a time"),
        (format!("{https}idle-timeout = \"99999999999999999999s\""), (4, 16), "a time"),
        (format!("{https}price = {{ input = -1 }}"), (4, 19), "price"),
        (format!("{https}price = {{ input = nan }}"), (4, 19), "price"),
    ];
    for (section, place, what) in rows {
        let error = profile::read(&format!("[model.test]\n{section}")).unwrap_err();
        assert_eq!((error.line, error.column), place, "{section}: {error}");
        assert!(error.what.contains(what) && !error.what.contains(KEY), "{section}: {error}");
    }
    let error = profile::read(&format!("[model.\"a b\"]\n{https}")).unwrap_err();
    assert_eq!((error.line, error.column), (1, 8), "{error}");
    assert!(profile::read("[mounts]\nworkspace = { path = \".\" }\n").unwrap().is_empty());
    assert!(profile::read(&format!("[model.a]\n{}cleartext = true", url("http://example.com/v1"))).is_ok());
}
