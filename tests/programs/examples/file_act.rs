//! Does one thing to files, chosen by name: what a tool could try on names that are not its own.

use libos::{Failure, fs};

/// Does `operation` to `path`, and for those with two ends to `to`. A refusal ends the call.
#[libos::tool]
fn file_act(operation: String, path: String, to: Option<String>) -> libos::Result<()> {
    let to = to.unwrap_or_else(|| "elsewhere".into());
    match operation.as_str() {
        "read" => drop(fs::read(&path)?),
        "write" => fs::write(&path, "changed")?,
        "append" => fs::append(&path, "changed")?,
        "make-dir" => fs::make_dir(&path)?,
        "remove" => fs::remove(&path)?,
        "remove-all" => fs::remove_dir_all(&path)?,
        "rename" => fs::rename(&path, &to)?,
        "rename-replacing" => fs::rename_replacing(&path, &to)?,
        "copy" => fs::copy(&path, &to)?,
        "copy-replacing" => fs::copy_replacing(&path, &to)?,
        other => return Err(Failure::invalid_arguments(format_args!("no operation is called {other}"))),
    }
    Ok(())
}
