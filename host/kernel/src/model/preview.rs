//! What a person sees before saying yes: nothing in it can move the cursor, hide text or pretend to be something else.
//!
//! Every line that a guest wrote stands behind `| `, and a line that is longer than a narrow terminal is broken here, so that no
//! part of it begins where only we write.

use super::call::{Approval, Call};
use super::carried::to_be_read as carried;
use super::lookalike::careful;
use super::name::is_hidden;
use super::preview_beside::beside;
use super::question::{QuestionRow, Subject};
use super::row::{Before, Probe};
use unicode_normalization::char::is_combining_mark;

/// Lines of content that a preview shows from the beginning, and from the end.
const LINES_SHOWN: (usize, usize) = (30, 10);
/// Characters of one line that a preview shows from the beginning, and from the end.
const CHARACTERS_SHOWN: (usize, usize) = (300, 100);
/// Marks on one letter; more would paint over the lines around it.
const MARKS_MAX: usize = 4;
/// Columns of a line that a person is shown; a terminal of 80 breaks none.
const COLUMNS_MAX: usize = 76;
/// What a line begins with that goes on with the line before.
const GOES_ON: &str = "  + ";

/// A text with every character escaped that a terminal would obey or a person would not see.
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // A mark at the beginning would sit on what stands before the text.
    let mut marks = MARKS_MAX;
    for character in text.chars() {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        match character {
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            '\n' => shown.push_str("\\n"),
            ' ' => shown.push(' '),
            _ if is_hidden(character) || is_blank(character) || marks > MARKS_MAX => {
                shown.push_str(&format!("\\u{{{:x}}}", character as u32));
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// Looks like a space and is none.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{2800}'
}

/// What a call does, in lines ready to be printed; `probe` is what was found where it acts, if anything was looked at.
pub fn lines(call: &Call, probe: Option<&Probe>) -> Vec<String> {
    let mut lines: Vec<String> = does(call, probe).into_iter().collect();
    if let (Call::FsRename { .. }, Some(Probe::Rename { before_new, .. })) = (call, probe)
        && *before_new != Before::Absent
    {
        lines.push("and replaces what is there".into());
    }
    if let (Call::FsCopy { .. }, Some(Probe::Write { before, .. })) = (call, probe)
        && *before != Before::Absent
    {
        lines.push("over what is there".into());
    }
    if let Some(content) = carried(call) {
        content_lines(content, &mut lines);
    }
    lines.extend(beside(call).into_iter().map(|(what, text)| format!("{what} {}", shortened(&text))));
    lines
}

/// In one sentence what a call does, where its operation and its resources do not say it.
fn does(call: &Call, probe: Option<&Probe>) -> Option<String> {
    let size = carried(call).unwrap_or_default().len();
    Some(match (call, probe) {
        (Call::FsWrite { .. }, Some(Probe::Write { before: Before::Present { size: now, .. }, .. })) => {
            format!("replaces the {now} bytes that are there now with {size} bytes:")
        }
        (Call::FsAppend { .. }, Some(Probe::Append { before: Before::Present { size: now, .. }, .. })) => {
            format!("adds {size} bytes to the {now} that are there now:")
        }
        (Call::FsWrite { .. }, Some(Probe::Write { .. })) | (Call::FsAppend { .. }, Some(Probe::Append { .. })) => {
            format!("creates a file of {size} bytes:")
        }
        (Call::FsWrite { .. }, _) => format!("writes {size} bytes:"),
        (Call::FsAppend { .. }, _) => format!("adds {size} bytes:"),
        (Call::FsRemove { .. }, Some(Probe::Remove { before: Before::Present { directory: true, .. }, .. })) => {
            "removes a directory".into()
        }
        (Call::FsRemove { .. }, Some(Probe::Remove { before: Before::Present { size, .. }, .. })) => {
            format!("removes a file of {size} bytes")
        }
        (Call::FsRename { .. }, Some(Probe::Rename { old, new, .. })) => {
            format!("moves {} to {}", escape(&old.to_string()), escape(&new.to_string()))
        }
        (Call::FsCopy { .. }, Some(Probe::Write { size, .. })) => format!("copies {size} bytes"),
        (Call::ObjectCreate { .. }, _) => format!("creates an object of {size} bytes:"),
        (Call::ObjectUpdate { .. }, _) => format!("gives it another content, of {size} bytes:"),
        (Call::ObjectRename { new, .. }, _) => format!("moves it to {}", escape(new)),
        (Call::ObjectLink { relation, to, .. }, _) => format!("links it to {}: {}", escape(to), escape(relation)),
        (Call::ObjectUnlink { relation, to, .. }, _) => {
            format!("takes its link to {} away: {}", escape(to), escape(relation))
        }
        (Call::ObjectMerge { child, .. }, _) => format!("takes over what {} made", escape(child)),
        (Call::ToolCall { .. } | Call::AgentCall { .. }, _) => format!("with these arguments, {size} bytes:"),
        (Call::HumanAsk { .. }, _) => "to ask a person:".into(),
        (Call::HumanTell { .. }, _) => "to tell a person:".into(),
        (Call::HumanApprove { .. }, _) => "to ask a person for rights, and why:".into(),
        (Call::ProcessExit { .. }, _) => format!("ends its process with this result, {size} bytes:"),
        (Call::ProcessCheckpoint { .. }, _) => "takes a checkpoint of its process, because:".into(),
        (Call::ProcessSpawn { child } | Call::ProcessFork { child, .. }, _) => {
            let what = if child.planner.is_some() { "script" } else { "goal" };
            format!("starts a process with this {what}, {size} bytes:")
        }
        (Call::ProcessExec { .. }, _) => {
            format!("turns its process into one of this image, with a goal of {size} bytes:")
        }
        (Call::ProcessSignal { signal, .. }, _) => format!("sends the signal {} for this reason:", signal.word()),
        (Call::MessageSend { .. }, _) => format!("sends it a message of {size} bytes:"),
        (Call::ImageRegister { .. }, _) => format!("makes an image of this manifest, {size} bytes:"),
        (Call::ModelAsk { request, .. }, _) => {
            format!("sends a model {} messages, {size} bytes:", super::ask::messages(request))
        }
        (Call::ShellRun { .. }, _) if size > 0 => format!("with {size} bytes on its standard input:"),
        (Call::LogWrite { .. }, _) => format!("writes a line of {size} bytes to its log:"),
        _ => return None,
    })
}

/// All that a question is about, for a person who wants to read it to its end; in lines ready to be printed. `asked` is the system
/// call that it is about; without it there is what the row says.
pub fn whole_question(question: &QuestionRow, asked: Option<&Call>) -> Vec<String> {
    match &question.subject {
        Subject::Approval { .. } => asked.map(whole).unwrap_or_default(),
        Subject::Permission { reason: text, .. } | Subject::Question { text } | Subject::Note { text } => {
            whole_bytes(text.as_bytes())
        }
    }
}

/// All that a call carries, as [`whole_question`].
pub fn whole(call: &Call) -> Vec<String> {
    let mut lines = carried(call).map(whole_bytes).unwrap_or_default();
    let beside = beside(call).into_iter().map(|(what, text)| format!("  {what} {}", escape(&text)));
    lines.extend(beside.flat_map(|line| fold(&line)));
    lines
}

/// All of a content, in lines.
pub fn whole_bytes(bytes: &[u8]) -> Vec<String> {
    let lines: Vec<String> = match std::str::from_utf8(bytes) {
        Ok(text) => split(text).iter().map(|line| format!("  | {}", escape(line))).collect(),
        Err(_) => bytes.chunks(32).map(|part| format!("  | {}", part.escape_ascii())).collect(),
    };
    lines.iter().flat_map(|line| fold(line)).collect()
}

/// The lines of a text. A carriage return stays in its line, where it is seen.
fn split(text: &str) -> Vec<&str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n').collect()
}

fn content_lines(content: &[u8], lines: &mut Vec<String>) {
    let Ok(text) = std::str::from_utf8(content) else {
        lines.push(format!(
            "  (not text; SHA-256 {})",
            super::id::hex(&{
                use sha2::Digest as _;
                let digest: super::id::Digest = sha2::Sha256::digest(content).into();
                digest
            })
        ));
        return;
    };
    if text.is_empty() {
        return;
    }
    let all = split(text);
    let (head, tail) = LINES_SHOWN;
    let shown = |line: &&str| format!("  | {}", shortened(line));
    // To say that one line is left out takes a line.
    if all.len() <= head + tail + 1 {
        lines.extend(all.iter().map(shown));
        return;
    }
    lines.extend(all[..head].iter().map(shown));
    lines.push(format!("  ... ({} more lines, then the last {tail})", all.len() - head - tail));
    lines.extend(all[all.len() - tail..].iter().map(shown));
}

/// A line, escaped; of a long one the beginning and the end.
fn shortened(line: &str) -> String {
    let (head, tail) = CHARACTERS_SHOWN;
    let count = line.chars().count();
    if count <= head + tail {
        return escape(line);
    }
    let at = |index: usize| line.char_indices().nth(index).map_or(line.len(), |(at, _)| at);
    let (first, last) = (&line[..at(head)], &line[at(count - tail)..]);
    format!("{} ... ({} more characters) ... {}", escape(first), count - head - tail, escape(last))
}

/// The whole question, in lines ready to be printed.
pub fn question(question: &QuestionRow) -> Vec<String> {
    let who = format!("{} ({}, {})", escape(&question.tool), question.call, question.pid);
    let title = |what: String| format!("{}: {who} {what}", question.id);
    let mut lines = match &question.subject {
        Subject::Approval { operation, needs, preview, consent, .. } => {
            let mut lines = vec![title(format!("wants {}", escape(operation)))];
            if let Some(consent) = consent {
                lines.push(format!("  its component has changed since {} was granted to it:", consent.grant));
                let gained = consent.gained.iter().map(|gained| format!("    it {}", escape(gained)));
                lines.extend(gained);
                if consent.gained.is_empty() {
                    lines.push("    it can do nothing that it could not do before".into());
                }
            }
            for need in needs {
                let below = if need.whole { " and everything below it" } else { "" };
                let name = need.resource.to_string();
                lines.push(format!("  {} {}{below}", need.right.word(), escape(&name)));
                lines.extend(careful(&name));
            }
            // These are escaped where they are made.
            lines.extend(preview.iter().map(|line| format!("  {line}")));
            lines
        }
        Subject::Permission { resource, rights, reason } => {
            let name = resource.to_string();
            let mut lines = vec![
                title(format!("asks for rights of {} and all its tools", question.pid)),
                format!("  {rights} {}", escape(&name)),
            ];
            lines.extend(careful(&name));
            lines.push("  it says:".into());
            said(reason, &mut lines);
            lines
        }
        Subject::Question { text } => {
            let mut lines = vec![title("asks".into())];
            said(text, &mut lines);
            lines
        }
        Subject::Note { text } => {
            let mut lines = vec![title("says".into())];
            said(text, &mut lines);
            lines
        }
    };
    lines.splice(1..1, behind(question));
    if !question.also.is_empty() {
        let calls: Vec<String> = question.places().map(|(call, _)| call.to_string()).collect();
        lines.push(format!("  asked by {} calls ({}); the answer is for all of them", calls.len(), calls.join(", ")));
    }
    if let Some(expires) = question.expires {
        lines.push(format!("  denied by itself at {expires}"));
    }
    if let Some(again) = &question.again {
        lines.push(format!("  asked again: {}", escape(again)));
    }
    lines.iter().flat_map(|line| fold(line)).collect()
}

/// Which tools stand behind the asking one, the nearest first, and which of all these names look like others.
fn behind(question: &QuestionRow) -> Vec<String> {
    let mut lines = careful(&question.tool);
    if let Some(callers) = callers(question) {
        lines.push(format!("  {callers}"));
    }
    lines.extend(question.callers.iter().rev().flat_map(|name| careful(name)));
    lines
}

/// From which tools' calls the asking one was made, the nearest first; escaped.
pub fn callers(question: &QuestionRow) -> Option<String> {
    let names: Vec<String> = question.callers.iter().rev().map(|name| format!("called by {}", escape(name))).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// As much of a text as leaves the lines above it on the screen.
fn said(text: &str, lines: &mut Vec<String>) {
    content_lines(text.as_bytes(), lines);
}

/// What `always` and `never` would make, and what `deny` means beyond this once; in lines ready to be printed.
pub fn standing(question: &QuestionRow) -> Vec<String> {
    let line = |approval: Approval, word: &str| {
        if let Subject::Approval { consent: Some(consent), .. } = &question.subject {
            let what = if approval == Approval::Always {
                "counts for it as it is now, and what hangs on it"
            } else {
                "is revoked, and what hangs on it"
            };
            return Some(format!("  {word:6} means: {} {what}", consent.grant));
        }
        let rules = question.standing_rules(approval)?;
        let rules: Vec<String> = rules
            .iter()
            .map(|rule| format!("{} {} {}", rule.effect.word(), rule.rights, escape(&rule.pattern.to_string())))
            .collect();
        Some(format!("  {word:6} makes for {}: {}", question.lasting_holder(), rules.join("; ")))
    };
    let denied = "  deny   means: the same is not asked again by this process".to_owned();
    let lines = [line(Approval::Always, "always"), Some(denied), line(Approval::Never, "never")];
    lines.into_iter().flatten().flat_map(|line| fold(&line)).collect()
}

/// Breaks a line that a terminal would break, so that what follows does not begin in its first column.
fn fold(line: &str) -> Vec<String> {
    let mut folded = Vec::new();
    let (mut part, mut columns) = (String::new(), 0);
    for character in line.chars() {
        // Letters of some scripts take two.
        let width = if character.is_ascii() { 1 } else { 2 };
        if columns + width > COLUMNS_MAX && !is_combining_mark(character) {
            folded.push(std::mem::replace(&mut part, GOES_ON.to_owned()));
            columns = GOES_ON.len();
        }
        part.push(character);
        columns += width;
    }
    folded.push(part);
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::call::{ObjectOptions, Payload, WriteMode};
    use crate::model::id::{CallId, Pid, QuestionId};
    use crate::model::question::QuestionState;
    use crate::model::resource::{Kind, Resource};
    use crate::model::time::Time;

    #[test]
    fn nothing_in_a_preview_can_move_the_cursor_or_hide() {
        let evil = "\x1b[2J\x1b]52;c;eA==\x07a\rAllowed\u{202e}txt\u{200b}\n\u{9b}31m\u{a0}\u{2800}\u{e000}";
        let shown = escape(evil);
        assert!(!shown.chars().any(|character| is_hidden(character) || (is_blank(character) && character != ' ')));
        assert!(shown.contains("\\u{1b}[2J") && shown.contains("\\r") && shown.contains("\\u{202e}"));
        assert_eq!(escape("e\u{301}a"), "e\u{301}a");
        assert_eq!(escape("\u{301}a"), "\\u{301}a");
        assert_eq!(escape(&format!("e{}", "\u{301}".repeat(6))), "e\u{301}\u{301}\u{301}\u{301}\\u{301}\\u{301}");
    }

    fn written(content: &str) -> Vec<String> {
        let target = Resource::new(Kind::Fs, "workspace/a");
        let call = Call::FsWrite { path: "a".into(), content: content.into(), mode: WriteMode::CreateOrReplace };
        lines(&call, Some(&Probe::Write { target, before: Before::Absent, after: [0; 32], size: 0 }))
    }

    #[test]
    fn a_preview_shows_the_beginning_and_the_end_of_all_that_is_long() {
        let content: Vec<String> = (1..=10_000).map(|number| format!("line {number}")).collect();
        let shown = written(&content.join("\n"));
        assert_eq!((shown.len(), &*shown[1], &*shown[30]), (42, "  | line 1", "  | line 30"));
        assert_eq!(shown[31], "  ... (9960 more lines, then the last 10)");
        assert_eq!((&*shown[32], &*shown[41]), ("  | line 9991", "  | line 10000"));
        let shown = written(&format!("begin{}end\r\n", "x".repeat(1_000)));
        assert!(shown[1].starts_with("  | beginx") && shown[1].ends_with("xend\\r"), "{shown:?}");
        assert!(shown[1].contains("(609 more characters)"), "{shown:?}");
        let call = Call::FsAppend { path: "a".into(), content: content.join("\n").into() };
        assert_eq!(whole(&call).len(), 10_000);
        assert_eq!(written("").len(), 1);
    }

    /// The call with this payload; none if it carries none.
    fn carrying(call: &Call, text: &str) -> Option<Call> {
        let mut call = call.clone();
        match &mut call {
            Call::FsWrite { content, .. } | Call::FsAppend { content, .. } => *content = text.into(),
            Call::ObjectCreate { payload, .. } => *payload = Payload::Bytes(text.into()),
            Call::ObjectUpdate { payload, .. } => *payload = Payload::Json(text.into()),
            Call::ToolCall { arguments: held, .. }
            | Call::HumanAsk { question: held, .. }
            | Call::HumanTell { message: held, .. }
            | Call::HumanApprove { reason: held, .. }
            | Call::ProcessExit { result: held }
            | Call::ProcessCheckpoint { reason: held }
            | Call::LogWrite { message: held, .. }
            | Call::ProcessSignal { reason: held, .. }
            | Call::ImageRegister { manifest: held, .. }
            | Call::AgentCall { arguments: held, .. }
            | Call::ModelAsk { request: held, .. }
            | Call::MessageSend { body: held, .. } => *held = text.into(),
            Call::ProcessSpawn { child } | Call::ProcessFork { child, .. } => child.planner = Some(text.into()),
            Call::ProcessExec { goal, .. } => *goal = Some(text.into()),
            Call::ToolsPropose { .. } => return None, // Nobody is asked about one.
            other => {
                assert!(other.split_payload().1.is_empty(), "{} carries something", other.operation());
                return None;
            }
        }
        Some(call)
    }

    #[test]
    fn every_byte_that_a_call_carries_can_be_read_and_its_beginning_is_shown() {
        let text: String = (0..2_000).map(|number| format!("word{number}, ")).collect();
        let calls = [Call::examples(), Call::examples_of_planners()].concat();
        let carrying: Vec<Call> = calls.iter().filter_map(|call| carrying(call, &text)).collect();
        assert_eq!(carrying.len(), 19);
        for call in carrying {
            let read: String = whole(&call).iter().filter_map(|line| line.get(GOES_ON.len()..)).collect();
            assert!(read.starts_with(&text), "{}: {read}", call.operation());
            // Whether or not anything was looked at.
            let shown = lines(&call, None).join("\n");
            assert!(shown.contains("  | word0, word1, word2, "), "{}: {shown}", call.operation());
        }
        let bytes: Vec<u8> = (0..=255).collect();
        let call = Call::FsAppend { path: "a".into(), content: bytes.clone() };
        let read: String = whole(&call).iter().map(|line| &line[GOES_ON.len()..]).collect();
        assert_eq!(read, bytes.escape_ascii().to_string());
    }

    #[test]
    fn what_else_a_new_object_would_be_is_shown_with_it() {
        let options = ObjectOptions {
            object_type: "note".into(),
            immutable: false,
            title: "My\nplan".into(),
            tags: vec!["a".into(), "b".into()],
            sources: vec!["c".into()],
        };
        let call = Call::ObjectCreate { name: "made".into(), payload: Payload::Json("{}".into()), options };
        let beside = [
            "its type is note",
            "its title is My\\nplan",
            "its tag is a",
            "its tag is b",
            "it says that it is made from c",
        ];
        assert_eq!(lines(&call, None)[2..], beside);
        assert_eq!(whole(&call)[1..], beside.map(|line| format!("  {line}")));
    }

    fn asked(callers: &[&str], text: &str) -> QuestionRow {
        QuestionRow {
            id: QuestionId(3),
            pid: Pid(2),
            call: CallId(4),
            position: 0,
            tool: "git".into(),
            queue: "owner".into(),
            subject: Subject::Question { text: text.into() },
            asked: Time(0),
            state: QuestionState::Open,
            again: None,
            also: Vec::new(),
            expires: None,
            lasting: None,
            callers: callers.iter().map(|name| (*name).to_owned()).collect(),
            expired: false,
            unattended: false,
        }
    }

    #[test]
    fn the_tools_behind_a_question_are_named_and_none_can_pretend() {
        for (callers, want) in [
            (&[][..], &[][..]),
            (&["evil"], &["  called by evil"]),
            (&["outer", "inner"], &["  called by inner, called by outer"]),
            (&["g\u{456}t\n"], &["  called by g\u{456}t\\n", "  careful: 'g\\u{456}t' mixes Latin and Cyrillic"]),
        ] {
            let shown = question(&asked(callers, "Why?"));
            assert_eq!(shown[0], "q3: git (c4, p2) asks");
            assert_eq!(
                (&shown[1..shown.len() - 1], &*shown[shown.len() - 1]),
                (&want.iter().map(ToString::to_string).collect::<Vec<_>>()[..], "  | Why?")
            );
        }
    }

    #[test]
    fn a_long_text_leaves_the_title_on_the_screen_and_can_be_read_to_its_end() {
        let row = asked(&[], &"\n".repeat(16 << 10));
        assert_eq!(question(&row).len(), 42);
        assert_eq!(whole_question(&row, None).len(), 16 << 10);
        let note = QuestionRow { subject: Subject::Note { text: "a\nb".into() }, ..row };
        assert_eq!(whole_question(&note, None), ["  | a", "  | b"]);
    }

    #[test]
    fn a_long_line_is_broken_before_the_terminal_does_it() {
        assert_eq!(fold("  | short"), ["  | short"]);
        let folded = fold(&format!("  | {}\u{5b57}", "x".repeat(100)));
        assert_eq!(folded.len(), 2);
        assert!(folded[1].starts_with("  + x") && folded[1].ends_with('\u{5b57}'), "{folded:?}");
        assert!(folded.iter().all(|line| line.chars().count() <= COLUMNS_MAX));
    }
}
