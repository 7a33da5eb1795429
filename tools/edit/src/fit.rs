//! Putting the hunks of a patch into a text.

use crate::patch::{Hunk, HunkLine, LineKind};
use std::fmt::Write;

/// Comparisons of lines for all hunks of one file that are not where they say.
const COMPARISONS_MAX: usize = 10_000_000;
/// A line behind the last of any file.
const LINES_MAX: usize = 1 << 30;
/// Places that a message names.
const PLACES_TOLD: usize = 5;
/// Lines of the file that a message shows.
const LINES_SHOWN: usize = 12;
/// Characters of a line that a message shows.
const LINE_CHARACTERS: usize = 160;

/// A text that is being put together.
struct Fitting<'a> {
    /// With their line ends.
    lines: Vec<&'a str>,
    /// How many of them are done.
    done: usize,
    result: String,
    comparisons: usize,
}

/// The text with all hunks, in their order. A hunk goes where its header says if it fits there, else where it fits alone; lines that
/// it keeps stay byte for byte. The error says of the first that does not fit why, and what is there.
pub fn fit(content: &str, hunks: &[Hunk]) -> Result<String, String> {
    let lines = content.split_inclusive('\n').collect();
    let mut fitting = Fitting { lines, done: 0, result: String::new(), comparisons: COMPARISONS_MAX };
    let mut moved: isize = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let is_insert = hunk.old().next().is_none();
        // With no old lines a header names the line before.
        let said = hunk.start.min(LINES_MAX).saturating_sub(usize::from(!is_insert));
        let expected = said.saturating_add_signed(moved);
        let place = fitting.place(hunk, expected).map_err(|why| {
            format!("hunk {} ({}, line {} of the patch) does not fit: {why}", index + 1, hunk.header, hunk.line)
        })?;
        moved += place as isize - expected as isize;
        fitting.put(hunk, place).map_err(|why| format!("hunk {} ({}): {why}", index + 1, hunk.header))?;
    }
    for line in &fitting.lines[fitting.done..] {
        push(&mut fitting.result, line);
    }
    Ok(fitting.result)
}

impl Fitting<'_> {
    /// The line, from 0, at which a hunk begins.
    fn place(&mut self, hunk: &Hunk, expected: usize) -> Result<usize, String> {
        if hunk.old().next().is_none() {
            return match expected {
                line if line < self.done => Err("it overlaps the hunk before it".into()),
                line if line > self.lines.len() => Err(format!("the file has only {} lines", self.lines.len())),
                line => Ok(line),
            };
        }
        let old: Vec<&HunkLine> = hunk.old().collect();
        if expected >= self.done && self.fits(&old, expected)? {
            return Ok(expected);
        }
        let mut places = Vec::new();
        for line in self.done..(self.lines.len() + 1).saturating_sub(old.len()) {
            if self.fits(&old, line)? {
                places.push(line);
            }
        }
        match *places {
            [line] => Ok(line),
            [] => Err(self.difference(&old, expected)),
            _ => {
                let told: Vec<String> = places.iter().take(PLACES_TOLD).map(|line| (line + 1).to_string()).collect();
                let more = if places.len() > PLACES_TOLD { ", ..." } else { "" };
                Err(format!(
                    "not at line {}, but at lines {}{more}; give it more lines around",
                    expected + 1,
                    told.join(", ")
                ))
            }
        }
    }

    fn fits(&mut self, old: &[&HunkLine], at: usize) -> Result<bool, String> {
        let Some(have) = self.lines.get(at..).and_then(|rest| rest.get(..old.len())) else { return Ok(false) };
        for (have, wanted) in have.iter().zip(old) {
            self.comparisons = self.comparisons.checked_sub(1).ok_or("looking for its place takes too long")?;
            if !is_same(have, wanted) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn put(&mut self, hunk: &Hunk, place: usize) -> Result<(), String> {
        for line in &self.lines[self.done..place] {
            push(&mut self.result, line);
        }
        let count = hunk.old().count();
        let ends = Ends::of(hunk, &self.lines, place, count);
        let mut at = place;
        let last = hunk.lines.len() - 1;
        for (index, line) in hunk.lines.iter().enumerate() {
            match line.kind {
                LineKind::Removed => at += 1,
                LineKind::Context => {
                    push(&mut self.result, self.lines[at]);
                    at += 1;
                }
                LineKind::Added => {
                    let is_end =
                        index == last || hunk.lines[index + 1..].iter().all(|next| next.kind == LineKind::Removed);
                    if !(line.ends || is_end && place + count == self.lines.len()) {
                        return Err("a line without a newline at its end is not the last of the file".into());
                    }
                    push(&mut self.result, &ends.line(line));
                }
            }
        }
        self.done = at;
        Ok(())
    }

    /// Why a hunk does not fit where it says, and what is there.
    fn difference(&self, old: &[&HunkLine], expected: usize) -> String {
        let total = self.lines.len();
        let start = expected.min(total.saturating_sub(1));
        let differs = old
            .iter()
            .enumerate()
            .find(|(index, wanted)| self.lines.get(expected + index).is_none_or(|have| !is_same(have, wanted)));
        let (index, wanted) = differs.map_or((0, ""), |(index, line)| (index, line.text.as_str()));
        let mut text = match self.lines.get(expected + index) {
            Some(have) if have.trim_end_matches(['\r', '\n']) == wanted.trim_end_matches('\r') => {
                format!("line {} does not end as the hunk says (newline at the end of the file)", expected + index + 1)
            }
            Some(have) => {
                format!("line {} is {}, and the hunk has {}", expected + index + 1, shown(have), shown(wanted))
            }
            None => format!(
                "the file has {total} lines, and the hunk has {} as line {}",
                shown(wanted),
                expected + index + 1
            ),
        };
        text.push_str(". Its old lines are nowhere else. There is now:");
        // From two lines before the first that differs.
        let from = (start + index).saturating_sub(2).min(total);
        for (number, line) in self.lines.iter().enumerate().skip(from).take(LINES_SHOWN.min(old.len() + 4)) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}: {}", number + 1, cut(line.trim_end_matches(['\r', '\n'])));
        }
        text
    }
}

