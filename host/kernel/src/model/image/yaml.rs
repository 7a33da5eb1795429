//! Reads YAML as far as a manifest needs it: mappings, sequences and scalars of one document. What makes YAML surprising is refused by
//! name: anchors and aliases (a short text that stands for a huge one), tags (a text that says what it is), merge keys, keys that are no
//! texts, keys that stand twice, further documents. No scalar is guessed at: `no`, `1.10` and `null` are the texts that they are.
//!
//! The parser gives events one by one and keeps its own stack, so hostile nesting ends at [`DEPTH_MAX`] and nothing recurses before that.

use super::ManifestError;
use super::node::{At, Node, Value, error};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput};
use std::collections::BTreeSet;

/// Mappings and sequences inside each other. A manifest needs three.
const DEPTH_MAX: usize = 8;
/// Values of one manifest: ten times those of the largest that keeps the other limits.
const VALUES_MAX: usize = 20_000;

/// The events of a text.
struct Events<'t> {
    parser: Parser<'t, StrInput<'t>>,
    values: usize,
}

type Found<T> = Result<T, ManifestError>;

/// Reads the mapping that a manifest is.
pub fn read(text: &str) -> Found<Node> {
    let mut events = Events { parser: Parser::new_from_str(text), values: 0 };
    let mut document = None;
    loop {
        let (event, at) = events.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            _ if document.is_some() => {
                return Err(error(
                    at,
                    "a manifest is one document",
                    "put what comes after '---' into a file of its own",
                ));
            }
            event => document = Some(events.value(event, at, 0)?),
        }
    }
    match document {
        Some(node) if matches!(node.value, Value::Table(_)) => Ok(node),
        Some(node) => {
            let what = format!("a manifest is a table, not a {}", node.kind());
            Err(error(node.at, what, "its first lines are, for example, `id: helper` and `version: \"1\"`"))
        }
        None => Err(error(
            (1, 1),
            "there is nothing in it",
            "its first lines are, for example, `id: helper` and `version: \"1\"`",
        )),
    }
}

impl<'t> Events<'t> {
    fn next(&mut self) -> Found<(Event<'t>, At)> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place(&span.start))),
            Some(Err(wrong)) => Err(error(place(wrong.marker()), wrong.info(), syntax_hint(wrong.info()))),
            None => Ok((Event::StreamEnd, (1, 1))),
        }
    }

    fn value(&mut self, event: Event<'t>, at: At, depth: usize) -> Found<Node> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(error(at, format!("there are more than {VALUES_MAX} values"), "a manifest is short"));
        }
        if depth >= DEPTH_MAX {
            return Err(error(at, format!("values are nested more than {DEPTH_MAX} deep"), "a manifest needs three"));
        }
        let (anchor, tagged) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor != 0 || matches!(event, Event::Alias(_)) {
            let hint = "write the value where it is needed; a text that begins with & or * stands in quotes";
            return Err(error(at, "a manifest has no anchors (&) and no aliases (*)", hint));
        }
        if tagged {
            return Err(error(at, "a manifest has no tags (!)", "a text that begins with ! stands in quotes"));
        }
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty() => Value::Other("empty value"),
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::SequenceStart(..) => Value::List(self.list(depth)?),
            Event::MappingStart(..) => Value::Table(self.table(depth)?),
            _ => return Err(error(at, "a value is missing", "a line is `name: value`")),
        };
        Ok(Node { at, value })
    }

    fn list(&mut self, depth: usize) -> Found<Vec<Node>> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(list),
                (event, at) => list.push(self.value(event, at, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Found<Vec<(At, String, Node)>> {
        let (mut rows, mut keys) = (Vec::new(), BTreeSet::new());
        loop {
            let (event, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(rows),
                found => found,
            };
            let key = self.value(event, at, depth + 1)?;
            let Value::Text(key) = key.value else {
                let what = format!("a key is a text, not a {}", key.kind());
                return Err(error(at, what, "a line is `name: value`"));
            };
            if key == "<<" {
                return Err(error(at, "a manifest has no merge keys (<<)", "write the values where they are needed"));
            }
            if !keys.insert(key.clone()) {
                let shown: String = key.chars().take(40).collect();
                return Err(error(at, format!("the key '{shown}' stands twice"), "put the values together"));
            }
            let (event, value_at) = self.next()?;
            let value = self.value(event, value_at, depth + 1)?;
            rows.push((at, key, value));
        }
    }
}

fn place(marker: &Marker) -> At {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (number(marker.line()).max(1), number(marker.col()).saturating_add(1))
}

/// What helps with a text that is no YAML.
fn syntax_hint(message: &str) -> &'static str {
    if message.contains("tab") {
        "lines are indented by spaces, not by tabs"
    } else if message.contains("quot") {
        "a text in quotes ends with the quote that it began with"
    } else if message.contains("anchor") || message.contains("alias") {
        "a text that begins with & or * stands in quotes"
    } else {
        "a line is `name: value`, a list has a line `- value` for each; a text with ': ' or ' #' in it stands in quotes"
    }
}
