//! `grant`, `grants`: lines of authority.

use super::{Context, simple};
use crate::args::GrantArgs;
use crate::error::code;
use crate::out::Table;
use crate::own::now;
use crate::protocol::{GrantRequest, Request};
use libos_kernel::kernel::explain::Held;
use libos_kernel::kernel::view::View;
use libos_kernel::model::grant::{Effect, Grant, Holder, Issuer};

/// Makes a grant.
pub fn grant(context: &Context, args: GrantArgs) -> anyhow::Result<u8> {
    let effect = match (args.ask, args.deny) {
        (true, _) => Effect::Ask,
        (_, true) => Effect::Deny,
        _ => Effect::Allow,
    };
    simple(
        context,
        Request::Grant(GrantRequest {
            holder: args.holder.to_string(),
            rights: args.rights.to_string(),
            resource: args.resource.to_string(),
            effect,
            uses: if args.once { Some(1) } else { args.uses },
            seconds: args.expires.map(|expires| expires.as_secs()),
            only_tool: args.only_tool,
            from: args.from,
        }),
    )
}

/// Lists grants.
pub fn list(context: &Context, holder: Option<Holder>, all: bool) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let view = View(&snapshot);
    let held = Held::of(&view)?;
    let mut rows = view.grants()?;
    rows.retain(|grant| {
        let wanted = holder.as_ref().is_none_or(|holder| grant.holder == *holder);
        wanted && (all || held.why_not(grant, now()).is_none())
    });
    context.list(&rows, |rows| (table(rows, &held), "there are no grants in force"))?;
    Ok(code::DONE)
}

/// Where a grant comes from.
pub fn origin(issuer: &Issuer) -> String {
    match issuer {
        Issuer::Host => "a person".into(),
        Issuer::Policy(line) => format!("libos.toml:{line}"),
        Issuer::Question(id) => format!("answer to {id}"),
        Issuer::Runtime => "the runtime".into(),
        Issuer::Process(pid) => pid.to_string(),
        Issuer::Image => "its image".into(),
    }
}

/// Grants as a table.
pub fn table(rows: &[Grant], held: &Held) -> Table {
    let mut table = Table::new(&["ID", "HOLDER", "EFFECT", "RIGHTS", "RESOURCE", "LIMITS", "FROM"]);
    for row in rows {
        table.row(vec![
            row.id.to_string(),
            row.holder.to_string(),
            row.effect.word().into(),
            row.rights.to_string(),
            row.pattern.to_string(),
            limits(row, held),
            origin(&row.issuer),
        ]);
    }
    table
}

fn limits(row: &Grant, held: &Held) -> String {
    let mut limits = Vec::new();
    limits.extend(held.why_not(row, now()));
    limits.extend(row.uses_left.filter(|uses| *uses > 0).map(|uses| format!("{uses} left")));
    limits.extend(row.not_after.map(|time| format!("until {time}")));
    limits.extend(row.only_tool.as_ref().map(|tool| format!("tool {}", tool.name)));
    limits.extend(row.answers.map(|ask| format!("answers {ask}")));
    limits.extend(row.parent.map(|parent| format!("from {parent}")));
    limits.join(", ")
}
