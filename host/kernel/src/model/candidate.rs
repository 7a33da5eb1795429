//! Tools that processes propose at run time: what is proposed, what its validation said, and what is registered.

use super::answer::CallError;
use super::id::{CandidateId, Digest, Pid};
use super::limit;
use super::row::ToolRow;
use super::time::Time;
use minicbor::{CborLen, Decode, Encode};

/// What a proposed tool is made of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The text of one module.
    #[n(0)]
    Typescript(#[n(0)] String),
    /// A component of the world `tool`.
    #[n(1)]
    Component(
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(with = "super::text::bytes")]
        Vec<u8>,
    ),
}

impl Code {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Code::Typescript(text) => text.as_bytes(),
            Code::Component(bytes) => bytes,
        }
    }

    /// The same form without content.
    #[must_use]
    pub fn emptied(&self) -> Code {
        match self {
            Code::Typescript(_) => Code::Typescript(String::new()),
            Code::Component(_) => Code::Component(Vec::new()),
        }
    }

    /// One word for its form.
    pub fn word(&self) -> &'static str {
        match self {
            Code::Typescript(_) => "typescript",
            Code::Component(_) => "component",
        }
    }
}

/// How a test is to end.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// With this result, JSON; the order of an object's names does not matter.
    #[n(0)]
    Returns(#[n(0)] String),
    /// With a failure whose message has this text in it.
    #[n(1)]
    Fails(#[n(0)] String),
}

/// A test that comes with a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// JSON.
    #[n(0)]
    pub arguments: String,
    #[n(1)]
    pub expect: Expectation,
}

/// A tool that a process proposes. Whatever it says of itself gives it nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub summary: String,
    #[n(2)]
    pub code: Code,
    /// JSON Schema of the arguments, instead of what the code says.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// JSON Schema of the result, instead of what the code says.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    #[n(5)]
    pub tests: Vec<Test>,
}

impl Proposal {
    /// Checks all that can be told without looking into the code.
    ///
    /// # Errors
    /// `invalid` or `too-large`.
    pub fn check(&self) -> Result<(), CallError> {
        check_tool_name(&self.name)?;
        at_most(self.summary.len(), limit::TOOL_SUMMARY_BYTES_MAX, "the summary", "bytes")?;
        let most = match &self.code {
            Code::Typescript(_) => limit::CANDIDATE_SOURCE_BYTES_MAX,
            Code::Component(_) => limit::CANDIDATE_COMPONENT_BYTES_MAX,
        };
        at_most(self.code.as_bytes().len(), most, "the code", "bytes")?;
        for (what, schema) in [("arguments", &self.arguments), ("result", &self.result)] {
            let Some(schema) = schema else { continue };
            at_most(schema.len(), limit::TOOL_SCHEMA_BYTES_MAX, &format!("the schema of the {what}"), "bytes")?;
            let value =
                json(schema).map_err(|error| invalid(format!("the schema of the {what} is not JSON: {error}")))?;
            if !value.is_object() && !value.is_boolean() {
                return Err(invalid(format!("the schema of the {what} is neither an object nor true or false")));
            }
        }
        at_most(self.tests.len(), limit::CANDIDATE_TESTS_MAX, "the list of tests", "tests")?;
        let size = |test: &Test| test.arguments.len() + test.expect.text().len();
        at_most(self.tests.iter().map(size).sum(), limit::CANDIDATE_TESTS_BYTES_MAX, "the tests", "bytes")?;
        for (index, test) in self.tests.iter().enumerate() {
            let wrong = |what: &str, error| invalid(format!("test {}: {what} is not JSON: {error}", index + 1));
            json(&test.arguments).map_err(|error| wrong("its arguments", error))?;
            if let Expectation::Returns(result) = &test.expect {
                json(result).map_err(|error| wrong("its result", error))?;
            }
        }
        Ok(())
    }

    /// Bytes that it has, about.
    pub fn size(&self) -> usize {
        let schemas = self.arguments.iter().chain(&self.result).map(String::len).sum::<usize>();
        let tests = self.tests.iter().map(|test| 16 + test.arguments.len() + test.expect.text().len()).sum::<usize>();
        self.name.len() + self.summary.len() + self.code.as_bytes().len() + schemas + tests
    }

    /// The proposal without its code.
    #[must_use]
    pub fn without_code(&self) -> Proposal {
        Proposal { code: self.code.emptied(), ..self.clone() }
    }
}

impl Expectation {
    fn text(&self) -> &str {
        match self {
            Expectation::Returns(text) | Expectation::Fails(text) => text,
        }
    }
}

/// Whether a tool can have this name. Letters of one script in one case: no two names look alike.
///
/// # Errors
/// `invalid`.
pub fn check_tool_name(name: &str) -> Result<(), CallError> {
    let fine = name.len() <= limit::TOOL_NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    if fine {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(invalid(format!(
        "'{shown}' is no name of a tool: 1 to 64 characters of a-z, 0-9, '_' and '-', starting with a letter"
    )))
}

fn json(text: &str) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::from_str(text)
}

