//! `image`: what processes are started from.

use super::policy::tell_errors;
use super::{Context, simple, tool};
use crate::args::ImageVerb;
use crate::error::{Failure, code};
use crate::out::Table;
use crate::own;
use crate::protocol::Request;
use libos_kernel::kernel::view::View;
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::hex;
use libos_kernel::model::image::{ALL_IMAGES, Format, Image, is_standard};
use libos_kernel::model::preview::escape;
use libos_kernel::model::rule::Rule;
use serde_json::{Value, json};
use std::path::Path;

pub fn run(context: &Context, verb: ImageVerb) -> anyhow::Result<u8> {
    match verb {
        ImageVerb::Add { file, replace } => add(context, &file, replace),
        ImageVerb::List => {
            let rows: Vec<Value> = images(context)?.0.iter().map(row).collect::<anyhow::Result<_>>()?;
            context.list(&rows, |rows| (table(rows), "there are no images"))?;
            Ok(code::DONE)
        }
        ImageVerb::Show { name } => show(context, &name),
        ImageVerb::Rm { name } => simple(context, Request::ImageRemove { name }),
    }
}

fn add(context: &Context, file: &Path, replace: bool) -> anyhow::Result<u8> {
    let name = file.display().to_string();
    let text = own::read_text(file);
    let text = text.map_err(|error| Failure::usage(format!("it cannot be read: {error}")).at(&name))?;
    let format = Format::of_file(&name);
    if let Err(errors) = Image::read(&text, format) {
        tell_errors(file, &text, &errors);
        let count = errors.len();
        let failure = Failure::usage(format!("the manifest has {count} error{}", if count == 1 { "" } else { "s" }));
        let failure = errors
            .first()
            .map_or(failure.clone(), |error| failure.at(format!("{name}:{}:{}", error.line, error.column)));
        return Err(failure.hint("nothing was added; mend the file and run the command again").into());
    }
    simple(context, Request::ImageAdd { text, format, replace })
}

/// Reads a manifest that was read before.
pub fn read(text: &str, format: Format) -> Result<Image, Failure> {
    Image::read(text, format).map_err(|errors| {
        let said = errors.first().map(ToString::to_string);
        Failure::usage(said.unwrap_or_else(|| "it is no manifest".into()))
    })
}

/// An image as `--json` shows it.
pub fn row(image: &Image) -> anyhow::Result<Value> {
    let mut row = serde_json::to_value(image)?;
    row["digest"] = hex(&image.digest()).into();
    row["standard"] = is_standard(&image.name).into();
    Ok(row)
}

/// The images with the tools of this version, and what gives authority to their processes.
fn images(context: &Context) -> anyhow::Result<(Vec<Image>, Vec<Grant>)> {
    // An image that came with the program names tools that came with it.
    tool::tools(context)?;
    let (_, snapshot) = context.look()?;
    let view = View(&snapshot);
    Ok((view.images()?, view.grants()?))
}

fn show(context: &Context, name: &str) -> anyhow::Result<u8> {
    let (images, grants) = images(context)?;
    let image = images.iter().find(|image| image.name == name);
    let image = image
        .ok_or_else(|| Failure::usage(format!("there is no image '{name}'")).hint("`libos image list` shows them"))?;
    let needs: Vec<(&Rule, &str)> =
        image.needs.iter().flatten().map(|rule| (rule, standing(&image.name, rule, &grants))).collect();
    if context.out.json {
        let mut row = row(image)?;
        let standing = |(rule, how): &(&Rule, &str)| json!({ "rule": rule.to_string(), "standing": how });
        row["needs"] = needs.iter().map(standing).collect();
        context.out.value(&row)?;
        return Ok(code::DONE);
    }
    let lines = |lines: Vec<String>| lines.join("\n");
    let mut fields = vec![
        ("image", image.name.clone()),
        ("version", image.version.clone()),
        ("digest", hex(&image.digest())),
        ("description", image.description.clone()),
        ("tools", image.tools.join(", ")),
    ];
    fields.extend(image.planner.as_ref().map(|planner| ("planner", planner.to_string())));
    if let Some(limits) = &image.context {
        let bytes = |bytes: Option<u64>| bytes.map_or("as ever".to_owned(), |bytes| format!("{bytes} bytes"));
        fields.push(("context", format!("compact at {}, preview {}", bytes(limits.compact_at), bytes(limits.preview))));
    }
    let needs = needs.iter().map(|(rule, how)| format!("{rule} ({how})")).collect::<Vec<_>>();
    let policy = image.policy.iter().flatten().map(|line| format!("{} {}", line.effect.word(), line.rule));
    let budget = image.budget.iter().flatten().map(|(coin, amount)| format!("{amount} {coin}"));
    for (key, value) in [("needs", needs), ("policy", policy.collect()), ("budget", budget.collect())] {
        if !value.is_empty() {
            fields.push((key, lines(value)));
        }
    }
    context.out.fields(&fields)?;
    if let Some(prompt) = &image.prompt {
        context.out.line("prompt")?;
        for line in prompt.lines() {
            context.out.line(&format!("  {}", escape(line)))?;
        }
    }
    Ok(code::DONE)
}

/// How what an image needs stands with the host's policy.
fn standing(image: &str, need: &Rule, grants: &[Grant]) -> &'static str {
    let of_image = |grant: &&Grant| match &grant.holder {
        Holder::Image(name) => !grant.revoked && (**name == *image || **name == *ALL_IMAGES),
        Holder::Process(_) => false,
    };
    let lines: Vec<&Grant> = grants.iter().filter(of_image).collect();
    let meets = |effect: Effect| {
        let is_about = |grant: &&Grant| need.rights.iter().any(|right| grant.rights.contains(right));
        lines
            .iter()
            .copied()
            .filter(|grant| grant.effect == effect)
            .filter(is_about)
            .any(|grant| grant.pattern.meets(&need.pattern))
    };
    let allows = |right| {
        let mut allows = lines.iter().filter(|grant| grant.effect == Effect::Allow);
        allows.any(|grant| grant.rights.contains(right) && grant.pattern.contains(&need.pattern))
    };
    match (need.rights.iter().all(allows), meets(Effect::Ask), meets(Effect::Deny)) {
        (true, false, false) => "allowed",
        (true, _, true) => "allowed in part",
        (_, true, _) => "a person is asked",
        (false, false, _) if meets(Effect::Allow) => "allowed in part",
        _ => "not allowed by libos.toml",
    }
}

fn table(rows: &[Value]) -> Table {
    let mut table = Table::new(&["NAME", "VERSION", "DIGEST", "TOOLS", "DESCRIPTION"]);
    for row in rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let tools = row["tools"].as_array().map_or(&[][..], Vec::as_slice);
        let tools = if tools.iter().any(|tool| tool == "*") { "all".into() } else { tools.len().to_string() };
        let digest = text("digest").chars().take(12).collect();
        table.row(vec![text("id"), text("version"), digest, tools, text("description")]);
    }
    table
}
