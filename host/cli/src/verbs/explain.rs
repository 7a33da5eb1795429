//! `explain`: why something is allowed, asked or refused.

use super::Context;
use super::grants::origin;
use crate::args::ExplainArgs;
use crate::error::{Failure, code};
use crate::setup;
use crate::term::Colour;
use crate::{keys, own};
use libos_kernel::kernel::explain::{Authority, Explanation};
use libos_kernel::kernel::view::View;
use libos_kernel::model::grant::{Grant, Holder, Issuer};
use libos_kernel::model::need::Need;
use libos_kernel::model::policy::Policy;
use libos_kernel::model::preview::escape;

/// Explains a right on a resource.
pub fn run(context: &Context, args: ExplainArgs) -> anyhow::Result<u8> {
    let (place, snapshot) = context.look()?;
    let view = View(&snapshot);
    let text = view.policy()?.unwrap_or_default();
    let policy = Policy::parse(&text).unwrap_or_default();
    let mounts = setup::mounts(&policy, &place.workspace);
    let ceiling = setup::ceiling(
        &mounts,
        &setup::protected(&place, &policy, keys::witness_file(&place, &policy, &mounts).unwrap_or_default())?,
    );
    let authority = match &args.holder {
        Holder::Process(pid) => Authority::of_process(&view, *pid, ceiling)?.ok_or_else(|| {
            Failure::usage(format!("there is no live process {pid}"))
                .hint("`libos ps` lists them; image:NAME explains what will be started from an image")
        })?,
        Holder::Image(image) => {
            if !view.images()?.iter().any(|known| known.name == **image) {
                return Err(Failure::usage(format!("there is no image '{image}'")).hint("`libos image list`").into());
            }
            let default = policy.defaults.get(&**image).copied().unwrap_or_default();
            Authority::of_image(&view, image, default, ceiling)?
        }
    };
    let tool = match &args.tool {
        None => None,
        Some(name) => Some(
            view.tools()?
                .into_iter()
                .find(|tool| tool.name == *name)
                .ok_or_else(|| Failure::usage(format!("there is no tool '{name}'")).hint("`libos tool list`"))?,
        ),
    };
    let need = Need { resource: args.resource.clone(), right: args.right, whole: args.below };
    let explanation = authority.explain(&need, tool.as_ref(), own::now());
    if context.out.json {
        context.out.value(&explanation)?;
    } else {
        print(context, &args, &explanation, &text)?;
    }
    Ok(if explanation.verdict == "deny" { code::DENIED } else { code::DONE })
}

fn print(context: &Context, args: &ExplainArgs, explanation: &Explanation, policy: &str) -> anyhow::Result<()> {
    let out = &context.out;
    let (colour, word) = match explanation.verdict {
        "allow" => (Colour::Green, "may"),
        "ask" => (Colour::Yellow, "must ask before it may"),
        _ => (Colour::Red, "may not"),
    };
    let below = if args.below { " with all below it" } else { "" };
    let head = format!("{} {word} {} {}{below}", args.holder, args.right, args.resource);
    out.line(&out.paint(&escape(&head), colour))?;
    out.line(&format!("  {}", escape(&explanation.because)))?;
    for chain in &explanation.grants {
        print_chain(context, chain, policy)?;
    }
    if let Some(nearest) = &explanation.nearest {
        out.line(&format!("  nearest: {}", escape(&nearest.lacks)))?;
        print_chain(context, &nearest.chain, policy)?;
    }
    if explanation.grantable {
        let below = if args.below { "/**" } else { "" };
        let what = format!("libos grant {} {} {}{below}", args.holder, args.right, args.resource);
        let without = if explanation.verdict == "ask" { " without asking" } else { "" };
        out.line(&format!("  to allow it{without}: {}", escape(&what)))?;
    }
    Ok(())
}

/// A grant and what it hangs on, with the line of the policy that it came from.
fn print_chain(context: &Context, chain: &[Grant], policy: &str) -> anyhow::Result<()> {
    for grant in chain {
        context.out.line(&format!(
            "    {} {}, from {}",
            grant.id,
            escape(&grant.to_string()),
            origin(&grant.issuer)
        ))?;
        // A process's grant has the line of the one above it.
        if let (Issuer::Policy(line), Holder::Image(_)) = (&grant.issuer, &grant.holder) {
            let text = policy.lines().nth(*line as usize - 1).unwrap_or_default();
            context.out.line(&format!("      libos.toml:{line}: {}", escape(text.trim())))?;
        }
    }
    Ok(())
}
