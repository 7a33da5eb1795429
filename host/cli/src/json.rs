//! Writes JSON text anew without changing what it says: numbers stay to the digit, keys in their order.

use libos_kernel::model::preview::escape;

/// Without white space, on one line.
pub fn compact(text: &str) -> String {
    write(text, None)
}

/// With a line for each element, and everything escaped that a terminal would obey or a person would not see.
pub fn pretty(text: &str) -> String {
    write(text, Some(2)).lines().map(safe).collect::<Vec<_>>().join("\n")
}

/// One line of JSON for a terminal.
pub fn safe(line: &str) -> String {
    // Such characters stand only in strings, where JSON has its own way to write them.
    let mut shown = String::with_capacity(line.len());
    for character in line.chars() {
        if escape(character.encode_utf8(&mut [0; 4])).starts_with('\\') && character != '\\' {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

fn write(text: &str, indent: Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut depth = 0;
    let mut characters =
        text.chars().filter(|character| !character.is_ascii_whitespace() || *character == ' ').peekable();
    let mut in_string = false;
    let line = |out: &mut String, depth: usize| {
        if let Some(width) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', depth * width));
        }
    };
    while let Some(character) = characters.next() {
        if in_string {
            out.push(character);
            match character {
                '\\' => out.extend(characters.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match character {
            ' ' => {}
            '"' => {
                in_string = true;
                out.push('"');
            }
            '{' | '[' => {
                out.push(character);
                while characters.next_if_eq(&' ').is_some() {}
                if !matches!(characters.peek(), Some('}' | ']')) {
                    depth += 1;
                    line(&mut out, depth);
                } else {
                    out.extend(characters.next());
                }
            }
            '}' | ']' => {
                depth = usize::saturating_sub(depth, 1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(if indent.is_some() { ": " } else { ":" }),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_white_space_changes() {
        let text = "{ \"b\" : [1.50, 2e400 ,\n{}, [ ] ],\t\"a\\\"{\":\"x: y, \\\\\" }";
        assert_eq!(compact(text), "{\"b\":[1.50,2e400,{},[]],\"a\\\"{\":\"x: y, \\\\\"}");
        let shown = pretty(text);
        assert_eq!(
            shown,
            "{\n  \"b\": [\n    1.50,\n    2e400,\n    {},\n    []\n  ],\n  \"a\\\"{\": \"x: y, \\\\\"\n}"
        );
        assert_eq!(compact(&shown), compact(text));
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_in_another_way() {
        let evil = "{\"a\":\"\u{9b}31m\u{202e}x\u{7f}\"}";
        let shown = pretty(evil);
        assert!(shown.contains("\\u009b31m\\u202ex\\u007f"), "{shown}");
        let same: (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(evil).unwrap(), serde_json::from_str(&shown).unwrap());
        assert_eq!(same.0, same.1);
    }
}
