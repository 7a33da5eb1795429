//! Images: what processes are started from. An image declares and grants nothing.

use crate::Error;
use crate::bindings::libos::runtime::image as raw;

pub use raw::{Change, Format, Info, Registered};

/// Makes an image of a manifest, at most 256 KiB. What is wrong in it is told with its line and column. The same version says the same for
/// ever: [`Error::AlreadyExists`] if it is there and says something else, unless `replace`. Needs `register` on `image:<id>`.
pub fn register(manifest: &str, format: Format, replace: bool) -> Result<Registered, Error> {
    Ok(raw::register(manifest, format, replace)?)
}

/// The images that this process may become or start children from, or is asked about. Needs no right.
pub fn list() -> Result<Vec<Info>, Error> {
    Ok(raw::list()?)
}

/// All that an image says, as JSON. Needs `use` on `image:<id>`.
pub fn show(id: &str) -> Result<String, Error> {
    Ok(raw::show(id)?)
}
