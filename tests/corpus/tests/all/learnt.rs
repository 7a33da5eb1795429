//! Without the right, a guest learns the same of every name, whatever is there: answer, error text and shape of the records are equal.

use crate::RESOLVERS;
use crate::house::House;
use crate::request;
use libos::world::Resolver;
use std::collections::BTreeMap;

/// How a guest has no right: the rules, and whether a person is asked and says no.
const REGIMES: [(&str, &[&str], bool); 4] = [
    ("no grant", &["allow read,list,write,delete fs:free/**"], false),
    (
        "a deny",
        &["allow read,list,write,delete fs:workspace/**", "deny read,list,write,delete fs:workspace/p/**"],
        false,
    ),
    (
        "an ask, denied",
        &["allow read,list,write,delete fs:workspace/**", "ask read,list,write,delete fs:workspace/p/**"],
        true,
    ),
    ("the default asks, denied", &["default ask", "allow read,list,write,delete fs:workspace/free/**"], true),
];

/// What has a name. All names are as long, because the sizes of what is recorded show that.
const NAMES: [&str; 9] = ["file", "none", "dirx", "full", "link", "dang", "outl", "fifo", "hard"];

/// What lies below such names.
const BELOW: [&str; 9] = ["file", "none", "dirx", "full", "link", "dang", "outl", "fifo", "fulx"];

/// Every request about files; `@` is the name.
const REQUESTS: [&str; 20] = [
    "read @",
    "range @ 0 1",
    "write @ x",
    "write-new @ x",
    "write-old @ x",
    "append @ x",
    "list @",
    "stat @",
    "make-dir @",
    "remove @",
    "remove-all @",
    "rename @ other",
    "rename-over @ other",
    "rename other @",
    "rename-over other @",
    "copy @ other",
    "copy-over @ other",
    "copy other @",
    "copy-over other @",
    "cd @",
];

async fn furnish(house: &mut House) {
    let setup: [&[&[u8]]; 9] = [
        &[b"file", b"p/file", b"x"],
        &[b"file", b"other", b"x"],
        &[b"dir", b"p/dirx"],
        &[b"file", b"p/full/file", b"x"],
        &[b"link", b"p/link", b"file"],
        &[b"link", b"p/dang", b"gone"],
        &[b"link", b"p/outl", b"../../outside/secret"],
        &[b"fifo", b"p/fifo"],
        &[b"hard", b"p/hard", b"^outside/secret"],
    ];
    for words in setup {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        house.sandbox.act(&words).unwrap();
    }
}

/// What a guest is given for a request about each name, and what the log is, without names, times and numbers.
async fn seen(house: &mut House, request: &str, names: &[String], asks: bool) -> Vec<String> {
    let from = house.log_size().await;
    let mut given = Vec::new();
    for name in names {
        let line = request.replace('@', name);
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        house.new_call(crate::house::TOOL).unwrap();
        let mut outcome = house.request(request::call(&words).unwrap()).await;
        if asks && outcome.word == "asks" {
            outcome = house.answer("deny").await;
        }
        let call = house.current.as_ref().map(|current| current.call);
        given.push((call, format!("{}: {}", outcome.word, outcome.text).replace(name, "@")));
        house.forget().await;
    }
    let mut seen = Vec::new();
    let records = house.records(from).await;
    for (call, mut text) in given {
        for record in records.iter().filter(|record| record.call == call && record.position.is_some()) {
            let mut value = serde_json::to_value(record).unwrap();
            let fields = value.as_object_mut().unwrap();
            // Names: where a link leads is written down for the host's people.
            fields.remove("resources");
            fields.remove("asked");
            for field in ["request", "answer"] {
                fields.get_mut(field).and_then(|field| field.as_object_mut()).map(|field| field.remove("digest"));
            }
            fields.get_mut("decided").and_then(|field| field.as_object_mut()).map(|field| field.remove("resource"));
            text.push_str(&format!("\n    {value}"));
        }
        text.retain(|character| !character.is_ascii_digit());
        seen.push(text);
    }
    seen
}

/// What is learnt under one resolver.
async fn look(resolver: Resolver) -> Vec<String> {
    let mut learnt = Vec::new();
    let mut house = House::new("learnt", resolver);
    for (regime, rules, asks) in REGIMES {
        house.rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        house.apply_rules().unwrap();
        furnish(&mut house).await;
        for (suffix, names) in [("", NAMES), ("/x", BELOW)] {
            for request in REQUESTS {
                // One process asks only so often.
                house.new_process("p");
                let full: Vec<String> = names.iter().map(|name| format!("p/{name}{suffix}")).collect();
                let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
                for (seen, name) in seen(&mut house, request, &full, asks).await.into_iter().zip(names) {
                    groups.entry(seen).or_default().push(name);
                }
                if groups.len() > 1 {
                    let what: Vec<String> = groups.iter().map(|(seen, names)| format!("  {names:?} {seen}")).collect();
                    let request = request.replace('@', &format!("@{suffix}"));
                    learnt.push(format!("{resolver:?}, {regime}, {request}:\n{}", what.join("\n")));
                }
            }
        }
        house.sandbox.reset();
    }
    learnt
}

#[test]
fn without_the_right_nothing_is_learnt_of_what_is_there() {
    let look = |resolver| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(look(resolver))
    };
    let learnt = std::thread::scope(|scope| {
        let threads = RESOLVERS.map(|resolver| scope.spawn(move || look(resolver)));
        threads.map(|thread| thread.join().expect("a panic fails the test")).concat()
    });
    assert!(learnt.is_empty(), "\n{}\n", learnt.join("\n"));
}
