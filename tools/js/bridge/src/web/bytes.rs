//! The one place where the web platform copies bytes out of the engine's memory.

use rquickjs::TypedArray;

/// What the array holds now; nothing if its buffer is gone.
#[expect(unsafe_code, reason = "the engine lends its memory")]
pub fn copied(array: &TypedArray<'_, u8>) -> Vec<u8> {
    // SAFETY: the slice is copied before any JavaScript can run that writes to the buffer, grows or detaches it.
    unsafe { array.as_bytes() }.unwrap_or_default().to_vec()
}
