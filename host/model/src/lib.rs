//! Asks models of OpenAI-compatible endpoints, and keeps what they were told. It knows nothing of the kernel: whoever calls it has
//! been permitted to, has written down that it will ask, and writes down what came of it.
//!
//! Three rules. A request goes out again only where nothing can have started at the provider ([`Started`]). Every byte of a reply is
//! hostile and bounded. The key is in one type that never prints ([`Key`]).

pub mod api;
pub mod client;
pub mod context;
pub mod error;
mod in_words;
pub mod key;
pub mod profile;
pub mod time;
pub mod tool_calls;
mod transport;
mod wire;

pub use api::{Finish, Message, Reply, ReplyFormat, Request, Tool, ToolCall, ToolChoice, Usage};
pub use client::{Answer, Client, Progress};
pub use error::{Error, Failure, Started};
pub use key::{Key, KeyError, KeySource};
pub use profile::{Api, Profile};
pub use time::{System, Time};
pub use tool_calls::Flaw;