fn invalid(why: String) -> CallError {
    CallError::Invalid(why)
}

fn at_most(size: usize, most: usize, what: &str, unit: &str) -> Result<(), CallError> {
    if size <= most {
        return Ok(());
    }
    Err(CallError::TooLarge(format!("{what} has {size} {unit}, at most {most}")))
}

/// Something that is wrong with a proposal, at its author's lines.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The module; empty if it is about none.
    #[n(0)]
    pub module: String,
    /// From 1; 0 if it is about no line.
    #[n(1)]
    pub line: u32,
    /// In characters, from 1; 0 if it is about no column.
    #[n(2)]
    pub column: u32,
    #[n(3)]
    pub message: String,
}

impl Problem {
    /// One that is about no line.
    pub fn of(message: impl Into<String>) -> Problem {
        Problem { module: String::new(), line: 0, column: 0, message: message.into() }
    }
}

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestOutcome {
    #[n(0)]
    pub passed: bool,
    /// What went wrong, in a line; empty if nothing did.
    #[n(1)]
    pub message: String,
}

/// What a validation found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// It can be registered.
    #[n(0)]
    pub ok: bool,
    #[n(1)]
    pub problems: Vec<Problem>,
    /// In the order of the proposal.
    #[n(2)]
    pub tests: Vec<TestOutcome>,
    /// What the tests logged and printed.
    #[n(3)]
    pub log: Vec<String>,
}

impl Report {
    /// Bytes that it has, about.
    pub fn size(&self) -> usize {
        let problems = self.problems.iter().map(|problem| problem.module.len() + problem.message.len() + 16);
        let tests = self.tests.iter().map(|test| test.message.len() + 4);
        problems.chain(tests).chain(self.log.iter().map(|line| line.len() + 4)).sum::<usize>() + 8
    }

    /// In a line, for a record.
    pub fn line(&self) -> String {
        let failed = self.tests.iter().filter(|test| !test.passed).count();
        let word = if self.ok { "validated" } else { "rejected" };
        format!("{word}: {} problems, {failed} of {} tests failed", self.problems.len(), self.tests.len())
    }
}

/// How a candidate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    #[n(0)]
    Proposed,
    #[n(1)]
    Validated,
    #[n(2)]
    Rejected,
    #[n(3)]
    Registered,
}

/// A proposal that was taken down. It never changes but for what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct CandidateRow {
    #[n(0)]
    pub id: CandidateId,
    /// Who proposed it. Nobody else can do anything with it.
    #[n(1)]
    pub pid: Pid,
    /// The proposal, without its code.
    #[n(2)]
    #[serde(flatten)]
    pub proposal: Proposal,
    /// SHA-256 of the code, which is the name of its file.
    #[cbor(n(3), with = "minicbor::bytes")]
    #[serde(serialize_with = "as_hex")]
    pub digest: Digest,
    /// Bytes of the code.
    #[n(4)]
    pub size: u64,
    #[n(5)]
    pub standing: Standing,
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// The tool that it is, as its validation found it.
    #[n(7)]
    #[serde(skip)]
    pub tool: Option<Box<ToolRow>>,
    #[n(8)]
    pub proposed: Time,
}

impl CandidateRow {
    /// The files that it needs.
    pub fn files(&self) -> impl Iterator<Item = Digest> {
        self.tool.iter().flat_map(|tool| tool.files()).chain([self.digest])
    }
}

/// A tool that belongs to a process.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct ProcessTool {
    #[n(0)]
    #[serde(flatten)]
    pub tool: ToolRow,
    /// Those below its process see it too.
    #[n(1)]
    pub for_children: bool,
    /// What it was.
    #[n(2)]
    pub candidate: CandidateId,
    /// SHA-256 of the code that was proposed, which is the name of its file.
    #[cbor(n(3), with = "minicbor::bytes")]
    #[serde(serialize_with = "as_hex")]
    pub source: Digest,
}

impl ProcessTool {
    /// The files that it needs.
    pub fn files(&self) -> impl Iterator<Item = Digest> {
        self.tool.files().chain([self.source])
    }
}

/// Where a tool that a process sees comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Its image has it.
    #[n(0)]
    Image,
    /// It registered it.
    #[n(1)]
    Own,
    /// A process above it registered it for those below.
    #[n(2)]
    Above,
}

/// A tool that a process sees.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownTool {
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub summary: String,
    /// JSON Schema.
    #[n(2)]
    pub arguments: String,
    /// JSON Schema.
    #[n(3)]
    pub result: String,
    #[n(4)]
    pub origin: Origin,
}

impl KnownTool {
    /// Bytes that it has, about.
    pub fn size(&self) -> usize {
        32 + self.name.len() + self.summary.len() + self.arguments.len() + self.result.len()
    }
}

fn as_hex<S: serde::Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::id::hex(digest))
}
