//! Reading unified diffs, as `diff -u` and `git diff` write them and as models do: counts in a hunk's header may be wrong.

mod header;

use header::Headers;

/// Bytes of a patch.
pub const PATCH_BYTES_MAX: usize = 4 << 20;
/// Files of one patch.
pub const FILES_MAX: usize = 200;

/// What a patch does with one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FilePatch {
    /// None if the file is new.
    pub old: Option<String>,
    /// None if the file is deleted.
    pub new: Option<String>,
    pub hunks: Vec<Hunk>,
}

/// One place of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    /// Its header, as it stands there.
    pub header: String,
    /// The line of its header in the patch, from 1.
    pub line: usize,
    /// Where the old lines begin, from 1; with no old lines, the line behind which new ones go.
    pub start: usize,
    pub lines: Vec<HunkLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkLine {
    pub kind: LineKind,
    /// Without `\n`; a `\r` is part of it.
    pub text: String,
    /// Whether a `\n` follows it in the file.
    pub ends: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    Context,
    Removed,
    Added,
}

impl Hunk {
    /// The lines that are to be there.
    pub fn old(&self) -> impl Iterator<Item = &HunkLine> {
        self.lines.iter().filter(|line| line.kind != LineKind::Added)
    }

    pub fn count(&self, kind: LineKind) -> usize {
        self.lines.iter().filter(|line| line.kind == kind).count()
    }
}

/// Reads a patch; an error names the line.
pub fn parse(patch: &str) -> Result<Vec<FilePatch>, String> {
    if patch.len() > PATCH_BYTES_MAX {
        return Err(format!("the patch has {} bytes; at most {PATCH_BYTES_MAX} are taken", patch.len()));
    }
    let lines: Vec<&str> = patch.strip_suffix('\n').unwrap_or(patch).split('\n').collect();
    let mut headers = Headers::default();
    let mut files = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if is_file_header(&lines, at) {
            headers.names(lines[at], lines[at + 1]).map_err(|why| located(at, &why))?;
            at += 2;
            while lines.get(at).is_some_and(|line| line.starts_with("@@ ")) {
                let (hunk, next) = hunk(&lines, at)?;
                headers.hunks.push(hunk);
                at = next;
            }
            if headers.hunks.is_empty() {
                return Err(located(at, "after the names of a file a hunk must follow: @@ -1,2 +1,2 @@"));
            }
            headers.finish(&mut files).map_err(|why| located(at - 1, &why))?;
            continue;
        }
        if lines[at].starts_with("@@ ") {
            return Err(located(at, "a hunk without the names of its file; write --- a/FILE and +++ b/FILE above it"));
        }
        headers.line(lines[at], &mut files).map_err(|why| located(at, &why))?;
        at += 1;
    }
    headers.finish(&mut files).map_err(|why| located(at - 1, &why))?;
    match files.len() {
        0 => {
            Err("there is no file in the patch; it must be a unified diff: --- a/FILE, +++ b/FILE, @@ -1,2 +1,2 @@"
                .into())
        }
        count if count > FILES_MAX => Err(format!("the patch has {count} files; at most {FILES_MAX} are taken")),
        _ => Ok(files),
    }
}

fn located(index: usize, why: &str) -> String {
    format!("line {} of the patch: {why}", index + 1)
}

fn is_file_header(lines: &[&str], at: usize) -> bool {
    lines[at].starts_with("--- ") && lines.get(at + 1).is_some_and(|next| next.starts_with("+++ "))
}

/// Whether a line can be of a hunk. What an editor made of a line with one space is empty.
fn is_body(line: &str) -> bool {
    line.is_empty() || line == "\r" || line.starts_with([' ', '+', '-', '\\'])
}

/// The hunk whose header is at `at`, and where it ends.
fn hunk(lines: &[&str], at: usize) -> Result<(Hunk, usize), String> {
    let header = lines[at].trim_end_matches('\r');
    let (start, old, new) =
        numbers(header).ok_or_else(|| located(at, "a hunk begins with @@ -LINE,COUNT +LINE,COUNT @@"))?;
    let end = match counted(lines, at + 1, old, new) {
        Some(end) => end,
        None => uncounted(lines, at + 1),
    };
    let mut hunk = Hunk { header: header.to_owned(), line: at + 1, start, lines: Vec::new() };
    for (index, line) in lines[at + 1..end].iter().enumerate() {
        let kind = match line.bytes().next() {
            Some(b'+') => LineKind::Added,
            Some(b'-') => LineKind::Removed,
            Some(b'\\') => {
                let last = hunk.lines.last_mut();
                last.ok_or_else(|| located(at + 1 + index, "the line that it speaks of is missing"))?.ends = false;
                continue;
            }
            _ => LineKind::Context,
        };
        let text = if line.is_empty() || *line == "\r" { line } else { &line[1..] };
        hunk.lines.push(HunkLine { kind, text: text.to_owned(), ends: true });
    }
    if hunk.lines.is_empty() {
        return Err(located(at, "the hunk is empty"));
    }
    Ok((hunk, end))
}

/// Where a hunk ends by the counts of its header; none if they are wrong.
fn counted(lines: &[&str], from: usize, mut old: usize, mut new: usize) -> Option<usize> {
    let mut at = from;
    while old > 0 || new > 0 {
        let line = *lines.get(at)?;
        match line.bytes().next() {
            Some(b'+') => new = new.checked_sub(1)?,
            Some(b'-') => old = old.checked_sub(1)?,
            Some(b'\\') => {}
            _ if is_body(line) => (old, new) = (old.checked_sub(1)?, new.checked_sub(1)?),
            _ => return None,
        }
        at += 1;
    }
    while lines.get(at).is_some_and(|line| line.starts_with('\\')) {
        at += 1;
    }
    let goes_on = lines.get(at).is_some_and(|line| {
        // What mail programs put below a patch.
        !line.is_empty() && *line != "\r" && is_body(line) && *line != "-- " && !is_file_header(lines, at)
    });
    (!goes_on).then_some(at)
}

/// Where a hunk ends by what follows it.
fn uncounted(lines: &[&str], from: usize) -> usize {
    let mut end = from;
    while end < lines.len() && is_body(lines[end]) && !is_file_header(lines, end) {
        end += 1;
    }
    while end > from && lines[end - 1].trim_end_matches('\r').is_empty() {
        end -= 1;
    }
    end
}

/// Where the old lines begin, how many they are, and how many the new ones.
fn numbers(header: &str) -> Option<(usize, usize, usize)> {
    let (ranges, _) = header.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let read = |range: &str| {
        let (start, count) = range.split_once(',').unwrap_or((range, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let ((start, old), (_, new)): ((usize, usize), (usize, usize)) = (read(old)?, read(new)?);
    Some((start, old, new))
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
