//! What the tools of a component declare that they need: the custom sections named [`SECTION`], one JSON line a tool. They come with
//! the component, so every byte of them may lie.

use super::inspect::BadComponent;
use libos_kernel::kernel::NewTool;
use libos_kernel::model::limit;
use libos_kernel::model::preview::escape;
use libos_kernel::model::rule::Rule;
use serde::{Deserialize, Serialize};

/// The custom section of a component, or of a core module directly in it.
pub const SECTION: &str = "libos:needs";
/// Sections of one component.
pub const SECTIONS_MAX: usize = 64;
/// The interfaces through which a tool runs others, or hands to children what it may do itself: it may need what its own component does
/// not import.
const FOR_OTHERS: [&str; 2] = ["tools", "process"];
/// Characters of a hostile text that an error repeats.
const SHOWN_CHARACTERS: usize = 80;
/// Characters of a reason, which may repeat one too.
const REASON_CHARACTERS: usize = 320;

/// What one tool declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Declaration {
    /// The name that the component exports it by.
    pub tool: String,
    /// What it needs; it gets nothing else, whatever is granted.
    pub needs: Vec<Rule>,
}

/// A line of the section.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tool: String,
    needs: Vec<String>,
}

/// Reads the sections of one component.
///
/// # Errors
/// They are too large, or a line is none; the text says which and why.
pub fn read(sections: &[&[u8]]) -> Result<Vec<Declaration>, BadComponent> {
    if sections.len() > SECTIONS_MAX {
        return bad(format!("they are in more than {SECTIONS_MAX} sections"));
    }
    let size: usize = sections.iter().map(|section| section.len()).sum();
    if size > limit::DECLARATIONS_BYTES_MAX {
        return bad(format!("they have {size} bytes, at most {}", limit::DECLARATIONS_BYTES_MAX));
    }
    let mut found: Vec<Declaration> = Vec::new();
    for section in sections {
        let Ok(text) = std::str::from_utf8(section) else { return bad("they are not UTF-8") };
        for line in text.lines() {
            let declaration = declaration(line)?;
            if found.iter().any(|other| other.tool == declaration.tool) {
                return bad(format!("'{}' declares twice", shown(&declaration.tool)));
            }
            if found.len() == limit::TOOLS_PER_COMPONENT_MAX {
                return bad(format!("they are of more than {} tools", limit::TOOLS_PER_COMPONENT_MAX));
            }
            found.push(declaration);
        }
    }
    Ok(found)
}

fn declaration(line: &str) -> Result<Declaration, BadComponent> {
    let Line { tool, needs } = match serde_json::from_str(line) {
        Ok(line) => line,
        Err(error) => {
            return bad(format!(
                "'{}' is no line of them: {}",
                shown(line),
                cut(&error.to_string(), REASON_CHARACTERS)
            ));
        }
    };
    if needs.len() > limit::TOOL_NEEDS_MAX {
        return bad(format!("'{}' has {} lines, at most {}", shown(&tool), needs.len(), limit::TOOL_NEEDS_MAX));
    }
    let rule = |text: &String| {
        Rule::parse(text)
            .or_else(|why| bad(format!("'{}' of '{}': {}", shown(text), shown(&tool), cut(&why, REASON_CHARACTERS))))
    };
    let needs = needs.iter().map(rule).collect::<Result<_, _>>()?;
    Ok(Declaration { tool, needs })
}

/// Whether the component imports what its tools need; one that runs other tools or makes processes may need what these use.
///
/// # Errors
/// A tool needs something that it has no way to.
pub fn check_imports(declarations: &[Declaration], imports: &[String]) -> Result<(), BadComponent> {
    if imports.iter().any(|import| FOR_OTHERS.contains(&import.as_str())) {
        return Ok(());
    }
    for Declaration { tool, needs } in declarations {
        let reached = |rule: &&Rule| imports.iter().any(|import| rule.pattern.kind().is_reached_by(import));
        if let Some(rule) = needs.iter().find(|rule| !reached(rule)) {
            let family = rule.pattern.kind().interface();
            return Err(BadComponent(format!("'{}' declares '{rule}' but does not import {family}", shown(tool))));
        }
    }
    Ok(())
}

/// Gives each tool what it declares.
///
/// # Errors
/// A declaration is of no tool that the component describes.
pub fn attach(declarations: Vec<Declaration>, tools: &mut [NewTool]) -> Result<(), BadComponent> {
    for Declaration { tool, needs } in declarations {
        match tools.iter_mut().find(|known| known.export == tool) {
            Some(known) => known.needs = Some(needs),
            None => return bad(format!("'{}' is no tool that it describes", shown(&tool))),
        }
    }
    Ok(())
}

fn bad<T>(why: impl std::fmt::Display) -> Result<T, BadComponent> {
    Err(BadComponent(format!("its declarations (custom section {SECTION}) are damaged: {why}")))
}

/// A part of a text that somebody else wrote, fit to be printed.
fn shown(text: &str) -> String {
    cut(text, SHOWN_CHARACTERS)
}

