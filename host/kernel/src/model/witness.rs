//! Reads the file of a second place: signed notes one after the other, among whatever else somebody wrote there.

use super::note::Checkpoint;
use std::collections::VecDeque;

/// Lines that are no notes and that are named one by one; more are counted.
const STRAY_MAX: usize = 8;

/// Lines of a note before its signatures: origin, size, root, and an empty one.
const TEXT_LINES: usize = 4;

/// A note as it stands in the file. Nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<'f> {
    /// Line of the file, from 1.
    pub line: u64,
    pub head: Checkpoint,
    /// To the letter.
    pub note: &'f str,
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents<'f> {
    /// In the order of the file.
    pub notes: Vec<Seen<'f>>,
    /// Numbers of the first lines that belong to no note.
    pub stray: Vec<u64>,
    /// How many such lines there are.
    pub stray_lines: u64,
}

/// Reads a file. A note that was cut by a crash, or lines of others, are passed over and counted. Keeps a few lines at a time, whatever
/// their number.
pub fn read(file: &[u8]) -> Contents<'_> {
    let mut contents = Contents::default();
    let mut lines = Lines { file, end: 0, number: 0 }.peekable();
    // The last lines of no note so far: one may begin with them.
    let mut waiting: VecDeque<Line> = VecDeque::with_capacity(TEXT_LINES + 1);
    while let Some(line) = lines.next() {
        if !line.is_signature {
            waiting.push_back(line);
            let stray = if waiting.len() > TEXT_LINES { waiting.pop_front() } else { None };
            contents.pass_over(stray);
            continue;
        }
        let mut last = line;
        while let Some(next) = lines.next_if(|next| next.is_signature) {
            last = next;
        }
        let whole = waiting.len() == TEXT_LINES && waiting.back().is_some_and(|line| line.is_empty);
        let first = waiting.front().filter(|_| whole);
        match first.and_then(|first| seen(first.number, &file[first.start..last.end])) {
            Some(seen) => contents.notes.push(seen),
            None => {
                contents.pass_over(waiting.iter().copied());
                contents.pass_over((line.number..=last.number).map(|number| Line { number, ..line }));
            }
        }
        waiting.clear();
    }
    contents.pass_over(waiting);
    contents
}

fn seen(line: u64, note: &[u8]) -> Option<Seen<'_>> {
    let note = std::str::from_utf8(note).ok()?;
    let (text, _) = note.rsplit_once("\n\n")?;
    let head = Checkpoint::parse(&format!("{text}\n")).ok()?;
    Some(Seen { line, head, note })
}

/// A line of a file: its number, from 1, and where it begins and ends.
#[derive(Debug, Clone, Copy)]
struct Line {
    number: u64,
    start: usize,
    end: usize,
    is_empty: bool,
    /// What has no end was not written to its end, and is none.
    is_signature: bool,
}

struct Lines<'f> {
    file: &'f [u8],
    end: usize,
    number: u64,
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let rest = self.file.get(self.end..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, start) = (&rest[..length], self.end);
        self.end += length;
        self.number += 1;
        let is_signature = line.starts_with("\u{2014} ".as_bytes()) && line.ends_with(b"\n");
        Some(Line { number: self.number, start, end: self.end, is_empty: line == b"\n", is_signature })
    }
}

impl Contents<'_> {
    fn pass_over(&mut self, lines: impl IntoIterator<Item = Line>) {
        for line in lines.into_iter().filter(|line| !line.is_empty) {
            self.stray_lines += 1;
            if self.stray.len() < STRAY_MAX {
                self.stray.push(line.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::note::Signer;

    fn note(size: u64) -> String {
        let signer = Signer::of_log(&[1; 32]);
        let head = Checkpoint { origin: signer.key().name().into(), size, root: [5; 32] };
        signer.key().note(&head.text(), &signer.sign(&head.text()))
    }

    #[test]
    fn notes_are_found_among_other_lines_and_those_are_counted() {
        let (one, two) = (note(1), note(2));
        let torn = &one[..one.len() - 20];
        let cases: [(String, &[u64], &[u64]); 9] = [
            (String::new(), &[], &[]),
            (one.clone(), &[1], &[]),
            (format!("{one}{two}"), &[1, 2], &[]),
            (format!("{one}\n\n{two}\n"), &[1, 2], &[]),
            (format!("hello\n{one}a word\n{two}"), &[1, 2], &[1, 7]),
            // Whether a signature is whole is for its check to say.
            (format!("{torn}\n{two}"), &[1, 2], &[]),
            (format!("{two}{torn}"), &[2], &[6, 7, 8, 10]),
            (format!("{one}\u{2014} x y\n{two}"), &[1, 2], &[]),
            ("\u{2014} x y\n1\n2\n\n\u{2014} z\n".to_owned(), &[], &[1, 2, 3, 5]),
        ];
        for (file, sizes, stray) in cases {
            let contents = read(file.as_bytes());
            let have: Vec<u64> = contents.notes.iter().map(|seen| seen.head.size).collect();
            assert_eq!((&*have, &*contents.stray), (sizes, stray), "{file}");
        }
        let contents = read(b"\xff\n\xff\xfe\xe2\x80\x94 \n");
        assert_eq!((contents.notes.len(), contents.stray_lines), (0, 2));
        let many = "x\n".repeat(1_000);
        assert_eq!((read(many.as_bytes()).stray.len(), read(many.as_bytes()).stray_lines), (STRAY_MAX, 1_000));
    }

    #[test]
    fn a_note_is_given_back_to_the_letter_with_its_line() {
        let file = format!("\n{}\n{}", note(7), note(8));
        let contents = read(file.as_bytes());
        let lines: Vec<(u64, String)> = contents.notes.iter().map(|seen| (seen.line, seen.note.to_owned())).collect();
        assert_eq!(lines, [(2, note(7)), (8, note(8))]);
    }
}
