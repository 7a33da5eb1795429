//! The JavaScript that is in place before a script runs. README.md says how a file comes in.

use crate::{natives, web};
use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Function, Object, Result};

/// In the order in which they run, each as the body of a function of `internal`.
const FILES: &[(&str, &str)] = &[
    ("core/intrinsics.js", include_str!("../core/intrinsics.js")),
    ("core/errors.js", include_str!("../core/errors.js")),
    ("core/loop.js", include_str!("../core/loop.js")),
    ("core/promise.js", include_str!("../core/promise.js")),
    ("core/random.js", include_str!("../core/random.js")),
    ("core/mirror.js", include_str!("../core/mirror.js")),
    ("core/libos.js", include_str!("../core/libos.js")),
    ("core/syscall.js", include_str!("../core/syscall.js")),
    ("core/tools.js", include_str!("../core/tools.js")),
    ("deno/host.js", include_str!("../deno/host.js")),
    ("deno/errors.js", include_str!("../deno/errors.js")),
    ("deno/paths.js", include_str!("../deno/paths.js")),
    ("deno/info.js", include_str!("../deno/info.js")),
    ("deno/files.js", include_str!("../deno/files.js")),
    ("deno/directories.js", include_str!("../deno/directories.js")),
    ("deno/environment.js", include_str!("../deno/environment.js")),
    ("deno/namespace.js", include_str!("../deno/namespace.js")),
];

/// What frames of the prelude are named after; they are of no use to the author of a script.
pub const PREFIX: &str = "libos:";

/// Runs all files; answers what they share, which no script can reach.
pub fn run<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let internal = Object::new_proto(ctx.clone(), None)?;
    internal.set("natives", natives::all(ctx)?)?;
    for (name, source) in FILES.iter().chain(web::FILES) {
        let mut options = EvalOptions::default();
        options.filename = Some(format!("{PREFIX}{name}"));
        // On one line with the source, so that its lines keep their numbers.
        let wrapped = format!("(function (internal) {{ 'use strict'; {source}\n}})");
        let file: Function<'js> = ctx.eval_with_options(wrapped, options)?;
        file.call::<_, ()>((internal.clone(),))?;
    }
    Ok(internal)
}
