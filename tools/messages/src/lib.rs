//! The standard tools for exchanging messages with other processes.

use libos::Failure;
use libos::message::{self, Filter, Kind, Options};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// Ten years of 365 days: the longest that the host waits.
const WAIT_SECONDS_MAX: f64 = 315_360_000.0;

/// How urgent a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// It waits until it is received.
    #[default]
    Normal,
    /// It comes before all normal ones, and ends what its receiver sleeps or waits for.
    Interrupt,
}

/// A message that was sent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sent {
    /// For example `m4`.
    message_id: String,
    to: String,
}

/// What came.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Received {
    /// None if nothing came in time.
    message: Option<Message>,
    /// Messages that wait still, of every kind.
    pending: u64,
}

/// A message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Message {
    message_id: String,
    /// The process that sent it.
    from: String,
    kind: Urgency,
    channel: String,
    correlation: Option<String>,
    body: Value,
    /// When it was sent.
    sent: String,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Sends a message to another process: to the parent, a child or itself, or to one that a grant allows. It does not wait for an answer.
    #[needs("message process:pid/*")]
    pub fn send_message(
        /// The process, for example `p7`.
        to: String,
        /// Anything, as JSON of at most 64 KiB. Put what is larger into an object and send its name.
        body: Value,
        /// `interrupt` comes before all normal ones, and ends what the receiver sleeps or waits for; `normal` if left out.
        kind: Option<Urgency>,
        /// A word by which the receiver can choose.
        channel: Option<String>,
        /// A word that ties an answer to what it answers: repeat that of the message that you answer.
        correlation: Option<String>,
    ) -> libos::Result<Sent> {
        let kind = match kind.unwrap_or_default() {
            Urgency::Normal => Kind::Normal,
            Urgency::Interrupt => Kind::Interrupt,
        };
        let options = Options { kind, channel: channel.unwrap_or_default(), correlation };
        let message_id = message::send(&to, &body, &options)?;
        Ok(Sent { message_id, to })
    }

    /// Takes the next message that was sent to this process, interrupts first; waits until one comes.
    #[needs()]
    pub fn receive_message(
        /// Only one with this word.
        channel: Option<String>,
        /// Only one with this word, for example the answer to a message of yours.
        correlation: Option<String>,
        /// Only one from this process, for example `p7`.
        from: Option<String>,
        /// How long to wait at most, in seconds; 0 only looks. Without an end if left out; a long wait costs no more than a short one.
        #[schemars(range(min = 0.0, max = 315_360_000.0))]
        timeout_seconds: Option<f64>,
    ) -> libos::Result<Received> {
        let timeout = match timeout_seconds {
            Some(seconds) if !(0.0..=WAIT_SECONDS_MAX).contains(&seconds) => {
                return Err(Failure::invalid_arguments(format_args!(
                    "timeout_seconds is {seconds}; it must be 0 to {WAIT_SECONDS_MAX}"
                )));
            }
            seconds => seconds.map(Duration::from_secs_f64),
        };
        let message = match message::receive(&Filter { channel, correlation, from }, timeout)? {
            Some(message) => Some(Message {
                body: message.parse()?,
                message_id: message.id,
                from: message.from,
                kind: if message.kind == Kind::Interrupt { Urgency::Interrupt } else { Urgency::Normal },
                channel: message.channel,
                correlation: message.correlation,
                sent: message.sent.to_string(),
            }),
            None => None,
        };
        Ok(Received { message, pending: message::pending() })
    }
}
