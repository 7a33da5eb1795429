//! Updates one object again and again: the cost of one change inside the kernel.

use libos::object::{self, Options, Payload};

/// Makes an object, updates it `count` times, and returns its last version.
#[libos::tool]
fn object_loop(name: String, count: u32) -> libos::Result<u64> {
    let mut version = object::create(&name, &Payload::json(&0)?, &Options::new("counter"))?.version;
    assert_eq!(version, 1);
    for number in 1..=count {
        let next = object::update(&name, &Payload::json(&number)?, Some(version))?.version;
        assert_eq!(next, version + 1);
        version = next;
    }
    Ok(version)
}
