//! Takes a model's tool calls apart: which can be performed, and what is wrong with the others, in words that let the model repair
//! its turn.

use crate::api::{SentCall, Tool, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Characters of a name or id that a flaw repeats.
const QUOTED_CHARACTERS_MAX: usize = 100;

/// What is wrong with a tool call. `Display` is written for the model that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    UnknownTool { name: String, known: Vec<String> },
    NotJson { name: String, why: String },
    NotAnObject { name: String },
    Missing { name: String, argument: String },
    WrongType { name: String, argument: String, wanted: String },
    DuplicateId { id: String },
    InText { name: String },
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::UnknownTool { name, known } => {
                write!(out, "there is no tool {name:?}; the tools are: {}", known.join(", "))
            }
            Flaw::NotJson { name, why } => {
                write!(out, "the arguments of {name} are not JSON ({why}); send one JSON object")
            }
            Flaw::NotAnObject { name } => write!(out, "the arguments of {name} are not a JSON object; send one"),
            Flaw::Missing { name, argument } => {
                write!(out, "the call of {name} has no argument {argument:?}, which is required")
            }
            Flaw::WrongType { name, argument, wanted } => {
                write!(out, "the argument {argument:?} of {name} has the wrong type; it must be {wanted}")
            }
            Flaw::DuplicateId { id } => write!(out, "several tool calls have the id {id:?}; give each its own"),
            Flaw::InText { name } => {
                write!(
                    out,
                    "a call of {name} stands in the text, where it has no effect; use the tool-call form of the API"
                )
            }
        }
    }
}

/// The calls that can be performed, and the flaws of the others. The order is the model's.
pub fn examine(text: &str, sent: &[SentCall], tools: &[Tool]) -> (Vec<ToolCall>, Vec<Flaw>) {
    let by_name: BTreeMap<&str, &Tool> = tools.iter().map(|tool| (tool.name.as_str(), tool)).collect();
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> = sent.iter().map(|call| call.id.as_str()).filter(|id| !seen.insert(*id)).collect();
    let mut flaws: Vec<Flaw> = twice.iter().map(|id| Flaw::DuplicateId { id: short(id) }).collect();
    let mut calls = Vec::new();
    for call in sent {
        match arguments(call, &by_name) {
            Ok(arguments) if !twice.contains(call.id.as_str()) => {
                calls.push(ToolCall { id: call.id.clone(), name: call.name.clone(), arguments });
            }
            Ok(_) => {}
            Err(flaw) => flaws.push(flaw),
        }
    }
    if sent.is_empty()
        && let Some(name) = named_in_text(text, &by_name)
    {
        flaws.push(Flaw::InText { name });
    }
    (calls, flaws)
}

fn arguments(call: &SentCall, tools: &BTreeMap<&str, &Tool>) -> Result<Value, Flaw> {
    let name = call.name.clone();
    let Some(tool) = tools.get(call.name.as_str()) else {
        let known = tools.keys().map(|name| (*name).to_owned()).collect();
        return Err(Flaw::UnknownTool { name: short(&name), known });
    };
    // Several servers send nothing for a tool without arguments.
    let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return Err(Flaw::NotJson { name, why: error.to_string() }),
    };
    let Value::Object(given) = &value else { return Err(Flaw::NotAnObject { name }) };
    let required = tool.parameters.get("required").and_then(Value::as_array).into_iter().flatten();
    for argument in required.filter_map(Value::as_str) {
        if !given.contains_key(argument) {
            return Err(Flaw::Missing { name, argument: argument.to_owned() });
        }
    }
    for (argument, value) in given {
        let Some(wanted) = tool.parameters.pointer(&format!("/properties/{}/type", pointed(argument))) else {
            continue;
        };
        if !is_of(value, wanted) {
            let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
            return Err(Flaw::WrongType { name, argument: short(argument), wanted });
        }
    }
    Ok(value)
}

/// A key as a step of a JSON pointer (RFC 6901).
fn pointed(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Whether a value has a type of JSON Schema, or one of several; of a type that is not known every value has it.
fn is_of(value: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Array(several) => several.iter().any(|one| is_of(value, one)),
        Value::String(one) => match one.as_str() {
            "string" => value.is_string(),
            "number" => value.is_number(),
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            "boolean" => value.is_boolean(),
            "object" => value.is_object(),
            "array" => value.is_array(),
            "null" => value.is_null(),
            _ => true,
        },
        _ => true,
    }
}

/// The tool of which a call stands in a text, in one of the forms in which models write them: the text, a fenced block or what
/// stands between `<tool_call>` marks is a JSON object with the name of a tool and arguments.
fn named_in_text(text: &str, tools: &BTreeMap<&str, &Tool>) -> Option<String> {
    let marked = ["<tool_call>", "<function_call>", "[TOOL_CALLS]", "```json", "```tool_call", "```"];
    let after_marks =
        marked.iter().flat_map(|mark| text.match_indices(mark).map(|(at, mark)| &text[at + mark.len()..]));
    std::iter::once(text).chain(after_marks).find_map(|candidate| {
        let mut values = serde_json::Deserializer::from_str(candidate.trim_start()).into_iter::<Value>();
        let first = values.next()?.ok()?;
        let call = first.as_array().and_then(|calls| calls.first()).unwrap_or(&first);
        let call = call.get("function").filter(|inner| inner.is_object()).unwrap_or(call);
        let name = call.get("name").or_else(|| call.get("tool")).and_then(Value::as_str)?;
        let with_arguments = ["arguments", "parameters", "args"].iter().any(|key| call.get(key).is_some());
        (with_arguments && tools.contains_key(name)).then(|| name.to_owned())
    })
}

fn short(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS_MAX).collect()
}
