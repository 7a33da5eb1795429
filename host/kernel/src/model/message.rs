//! Messages between processes: what is sent, and which of those that wait somebody wants.

use super::answer::CallError;
use super::id::{MessageId, Pid};
use super::limit;
use super::name::is_hidden;
use super::time::Time;
use minicbor::{CborLen, Decode, Encode};

/// How urgent a message is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Encode,
    Decode,
    CborLen,
    serde::Serialize,
    serde::Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// Comes before all normal ones, and ends what its receiver sleeps or waits for.
    #[n(0)]
    Interrupt,
    #[n(1)]
    #[default]
    Normal,
}

impl MessageKind {
    /// All of them, in the order in which they are handed over.
    pub const ALL: [MessageKind; 2] = [MessageKind::Interrupt, MessageKind::Normal];
}

/// What a message has beside receiver and body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct MessageOptions {
    #[n(0)]
    pub kind: MessageKind,
    /// A word by which receivers choose; empty if nobody does.
    #[n(1)]
    pub channel: String,
    /// What ties an answer to its question.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

/// Which messages are wanted. What is left out does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct MessageFilter {
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// A process, as the guest writes it.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A message, as its receiver gets it and as it lies in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Message {
    #[n(0)]
    pub id: MessageId,
    #[n(1)]
    pub from: Pid,
    #[n(2)]
    pub kind: MessageKind,
    #[n(3)]
    pub channel: String,
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// JSON.
    #[n(5)]
    pub body: String,
    #[n(6)]
    #[serde(with = "super::text::time")]
    pub sent: Time,
}

impl Message {
    /// Bytes that it takes of its queue.
    pub fn size(&self) -> usize {
        limit::MESSAGE_HEAD_BYTES
            + self.body.len()
            + self.channel.len()
            + self.correlation.as_ref().map_or(0, String::len)
    }
}

impl MessageOptions {
    /// Checks the words.
    ///
    /// # Errors
    /// `invalid` or `too-large`.
    pub fn check(&self) -> Result<(), CallError> {
        word("a channel", &self.channel)?;
        self.correlation.as_deref().map_or(Ok(()), |text| word("a correlation", text))
    }
}

impl MessageFilter {
    /// Checks the words.
    ///
    /// # Errors
    /// `invalid` or `too-large`.
    pub fn check(&self) -> Result<(), CallError> {
        self.channel.as_deref().map_or(Ok(()), |text| word("a channel", text))?;
        self.correlation.as_deref().map_or(Ok(()), |text| word("a correlation", text))?;
        self.from.as_deref().map_or(Ok(()), |text| process(text).map(drop))
    }

    /// Whether a message is wanted.
    pub fn wants(&self, message: &Message) -> bool {
        self.channel.as_ref().is_none_or(|channel| *channel == message.channel)
            && self.correlation.as_ref().is_none_or(|word| message.correlation.as_ref() == Some(word))
            && self.from.as_ref().is_none_or(|from| from.parse() == Ok(message.from))
    }
}

/// The process that a guest names.
///
/// # Errors
/// `invalid`.
pub fn process(text: &str) -> Result<Pid, CallError> {
    let shown: String = text.chars().take(40).collect();
    shown.parse().map_err(|error: super::id::NotAnId| CallError::Invalid(error.to_string()))
}

fn word(what: &str, text: &str) -> Result<(), CallError> {
    let most = limit::MESSAGE_WORD_BYTES_MAX;
    if text.len() > most {
        return Err(CallError::TooLarge(format!("{what} is {}, at most {most}", text.len())));
    }
    if text.chars().any(is_hidden) {
        return Err(CallError::Invalid(format!("{what} has invisible characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_wants_what_has_all_that_it_names() {
        let message = Message {
            id: MessageId(1),
            from: Pid(7),
            kind: MessageKind::Normal,
            channel: "work".into(),
            correlation: Some("a".into()),
            body: "1".into(),
            sent: Time(0),
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        for (channel, correlation, from, want) in [
            ("", "", "", true),
            ("work", "", "", true),
            ("wor", "", "", false),
            ("", "a", "", true),
            ("", "b", "", false),
            ("", "", "p7", true),
            ("", "", "7", true),
            ("", "", "p8", false),
            ("work", "a", "p7", true),
            ("work", "a", "p8", false),
        ] {
            let filter = MessageFilter { channel: some(channel), correlation: some(correlation), from: some(from) };
            assert_eq!(filter.wants(&message), want, "{filter:?}");
        }
        let no_answer = Message { correlation: None, ..message };
        assert!(!MessageFilter { correlation: some("a"), ..MessageFilter::default() }.wants(&no_answer));
    }

    #[test]
    fn words_are_short_and_can_be_seen() {
        let channel = |text: &str| MessageOptions { channel: text.into(), ..MessageOptions::default() }.check();
        assert_eq!(channel(""), Ok(()));
        assert_eq!(channel(&"x".repeat(limit::MESSAGE_WORD_BYTES_MAX)), Ok(()));
        assert!(matches!(channel(&"x".repeat(limit::MESSAGE_WORD_BYTES_MAX + 1)), Err(CallError::TooLarge(_))));
        assert!(matches!(channel("a\u{202e}"), Err(CallError::Invalid(_))));
        assert!(matches!(process(&"9".repeat(1_000_000)), Err(CallError::Invalid(text)) if text.len() < 200));
    }
}
