//! Budgets as purses: what a process may still spend. What moves to a child leaves its parent, so nothing is ever spent twice.
//!
//! After "currency and purses" of capability systems (Miller, Morningstar, Frantz: Capability-based Financial Instruments, 2000): to hand
//! over is to move, and the sum stays.

use super::id::Pid;
use super::limit;
use minicbor::{CborLen, Decode, Encode};
use std::collections::BTreeMap;
use std::fmt;

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
    /// Content of files.
    #[n(6)]
    BytesRead,
    /// Content of files.
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

impl Coin {
    /// All of them.
    pub const ALL: [Coin; 11] = [
        Coin::ToolCalls,
        Coin::ModelCalls,
        Coin::Tokens,
        Coin::Money,
        Coin::WallMilliseconds,
        Coin::ProcessorMilliseconds,
        Coin::BytesRead,
        Coin::BytesWritten,
        Coin::BytesSent,
        Coin::Children,
        Coin::Objects,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Coin::ToolCalls => "tool-calls",
            Coin::ModelCalls => "model-calls",
            Coin::Tokens => "tokens",
            Coin::Money => "money",
            Coin::WallMilliseconds => "wall-milliseconds",
            Coin::ProcessorMilliseconds => "processor-milliseconds",
            Coin::BytesRead => "bytes-read",
            Coin::BytesWritten => "bytes-written",
            Coin::BytesSent => "bytes-sent",
            Coin::Children => "children",
            Coin::Objects => "objects",
        }
    }

    /// The kind that a word names.
    pub fn parse(word: &str) -> Option<Coin> {
        Coin::ALL.into_iter().find(|coin| coin.word() == word)
    }
}

impl fmt::Display for Coin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// So much of one kind.
pub type Amounts = BTreeMap<Coin, u64>;

/// Reads `tool-calls=10`.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse_amount(text: &str) -> Result<(Coin, u64), String> {
    let (word, number) =
        text.split_once('=').ok_or_else(|| format!("'{text}' is no KIND=N, for example tool-calls=10"))?;
    let words = || Coin::ALL.map(Coin::word).join(", ");
    let coin = Coin::parse(word).ok_or_else(|| format!("'{word}' is no kind of budget; there are {}", words()))?;
    match number.parse() {
        Ok(amount) if amount <= limit::PURSE_AMOUNT_MAX => Ok((coin, amount)),
        _ => Err(format!("'{number}' is no number from 0 to {}", limit::PURSE_AMOUNT_MAX)),
    }
}

/// What is left of each kind; a kind that is not there has no bound.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct Purse {
    #[n(0)]
    pub left: Amounts,
    /// What was spent from it, and by children that have ended from what they had of it. What was given back is not in it.
    #[n(1)]
    #[cbor(default)]
    pub spent: Amounts,
    /// What came into it from outside: by a policy or a person, or from a parent without bound; less what was taken out. What moves
    /// between purses is not in it, so over all purses it is what is left and what was spent.
    #[n(2)]
    #[cbor(default)]
    #[serde(skip)]
    pub put_in: BTreeMap<Coin, i64>,
}

/// What was taken from a purse.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
#[cbor(map)]
pub struct Charged {
    /// Whose purse it was.
    #[n(0)]
    pub payer: Pid,
    #[n(1)]
    pub amounts: Vec<(Coin, u64)>,
}

impl Purse {
    /// One with so much in it, from outside.
    pub fn of(amounts: &Amounts) -> Purse {
        let mut purse = Purse::default();
        amounts.iter().for_each(|(coin, amount)| purse.put(*coin, *amount));
        purse
    }

    /// Whether a kind has a bound here.
    pub fn bounds(&self, coin: Coin) -> bool {
        self.left.contains_key(&coin)
    }

    /// What is left of a kind; none if there is no bound.
    pub fn left(&self, coin: Coin) -> Option<u64> {
        self.left.get(&coin).copied()
    }

    /// Whether this much could be spent.
    pub fn has(&self, coin: Coin, amount: u64) -> bool {
        self.left(coin).is_none_or(|left| left >= amount)
    }

    /// Adds from outside.
    pub fn put(&mut self, coin: Coin, amount: u64) {
        *self.left.entry(coin).or_default() += amount;
        *self.put_in.entry(coin).or_default() += amount as i64;
    }

    /// Makes what is left of a kind this much, from outside or to there.
    pub fn set(&mut self, coin: Coin, amount: u64) {
        let left = self.left.entry(coin).or_default();
        *self.put_in.entry(coin).or_default() += amount as i64 - *left as i64;
        *left = amount;
    }

    /// Spends at most this much; answers how much that was. Nothing is counted of what has no bound.
    pub fn spend(&mut self, coin: Coin, amount: u64) -> u64 {
        let Some(left) = self.left.get_mut(&coin) else { return 0 };
        let spent = amount.min(*left);
        *left -= spent;
        *self.spent.entry(coin).or_default() += spent;
        spent
    }

