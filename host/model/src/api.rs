//! What a model is asked and what it answers, in words of our own: the forms on the wire are in `wire`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One question to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether the model may ask for several tools at once.
    #[serde(default = "yes")]
    pub parallel_tool_calls: bool,
    /// Whether tools are to be called, if not as the profile says. The tools stand in the request all the same: some endpoints refuse a
    /// history of calls without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Tokens that the reply may have; the profile's limit holds besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_max: Option<u32>,
    #[serde(default)]
    pub format: ReplyFormat,
}

fn yes() -> bool {
    true
}

impl Request {
    /// A request of these messages, without tools.
    pub fn new(messages: Vec<Message>) -> Request {
        Request {
            messages,
            tools: Vec::new(),
            parallel_tool_calls: true,
            tool_choice: None,
            tokens_max: None,
            format: ReplyFormat::Text,
        }
    }
}

/// Whether a model is to call tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// It says something, and calls none.
    None,
    /// It calls one or more. Endpoints that can, hold the reply to the form of a call; small models call none otherwise.
    Required,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    System(String),
    User(String),
    /// What the model said before. The arguments are the very text that it sent, so that what goes out again is the same to the byte.
    Assistant {
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<SentCall>,
    },
    /// What the call of that id gave.
    ToolResult {
        id: String,
        text: String,
    },
}

/// A tool call as the model sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCall {
    pub id: String,
    pub name: String,
    /// Meant to be JSON; the model's own bytes.
    pub arguments: String,
}

/// A tool that the model may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub description: String,
    /// JSON Schema of an object.
    pub parameters: Value,
}

/// What form the text of a reply has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyFormat {
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON that this schema describes.
    Schema { name: String, schema: Value },
}

/// What a model answered, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub text: String,
    /// What the model sent as calls of tools, in its order, as it sent them; what the next request repeats.
    pub sent: Vec<SentCall>,
    /// Those that can be performed. Where `flaws` is not empty perform none: let the model repair its turn first.
    pub calls: Vec<ToolCall>,
    /// What is wrong with the tool calls, each in words for the model.
    pub flaws: Vec<crate::Flaw>,
    /// `None` where the provider did not count.
    pub usage: Option<Usage>,
    pub finish: Finish,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
}

/// A well-formed call of a tool that the request offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Unique within the reply.
    pub id: String,
    pub name: String,
    /// A JSON object.
    pub arguments: Value,
}

/// Tokens that a reply cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input: u64,
    /// Those of the input that the provider had kept, and usually sells for less.
    pub cached_input: u64,
    pub output: u64,
}

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    Stop,
    /// It was cut at the limit of tokens.
    Length,
    ToolCalls,
    /// The provider withheld something, or the model declined.
    Refused,
    /// A reason of the provider's own, shortened.
    Other(String),
}
