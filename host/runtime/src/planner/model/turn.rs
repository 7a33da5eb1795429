//! What a turn of a model is prepared from, and what it leaves behind: both are written down, so both say all that the next one needs.

use super::super::Turn;
use super::brief;
use libos_kernel::kernel::{Briefing, HostError};
use libos_kernel::model::id::Pid;
use libos_model::context::{Bounds, Context};
use libos_model::{Message, Tool};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a model's words that people are shown of a step.
const SAID_CHARACTERS_MAX: usize = 200;
/// Characters of the transcript from which on it is summarised, where the image says nothing.
const COMPACT_AT: usize = 24_000;
/// Characters that are a token at least, in the texts that agents read.
const TOKEN_CHARACTERS: usize = 3;
/// The smallest transcript with which an agent can go on.
const COMPACT_AT_LEAST: usize = 8_000;
/// Characters of a result that stands in the transcript whole, where the image says nothing.
const PREVIEW: usize = 2_000;

/// All that a quantum depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Prepared {
    pub pid: Pid,
    pub step: u64,
    pub profile: String,
    pub compact_at: usize,
    pub preview: usize,
    pub prompt: Vec<Message>,
    /// Since the last summary.
    pub entries: Vec<Message>,
    /// What is new since the last step.
    pub told: Vec<String>,
    pub tools: Vec<Offered>,
    /// What the last step left.
    last: Kept,
}

/// A tool that the model can call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offered {
    /// As the model calls it: providers take letters, digits, `_` and `-` only.
    pub called: String,
    pub name: String,
    pub summary: String,
    pub arguments: Value,
    /// Calls of such tools are made at once.
    pub only_looks: bool,
}

/// The result of a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Kept {
    /// The step whose messages are the first of the transcript.
    pub from: u64,
    /// What the step adds to the transcript; of a step that summarised, the summary and what stays.
    pub messages: Vec<Message>,
    /// What the model was told it may do. None: it is to be told all of it.
    pub capabilities: Option<Vec<String>>,
    /// Messages that waited when it was told of them.
    pub waiting: u64,
    /// Replies without a tool call, up to this step.
    pub silent: u32,
    /// Steps that came to nothing, up to this one.
    pub failures: u32,
    /// For people: the beginning of what the model said.
    pub said: String,
    /// For people: what it called.
    pub calls: Vec<Made>,
}

/// A tool call that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    pub tool: String,
    pub failed: bool,
}

/// What an earlier step left; nothing, if another planner took it.
pub fn kept(turn: &Turn<'_>, step: u64) -> Result<Kept, HostError> {
    let text = turn.result(step)?;
    let kept: Option<Kept> = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(kept.unwrap_or(Kept { from: step + 1, ..Kept::default() }))
}

impl Kept {
    pub fn to_json(&self) -> String {
        // Texts and lists of texts: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Prepared {
    /// `window`: tokens that a request to the model may have, if that is known.
    pub fn new(
        (profile, window): (&str, Option<u32>),
        step: u64,
        briefing: &Briefing,
        last: Kept,
        entries: Vec<Message>,
    ) -> Prepared {
        let size = |limit: Option<u64>, otherwise: usize| {
            limit.map_or(otherwise, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX / 4).max(1_000))
        };
        let prompt = brief::prompt(briefing);
        let tools = brief::tools(&briefing.tools);
        let fixed = length(&prompt)
            + tools.iter().map(|tool| tool.summary.len() + tool.arguments.to_string().len()).sum::<usize>();
        let window = window.map_or(usize::MAX, |tokens| (tokens as usize).saturating_mul(TOKEN_CHARACTERS));
        // A third of it is room for the step that comes before a summary.
        let room = window.saturating_sub(fixed) / 4 * 3;
        let wanted = size(briefing.context.and_then(|context| context.compact_at), COMPACT_AT);
        let compact_at = wanted.min(room).max(COMPACT_AT_LEAST);
        let preview = size(briefing.context.and_then(|context| context.preview), PREVIEW).min(compact_at / 8);
        let mut told = brief::capabilities(last.capabilities.as_deref(), &briefing.capabilities);
        told.extend(brief::directory(last.capabilities.is_some(), briefing));
        let received = last.calls.iter().any(|made| made.tool == brief::RECEIVE);
        let can_receive = briefing.tools.iter().any(|tool| tool.name == brief::RECEIVE);
        let before = if received { 0 } else { last.waiting };
        told.extend(brief::messages(before, briefing.messages).filter(|_| can_receive));
        let last = Kept { capabilities: Some(briefing.capabilities.clone()), waiting: briefing.messages, ..last };
        Prepared {
            pid: briefing.pid,
            step,
            profile: profile.to_owned(),
            compact_at,
            preview,
            prompt,
            entries,
            told,
            tools,
            last,
        }
    }

    pub fn context(&self) -> Context {
        let at = self.compact_at;
        // What begins every request does not give way, so it does not count: else a long goal would be summarised again and again.
        let fixed = length(&self.prompt);
        let bounds = Bounds {
            whole: fixed + at + at / 3,
            threshold: fixed + at,
            entry: (at / 4).max(self.preview),
            result: self.preview,
            kept: at / 4,
            summary: at / 8,
        };
        Context::resumed(bounds, self.prompt.clone(), self.entries.clone())
    }

    pub fn offered(&self) -> Vec<Tool> {
        let tool = |tool: &Offered| Tool {
            name: tool.called.clone(),
            description: tool.summary.clone(),
            parameters: tool.arguments.clone(),
        };
        self.tools.iter().map(tool).collect()
    }

    /// What this step leaves if it adds nothing.
    pub fn kept(&self) -> Kept {
        Kept { messages: Vec::new(), said: String::new(), calls: Vec::new(), ..self.last.clone() }
    }
}

/// Characters of messages, as a context counts them.
fn length(messages: &[Message]) -> usize {
    Context::new(Bounds::default(), messages.to_vec()).characters()
}

/// The beginning of a text.
pub fn short(text: &str) -> String {
    text.chars().take(SAID_CHARACTERS_MAX).collect()
}
