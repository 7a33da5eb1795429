//! `policy check` and `policy reload`: what is wrong with a policy file, what a changed one means, and putting it in force.

use super::{Context, block_on};
use crate::diff::{self, Line};
use crate::error::{Failure, code};
use crate::host::Host;
use crate::place::{POLICY_FILE, Place};
use crate::protocol::{Event, Request};
use crate::session::Session;
use crate::term::{Colour, paint};
use crate::{own, store, term};
use libos_kernel::kernel::HostError;
use libos_kernel::kernel::explain::Held;
use libos_kernel::kernel::view::View;
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::ALL_IMAGES;
use libos_kernel::model::limit;
use libos_kernel::model::policy::{self, Checked, Plan, Policy, PolicyError, Template, Witness};
use libos_kernel::model::preview::escape;
use libos_kernel::model::row::EffectState;
use libos_kernel::store::disk::Directory;
use libos_kernel::store::reader::Snapshot;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::io::{IsTerminal, stderr};
use std::path::Path;

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 2;
/// Characters of a line that are shown with an error in it.
const SHOWN_CHARACTERS_MAX: usize = 100;

/// Checks a policy file without putting it in force.
pub fn check(context: &Context, file: &Path) -> anyhow::Result<u8> {
    let text = own::read_settings(file, limit::POLICY_BYTES_MAX, true)
        .map_err(|error| Failure::usage(format!("it cannot be read: {error}")).at(file.display()))?;
    let images = context.place().ok().and_then(|place| images(&place));
    let checked = Policy::check(&text, images.as_deref());
    let found = if checked.errors.is_empty() { code::DONE } else { code::FAILED };
    if context.out.json {
        let mut value = json!({
            "ok": checked.errors.is_empty(),
            "errors": checked.errors.iter().map(row).collect::<Vec<_>>(),
            "warnings": checked.warnings.iter().map(row).collect::<Vec<_>>(),
        });
        if let Some(policy) = &checked.policy {
            value["mounts"] = policy.mounts.len().into();
            value["rules"] = policy.templates.len().into();
        }
        // The first error also stands at the top, for scripts that want one.
        if let Some(error) = checked.errors.first() {
            value["line"] = error.line.into();
            value["column"] = error.column.into();
            value["what"] = error.what.clone().into();
        }
        context.out.value(&value)?;
        return Ok(found);
    }
    tell(file, &text, &checked);
    match &checked.policy {
        Some(policy) => {
            let (mounts, rules, warnings) = (policy.mounts.len(), policy.templates.len(), checked.warnings.len());
            let warned = if warnings == 0 { String::new() } else { format!(", {}", count(warnings, "warning")) };
            let (mounts, rules) = (count(mounts, "mount"), count(rules, "rule"));
            context.out.line(&format!("fine: {mounts}, {rules}{warned}"))?;
        }
        None => eprintln!("{} in {}", count(checked.errors.len(), "error"), escape(&file.display().to_string())),
    }
    Ok(found)
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The images that the host of a place knows, if it has a store that can be read as it is.
fn images(place: &Place) -> Option<Vec<String>> {
    let snapshot = Snapshot::of_directory(&Directory::new(&place.data)).ok()?;
    let images = View(&snapshot).images().ok()?;
    Some(images.into_iter().map(|image| image.name).collect())
}

fn row(told: &PolicyError) -> Value {
    json!({ "line": told.line, "column": told.column, "what": told.what, "hint": told.hint })
}

/// Prints errors and warnings as a compiler does.
fn tell(file: &Path, text: &str, checked: &Checked) {
    tell_errors(file, text, &checked.errors);
    print(file, text, "warning", Colour::Bold, &checked.warnings);
}

/// Prints errors of any file that is read with places.
pub(super) fn tell_errors(file: &Path, text: &str, errors: &[PolicyError]) {
    print(file, text, "error", Colour::Red, errors);
}

fn print(file: &Path, text: &str, word: &str, colour: Colour, told: &[PolicyError]) {
    let coloured = term::coloured(stderr().is_terminal());
    for told in told {
        for line in diagnostic(word, &file.display().to_string(), text, told) {
            match line.strip_prefix(word) {
                Some(rest) => eprintln!("{}{rest}", paint(word, colour, coloured)),
                None => eprintln!("{line}"),
            }
        }
    }
}

/// What is wrong and where, the line with a mark below, and the hint; escaped.
fn diagnostic(word: &str, file: &str, text: &str, told: &PolicyError) -> Vec<String> {
    let PolicyError { line, column, what, hint } = told;
    let mut lines = vec![format!("{word}: {}:{line}:{column}: {}", escape(file), escape(what))];
    if let Some(source) = text.lines().nth(*line as usize - 1) {
        // Of a long line what is around the place.
        let from = (*column as usize - 1).saturating_sub(SHOWN_CHARACTERS_MAX / 2);
        let before: String = source.chars().skip(from).take(*column as usize - 1 - from).collect();
        let shown: String = source.chars().skip(from).take(SHOWN_CHARACTERS_MAX).collect();
        let number = line.to_string();
        let (gap, indent) = (" ".repeat(number.len()), " ".repeat(escape(&before).chars().count()));
        lines.push(format!("  {number} | {}", escape(&shown)));
        lines.push(format!("  {gap} | {indent}^"));
    }
    lines.extend(hint.iter().map(|hint| format!("  hint: {}", escape(hint))));
    lines
}

/// Shows what a changed policy file means, asks, and puts it in force.
pub fn reload(context: &Context, yes: bool) -> anyhow::Result<u8> {
    let place = context.place()?;
    let before = store::policy_in_force(&place)?.ok_or_else(|| store::not_accepted(&place))?;
    put(context, &place, Some(before), yes, "libos policy reload")
}

/// Shows what would be in force, asks, and puts it in force. `before` is the text that is in force now.
pub(super) fn put(
    context: &Context,
    place: &Place,
    before: Option<String>,
    yes: bool,
    verb: &str,
) -> anyhow::Result<u8> {
    // Read once: what is shown is what is accepted.
    let text = place.policy_text()?.ok_or_else(|| {
        Failure::usage(format!("there is no {POLICY_FILE}"))
            .at(place.workspace.display())
            .hint("`libos init` writes one")
    })?;
    let checked = Policy::check(&text, images(place).as_deref());
    let Some(policy) = &checked.policy else { return Err(wrong(place, &text, &checked, before.is_some()).into()) };
    if before.as_deref() == Some(&*text) {
        if context.out.json {
            context.out.value(&told(place, &text, false, &Meaning::default()))?;
        } else {
            context.out.line("this policy is in force already; nothing has changed")?;
        }
        return Ok(code::DONE);
    }
    let meaning = match &before {
        Some(before) => meaning(place, before, policy)?,
        None => Meaning { settings: at_first(policy), ..Meaning::default() },
    };
    if !context.out.json {
        show(context, before.as_deref(), &text, &meaning)?;
        tell(&place.policy_file(), &text, &checked);
        let old = before.as_ref().and_then(|before| Policy::parse(before).ok()).unwrap_or_default();
        if let Some(line) = starts(&old, policy) {
            context.out.line(&context.out.paint(&line, Colour::Red))?;
        }
    }
    if !yes {
        if !term::somebody_is_there() {
            return Err(Failure::usage("a person must accept the policy")
                .hint(format!("run `{verb}` on a terminal, or add --yes"))
                .into());
        }
        let answer = term::ask_now("Put this policy in force? [y/N] ")?;
        if !matches!(answer.as_deref(), Some("y" | "Y" | "yes")) {
            return Err(Failure::new(code::FAILED, "not accepted; nothing has changed").into());
        }
    }
    put_in_force(place, &text)?;
    if context.out.json {
        context.out.value(&told(place, &text, true, &meaning))?;
    } else {
        context.out.line("the policy is in force")?;
    }
    Ok(code::DONE)
}

/// Tells all errors; the failure that is left says what that means.
fn wrong(place: &Place, text: &str, checked: &Checked, is_accepted: bool) -> Failure {
    let file = place.policy_file();
    tell(&file, text, checked);
    let hint = if is_accepted { "the policy in force stays" } else { "nothing is in force, and nothing runs" };
    let at = checked.errors.first().map_or((1, 1), |error| (error.line, error.column));
    Failure::usage(format!("{POLICY_FILE} has {}", count(checked.errors.len(), "error")))
        .at(format!("{}:{}:{}", file.display(), at.0, at.1))
        .hint(format!("{hint}; mend the file and run the command again"))
}

/// What becomes of authority and settings.
#[derive(Default, Serialize)]
struct Meaning {
    new: Vec<New>,
    gone: Vec<Gone>,
    /// Allows that answered an ask that is gone.
    stays: Vec<Stays>,
    settings: Vec<String>,
}

#[derive(Serialize)]
struct Stays {
    rule: String,
    grant: String,
}

#[derive(Serialize)]
struct New {
    rule: String,
    line: u32,
    /// Live processes that a restriction reaches.
    reaches: usize,
}

#[derive(Serialize)]
struct Gone {
    rule: String,
    grant: String,
    /// Grants that hang on it.
    hanging: usize,
}

fn meaning(place: &Place, before: &str, policy: &Policy) -> anyhow::Result<Meaning> {
    // What is in force may be of another version; its lines are grants all the same.
    let old = Policy::parse(before).unwrap_or_default();
    open_as_it_is(place, policy)?;
    let snapshot = store::snapshot(place)?;
    let view = View(&snapshot);
    let processes = view.processes()?;
    let living: HashMap<Pid, &str> =
        processes.iter().filter(|row| !row.state.is_final()).map(|row| (row.pid, row.image.as_str())).collect();
    let mut grants = view.grants()?;
    grants.retain(|grant| {
        !grant.revoked
            && match &grant.holder {
                Holder::Process(pid) => living.contains_key(pid),
                Holder::Image(_) => true,
            }
    });
    let plan = Plan::new(&policy.templates, &grants);
    let hanging = policy::hanging(&grants);
    let reaches = |line: &Template| {
        let meant = |image: &str| line.image == ALL_IMAGES || line.image == image;
        if line.effect == Effect::Allow { 0 } else { living.values().filter(|image| meant(image)).count() }
    };
    let new = |line: &&Template| New { rule: line.to_string(), line: line.line, reaches: reaches(line) };
    let gone = |grant: &&Grant| Gone {
        rule: rule(grant),
        grant: grant.id.to_string(),
        hanging: hanging.get(&grant.id).copied().unwrap_or(0),
    };
    let held = Held::of(&view)?;
    let left = policy::answers_left(&plan, &grants).into_iter();
    let left = left.filter(|grant| held.why_not(grant, own::now()).is_none());
    Ok(Meaning {
        new: plan.new.iter().map(new).collect(),
        gone: plan.gone.iter().map(gone).collect(),
        stays: left.map(|grant| Stays { rule: rule(grant), grant: grant.id.to_string() }).collect(),
        settings: policy::settings(&old, policy),
    })
}

/// What a first policy says beside its rules that reaches beyond the sandbox.
fn at_first(policy: &Policy) -> Vec<String> {
    let beyond = Policy { audit: policy.audit.clone(), accepted: policy.accepted, ..Policy::default() };
    policy::settings(&Policy::default(), &beyond)
}

/// The program that a policy has started, if it had not before: it stands right above the question, for it needs no rule.
fn starts(old: &Policy, new: &Policy) -> Option<String> {
    let Some(Witness::Command(words)) = &new.audit.witness else { return None };
    let shown = |word: &String| match escape(word) {
        plain if !plain.is_empty() && !plain.contains([' ', '"']) => plain,
        other => format!("\"{}\"", other.replace('"', "\\\"")),
    };
    let words: Vec<String> = words.iter().map(shown).collect();
    let is_new = old.audit.witness != new.audit.witness;
    is_new.then(|| format!("starts this program, outside the sandbox, as you: {}", words.join(" ")))
}

/// The line of a grant, as a new one is shown.
fn rule(grant: &Grant) -> String {
    let Grant { effect, rights, pattern, holder, .. } = grant;
    let whose = match holder {
        Holder::Image(image) => format!("image {image}"),
        Holder::Process(pid) => format!("process {pid}"),
    };
    format!("{} {rights} {pattern} ({whose})", effect.word())
}

/// The text that changes, and what that means. A policy file may come from anybody.
fn show(context: &Context, before: Option<&str>, text: &str, meaning: &Meaning) -> anyhow::Result<()> {
    let out = &context.out;
    let red = |text: String| out.paint(&text, Colour::Red);
    let green = |text: String| out.paint(&text, Colour::Green);
    let Some(before) = before else {
        for line in text.lines() {
            out.line(&escape(line))?;
        }
        let settings: String = meaning.settings.iter().map(|line| format!("\n  {}", escape(line))).collect();
        if !settings.is_empty() {
            out.line(&format!("\nwhat is not about rules:{settings}\n"))?;
        }
        return Ok(());
    };
    for line in diff::with_context(&diff::lines(before, text), CONTEXT_LINES) {
        match line {
            Some(Line::Same(line)) => out.line(&format!("  {}", escape(line)))?,
            Some(Line::Gone(line)) => out.line(&red(format!("- {}", escape(line))))?,
            Some(Line::New(line)) => out.line(&green(format!("+ {}", escape(line))))?,
            None => out.line("  ...")?,
        }
    }
    out.line("")?;
    let Meaning { new, gone, stays, settings } = meaning;
    let nothing = new.is_empty() && gone.is_empty() && settings.is_empty();
    out.line(if nothing { "what that means: nothing that anybody may do changes" } else { "what that means:" })?;
    for Gone { rule, grant, hanging } in gone {
        let more = match hanging {
            0 => String::new(),
            1 => " and 1 grant that hangs on it".into(),
            many => format!(" and {many} grants that hang on it"),
        };
        out.line(&red(format!("- {}: revokes {grant}{more}", escape(rule))))?;
    }
    for Stays { rule, grant } in stays {
        let how = format!("libos revoke {grant}");
        out.line(&format!("  {} stays in force, without the ask that it answered; to end it: {how}", escape(rule)))?;
    }
    for New { rule, reaches, .. } in new {
        let whom = match reaches {
            0 => String::new(),
            1 => ": reaches 1 live process".into(),
            many => format!(": reaches {many} live processes"),
        };
        out.line(&green(format!("+ {}{whom}", escape(rule))))?;
    }
    for line in settings {
        out.line(&format!("  {}", escape(line)))?;
    }
    Ok(out.line("")?)
}

fn told(place: &Place, text: &str, changed: bool, meaning: &Meaning) -> Value {
    let policy = libos_kernel::model::id::hex(&policy::digest(text));
    json!({ "id": place.workspace, "data": place.data, "policy": policy, "changed": changed, "meaning": meaning })
}

/// Gives the policy to the host that runs, or opens the store under it.
pub(super) fn put_in_force(place: &Place, text: &str) -> anyhow::Result<()> {
    place.make_data()?;
    let policy = Policy::parse(text).map_err(|error| Failure::usage(format!("{POLICY_FILE}: {error}")))?;
    block_on(async {
        let session = Session::new(place.clone());
        if session.somebody_listens().await {
            let event = session.ask(Request::Policy { text: text.to_owned() }).await?;
            debug_assert!(matches!(event, Event::Changed { .. }));
            return Ok(());
        }
        recover_first(place, &policy)?;
        // Nothing runs before the rules are those of the mounts.
        let host = Host::open(place, &policy, false)?;
        let done = host.kernel().set_policy(text)?;
        host.kernel().durable(done.durable).await.map_err(HostError::from)?;
        host.close().await;
        drop(host);
        let host = Host::open(place, &policy, true)?;
        let installed = host.install_standard_tools().await;
        host.close().await;
        installed
    })
}

/// What a crash left open is found out under the mounts that it was begun with.
fn recover_first(place: &Place, policy: &Policy) -> anyhow::Result<()> {
    if store::policy_in_force(place)?.is_none() {
        return Ok(());
    }
    open_as_it_is(place, policy)?;
    let effects = View(&store::snapshot(place)?).effects()?;
    let open: BTreeSet<_> = effects
        .iter()
        .filter(|effect| matches!(effect.state, EffectState::Prepared | EffectState::Dispatched))
        .map(|effect| effect.id)
        .collect();
    if open.is_empty() { Ok(()) } else { open_under_old(place, policy) }
}

/// Recovers a store that was not closed, under the policy in force. What the new one accepts to do without is accepted for
/// that too, or nobody could ever accept it.
fn open_as_it_is(place: &Place, policy: &Policy) -> anyhow::Result<()> {
    if Snapshot::of_directory(&Directory::new(&place.data)).is_ok() { Ok(()) } else { open_under_old(place, policy) }
}

fn open_under_old(place: &Place, policy: &Policy) -> anyhow::Result<()> {
    let Some(text) = store::policy_in_force(place)? else { return Ok(()) };
    let Ok(old) = Policy::parse(&text) else { return Ok(()) };
    let old = Policy { accepted: policy.accepted, ..old };
    match Host::open(place, &old, false) {
        Ok(host) => host.kernel().shutdown(),
        // Another command recovers it.
        Err(error) if store::is_busy(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_a_policy_starts_is_named_when_it_is_new() {
        let read = |text: &str| Policy::parse(text).unwrap();
        let with = read("[audit]\nwitness = [\"/bin/sh\", \"-c\", \"x\\u001b \\\"y\"]\n");
        let line = starts(&Policy::default(), &with).unwrap();
        assert!(line.ends_with("outside the sandbox, as you: /bin/sh -c \"x\\u{1b} \\\"y\""), "{line}");
        assert_eq!(starts(&with, &with), None);
        assert_eq!(starts(&with, &Policy::default()), None);
        let told = at_first(&with).join("\n");
        assert!(told.contains("nowhere -> the program /bin/sh"), "{told}");
        assert!(at_first(&read("[mounts]\na = \".\"\n")).is_empty());
    }

    #[test]
    fn a_diagnostic_shows_the_line_and_marks_the_place() {
        let text = "[image.base]\nallow = [\"wirte fs:w\"]\n";
        let error = Policy::parse(text).unwrap_err();
        assert_eq!(
            diagnostic("error", "libos.toml", text, &error),
            [
                "error: libos.toml:2:10: 'wirte' is no right",
                "  2 | allow = [\"wirte fs:w\"]",
                "    |          ^",
                "  hint: did you mean 'write'?"
            ]
        );
        // Nothing of the file reaches the terminal as it is, and the mark stays below its place.
        let evil = format!("{}\u{1b}[2J\u{202e} = ", "x".repeat(500));
        let told = PolicyError { line: 1, column: 503, what: "a\u{1b}b".into(), hint: None };
        let shown = diagnostic("error", "\u{1b}f", &evil, &told);
        assert!(shown.iter().all(|line| !line.contains(['\u{1b}', '\u{202e}'])), "{shown:?}");
        let mark = shown[2].find('^').unwrap();
        assert!(shown[1][..mark].ends_with("x\\u{1b}["), "{shown:?}");
    }
}
