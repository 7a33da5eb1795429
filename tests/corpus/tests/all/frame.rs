//! What a rendered question must be: nothing a terminal obeys, nothing a person does not see, and no line of the guest's that could be
//! taken for one of ours.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// How our own lines begin, after the first.
const OURS: [&str; 39] = [
    "  read ",
    "  list ",
    "  write ",
    "  delete ",
    "  ask ",
    "  tell ",
    "  sleep ",
    "  read,",
    "  list,",
    "  write,",
    "  link ",
    "  careful: ",
    "  it says:",
    "  called by ",
    "  its type is ",
    "  its title is ",
    "  its tag is ",
    "  its wish is ",
    "  writes ",
    "  to ask a person",
    "  to tell a person:",
    "  creates an object of ",
    "  gives it another content, of ",
    "  with these arguments, ",
    "  ends its process with ",
    "  its component has changed since g",
    "    it ",
    "  asked by ",
    "  as it stands it would fail: ",
    "  denied by itself at ",
    "  asked again: ",
    "  creates a file of ",
    "  replaces the ",
    "  adds ",
    "  removes a ",
    "  moves ",
    "  and replaces what is there",
    "  copies ",
    "  over what is there",
];
/// How a line begins that a guest wrote, that says how much is left out, or that goes on with the line before.
const FRAMED: [&str; 7] = ["  | ", "    | ", "  ... (", "    ... (", "    (not text; SHA-256 ", "  + ", "  |"];
/// Marks on one letter.
const MARKS_MAX: usize = 4;

/// What is wrong with the way a question is shown.
pub fn check(lines: &[String]) -> Result<(), String> {
    for (index, line) in lines.iter().enumerate() {
        check_line(line)?;
        let known = match index {
            0 => line.starts_with('q') && [": act (", ": two ("].iter().any(|tool| line.contains(tool)),
            _ => OURS.iter().chain(&FRAMED).any(|start| line.starts_with(start)),
        };
        demand(known, || format!("a line is neither ours nor in the frame: {line:?}"))?;
    }
    Ok(())
}

/// What is wrong with the way standing rules are shown.
pub fn check_standing(lines: &[String]) -> Result<(), String> {
    const STARTS: [&str; 6] = [
        "  always makes for ",
        "  never  makes for ",
        "  always means: g",
        "  never  means: g",
        "  deny   means: the same is not asked again by this process",
        "  + ",
    ];
    lines.iter().try_for_each(|line| {
        check_line(line)?;
        demand(STARTS.iter().any(|start| line.starts_with(start)), || format!("a line is not ours: {line:?}"))
    })
}

fn demand(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

fn check_line(line: &str) -> Result<(), String> {
    demand(line.chars().count() <= 76, || format!("a terminal of 80 columns breaks {line:?}"))?;
    let mut marks = 0;
    for character in line.chars() {
        let hides = matches!(
            character.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        );
        let blank = character != ' ' && character.general_category() == GeneralCategory::SpaceSeparator;
        let filler = matches!(
            character,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}'
        );
        let no_character = character as u32 & 0xfffe == 0xfffe || matches!(character, '\u{fdd0}'..='\u{fdef}');
        let plain = !hides && !no_character && !blank && !filler;
        demand(plain, || format!("U+{:04X} is shown as it is in {line:?}", character as u32))?;
        let is_mark = character.general_category_group() == GeneralCategoryGroup::Mark;
        marks = if is_mark { marks + 1 } else { 0 };
        demand(marks <= MARKS_MAX, || format!("a letter has more than {MARKS_MAX} marks in {line:?}"))?;
    }
    Ok(())
}