    /// Takes back what was spent; never more than that was.
    pub fn unspend(&mut self, coin: Coin, amount: u64) {
        let (Some(left), Some(spent)) = (self.left.get_mut(&coin), self.spent.get_mut(&coin)) else { return };
        let back = amount.min(*spent);
        *left += back;
        *spent -= back;
    }

    /// A purse for a child: what is named moves there, of what is bounded here and not named it has nothing, and the rest has no bound.
    ///
    /// # Errors
    /// The kind of which there is too little; nothing has changed.
    pub fn split(&mut self, amounts: &[(Coin, u64)]) -> Result<Purse, Coin> {
        let mut wanted = Amounts::new();
        for (coin, amount) in amounts {
            let sum = wanted.entry(*coin).or_default();
            *sum = sum.saturating_add(*amount);
        }
        if let Some((coin, _)) = wanted.iter().find(|(coin, amount)| !self.has(**coin, **amount)) {
            return Err(*coin);
        }
        let mut child = Purse::default();
        for (coin, left) in &mut self.left {
            let moved = wanted.remove(coin).unwrap_or_default();
            *left -= moved;
            child.left.insert(*coin, moved);
        }
        wanted.iter().for_each(|(coin, amount)| child.put(*coin, *amount));
        Ok(child)
    }

    /// What was moved here from other purses and not back.
    pub fn beyond_put_in(&self, coin: Coin) -> i64 {
        let of = |amounts: &Amounts| amounts.get(&coin).copied().unwrap_or_default() as i64;
        of(&self.left) + of(&self.spent) - self.put_in.get(&coin).copied().unwrap_or_default()
    }

    /// Takes a child's purse back.
    pub fn merge(&mut self, child: &Purse) {
        for (coin, left) in &mut self.left {
            *left += child.left.get(coin).copied().unwrap_or_default();
            *self.spent.entry(*coin).or_default() += child.spent.get(coin).copied().unwrap_or_default();
            *self.put_in.entry(*coin).or_default() += child.put_in.get(coin).copied().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purse(amounts: &[(Coin, u64)]) -> Purse {
        Purse::of(&amounts.iter().copied().collect())
    }

    #[test]
    fn a_child_gets_what_is_named_and_nothing_of_what_is_not() {
        let mut parent = purse(&[(Coin::ToolCalls, 10), (Coin::Objects, 5)]);
        let child = parent.split(&[(Coin::ToolCalls, 3), (Coin::ToolCalls, 1), (Coin::Tokens, 7)]).unwrap();
        assert_eq!(parent.left, [(Coin::ToolCalls, 6), (Coin::Objects, 5)].into());
        assert_eq!(child.left, [(Coin::ToolCalls, 4), (Coin::Objects, 0), (Coin::Tokens, 7)].into());
        assert!(child.has(Coin::Money, u64::MAX), "what has no bound above has none below");
        let before = parent.clone();
        assert_eq!(parent.split(&[(Coin::Objects, 1), (Coin::ToolCalls, 7)]), Err(Coin::ToolCalls));
        assert_eq!(parent.split(&[(Coin::ToolCalls, u64::MAX), (Coin::ToolCalls, u64::MAX)]), Err(Coin::ToolCalls));
        assert_eq!(parent, before);
        parent.merge(&child);
        assert_eq!(
            parent,
            Purse { spent: parent.spent.clone(), ..purse(&[(Coin::ToolCalls, 10), (Coin::Objects, 5)]) }
        );
    }

    #[test]
    fn nobody_spends_more_than_there_is_or_takes_back_more_than_he_spent() {
        let mut one = purse(&[(Coin::ToolCalls, 3)]);
        assert_eq!((one.spend(Coin::ToolCalls, 2), one.spend(Coin::ToolCalls, 2)), (2, 1));
        one.unspend(Coin::ToolCalls, 99);
        assert_eq!(one.left(Coin::ToolCalls), Some(3));
        one.unspend(Coin::Tokens, 99);
        assert_eq!((one.left(Coin::Tokens), one.spend(Coin::Tokens, 9)), (None, 0));
        one.set(Coin::ToolCalls, 1);
        assert_eq!(one.put_in[&Coin::ToolCalls], 1);
    }

    #[test]
    fn an_amount_is_read_and_what_is_none_is_said() {
        assert_eq!(parse_amount("tool-calls=10"), Ok((Coin::ToolCalls, 10)));
        for (text, want) in
            [("tool-calls", "KIND=N"), ("calls=1", "tool-calls, "), ("money=-1", "no number"), ("money=", "no number")]
        {
            let error = parse_amount(text).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
        for coin in Coin::ALL {
            assert_eq!(serde_json::to_value(coin).unwrap(), coin.word());
        }
    }
}
