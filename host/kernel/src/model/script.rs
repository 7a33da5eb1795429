//! Scripts: lines that stand for what a model would have chosen. A line is read, checked and turned into a [`Step`] here; a step holds
//! all that a quantum depends on, so it goes the same way whenever it is started again.

use super::answer::Answer;
use super::call::{Call, Called, Reply};
use super::limit;
use super::planner::Chosen;
use super::record::cut;
use super::row::{Failure, FailureReason};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

/// Stands for a part of the result of an earlier line: `{"$from": [LINE, "/json/pointer"]}` (RFC 6901).
const FROM: &str = "$from";

/// Why a script is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// What is wrong.
    pub why: String,
}

/// A script that was checked as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq)]
struct Line {
    /// In the file, from 1.
    number: usize,
    what: What,
}

/// What one line wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Call(Wanted),
    /// At the same time.
    Calls(Vec<Wanted>),
    /// The end of the process with this result.
    Exit(Value),
    /// The line refers to something that an earlier result does not have.
    Impossible(String),
}

/// A call of a tool, and what must come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tool: String,
    #[serde(default = "no_arguments")]
    args: Value,
    #[serde(default, deserialize_with = "also_null", skip_serializing_if = "Option::is_none")]
    expect: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    tool: Option<String>,
    #[serde(default, deserialize_with = "also_null")]
    args: Option<Value>,
    #[serde(default, deserialize_with = "also_null")]
    expect: Option<Value>,
    calls: Option<Vec<Wanted>>,
    #[serde(default, deserialize_with = "also_null")]
    exit: Option<Value>,
}

fn no_arguments() -> Value {
    Value::Object(serde_json::Map::new())
}

/// A `null` that is written is not the same as nothing.
fn also_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// One quantum of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Of the file, from 1.
    line: usize,
    /// The process ends after it.
    is_last: bool,
    what: What,
}

