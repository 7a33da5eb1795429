//! What commands print: tables for people, rows with tabs for scripts, JSON for programs.

use crate::json;
use crate::term::{self, Colour, paint};
use libos_kernel::model::preview::escape;
use serde::Serialize;
use std::io::{self, Write};

/// Where a command's output goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    pub json: bool,
    /// Columns, if it is a terminal.
    width: Option<usize>,
    coloured: bool,
    /// Lines go to standard error: the output is for something else.
    beside: bool,
}

impl Out {
    pub fn new(json: bool) -> Out {
        let width = term::width();
        Out { json, width, coloured: term::coloured(width.is_some()), beside: false }
    }

    /// The same, on standard error, for what is not the output of the command.
    pub fn beside(self) -> Out {
        let coloured = term::coloured(io::IsTerminal::is_terminal(&io::stderr()));
        Out { coloured, beside: true, ..self }
    }

    /// Columns, if it is a terminal.
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    pub fn paint(&self, text: &str, colour: Colour) -> String {
        paint(text, colour, self.coloured)
    }

    /// Prints a line as it is: every text in it that is not the program's own is escaped already.
    ///
    /// # Errors
    /// Nobody reads any more; so for all that follow.
    pub fn line(&self, text: &str) -> io::Result<()> {
        if self.beside { writeln!(io::stderr().lock(), "{text}") } else { writeln!(io::stdout().lock(), "{text}") }
    }

    /// Prints a value as JSON on one line.
    pub fn value(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", if self.is_terminal() { json::safe(&text) } else { text })?;
        // With --follow whoever reads wants it now.
        Ok(stdout.flush()?)
    }

    /// Prints JSON text: for people on a terminal, on one line otherwise.
    pub fn json_text(&self, text: &str) -> io::Result<()> {
        self.line(&if self.is_terminal() { json::pretty(text) } else { json::compact(text) })
    }

    /// Prints name and value, one a line.
    pub fn fields(&self, fields: &[(&str, String)]) -> io::Result<()> {
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        fields.iter().try_for_each(|(name, value)| {
            let name = self.paint(&format!("{name:width$}"), Colour::Dim);
            self.line(&format!("{name}  {}", escape(value)))
        })
    }

    /// Prints a heading, on a terminal only bold.
    pub fn heading(&self, text: &str) -> io::Result<()> {
        self.line(&format!("\n{}", self.paint(text, Colour::Bold)))
    }

    /// Prints a table; `nothing` if it has no rows and somebody looks.
    pub fn table(&self, table: &Table, nothing: &str) -> io::Result<()> {
        if table.rows.is_empty() {
            return if self.is_terminal() { writeln!(io::stderr(), "{nothing}") } else { Ok(()) };
        }
        let mut lines = table.lines(self.width);
        if self.is_terminal()
            && let Some(header) = lines.first_mut()
        {
            *header = self.paint(header, Colour::Dim);
        }
        lines.iter().try_for_each(|line| self.line(line))
    }
}

/// Rows of texts, escaped as they are added.
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(header: &[&'static str]) -> Table {
        Table { header: header.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| escape(cell)).collect());
    }

    /// Aligned under a header and cut to a width; with tabs and without header if there is none.
    pub fn lines(&self, width: Option<usize>) -> Vec<String> {
        let Some(width) = width else { return self.rows.iter().map(|row| row.join("\t")).collect() };
        let header: Vec<String> = self.header.iter().map(ToString::to_string).collect();
        let all: Vec<&Vec<String>> = std::iter::once(&header).chain(&self.rows).collect();
        let columns = header.len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let line = |row: &&Vec<String>| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if column + 1 < columns {
                    let pad = widths[column].saturating_sub(cell.chars().count()) + 2;
                    line.extend(std::iter::repeat_n(' ', pad));
                }
            }
            cut(line.trim_end(), width)
        };
        all.iter().map(line).collect()
    }
}

/// Cuts a line to so many characters and shows that it was cut.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_cut_and_escaped() {
        let mut table = Table::new(&["ID", "TEXT"]);
        table.row(vec!["c1".into(), "a\tb\x1b[2J".into()]);
        table.row(vec!["c100".into(), "é".repeat(20)]);
        assert_eq!(table.lines(None)[0], "c1\ta\\tb\\u{1b}[2J");
        let lines = table.lines(Some(15));
        assert_eq!(lines[0], "ID    TEXT");
        assert_eq!(lines[1], "c1    a\\tb\\u{1…");
        assert_eq!(lines[2].chars().count(), 15);
    }
}
