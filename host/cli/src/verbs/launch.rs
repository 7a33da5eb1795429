//! `run`, before anything starts: the workspace, who chooses, and what the process is given.

use super::{Context, policy, workspace};
use crate::args::{PlannerText, Preset, RunArgs};
use crate::error::Failure;
use crate::place::{POLICY_FILE, Place};
use crate::protocol::AgentRequest;
use crate::term::{self, Colour, paint};
use crate::{preset, store};
use libos_kernel::kernel::view::View;
use libos_kernel::model::decide::Default as WithoutGrant;
use libos_kernel::model::given::Given;
use libos_kernel::model::grant::{Effect, Holder};
use libos_kernel::model::image::{ALL_IMAGES, Image, ImagePlanner};
use libos_kernel::model::limit;
use libos_kernel::model::planner::MODEL;
use libos_kernel::model::policy::Policy;
use libos_kernel::model::preview::escape;
use libos_kernel::model::script::Script;
use serde_json::json;
use std::io::{IsTerminal, stderr};
use std::path::Path;

/// Finds or makes the workspace, and says what is to be started there. What it is given is shown.
pub fn prepare(context: &Context, args: &RunArgs) -> anyhow::Result<(Place, AgentRequest)> {
    // The command line admits neither to be missing.
    let (name, goal) = (args.image.clone().unwrap_or_default(), args.goal.clone().unwrap_or_default());
    let script = match &args.planner {
        Some(PlannerText::Script(file)) => Some(script(file)?),
        _ => None,
    };
    let place = find(context)?;
    let (image, text, rules) = known(&place, &name)?;
    let profile = match (&args.planner, &image.planner) {
        (Some(PlannerText::Script(_)), _) => None,
        (Some(PlannerText::Model(profile)), _) | (None, Some(ImagePlanner::Model(profile))) => Some(profile.clone()),
        (None, Some(ImagePlanner::Script) | None) => {
            return Err(Failure::usage("nobody says what the process does")
                .hint("--planner script:FILE; a line of it is {\"tool\": NAME, \"args\": {...}}; or --planner model:PROFILE")
                .into());
        }
    };
    if let Some(profile) = &profile {
        check_profile(&place, &text, &name, profile, args.planner.is_none())?;
    }
    // What somebody wrote about this image is what he wants it to have.
    let preset = args.preset.unwrap_or(if rules.authority { Preset::None } else { Preset::ReadOnly });
    let given = preset::given(preset, profile.as_deref(), args)?;
    tell(context, &place, &name, profile.as_deref(), preset, &given, rules.count)?;
    let script = script.or_else(|| profile.map(|profile| format!("{MODEL}{profile}")));
    let start = AgentRequest::Start { image: name, goal, script, given, new: args.new, follow: !args.detach };
    Ok((place, start))
}

/// The workspace with a policy in force. Where there is none, one is made as by `init`; what somebody else wrote is shown first, as by
/// `trust`.
fn find(context: &Context) -> anyhow::Result<Place> {
    let place = match Place::look_for(&context.global)? {
        Ok(place) => place,
        Err(directory) => {
            let place = Place::of(&directory, &context.global)?;
            check_fits(&place.workspace)?;
            workspace::write_starter(&place)?;
            let file = place.policy_file().display().to_string();
            eprintln!("wrote {}: what agents may do in this directory", escape(&file));
            return Ok(place);
        }
    };
    match store::policy_in_force(&place)? {
        Some(in_force) => store::warn_if_changed(&place, Some(&in_force)),
        None if term::somebody_is_there() && !context.out.json => {
            let beside =
                Context { global: context.global.clone(), out: context.out.beside(), person: super::Person::default() };
            policy::put(&beside, &place, None, false, "libos trust")?;
        }
        None => return Err(store::not_accepted(&place).into()),
    }
    Ok(place)
}

/// A home directory with all that lies there is nobody's project.
fn check_fits(workspace: &Path) -> anyhow::Result<()> {
    let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
    if workspace.parent().is_none() || home.is_some_and(|home| home.starts_with(workspace)) {
        return Err(Failure::usage("an agent started here would see all of your home directory")
            .at(workspace.display())
            .hint("go to the directory of a project; or `libos init` here, if this is meant")
            .into());
    }
    Ok(())
}

