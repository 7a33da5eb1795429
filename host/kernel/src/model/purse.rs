//! Budgets as purses: what a process may still spend. What moves to a child leaves its parent, so nothing is ever spent twice.

use minicbor::{CborLen, Decode, Encode};
use std::collections::BTreeMap;

/// What can be spent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Coin {
    /// Calls of tools, nested ones too.
    #[n(0)]
    ToolCalls,
    #[n(1)]
    ModelCalls,
    /// Tokens, in and out.
    #[n(2)]
    Tokens,
    /// Millionths of the unit of money that the host counts in.
    #[n(3)]
    Money,
    /// Milliseconds in memory outside waits.
    #[n(4)]
    WallMilliseconds,
    /// Milliseconds of processor time.
    #[n(5)]
    ProcessorMilliseconds,
    #[n(6)]
    BytesRead,
    #[n(7)]
    BytesWritten,
    #[n(8)]
    BytesSent,
    /// Children that live.
    #[n(9)]
    Children,
    /// Objects that are there.
    #[n(10)]
    Objects,
}

/// What is left of each kind; a kind that is not there has no bound.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct Purse {
    #[n(0)]
    #[serde(flatten)]
    pub left: BTreeMap<Coin, u64>,
}
