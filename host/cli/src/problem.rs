//! What is wrong with a script, as a compiler says it: the place, what, and the line itself with a mark under it.

use crate::error::Failure;
use crate::own;
use libos::WrongScript;
use libos::scripts::Problem;
use libos_kernel::model::limit;
use libos_kernel::model::preview::escape;
use std::path::Path;

/// Problems that are shown; the rest is counted.
const SHOWN_MAX: usize = 10;
/// Characters of a line that are shown around a problem in it.
const LINE_CHARACTERS_MAX: usize = 100;

/// The failure of a script whose first module is this file.
pub fn failure(wrong: &WrongScript, file: &Path) -> Failure {
    match wrong {
        WrongScript::Whole(why) => Failure::usage(why.clone()).at(file.display()),
        WrongScript::Problems(problems) => Failure::usage(text(problems, file)).at(file.display()),
    }
}

fn text(problems: &[Problem], file: &Path) -> String {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut lines = Vec::new();
    for problem in problems.iter().take(SHOWN_MAX) {
        lines.push(problem.to_string());
        // It may have changed since; then the line is of no help, and the place still is.
        let source = own::read_settings(&folder.join(&problem.module), limit::SCRIPT_FILE_BYTES_MAX, true);
        lines.extend(source.ok().and_then(|source| excerpt(&source, problem)).into_iter().flatten());
    }
    if problems.len() > SHOWN_MAX {
        lines.push(format!("... and {} more", problems.len() - SHOWN_MAX));
    }
    lines.join("\n")
}

/// The line of a problem, and a mark under the place in it.
pub fn excerpt(source: &str, problem: &Problem) -> Option<[String; 2]> {
    let line = source.lines().nth(usize::try_from(problem.line.checked_sub(1)?).ok()?)?;
    let column = usize::try_from(problem.column).ok()?.saturating_sub(1);
    // From so far left that the place is in what is shown.
    let skipped = column.saturating_sub(LINE_CHARACTERS_MAX * 2 / 3);
    let shown = |from: usize, count: usize| -> String {
        let part: String = line.chars().skip(from).take(count).collect();
        escape(&part.replace('\t', " "))
    };
    let number = problem.line.to_string();
    let before = shown(skipped, column - skipped).chars().count();
    let mark = if problem.column == 0 { String::new() } else { format!("{}^", " ".repeat(before)) };
    let margin = " ".repeat(number.len());
    Some([format!("  {number} | {}", shown(skipped, LINE_CHARACTERS_MAX)), format!("  {margin} | {mark}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(source: &str, line: u32, column: u32, expected: Option<[&str; 2]>) {
        let problem = Problem { module: "a.ts".into(), line, column, message: "wrong".into() };
        assert_eq!(excerpt(source, &problem), expected.map(|lines| lines.map(str::to_owned)));
    }

    #[test]
    fn a_problem_is_marked_in_its_line() {
        shows("a\nlet x: = 1;", 2, 8, Some(["  2 | let x: = 1;", "    |        ^"]));
        shows("\tx", 1, 2, Some(["  1 |  x", "    |  ^"]));
        // The mark stands right also after what is not printed as it is.
        shows("\u{1b}x", 1, 2, Some(["  1 | \\u{1b}x", "    |       ^"]));
        shows("x", 1, 0, Some(["  1 | x", "    | "]));
        shows("x", 2, 1, None);
        shows("x", 0, 0, None);
    }

    #[test]
    fn of_a_long_line_the_place_is_shown() {
        let source = "a".repeat(500) + "b" + &"c".repeat(500);
        let problem = Problem { module: "a.ts".into(), line: 1, column: 501, message: "wrong".into() };
        let [line, mark] = excerpt(&source, &problem).unwrap();
        let at = mark.chars().position(|character| character == '^').unwrap();
        assert_eq!((line.chars().nth(at), line.chars().count()), (Some('b'), LINE_CHARACTERS_MAX + 6));
    }
}
