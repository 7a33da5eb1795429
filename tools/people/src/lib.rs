//! The standard tools for asking and telling people.

use libos::human::{self, Answer};
use schemars::JsonSchema;
use serde::Serialize;

/// An answer to an open question.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Answered {
    /// What the person wrote.
    answer: String,
}

/// A note that was left.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Delivered {
    delivered: bool,
    /// Characters of the message.
    chars: usize,
}

/// What a person said to a request for permission.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Decided {
    resource: String,
    rights: Vec<String>,
    /// `allow` (once), `always`, `deny` (the same is not asked again) or `never`.
    answer: &'static str,
    /// Whether the answer is yes.
    allowed: bool,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Asks a person an open question and waits for the answer, which may take days. Ask only what you cannot find out yourself.
    #[needs("ask human:*")]
    pub fn ask_human(
        /// One clear question; with the context at most 16 KiB.
        question: String,
        /// What the person must know to answer.
        context: Option<String>,
        /// The queue of people; `owner` if left out.
        queue: Option<String>,
    ) -> libos::Result<Answered> {
        let text = match context {
            Some(context) if !context.is_empty() => format!("{question}\n\n{context}"),
            _ => question,
        };
        let answer = human::queue(queue.as_deref()).ask(&text)?;
        Ok(Answered { answer })
    }

    /// Leaves a note for a person and goes on without waiting.
    #[needs("tell human:*")]
    pub fn human_output(
        /// The note, at most 16 KiB.
        message: String,
        /// The queue of people; `owner` if left out.
        queue: Option<String>,
    ) -> libos::Result<Delivered> {
        human::queue(queue.as_deref()).tell(&message)?;
        Ok(Delivered { delivered: true, chars: message.chars().count() })
    }

    /// Asks a person for rights on a resource and waits for the decision. What is allowed holds for this process.
    #[needs("ask human:*")]
    pub fn request_permission(
        /// What is to be used, for example `fs:workspace/notes/**`. `*` stands for one segment, `**` at the end for all below.
        resource: String,
        /// What is to be done with it, for example `read` and `write`. No right includes another.
        rights: Vec<String>,
        /// Why, for the person who decides.
        reason: String,
        /// The queue of people; `owner` if left out.
        queue: Option<String>,
    ) -> libos::Result<Decided> {
        let answer = human::queue(queue.as_deref()).approve(&resource, &rights, &reason)?;
        let word = match answer {
            Answer::Allow => "allow",
            Answer::Always => "always",
            Answer::Deny => "deny",
            Answer::Never => "never",
        };
        Ok(Decided { resource, rights, answer: word, allowed: answer.is_yes() })
    }
}