/// What rules there are about an image.
struct Rules {
    /// Some of them allow or ask.
    authority: bool,
    count: usize,
}

/// The image, the policy in force, and its rules about the image.
fn known(place: &Place, name: &str) -> anyhow::Result<(Image, String, Rules)> {
    let snapshot = store::snapshot(place)?;
    let view = View(&snapshot);
    let image =
        view.images()?.into_iter().find(|image| image.name == name).ok_or_else(|| {
            Failure::usage(format!("there is no image '{name}'")).hint("`libos image list` shows them")
        })?;
    let text = view.policy()?.unwrap_or_default();
    let asks = Policy::parse(&text).is_ok_and(|policy| policy.defaults.get(name) == Some(&WithoutGrant::Ask));
    let is_about = |holder: &Holder| match holder {
        Holder::Image(image) => **image == *name || **image == *ALL_IMAGES,
        Holder::Process(_) => false,
    };
    let grants = view.grants()?.into_iter().filter(|grant| !grant.revoked && is_about(&grant.holder));
    let effects: Vec<Effect> = grants.map(|grant| grant.effect).collect();
    let authority = asks || effects.iter().any(|effect| *effect != Effect::Deny);
    Ok((image, text, Rules { authority, count: effects.len() }))
}

/// Refuses a model that nobody has described.
fn check_profile(place: &Place, policy: &str, image: &str, profile: &str, is_of_image: bool) -> anyhow::Result<()> {
    if Policy::parse(policy).is_ok_and(|policy| policy.models.contains_key(profile)) {
        return Ok(());
    }
    let who = if is_of_image { format!(", by which image '{image}' chooses") } else { String::new() };
    Err(Failure::usage(format!(
        "{POLICY_FILE} says nothing of a model '{profile}'{who}. Write there:\n\n\
         [model.{profile}]\n\
         base-url = \"https://api.openai.com/v1\"   # any endpoint that speaks the same\n\
         model = \"the name of the model there\"\n\
         key-env = \"OPENAI_API_KEY\"               # the name of a variable; or key-file = \"/a/file/of/mode/0600\"\n\n\
         then `libos policy reload`, and this command again."
    ))
    .at(place.policy_file().display())
    .hint("--planner model:NAME takes another model, --planner script:FILE needs none")
    .into())
}

/// Shows what the process is given, before it is there.
fn tell(
    context: &Context,
    place: &Place,
    image: &str,
    profile: Option<&str>,
    preset: Preset,
    given: &Given,
    rules: usize,
) -> anyhow::Result<()> {
    let word = preset::word(preset);
    if context.out.json {
        let texts = given.texts().unwrap_or_default();
        let rows = json!({ "event": "given", "image": image, "model": profile, "preset": word, "lines": texts });
        return context.out.value(&rows);
    }
    let block = preset::block(given, rules);
    if given.lines.is_empty() && given.budget.is_empty() {
        return Ok(());
    }
    let coloured = term::coloured(stderr().is_terminal());
    let model = profile.map(|profile| format!(", model {profile}")).unwrap_or_default();
    let head = format!("{image} in {} (preset {word}{model})", place.workspace.display());
    eprintln!("{}", paint(&escape(&head), Colour::Bold, coloured));
    block.iter().for_each(|line| eprintln!("{line}"));
    Ok(())
}

fn script(file: &Path) -> anyhow::Result<String> {
    let wrong = |what: String| Failure::usage(what).at(file.display());
    let text = crate::own::read_settings(file, limit::PLANNER_BYTES_MAX, true);
    let text = text.map_err(|error| wrong(format!("the script cannot be read: {error}")))?;
    if text.starts_with('\u{feff}') {
        return Err(wrong("the script begins with a byte order mark; save it as UTF-8 without one".into()).into());
    }
    if text.starts_with(MODEL) {
        return Err(
            wrong("a script has a JSON object on each line; `--planner model:PROFILE` takes a model".into()).into()
        );
    }
    Script::parse(&text)
        .map_err(|error| Failure::usage(error.why).at(format!("{}:{}:{}", file.display(), error.line, error.column)))?;
    Ok(text)
}
