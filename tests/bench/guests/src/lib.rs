//! Loops around one system call: what one of it costs is the difference between many and none.

use libos::{clock, human, object};

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Reads an object `count` times and returns the bytes read in all.
    pub fn read_object(name: String, count: u32) -> libos::Result<u64> {
        let mut bytes = 0;
        for _ in 0..count {
            bytes += object::read(&name)?.0.size;
        }
        Ok(bytes)
    }

    /// Takes the time `count` times and then waits for a person: what is to be replayed when the answer comes.
    pub fn wait_after(count: u32) -> libos::Result<String> {
        for _ in 0..count {
            let _ = clock::now();
        }
        Ok(human::ask("Shall it go on?")?)
    }

    /// Reads an object `count` times and then waits for a person.
    pub fn read_and_wait(name: String, count: u32) -> libos::Result<String> {
        read_object(name, count)?;
        Ok(human::ask("Shall it go on?")?)
    }
}
