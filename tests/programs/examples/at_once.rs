//! System calls that are under way at once, from Rust: reads that overlap, and writes that go on while one of them waits for a person.

use libos::serde_json::{Value, json};
use libos::tickets::{self, Ended};

/// Reads all of `reads` at once and then writes how many bytes they have into each of `writes` at once. Returns that and the tickets as
/// they ended, each of which it logs.
#[libos::tool(needs("read,write fs:workspace/**"))]
fn at_once(reads: Vec<String>, writes: Vec<String>) -> libos::Result<Value> {
    let (mut order, mut bytes) = (Vec::new(), 0);
    for path in &reads {
        tickets::submit("fs.read", &json!({ "path": path }), None)?;
    }
    bytes += take_all(&mut order)?;
    for path in &writes {
        let content = bytes.to_string();
        tickets::submit("fs.write", &json!({ "path": path, "mode": "create-new" }), Some(content.as_bytes()))?;
    }
    take_all(&mut order)?;
    Ok(json!({ "bytes": bytes, "order": order }))
}

/// Bytes of what all open tickets answer.
fn take_all(order: &mut Vec<u32>) -> libos::Result<usize> {
    let mut bytes = 0;
    while let Some(Ended { ticket, outcome }) = tickets::next()? {
        libos::log::info(ticket.to_string());
        order.push(ticket);
        bytes += outcome?.content.map_or(0, |content| content.len());
    }
    Ok(bytes)
}
