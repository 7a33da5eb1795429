//! Base URLs of profiles, and what is said of one that is wrong.

use libos_model::profile::Base;

#[test]
fn a_base_url_is_taken_apart_and_one_that_is_wrong_is_not_repeated() {
    let base = Base { tls: true, host: "api.example.com".to_owned(), port: 443, path: "/v1".to_owned() };
    assert_eq!(Base::parse("https://api.example.com/v1/"), Ok(base));
    let plain = Base::parse("http://[::1]:8080").unwrap();
    assert_eq!((plain.authority().as_str(), plain.path.as_str()), ("[::1]:8080", ""));
    for (url, what) in [
        ("ftp://canary/", "http://"),
        ("https://canary:word@a/", "user name"),
        ("https://a/?k=canary", "query"),
        ("https://a/#canary", "#"),
        ("https://canary:99999/", "port"),
        ("https://canary:0/", "port"),
        ("canary/v1", "URL"),
    ] {
        let error = Base::parse(url).unwrap_err();
        assert!(error.contains(what) && !error.contains("canary"), "{url}: {error}");
    }
}
