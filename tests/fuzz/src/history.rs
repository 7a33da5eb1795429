//! Exported calls as somebody may have written them: read or refused with a line that is there, and read back to the bit.

use libos_kernel::model::history::{read, write};

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match read(text) {
        Ok(history) => {
            let written = write(&history);
            assert_eq!(read(&written).as_ref(), Ok(&history), "it is not read as it was written");
            assert_eq!(write(&history), written);
        }
        Err(broken) => {
            assert!(
                broken.line >= 1 && broken.line <= text.lines().count() + 1,
                "line {} of {}",
                broken.line,
                text.lines().count()
            );
            assert!(!broken.why.is_empty());
        }
    }
}
