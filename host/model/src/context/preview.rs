//! Shows a long text by its beginning and its end.

/// Characters that stand for what is left out, at most: counts of twenty digits and a handle of usual length.
const NOTE_CHARACTERS: usize = 200;

/// The text, if it has at most `most` characters; else its beginning and end, with a line between that says how much is missing and,
/// where there is one, the handle of the whole. Never longer than `most` and a note of 200 characters.
pub fn preview(text: &str, most: usize, whole: Option<&String>) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let (front, back) = (most - most / 4, most / 4);
    let at = |character: usize| text.char_indices().nth(character).map_or(text.len(), |(at, _)| at);
    // Whole lines where that costs little.
    let mut front_end = at(front);
    if let Some(line) = text[..front_end].rfind('\n').filter(|line| *line >= at(front - front / 4)) {
        front_end = line + 1;
    }
    let mut back_start = at(count - back);
    if let Some(line) = text[back_start..].find('\n').filter(|line| back_start + line < at(count - back + back / 4)) {
        back_start += line + 1;
    }
    let missing = text[front_end..back_start].chars().count();
    let handle = whole.map(|handle| handle.chars().take(NOTE_CHARACTERS / 2).collect::<String>());
    let place = handle.map_or_else(String::new, |handle| format!("; the whole is in {handle}"));
    let note = format!("[{missing} of {count} characters left out{place}]");
    format!("{}\n{note}\n{}", text[..front_end].trim_end_matches('\n'), &text[back_start..])
}
