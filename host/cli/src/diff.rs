//! The difference of two short texts, line by line.

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// Lines that two texts may have together before the difference is only "all gone, all new": the work grows with the product.
const LINES_MAX: usize = 4_000;

/// The shortest way from one text to the other.
pub fn lines<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // What begins and ends alike needs no search: a long text with one change is not all new.
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rests = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = rests.take_while(|(old, new)| old == new).count();
    let (before, after) = (&old[..head], &old[old.len() - tail..]);
    let same = |lines: &[&'a str]| -> Vec<Line<'a>> { lines.iter().copied().map(Line::Same).collect() };
    let mut found = same(before);
    found.extend(middle(&old[head..old.len() - tail], &new[head..new.len() - tail]));
    found.extend(same(after));
    found
}

fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    if old.len() + new.len() > LINES_MAX {
        let (gone, new) = (old.iter().copied().map(Line::Gone), new.iter().copied().map(Line::New));
        return gone.chain(new).collect();
    }
    // common[i][j]: how many lines the rests from i and j have in common, in order.
    let mut common = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut found = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            found.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            found.push(Line::Gone(old[i]));
            i += 1;
        } else {
            found.push(Line::New(new[j]));
            j += 1;
        }
    }
    found
}

/// The changed lines with so many lines around them; none stands for lines that are left out.
pub fn with_context<'a>(lines: &[Line<'a>], around: usize) -> Vec<Option<Line<'a>>> {
    let near = |index: usize| {
        let from = index.saturating_sub(around);
        let to = (index + around + 1).min(lines.len());
        lines[from..to].iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let mut shown = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if near(index) {
            shown.push(Some(*line));
        } else if shown.last().is_some_and(Option::is_some) {
            shown.push(None);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_leads_from_one_text_to_the_other() {
        for (old, new) in [("", ""), ("a\nb\nc", "a\nx\nc"), ("a", ""), ("", "a\nb"), ("a\nb\na\nb", "b\na\nb\na")] {
            let found = lines(old, new);
            let side = |skip: fn(&Line<'_>) -> bool| -> Vec<&str> {
                found
                    .iter()
                    .filter(|line| !skip(line))
                    .map(|line| match line {
                        Line::Same(text) | Line::Gone(text) | Line::New(text) => *text,
                    })
                    .collect()
            };
            assert_eq!(side(|line| matches!(line, Line::New(_))), old.lines().collect::<Vec<_>>());
            assert_eq!(side(|line| matches!(line, Line::Gone(_))), new.lines().collect::<Vec<_>>());
        }
        assert_eq!(lines("a\nb", "a\nc"), [Line::Same("a"), Line::Gone("b"), Line::New("c")]);
        assert_eq!(lines("a\na", "a"), [Line::Same("a"), Line::Gone("a")]);
        let long = "x\n".repeat(3 * LINES_MAX);
        let changes = |lines: Vec<Line<'_>>| lines.iter().filter(|line| !matches!(line, Line::Same(_))).count();
        assert_eq!(changes(lines(&format!("{long}a\n{long}"), &format!("{long}b\n{long}"))), 2);
    }

    #[test]
    fn far_lines_are_left_out() {
        let found = lines("1\n2\n3\n4\n5\n6\n7", "1\n2\n3\nx\n5\n6\n7");
        let shown = with_context(&found, 1);
        assert_eq!(
            shown,
            [Some(Line::Same("3")), Some(Line::Gone("4")), Some(Line::New("x")), Some(Line::Same("5")), None]
        );
    }
}
