//! placeholder
pub fn run() -> crate::shell::Result<()> {
    Ok(())
}