impl Script {
    /// Reads a whole script. Empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let at = |line, why: String| ScriptError { line, column: 1, why };
        if text.len() > limit::PLANNER_BYTES_MAX {
            return Err(at(1, format!("the script has {} bytes, at most {}", text.len(), limit::PLANNER_BYTES_MAX)));
        }
        let mut script = Script { lines: Vec::new() };
        let mut references = 0;
        for (number, line) in said(text) {
            if script.lines.len() == limit::SCRIPT_STEPS_MAX {
                return Err(at(number, format!("a script has at most {} steps", limit::SCRIPT_STEPS_MAX)));
            }
            if let Some(Line { number: exit, what: What::Exit(_) }) = script.lines.last() {
                return Err(at(number, format!("nothing comes after the exit in line {exit}")));
            }
            let what = read(number, line)?;
            references += script.check_references(number, line, &what)?;
            if references > limit::SCRIPT_REFERENCES_MAX {
                let most = limit::SCRIPT_REFERENCES_MAX;
                return Err(at(number, format!("a script has at most {most} references to earlier results")));
            }
            script.lines.push(Line { number, what });
        }
        if script.lines.is_empty() {
            return Err(at(1, "the script has no step".into()));
        }
        Ok(script)
    }

    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.lines.len()
    }

    /// The step with this index, from 0; none after the last. `results` has the JSON result of an earlier step, by its index.
    ///
    /// # Errors
    /// Those of `results`.
    pub fn step<E>(
        &self,
        index: usize,
        mut results: impl FnMut(usize) -> Result<Option<String>, E>,
    ) -> Result<Option<Step>, E> {
        let Some(line) = self.lines.get(index) else { return Ok(None) };
        let mut what = line.what.clone();
        let found = match self.look_up(wanted(&what), &mut results)? {
            Ok(found) => found,
            Err(why) => {
                what = What::Impossible(why);
                Named::new()
            }
        };
        for value in what.values() {
            let put = substitute(value, &mut |number, pointer| {
                let found = found.get(&number).and_then(|found| found.get(pointer)).cloned();
                Ok::<Value, Infallible>(found.unwrap_or_default())
            });
            let Ok(()) = put;
        }
        Ok(Some(Step { line: line.number, is_last: index + 1 == self.lines.len(), what }))
    }

    /// What is at the places that are wanted, or why the step cannot be taken. Each result is read once, and one at a time is held.
    fn look_up<E>(
        &self,
        wanted: Wants,
        results: &mut impl FnMut(usize) -> Result<Option<String>, E>,
    ) -> Result<Result<Named, String>, E> {
        let (mut read, mut put) = (0, 0);
        let mut named = Named::new();
        for (number, pointers) in wanted {
            let text = self.index_of(number).map(&mut *results).transpose()?.flatten();
            read += text.as_ref().map_or(0, String::len);
            if read > limit::SCRIPT_READ_BYTES_MAX {
                let most = limit::SCRIPT_READ_BYTES_MAX;
                return Ok(Err(format!("the results that it names have {read} bytes or more, at most {most}")));
            }
            let result: Option<Value> = text.and_then(|text| serde_json::from_str(&text).ok());
            let found = named.entry(number).or_default();
            for (pointer, times) in pointers {
                let Some(part) = result.as_ref().and_then(|result| result.pointer(&pointer)) else {
                    let had = result.map_or_else(|| "nothing".to_owned(), |result| shown(&result));
                    return Ok(Err(format!("the result of line {number} has nothing at \"{pointer}\"; it is {had}")));
                };
                put += bytes_of(part).saturating_mul(times);
                if put > limit::CALL_TEXT_BYTES_MAX {
                    let most = limit::CALL_TEXT_BYTES_MAX;
                    return Ok(Err(format!(
                        "what it takes from earlier results has {put} bytes or more, at most {most}"
                    )));
                }
                found.insert(pointer, part.clone());
            }
        }
        Ok(Ok(named))
    }

    /// The step of a line of the file.
    fn index_of(&self, number: usize) -> Option<usize> {
        self.lines.binary_search_by_key(&number, |line| line.number).ok()
    }

    /// References are to lines before this one that call something. Answers how many there are.
    fn check_references(&self, number: usize, line: &str, what: &What) -> Result<usize, ScriptError> {
        let column = line.find(&format!("\"{FROM}\"")).map_or(1, |at| at + 1);
        let wrong = |why: String| ScriptError { line: number, column, why };
        let mut what = what.clone();
        let mut count = 0;
        for value in what.values() {
            check_form(value).map_err(wrong)?;
            substitute(value, &mut |to, _| match self.index_of(to) {
                Some(_) => {
                    count += 1;
                    Ok(Value::Null)
                }
                None => Err(wrong(format!("{FROM} names line {to}, which is no step before this one"))),
            })?;
        }
        Ok(count)
    }
}

impl What {
    /// The values in which earlier results may be named.
    fn values(&mut self) -> Vec<&mut Value> {
        match self {
            What::Call(call) => vec![&mut call.args],
            What::Calls(calls) => calls.iter_mut().map(|call| &mut call.args).collect(),
            What::Exit(result) => vec![result],
            What::Impossible(_) => Vec::new(),
        }
    }
}

/// The lines that say something, with their numbers.
fn said(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
}

