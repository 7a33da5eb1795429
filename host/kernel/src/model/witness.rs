//! Reads the file of a second place: signed notes one after the other, among whatever else somebody wrote there.

use super::note::Checkpoint;

/// Lines that are no notes and that are named one by one; more are counted.
const STRAY_MAX: usize = 8;

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

/// Reads a file. A note that was cut by a crash, or lines of others, are passed over and counted.
pub fn read(file: &[u8]) -> Contents<'_> {
    let mut lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    // What has no end was not written to its end.
    let torn = lines.pop_if(|line| !line.ends_with(b"\n"));
    let mut contents = Contents::default();
    let mut start = 0;
    let mut at = 0;
    let mut offset = 0;
    let offsets: Vec<usize> = lines
        .iter()
        .map(|line| {
            offset += line.len();
            offset - line.len()
        })
        .collect();
    while at < lines.len() {
        if !is_signature(lines[at]) {
            at += 1;
            continue;
        }
        let end = at + lines[at..].iter().take_while(|line| is_signature(line)).count();
        let first = at.checked_sub(4).filter(|first| *first >= start && lines[at - 1] == b"\n");
        let seen = first.and_then(|first| {
            let note = std::str::from_utf8(&file[offsets[first]..offsets[at] + lines[at..end].concat().len()]).ok()?;
            let (text, _) = note.rsplit_once("\n\n")?;
            let head = Checkpoint::parse(&format!("{text}\n")).ok()?;
            Some((first, Seen { line: first as u64 + 1, head, note }))
        });
        let passed = seen.as_ref().map_or(end, |(first, _)| *first);
        contents.pass_over(&lines[start..passed], start);
        contents.notes.extend(seen.map(|(_, seen)| seen));
        (start, at) = (end, end);
    }
    contents.pass_over(&lines[start..], start);
    contents.pass_over(torn.as_slice(), lines.len());
    contents
}

fn is_signature(line: &[u8]) -> bool {
    line.starts_with("\u{2014} ".as_bytes())
}

impl Contents<'_> {
    fn pass_over(&mut self, lines: &[&[u8]], first: usize) {
        for (index, _) in lines.iter().enumerate().filter(|(_, line)| **line != b"\n") {
            self.stray_lines += 1;
            if self.stray.len() < STRAY_MAX {
                self.stray.push((first + index) as u64 + 1);
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
