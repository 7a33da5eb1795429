//! Shows a question to a person and reads the answer.

use crate::protocol::Said;
use crate::term::{self, Colour, paint};
use libos_kernel::model::call::Approval;
use libos_kernel::model::preview::escape;
use libos_kernel::model::row::{QuestionRow, Subject};
use std::io::{self, IsTerminal};

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

/// The whole question, in lines ready to be printed.
pub fn lines(question: &QuestionRow) -> Vec<String> {
    let who = format!("{} ({}, {})", escape(&question.tool), question.call, question.pid);
    let mut lines = match &question.subject {
        Subject::Approval { operation, needs, preview, .. } => {
            let mut lines = vec![format!("{}: {who} wants {}", question.id, escape(operation))];
            for need in needs {
                let below = if need.whole { " and everything below it" } else { "" };
                lines.push(format!("  {} {}{below}", need.right.word(), escape(&need.resource.to_string())));
            }
            // These are escaped where they are made.
            lines.extend(preview.iter().map(|line| format!("  {line}")));
            lines
        }
        Subject::Permission { resource, rights, reason } => vec![
            format!("{}: {who} asks for rights", question.id),
            format!("  {rights} {}", escape(&resource.to_string())),
            format!("  it says: {}", escape(reason)),
        ],
        Subject::Question { text } => {
            let mut lines = vec![format!("{}: {who} asks", question.id)];
            lines.extend(text.lines().map(|line| format!("  {}", escape(line))));
            lines
        }
        Subject::Note { text } => {
            let mut lines = vec![format!("{}: {who} says", question.id)];
            lines.extend(text.lines().map(|line| format!("  {}", escape(line))));
            lines
        }
    };
    if let Some(again) = &question.again {
        lines.push(format!("  asked again: {}", escape(again)));
    }
    lines
}

/// What `always` and `never` would make, in lines ready to be printed.
pub fn standing_lines(question: &QuestionRow) -> Vec<String> {
    let line = |approval: Approval, word: &str| {
        let rules = question.standing_rules(approval)?;
        let rules: Vec<String> = rules
            .iter()
            .map(|rule| format!("{} {} {}", rule.effect.word(), rule.rights, escape(&rule.pattern.to_string())))
            .collect();
        Some(format!("  {word:6} makes for {}: {}", question.pid, rules.join("; ")))
    };
    [line(Approval::Always, "always"), line(Approval::Never, "never")].into_iter().flatten().collect()
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
pub async fn ask(question: &QuestionRow) -> io::Result<Option<Said>> {
    crate::term::progress_done();
    let coloured = term::coloured(io::stderr().is_terminal());
    for (index, line) in lines(question).iter().enumerate() {
        eprintln!("{}", if index == 0 { paint(line, Colour::Bold, coloured) } else { line.clone() });
    }
    if wants_text(question) {
        return Ok(term::ask("answer: ").await?.map(Said::Text));
    }
    for line in standing_lines(question) {
        eprintln!("{}", paint(&line, Colour::Dim, coloured));
    }
    loop {
        let Some(line) = term::ask("[a]llow once, [A]lways, [d]eny once, [N]ever? ").await? else { return Ok(None) };
        match decision(&line) {
            Some(approval) => return Ok(Some(Said::Decision { approval, note: None })),
            None => eprintln!("please answer a, A, d or N, or the whole word"),
        }
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