fn read(number: usize, line: &str) -> Result<What, ScriptError> {
    let wrong = |column, why: String| ScriptError { line: number, column, why };
    let raw: Raw = serde_json::from_str(line).map_err(|error| {
        let text = error.to_string();
        let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why).to_owned();
        wrong(error.column().max(1), why)
    })?;
    let what = match raw {
        Raw { tool: Some(tool), args, expect, calls: None, exit: None } => {
            What::Call(Wanted { tool, args: args.unwrap_or_else(no_arguments), expect })
        }
        Raw { tool: None, args: None, expect: None, calls: Some(calls), exit: None } => What::Calls(calls),
        Raw { tool: None, args: None, expect: None, calls: None, exit: Some(result) } => What::Exit(result),
        _ => {
            let forms = r#"{"tool": NAME, "args": {...}, "expect": ...}, {"calls": [...]} or {"exit": ...}"#;
            return Err(wrong(1, format!("a line is one of {forms}")));
        }
    };
    let calls = what.calls();
    if matches!(what, What::Calls(_)) && (calls.is_empty() || calls.len() > limit::CALLS_AT_ONCE_MAX) {
        return Err(wrong(1, format!("1 to {} calls are made at once", limit::CALLS_AT_ONCE_MAX)));
    }
    for call in calls {
        if !call.args.is_object() {
            return Err(wrong(1, "args is an object: {\"NAME\": VALUE, ...}".into()));
        }
        if call.tool.is_empty() || call.tool.len() > limit::TOOL_NAME_BYTES_MAX {
            return Err(wrong(1, format!("the name of a tool has 1 to {} bytes", limit::TOOL_NAME_BYTES_MAX)));
        }
    }
    Ok(what)
}

impl What {
    fn calls(&self) -> &[Wanted] {
        match self {
            What::Call(call) => std::slice::from_ref(call),
            What::Calls(calls) => calls,
            What::Exit(_) | What::Impossible(_) => &[],
        }
    }
}

/// A reference, if the value is one.
fn reference(value: &Value) -> Option<(usize, &str)> {
    let [line, pointer] = value.as_object()?.get(FROM)?.as_array()?.as_slice() else { return None };
    Some((usize::try_from(line.as_u64()?).ok()?, pointer.as_str()?))
}

/// Every object that has the word is a whole reference.
fn check_form(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(fields) if fields.contains_key(FROM) => match reference(value) {
            Some((_, pointer)) if fields.len() == 1 && (pointer.is_empty() || pointer.starts_with('/')) => Ok(()),
            _ => Err(format!("a reference is {{\"{FROM}\": [LINE, \"/json/pointer\"]}} and nothing else")),
        },
        Value::Object(fields) => fields.values().try_for_each(check_form),
        Value::Array(items) => items.iter().try_for_each(check_form),
        _ => Ok(()),
    }
}

/// How often each place in the result of each line is wanted.
type Wants = BTreeMap<usize, BTreeMap<String, usize>>;

/// What is at each place.
type Named = BTreeMap<usize, BTreeMap<String, Value>>;

fn wanted(what: &What) -> Wants {
    let mut wants = Wants::new();
    let mut what = what.clone();
    for value in what.values() {
        let noted = substitute(value, &mut |line, pointer| {
            *wants.entry(line).or_default().entry(pointer.to_owned()).or_default() += 1;
            Ok::<Value, Infallible>(Value::Null)
        });
        let Ok(()) = noted;
    }
    wants
}

/// The length of a value as JSON.
fn bytes_of(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // It only counts: it cannot fail.
    serde_json::to_writer(&mut count, value).map_or(usize::MAX, |()| count.0)
}

/// Puts something in the place of each reference.
fn substitute<E>(value: &mut Value, by: &mut impl FnMut(usize, &str) -> Result<Value, E>) -> Result<(), E> {
    if let Some((line, pointer)) = reference(value) {
        *value = by(line, pointer)?;
        return Ok(());
    }
    match value {
        Value::Object(fields) => fields.values_mut().try_for_each(|field| substitute(field, by)),
        Value::Array(items) => items.iter_mut().try_for_each(|item| substitute(item, by)),
        _ => Ok(()),
    }
}

