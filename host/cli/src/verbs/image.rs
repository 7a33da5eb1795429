//! `image`: what processes are started from.

use super::{Context, simple};
use crate::args::ImageVerb;
use crate::error::{Failure, code};
use crate::out::Table;
use crate::protocol::Request;
use libos_kernel::kernel::view::View;
use libos_kernel::model::image::Image;

pub fn run(context: &Context, verb: ImageVerb) -> anyhow::Result<u8> {
    match verb {
        ImageVerb::Add { file } => {
            let at = |what: String| Failure::usage(what).at(file.display());
            let text = crate::own::read_text(&file).map_err(|error| at(format!("it cannot be read: {error}")))?;
            Image::parse(&text).map_err(at)?;
            simple(context, Request::ImageAdd { text })
        }
        ImageVerb::List => {
            let (_, snapshot) = context.look()?;
            context.list(&View(&snapshot).images()?, |rows| (table(rows), "there are no images"))?;
            Ok(code::DONE)
        }
        ImageVerb::Show { name } => {
            let (_, snapshot) = context.look()?;
            let images = View(&snapshot).images()?;
            let image = images.iter().find(|image| image.name == name);
            let image = image.ok_or_else(|| {
                Failure::usage(format!("there is no image '{name}'")).hint("`libos image list` shows them")
            })?;
            if context.out.json {
                context.out.value(image)?;
            } else {
                context.out.fields(&[
                    ("image", image.name.clone()),
                    ("version", image.version.clone()),
                    ("description", image.description.clone()),
                    ("tools", image.tools.join(", ")),
                ])?;
            }
            Ok(code::DONE)
        }
    }
}

fn table(rows: &[Image]) -> Table {
    let mut table = Table::new(&["NAME", "VERSION", "TOOLS", "DESCRIPTION"]);
    for row in rows {
        let tools = if row.tools.iter().any(|tool| tool == "*") { "all".into() } else { row.tools.len().to_string() };
        table.row(vec![row.name.clone(), row.version.clone(), tools, row.description.clone()]);
    }
    table
}
