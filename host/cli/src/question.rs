//! Shows a question to a person and reads the answer.

use crate::protocol::Said;
use crate::term::{self, Colour, paint};
use libos_kernel::model::call::Approval;
pub use libos_kernel::model::preview::{question as lines, standing as standing_lines};
use libos_kernel::model::question::{QuestionRow, Subject};
use std::io::{self, IsTerminal};

/// Rows that a small screen shows.
const ROWS_SEEN: usize = 20;

/// What is asked, in one line of text that is not escaped yet.
pub fn summary(question: &QuestionRow) -> String {
    match &question.subject {
        Subject::Approval { operation, needs, .. } => {
            let mut names: Vec<String> = Vec::new();
            for need in needs {
                let name = need.resource.to_string();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            format!("{operation} {}", names.join(", "))
        }
        Subject::Permission { resource, rights, reason } => format!("{rights} on {resource}: {reason}"),
        Subject::Question { text } | Subject::Note { text } => text.clone(),
    }
}

/// Whether the answer is a text.
pub fn wants_text(question: &QuestionRow) -> bool {
    matches!(question.subject, Subject::Question { .. })
}

/// How to answer it later.
pub fn command(question: &QuestionRow) -> String {
    if wants_text(question) {
        format!("libos answer {} --text '...'", question.id)
    } else {
        format!("libos answer {} allow", question.id)
    }
}

/// Asks the person at the terminal. None if the input has ended.
///
/// # Errors
/// The terminal failed.
///
/// `whole` gives all that the question is about, for a person who wants to read it to its end.
pub async fn ask(question: &QuestionRow, whole: impl Fn() -> anyhow::Result<Vec<String>>) -> io::Result<Option<Said>> {
    crate::term::progress_done();
    let coloured = term::coloured(io::stderr().is_terminal());
    let shown = lines(question);
    for (index, line) in shown.iter().enumerate() {
        eprintln!("{}", if index == 0 { paint(line, Colour::Bold, coloured) } else { line.clone() });
    }
    if wants_text(question) {
        return Ok(words(&shown, whole).await?.map(Said::Text));
    }
    for line in standing_lines(question) {
        eprintln!("{}", paint(&line, Colour::Dim, coloured));
    }
    if let (Some(title), true) = (shown.first(), shown.len() > ROWS_SEEN) {
        // It has left a small screen.
        eprintln!("{}", paint(title, Colour::Bold, coloured));
    }
    loop {
        let choice = "[a]llow once, [A]lways, [d]eny, [N]ever, [w]hole text? ";
        let Some(line) = term::ask(choice).await? else { return Ok(None) };
        match decision(&line) {
            Some(approval) => return Ok(Some(Said::Decision { approval, note: None })),
            None if matches!(&*line, "w" | "whole") => show_whole(whole()),
            None => eprintln!("please answer a, A, d or N, or the whole word; w shows all of it"),
        }
    }
}

/// Reads the answer to an open question, of which a long one can be read to its end first.
async fn words(shown: &[String], whole: impl Fn() -> anyhow::Result<Vec<String>>) -> io::Result<Option<String>> {
    let has_more = whole().is_ok_and(|rows| rows.iter().any(|row| !shown.contains(row)));
    if !has_more {
        return term::ask("answer: ").await;
    }
    loop {
        match term::ask("answer (an empty line shows the whole text): ").await? {
            Some(line) if line.is_empty() => show_whole(whole()),
            line => return Ok(line),
        }
    }
}

fn show_whole(whole: anyhow::Result<Vec<String>>) {
    match whole {
        Ok(lines) if lines.is_empty() => eprintln!("there is no more to it"),
        Ok(lines) => lines.iter().for_each(|line| eprintln!("{line}")),
        Err(error) => eprintln!("it cannot be read: {error}"),
    }
}

/// Reads an answer. The letters of what lasts are capitals, so that it is not said by a slip.
fn decision(line: &str) -> Option<Approval> {
    match line {
        "a" => Some(Approval::Allow),
        "A" => Some(Approval::Always),
        "d" => Some(Approval::Deny),
        "N" => Some(Approval::Never),
        word => match word.to_ascii_lowercase().as_str() {
            "allow" => Some(Approval::Allow),
            "always" => Some(Approval::Always),
            "deny" => Some(Approval::Deny),
            "never" => Some(Approval::Never),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lasting_answer_needs_a_capital_or_the_word() {
        for (line, want) in [
            ("a", Some(Approval::Allow)),
            ("A", Some(Approval::Always)),
            ("d", Some(Approval::Deny)),
            ("D", None),
            ("n", None),
            ("N", Some(Approval::Never)),
            ("Never", Some(Approval::Never)),
            ("y", None),
            ("", None),
        ] {
            assert_eq!(decision(line), want, "{line}");
        }
    }
}
