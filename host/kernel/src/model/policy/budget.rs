//! What processes of an image may spend that nobody spawned: `budget = { tool-calls = 100 }` in the section of the image.

use super::read::{Reader, Value, short};
use super::{Policy, near};
use crate::model::limit;
use crate::model::purse::{Amounts, Coin};

/// Reads a budget.
pub(super) fn read(reader: &mut Reader<'_, '_>, value: &Value<'_>) -> Option<Amounts> {
    let example = "for example budget = { tool-calls = 100, bytes-written = 1000000 }";
    let Some(table) = value.get_ref().as_table() else {
        let what = format!("'budget' is a table of kinds and numbers, not a {}", value.get_ref().type_str());
        reader.fail(value.span().start, what, example);
        return None;
    };
    let mut amounts = Amounts::new();
    for (key, value) in table {
        let word = key.get_ref().as_ref();
        let Some(coin) = Coin::parse(word) else {
            let what = format!("there is no kind of budget '{}'", short(word));
            reader.fail(key.span().start, what, near::among(word, &Coin::ALL.map(Coin::word)));
            continue;
        };
        let number = value.get_ref().as_integer();
        let number = number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        match number.filter(|number| *number <= limit::PURSE_AMOUNT_MAX) {
            Some(number) => drop(amounts.insert(coin, number)),
            None => {
                let what = format!("{coin} is a number from 0 to {}", limit::PURSE_AMOUNT_MAX);
                reader.fail(value.span().start, what, example);
            }
        }
    }
    Some(amounts)
}

/// The budget of an image, in words.
pub(super) fn told(policy: &Policy, image: &str) -> String {
    let amounts = policy.budgets.get(image).into_iter().flatten();
    let words: Vec<String> = amounts.map(|(coin, amount)| format!("{amount} {coin}")).collect();
    if words.is_empty() { "without bound".into() } else { words.join(", ") }
}
