//! The bottom of a terminal, which is drawn anew: what is written to take the old lines away, to let lines above them stay, and to draw.

/// What is drawn there now.
#[derive(Debug, Default)]
pub struct Screen {
    rows: usize,
}

impl Screen {
    /// What to write so that these lines stay and those are below them. Without a line below nothing is left but what stays.
    pub fn draw(&mut self, stay: &[String], below: &[String]) -> String {
        let mut out = self.erase();
        for line in stay {
            out.push_str(line);
            out.push_str("\r\n");
        }
        if !below.is_empty() {
            // A line that is wider than the terminal must not become two: then the wrong ones would be taken away.
            out.push_str("\x1b[?7l");
            out.push_str(&below.join("\r\n"));
            out.push_str("\x1b[?7h");
        }
        self.rows = below.len();
        out
    }

    /// What to write so that what is drawn is gone.
    pub fn erase(&mut self) -> String {
        let up = match std::mem::take(&mut self.rows) {
            0 => return String::new(),
            1 => String::new(),
            rows => format!("\x1b[{}A", rows - 1),
        };
        format!("\r{up}\x1b[J")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_is_taken_away_before_anything_else_is_written() {
        let lines = |text: &[&str]| text.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut screen = Screen::default();
        assert_eq!(screen.draw(&[], &lines(&["a", "b"])), "\x1b[?7la\r\nb\x1b[?7h");
        assert_eq!(screen.draw(&lines(&["x"]), &lines(&["c"])), "\r\x1b[1A\x1b[Jx\r\n\x1b[?7lc\x1b[?7h");
        assert_eq!(screen.draw(&lines(&["y"]), &[]), "\r\x1b[Jy\r\n");
        assert_eq!(screen.erase(), "", "nothing is drawn any more");
    }
}
