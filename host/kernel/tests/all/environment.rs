//! The environment that a policy gives to tools: by name, as far as rules grant it, and nothing of the host's own.

use crate::sim::{House, MOUNT, done, words};
use libos_kernel::model::call::{Call, Reply};

fn policy(language: &str) -> String {
    format!(
        "[mounts]\n{MOUNT} = \".\"\n[environment]\nLANG = {language:?}\nTOKEN = \"hidden\"\nPATH = \"\"\n\
         [image.base]\nallow = [\"read env:LANG\", \"read env:PATH\", \"read env:HOME\"]\n"
    )
}

fn ask(name: &str) -> Call {
    Call::ProcessEnvironment { name: name.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_is_seen_by_its_name_as_far_as_it_is_granted() {
    let house = House::new(&[]);
    house.kernel.set_policy(&policy("C.UTF-8")).unwrap();
    let mut line = house.line();
    let value = |text: &str| Reply::Variable(Some(text.into()));
    for (name, found) in [
        ("LANG", value("C.UTF-8")),
        // The host's own are not empty.
        ("PATH", value("")),
        ("HOME", Reply::Variable(None)),
    ] {
        assert_eq!(done(&house.run(&mut line, ask(name)).await), &found, "{name}");
    }
    for (name, ends) in [
        ("TOKEN", "denied"),
        ("NOWHERE", "denied"),
        ("lang", "denied"),
        ("", "invalid"),
        ("LANG/x", "invalid"),
        ("LA\0NG", "invalid"),
        (&"N".repeat(256), "too large"),
    ] {
        let words = words(&house.run(&mut line, ask(name)).await);
        assert_eq!(words.split(':').next(), Some(ends), "{name}: {words}");
    }
    house.kernel.set_policy(&policy("de_DE")).unwrap();
    assert_eq!(done(&house.run(&mut line, ask("LANG")).await), &value("de_DE"));
    let house = house.reopen();
    let mut line = house.line();
    assert_eq!(done(&house.run(&mut line, ask("LANG")).await), &value("de_DE"));
}
