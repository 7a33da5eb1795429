//! Declares in every odd way: names that are escaped, several kinds, nothing at all, a raw name, and not.

/// The tools.
#[libos::tools]
pub mod tools {
    use libos::{Result, clock, fs, human};
    use std::time::Duration;

    fn size(path: &str) -> Result<usize> {
        Ok(fs::read(path)?.len())
    }

    /// Declares names that JSON and Rust escape.
    #[needs("read,list fs:workspace/a \"b\"\\c/é/*", "write  fs:workspace/**", "ask,tell human:owner", "ask human:*")]
    pub fn odd_names(path: String) -> Result<usize> {
        human::tell(&path)?;
        size(&path)
    }

    /// Needs nothing, and tries anyway.
    #[needs()]
    pub fn needs_nothing(path: String) -> Result<usize> {
        size(&path)
    }

    /// Does not declare, so its imports are the bound.
    pub fn undeclared(path: String) -> Result<usize> {
        size(&path)
    }

    /// Has a name that is a word of the language.
    #[needs("sleep clock:sleep")]
    pub fn r#loop(milliseconds: u32) -> Result<()> {
        Ok(clock::sleep(Duration::from_millis(milliseconds.into()))?)
    }
}
