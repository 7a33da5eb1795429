//! The standard tools that change text files: by exact replacement and by unified diffs.

mod apply;
mod fit;
mod patch;
mod replace;

use apply::Changed;
use libos::Failure;
use libos::fs::{self, WriteMode};
use libos_tools_common::within;
use schemars::JsonSchema;
use serde::Serialize;

/// Lines that a result names.
const LINES_TOLD: usize = 100;

/// A file with its replacements.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Edited {
    path: String,
    /// How many places were replaced.
    replaced: usize,
    /// The lines at which they began, before the change; the first 100.
    lines: Vec<usize>,
    /// Bytes of the file now.
    bytes_written: usize,
}

/// A patch that is applied.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Applied {
    files: Vec<Changed>,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Replaces text in a file (UTF-8, at most 16 MiB) where it is exactly. Use it for one place of one file; apply_patch for several.
    /// Read the file first. If `old_text` is not there as often as `expected_count`, nothing is changed and the lines where it is are
    /// told. CRLF line ends stay. Example: {"path": "src/main.rs", "old_text": "let a = 1;", "new_text": "let a = 2;"}
    #[needs("read,write fs:**")]
    pub fn edit_file(
        /// The file.
        path: String,
        /// What is there now, with all its spaces; take enough lines that it is there only once.
        old_text: String,
        /// What is to be there; empty deletes.
        new_text: String,
        /// How often `old_text` is there, all of which are replaced: 1 to 10000; 1 if left out.
        #[schemars(range(min = 1, max = 10_000))]
        expected_count: Option<u32>,
    ) -> libos::Result<Edited> {
        let expected = within("expected_count", expected_count, 1, 10_000)? as usize;
        if old_text.is_empty() {
            return Err(Failure::invalid_arguments("old_text is empty; write_text_file writes a whole file"));
        }
        if old_text == new_text {
            return Err(Failure::invalid_arguments("old_text and new_text are the same; nothing would change"));
        }
        let content = fs::read_to_string(&path)?;
        let replaced = replace::replace(&content, &old_text, &new_text, expected)
            .map_err(|why| Failure::failed(format_args!("{path}: {why}")))?;
        fs::write_with_mode(&path, &replaced.content, WriteMode::ReplaceExisting)?;
        let mut lines = replaced.lines;
        let count = lines.len();
        lines.truncate(LINES_TOLD);
        Ok(Edited { path, replaced: count, lines, bytes_written: replaced.content.len() })
    }

    /// Applies a unified diff (`diff -u`, `git diff`) to text files: changes, creates, deletes and renames up to 200 of them, at most
    /// 8 MiB in all. All or nothing: every hunk is checked before the first file is written, and if a write is then refused, the ones
    /// before it are taken back. A hunk goes where its header says, or where its old lines are alone; counts in headers may be wrong, old
    /// lines must be exact. Example: {"patch": "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n import os\n-a = 1\n+a = 2\n"}. Use /dev/null as
    /// the old name to create a file and as the new name to delete one.
    #[needs("read,list,write,delete fs:**")]
    pub fn apply_patch(
        /// The diff. Names may have `a/` and `b/` before them.
        patch: String,
        /// The directory that the names in the diff start from; the working directory if left out.
        path: Option<String>,
    ) -> libos::Result<Applied> {
        let files = patch::parse(&patch)
            .map_err(|why| Failure::invalid_arguments(format_args!("{why}. Nothing is changed")))?;
        Ok(Applied { files: apply::apply(path.as_deref().unwrap_or("."), files)? })
    }
}
