//! What a child is made with, as arguments of tools.

use libos::Failure;
use libos::process::{Amount, ChildOptions, Coin, HandedGrant, Priority};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// What a child gets of this process's grants.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Rights and a resource, for example `read,list fs:workspace/src/**`.
    rule: String,
    /// So many uses; needed where this process's grant counts them, and then this process loses them.
    uses: Option<u32>,
    /// Seconds from now; as long as this process's grant if left out.
    expires_s: Option<f64>,
}

/// So much of each kind; what is left out is unbounded only if this process's is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Purse {
    /// Calls of tools.
    tool_calls: Option<u64>,
    /// Calls of models.
    model_calls: Option<u64>,
    /// Tokens of models.
    tokens: Option<u64>,
    /// Millionths of the host's unit.
    money: Option<u64>,
    /// Milliseconds of running.
    wall_milliseconds: Option<u64>,
    /// Milliseconds of computing.
    processor_milliseconds: Option<u64>,
    /// Bytes read from outside.
    bytes_read: Option<u64>,
    /// Bytes written outside.
    bytes_written: Option<u64>,
    /// Bytes sent over networks.
    bytes_sent: Option<u64>,
    /// Children that live.
    children: Option<u64>,
    /// Objects of memory.
    objects: Option<u64>,
}

/// Whose turn comes more often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// Seldom.
    Low,
    /// As others.
    Normal,
    /// Often.
    High,
}

impl Purse {
    fn amounts(self) -> Vec<Amount> {
        let all = [
            (Coin::ToolCalls, self.tool_calls),
            (Coin::ModelCalls, self.model_calls),
            (Coin::Tokens, self.tokens),
            (Coin::Money, self.money),
            (Coin::WallMilliseconds, self.wall_milliseconds),
            (Coin::ProcessorMilliseconds, self.processor_milliseconds),
            (Coin::BytesRead, self.bytes_read),
            (Coin::BytesWritten, self.bytes_written),
            (Coin::BytesSent, self.bytes_sent),
            (Coin::Children, self.children),
            (Coin::Objects, self.objects),
        ];
        all.into_iter().filter_map(|(kind, amount)| Some(Amount { kind, amount: amount? })).collect()
    }
}

fn handed(grant: Grant) -> libos::Result<HandedGrant> {
    let expires_in = match grant.expires_s.map(Duration::try_from_secs_f64) {
        None => None,
        Some(Ok(time)) => Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
        Some(Err(error)) => return Err(Failure::invalid_arguments(format_args!("expires_s: {error}"))),
    };
    Ok(HandedGrant { rule: grant.rule, uses: grant.uses, expires_in })
}

/// The options of a child.
pub fn child(
    goal: String,
    image: Option<String>,
    grants: Vec<Grant>,
    budget: Option<Purse>,
    working_directory: Option<String>,
    priority: Option<Urgency>,
    planner: Option<String>,
) -> libos::Result<ChildOptions> {
    Ok(ChildOptions {
        image,
        goal,
        grants: grants.into_iter().map(handed).collect::<Result<_, _>>()?,
        budget: budget.map(Purse::amounts),
        working_directory,
        priority: priority.map(|priority| match priority {
            Urgency::Low => Priority::Low,
            Urgency::Normal => Priority::Normal,
            Urgency::High => Priority::High,
        }),
        planner,
    })
}

/// A result, as JSON; the host lets nothing else through.
pub fn result(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