impl Step {
    /// Reads what [`Step::to_json`] wrote.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_json(text: &str) -> Result<Step, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// All that the quantum depends on.
    pub fn to_json(&self) -> String {
        // Maps of texts only: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The tools that it calls, all at once.
    pub fn calls(&self) -> Vec<Call> {
        let call = |call: &Wanted| Call::AgentCall { tool: call.tool.clone(), arguments: call.args.to_string() };
        self.what.calls().iter().map(call).collect()
    }

    /// What comes of it, from the answers to its calls in their order.
    ///
    /// # Errors
    /// Something else came than the script expects, or it names what is not there.
    pub fn conclude(&self, answers: &[Arc<Answer>]) -> Result<Chosen, Failure> {
        let failed = |why: String| {
            let mut message = format!("line {}: {why}", self.line);
            cut(&mut message, limit::FAILURE_BYTES_MAX);
            Failure { reason: FailureReason::Failed, message, import: None }
        };
        let results: Vec<Result<String, String>> = answers.iter().map(|answer| result(answer)).collect();
        for (call, result) in self.what.calls().iter().zip(&results) {
            check_expected(call, result).map_err(failed)?;
        }
        // In the middle a failure is for the next line to see; at the end nobody sees it but who waits for the process.
        let unseen = self.what.calls().iter().zip(&results).filter(|(call, _)| self.is_last && call.expect.is_none());
        for (call, result) in unseen {
            result.as_ref().map_err(|why| failed(format!("{}: {why}", call.tool)))?;
        }
        let texts: Vec<String> = results.into_iter().map(as_json).collect();
        let (text, ends) = match &self.what {
            What::Call(_) => (texts.into_iter().next().unwrap_or_else(|| "null".into()), self.is_last),
            What::Calls(_) => (format!("[{}]", texts.join(",")), self.is_last),
            What::Exit(result) => (result.to_string(), true),
            What::Impossible(why) => return Err(failed(why.clone())),
        };
        Ok(if ends { Chosen::Exit(text) } else { Chosen::GoOn(text) })
    }
}

/// The result of a tool as JSON, or why there is none.
fn result(answer: &Answer) -> Result<String, String> {
    match answer {
        Answer::Done(Reply::Called(Called::Done(text))) => Ok(text.clone()),
        Answer::Done(Reply::Called(Called::Failed(why))) => Err(why.clone()),
        Answer::Done(_) => Err("the host answered something else".into()),
        Answer::Failed(error) => Err(error.to_string()),
    }
}

fn as_json(result: Result<String, String>) -> String {
    result.unwrap_or_else(|why| serde_json::json!({ "failed": why }).to_string())
}

fn check_expected(call: &Wanted, result: &Result<String, String>) -> Result<(), String> {
    let Some(wanted) = &call.expect else { return Ok(()) };
    let is_met = match (result, failure_wanted(wanted)) {
        (Err(why), Some(part)) => why.contains(part),
        (Err(_), None) => false,
        (Ok(text), _) => serde_json::from_str(text).is_ok_and(|got: Value| has(&got, wanted)),
    };
    if is_met {
        return Ok(());
    }
    let got = match result {
        Ok(text) => bounded(text.clone()),
        Err(why) => bounded(format!("the failure '{why}'")),
    };
    Err(format!("{} was to give {}, and gave {got}", call.tool, shown(wanted)))
}

/// What a failure that is wanted says.
fn failure_wanted(wanted: &Value) -> Option<&str> {
    let fields = wanted.as_object().filter(|fields| fields.len() == 1)?;
    fields.get("failed")?.as_str()
}

/// Whether all that is wanted is there: of an object the fields that are named, of anything else all of it.
fn has(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| got.get(name).is_some_and(|got| has(got, wanted)))
        }
        (Value::Array(got), Value::Array(wanted)) => {
            got.len() == wanted.len() && got.iter().zip(wanted).all(|(got, wanted)| has(got, wanted))
        }
        (got, wanted) => got == wanted,
    }
}

fn shown(value: &Value) -> String {
    bounded(value.to_string())
}

fn bounded(mut text: String) -> String {
    cut(&mut text, limit::SCRIPT_SHOWN_BYTES_MAX);
    text
}

#[cfg(test)]
mod tests;