fn is_same(have: &str, wanted: &HunkLine) -> bool {
    let ends = have.ends_with('\n');
    let have = have.strip_suffix('\n').unwrap_or(have);
    // That a file has no newline at its end is often left out of a patch; that it has none is not said for nothing.
    (wanted.ends || !ends)
        && have.strip_suffix('\r').unwrap_or(have) == wanted.text.strip_suffix('\r').unwrap_or(&wanted.text)
}

/// What ends the lines that a hunk adds.
enum Ends {
    AsGiven,
    Lf,
    CrLf,
}

impl Ends {
    fn of(hunk: &Hunk, lines: &[&str], place: usize, count: usize) -> Self {
        let has_carriage = |line: &HunkLine| line.text.ends_with('\r');
        // The lines that it takes the place of; if there are none or the last has no end, the one before too.
        let end = if count > 0 { place + count } else { (place + 1).min(lines.len()) };
        let is_enough = count > 0 && lines[end - 1].ends_with('\n');
        let there = place.saturating_sub(usize::from(!is_enough))..end;
        let is_crlf = lines[there.clone()].iter().any(|line| line.ends_with("\r\n"));
        let is_given = if count > 0 { hunk.old().any(has_carriage) } else { hunk.lines.iter().any(has_carriage) };
        match (is_given, is_crlf) {
            (false, true) => Self::CrLf,
            (true, false) if !there.is_empty() => Self::Lf,
            _ => Self::AsGiven,
        }
    }

    fn line(&self, line: &HunkLine) -> String {
        let bare = line.text.strip_suffix('\r').unwrap_or(&line.text);
        match (self, line.ends) {
            (Self::AsGiven, true) => format!("{}\n", line.text),
            (Self::AsGiven, false) => line.text.clone(),
            (Self::Lf, true) => format!("{bare}\n"),
            (Self::CrLf, true) => format!("{bare}\r\n"),
            (_, false) => bare.to_owned(),
        }
    }
}

/// Adds a line; what is before it ends first.
fn push(result: &mut String, line: &str) {
    if !result.is_empty() && !result.ends_with('\n') {
        result.push_str(if line.ends_with("\r\n") { "\r\n" } else { "\n" });
    }
    result.push_str(line);
}

fn shown(line: &str) -> String {
    format!("{:?}", cut(line.trim_end_matches(['\r', '\n'])))
}

fn cut(line: &str) -> String {
    let mut text: String = line.chars().take(LINE_CHARACTERS).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
