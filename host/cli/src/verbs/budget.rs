//! `budget`: what a process may still spend, and more of it.

use super::{Context, simple};
use crate::args::BudgetArgs;
use crate::error::{Failure, code};
use crate::out::Table;
use crate::protocol::Request;
use libos_kernel::kernel::Budget;
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::Pid;
use libos_kernel::model::purse::Coin;

pub fn run(context: &Context, args: BudgetArgs) -> anyhow::Result<u8> {
    let BudgetArgs { pid, add, set } = args;
    if add.is_empty() && set.is_empty() {
        return show(context, pid);
    }
    simple(context, Request::Budget { pid, add, set })
}

fn show(context: &Context, pid: Pid) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let view = View(&snapshot);
    let row = view.process(pid)?;
    let row =
        row.ok_or_else(|| Failure::usage(format!("there is no process {pid}")).hint("`libos ps --all` lists them"))?;
    let payer = row.payer.filter(|_| !row.state.is_final()).map(|payer| view.process(payer)).transpose()?.flatten();
    let budget = Budget::of(&row, payer.as_ref());
    if context.out.json {
        context.out.value(&budget)?;
        return Ok(code::DONE);
    }
    if row.state.is_final() {
        context.out.line(&format!("{pid} has ended; what was left went back to whom it came from"))?;
    } else {
        context.out.line(&whose(&budget))?;
    }
    if let Some(purse) = &budget.purse {
        let mut table = Table::new(&["KIND", "LEFT", "SPENT"]);
        for coin in Coin::ALL {
            let spent = purse.spent.get(&coin).copied();
            if purse.left(coin).is_some() || spent.is_some() {
                let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
                table.row(vec![coin.to_string(), number(purse.left(coin)), number(spent.or(Some(0)))]);
            }
        }
        context.out.table(&table, "there is nothing in it")?;
    }
    Ok(code::DONE)
}

/// Whose purse a process spends from, in a sentence.
pub fn whose(budget: &Budget) -> String {
    let pid = budget.pid;
    match budget.payer {
        None => format!("{pid} spends without bound; `libos budget {pid} --set tool-calls=100` sets one"),
        Some(payer) if payer == pid => format!("{pid} spends from a purse of its own"),
        Some(payer) => format!("{pid} spends from the purse of {payer}"),
    }
}
