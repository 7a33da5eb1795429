//! The lines of a patch that say which file it is about.

use super::{FilePatch, Hunk};

/// What is known of the file that comes next.
#[derive(Debug, Default)]
pub struct Headers {
    pub hunks: Vec<Hunk>,
    /// From `diff --git`: names have `a/` and `b/` before them.
    is_git: bool,
    /// Both names of `diff --git`, where they are one.
    git_name: Option<String>,
    rename_from: Option<String>,
    rename_to: Option<String>,
    is_new: bool,
    is_deleted: bool,
    /// What stands behind `---` and `+++`; none for `/dev/null`.
    names: Option<(Option<String>, Option<String>)>,
}

impl Headers {
    /// Takes a line that is neither the names of a file nor of a hunk.
    pub fn line(&mut self, line: &str, files: &mut Vec<FilePatch>) -> Result<(), String> {
        let line = line.trim_end_matches('\r');
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest) {
            ("diff", rest) if rest.starts_with("--git ") => {
                self.finish(files)?;
                self.is_git = true;
                self.git_name = git_name(&rest["--git ".len()..]);
            }
            ("***", "Begin Patch") => {
                return Err(
                    "this form of patch is not known; write a unified diff: --- a/FILE, +++ b/FILE, @@ -1,2 +1,2 @@"
                        .into(),
                );
            }
            ("GIT", "binary patch") | ("Binary", _) if self.is_git || rest.ends_with(" differ") => {
                return Err("binary files cannot be patched".into());
            }
            _ if !self.is_git => {}
            ("rename", rest) if rest.starts_with("from ") => self.rename_from = Some(unquoted(&rest["from ".len()..])?),
            ("rename", rest) if rest.starts_with("to ") => self.rename_to = Some(unquoted(&rest["to ".len()..])?),
            ("copy", _) => return Err("copies are not made; write the whole file as a new one".into()),
            ("new", rest) if rest.starts_with("file mode ") => self.is_new = is_plain(rest)?,
            ("deleted", rest) if rest.starts_with("file mode ") => self.is_deleted = true,
            ("old" | "new", rest) if rest.starts_with("mode ") => {
                return Err("the mode of a file cannot be changed".into());
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the two lines with the names.
    pub fn names(&mut self, old: &str, new: &str) -> Result<(), String> {
        let (old, new) = (name(old)?, name(new)?);
        let begins = |name: &Option<String>, prefix| name.as_ref().is_none_or(|name| name.starts_with(prefix));
        let has_prefixes = begins(&old, "a/") && begins(&new, "b/");
        let cut = |name: Option<String>| name.map(|name| if has_prefixes { name[2..].to_owned() } else { name });
        if self.names.is_some() {
            return Err("a file without a hunk stands before this one".into());
        }
        self.names = Some((cut(old), cut(new)));
        Ok(())
    }

    /// Ends what is known of a file, if there is one.
    pub fn finish(&mut self, files: &mut Vec<FilePatch>) -> Result<(), String> {
        let Self { hunks, is_git, git_name, rename_from, rename_to, is_new, is_deleted, names } = std::mem::take(self);
        let (old, new) = match (names, rename_from, rename_to) {
            (names, Some(from), Some(to)) => {
                if names.is_some_and(|names| names != (Some(from.clone()), Some(to.clone()))) {
                    return Err(format!("the file is renamed from {from} to {to}, and --- and +++ say other names"));
                }
                (Some(from), Some(to))
            }
            (_, Some(_), None) | (_, None, Some(_)) => return Err("rename from and rename to go together".into()),
            (Some((Some(old), Some(new))), None, None) if old != new => {
                return Err(format!(
                    "--- says {old} and +++ says {new}; a file that gets another name needs `rename from` and `rename to`"
                ));
            }
            (Some(names), None, None) => names,
            (None, None, None) if is_new => (None, git_name),
            (None, None, None) if is_deleted => (git_name, None),
            (None, None, None) if is_git => return Err("nothing is said of what becomes of the file above".into()),
            (None, None, None) => return Ok(()),
        };
        if old.is_none() && new.is_none() {
            return Err("the file has no name".into());
        }
        if is_new && old.is_some() || is_deleted && new.is_some() {
            return Err("a new file has --- /dev/null, a deleted one +++ /dev/null".into());
        }
        files.push(FilePatch { old, new, hunks });
        Ok(())
    }
}

/// The name behind `--- ` or `+++ `; none for `/dev/null`.
fn name(line: &str) -> Result<Option<String>, String> {
    let rest = line[4..].trim_end_matches('\r');
    // A time may follow.
    let text = if rest.starts_with('"') { rest } else { rest.split('\t').next().unwrap_or_default() };
    let name = unquoted(text.trim_end_matches(' '))?;
    Ok((name != "/dev/null").then_some(name))
}

/// Only the mode of a plain file can be given to a new one.
fn is_plain(rest: &str) -> Result<bool, String> {
    match rest.rsplit(' ').next() {
        Some("100644") => Ok(true),
        _ => Err("a new file can only have mode 100644".into()),
    }
}

/// The name in `a/NAME b/NAME`.
fn git_name(rest: &str) -> Option<String> {
    if rest.starts_with('"') {
        let middle = rest.len() / 2;
        let (old, new) = (rest.get(..middle)?, rest.get(middle..)?);
        let (old, new) = (unquoted(old.trim_end()).ok()?, unquoted(new.trim_start()).ok()?);
        let name = old.strip_prefix("a/")?;
        return (new.strip_prefix("b/")? == name).then(|| name.to_owned());
    }
    let middle = rest.len() / 2;
    let (old, new) = (rest.get(..middle)?.strip_prefix("a/")?, rest.get(middle..)?.strip_prefix(" b/")?);
    (old == new).then(|| old.to_owned())
}

/// A name as git writes it: in quotes with escapes if it has unusual bytes.
fn unquoted(text: &str) -> Result<String, String> {
    let Some(inner) = text.strip_prefix('"') else {
        return if text.is_empty() { Err("a file has no name".into()) } else { Ok(text.to_owned()) };
    };
    let wrong = || format!("the name {text} is not quoted as git quotes it");
    let inner = inner.strip_suffix('"').ok_or_else(wrong)?;
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'"' => return Err(wrong()),
            b'\\' => match rest.next().ok_or_else(wrong)? {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                same @ (b'\\' | b'"') => same,
                first @ b'0'..=b'3' => {
                    let mut digit =
                        || rest.next().filter(|digit| (b'0'..=b'7').contains(digit)).map(|digit| digit - b'0');
                    let (second, third) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                    (first - b'0') * 64 + second * 8 + third
                }
                _ => return Err(wrong()),
            },
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| format!("the name {text} is not UTF-8"))
}