fn cut(text: &str, characters: usize) -> String {
    let part: String = text.chars().take(characters).collect();
    let more = if part.len() < text.len() { "..." } else { "" };
    escape(&part) + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(sections: &[&[u8]], expected: &str) {
        let BadComponent(text) = read(sections).unwrap_err();
        assert!(text.contains(expected), "{text}");
        assert!(text.len() < 600 && !text.contains(['\u{1b}', '\u{202e}', '\n']), "{text}");
    }

    fn line(tool: &str, needs: &[&str]) -> String {
        serde_json::json!({ "tool": tool, "needs": needs }).to_string()
    }

    #[test]
    fn a_section_that_is_no_declaration_is_refused_with_a_reason() {
        refused(&[b"\xff"], "not UTF-8");
        refused(&[b"hello"], "'hello' is no line");
        refused(&[b"[]"], "no line");
        refused(&[b"{}"], "missing field");
        refused(&[br#"{"tool":"a"}"#], "missing field");
        refused(&[br#"{"tool":"a","needs":null}"#], "invalid type");
        refused(&[br#"{"tool":"a","needs":[],"also":1}"#], "unknown field");
        refused(&[br#"{"tool":"a","tool":"a","needs":[]}"#], "duplicate field");
        refused(&[br#"{"tool":"a","needs":[]}{"tool":"b","needs":[]}"#], "trailing");
        refused(&[b"\n"], "no line");
        refused(&["[".repeat(100_000).as_bytes()], "no line");
        refused(&[line("a", &["read"]).as_bytes()], "'read' of 'a': a rule is rights");
        refused(&[line("a", &["fly fs:a"]).as_bytes()], "'fly' is no right");
        refused(&[line("a", &["ask fs:a"]).as_bytes()], "'fs' has the rights read,list,write,delete");
        refused(&[line("a", &["read fs:a/../b"]).as_bytes()], "names no resource");
        refused(&[line("a", &["read fs:\u{202e}\u{1b}[2J"]).as_bytes()], "\\u{1b}");
        refused(&[line(&"x".repeat(9_999), &["fly fs:a"]).as_bytes()], "xxx...");
        refused(&[line("a", &["read fs:a"; 65]).as_bytes()], "65 lines, at most 64");
        refused(&[line("a", &[]).as_bytes(), line("a", &[]).as_bytes()], "'a' declares twice");
        let many: String = (0..65).map(|n| line(&format!("t{n}"), &[]) + "\n").collect();
        refused(&[many.as_bytes()], "more than 64 tools");
        let half = vec![b' '; limit::DECLARATIONS_BYTES_MAX / 2 + 1];
        refused(&[&half, &half], "at most 1048576");
        refused(&[&b""[..]; 65], "more than 64 sections");
    }

    #[test]
    fn sections_are_read_as_lines() {
        let one = line("a", &["read,list fs:w/**"]) + "\n" + &line("b", &[]) + "\n";
        let found = read(&[one.as_bytes(), line("c", &["ask human:owner"]).as_bytes(), b""]).unwrap();
        let texts: Vec<(String, Vec<String>)> =
            found.into_iter().map(|found| (found.tool, found.needs.iter().map(Rule::to_string).collect())).collect();
        let expected = [("a", vec!["read,list fs:w/**"]), ("b", vec![]), ("c", vec!["ask human:owner"])];
        let expected = expected.map(|(tool, needs)| (tool.to_owned(), needs.into_iter().map(str::to_owned).collect()));
        assert_eq!(texts, expected);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_keep_more_than_its_limits() {
        let good =
            line("a", &["read,list fs:w/\"\\**", "ask human:owner", "read http:https/*.b/**"]) + "\n" + &line("b", &[]);
        let pieces: [&[u8]; 10] =
            [b"\"", b"\\", b"\n", b"{", b"]", b",", b"\\ud800", b"\xc3", b"read ", b"{\"tool\":\"c\",\"needs\":[]}\n"];
        let mut seed = 1_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for _ in 0..20_000 {
            let mut bytes = good.clone().into_bytes();
            for _ in 0..=random(3) {
                let start = random(bytes.len() + 1);
                let end = (start + random(4)).min(bytes.len());
                bytes.splice(start..end, pieces[random(pieces.len())].iter().copied());
            }
            match read(&[&bytes]) {
                Ok(found) => assert!(found.len() <= limit::TOOLS_PER_COMPONENT_MAX),
                Err(BadComponent(text)) => assert!(text.chars().count() < 900, "{text}"),
            }
        }
    }

    #[track_caller]
    fn imported(imports: &[&str], needs: &[&str], expected: Result<(), &str>) {
        let declarations = read(&[line("a", needs).as_bytes()]).unwrap();
        let imports: Vec<String> = imports.iter().map(|import| (*import).to_owned()).collect();
        let found = check_imports(&declarations, &imports).map_err(|BadComponent(text)| text);
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_tool_needs_only_what_its_component_imports_unless_it_calls_others() {
        imported(&["fs", "log"], &["read fs:a"], Ok(()));
        imported(&["fs"], &[], Ok(()));
        imported(&["log"], &["read fs:a"], Err("'a' declares 'read fs:a' but does not import fs"));
        imported(&["fs"], &["read fs:a", "ask human:b"], Err("'a' declares 'ask human:b' but does not import human"));
        imported(&["tools"], &["read fs:a", "call tool:b"], Ok(()));
        imported(&["process"], &["read fs:a", "spawn process:image/b"], Ok(()));
    }
}
