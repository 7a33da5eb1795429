//! What a preset of `run` gives: lines of authority for one process, written out so that they can be read before it starts.

use crate::args::{Preset, RunArgs};
use crate::error::Failure;
use libos_kernel::model::given::{Given, GivenLine};
use libos_kernel::model::grant::Effect;
use libos_kernel::model::preview::escape;
use libos_kernel::model::rule::Rule;

/// Effect, rule, and the presets that have it.
type Line = (Effect, &'static str, &'static [Preset]);

const ALL: &[Preset] = &[Preset::ReadOnly, Preset::Edit, Preset::Full];
const NO_PROGRAMS: &[Preset] = &[Preset::ReadOnly, Preset::Edit];
const WRITING: &[Preset] = &[Preset::Edit, Preset::Full];
const FULL: &[Preset] = &[Preset::Full];

/// A history may hold secrets that were taken out again, and its hooks and settings are run by people: programs need it, nothing else does.
const LINES: [Line; 8] = [
    (Effect::Allow, "read,list fs:workspace/**", ALL),
    (Effect::Allow, "write,delete fs:workspace/**", WRITING),
    (Effect::Allow, "execute shell:**", FULL),
    (Effect::Allow, "ask,tell human:owner", ALL),
    (Effect::Allow, "sleep clock:sleep", ALL),
    (Effect::Ask, "write,delete fs:workspace/.git/**", FULL),
    (Effect::Deny, "read,list,write,delete fs:workspace/.git/**", NO_PROGRAMS),
    (Effect::Deny, "read,list,write,delete fs:workspace/.env", ALL),
];

/// The preset's word, as it is typed.
pub fn word(preset: Preset) -> &'static str {
    match preset {
        Preset::None => "none",
        Preset::ReadOnly => "read-only",
        Preset::Edit => "edit",
        Preset::Full => "full",
    }
}

/// All that a command gives: the preset, the model that chooses, and what its flags say.
///
/// # Errors
/// A line is none; never, unless a model's profile has no name.
pub fn given(preset: Preset, profile: Option<&str>, args: &RunArgs) -> Result<Given, Failure> {
    let mut lines = Vec::new();
    for (effect, text, _) in LINES.iter().filter(|(_, _, presets)| presets.contains(&preset)) {
        lines.push(GivenLine::new(*effect, Rule::parse(text).map_err(Failure::cannot)?));
    }
    if let Some(profile) = profile {
        let rule = Rule::parse(&format!("use model:{profile}")).map_err(Failure::usage)?;
        lines.push(GivenLine::new(Effect::Allow, rule));
    }
    let allows =
        args.grant.iter().map(|rule| GivenLine { answers: true, ..GivenLine::new(Effect::Allow, rule.clone()) });
    let asks = args.ask.iter().map(|rule| GivenLine::new(Effect::Ask, rule.clone()));
    let denies = args.deny.iter().map(|rule| GivenLine::new(Effect::Deny, rule.clone()));
    lines.extend(allows.chain(asks).chain(denies));
    Ok(Given { lines, budget: args.budget.iter().copied().collect() })
}

/// What is given, as a few lines for a person; none if it is nothing.
pub fn block(given: &Given, policy_lines: usize) -> Vec<String> {
    let mut block = Vec::new();
    for (title, effect) in [("may", Effect::Allow), ("asks", Effect::Ask), ("never", Effect::Deny)] {
        let lines = given.lines.iter().filter(|line| line.effect == effect);
        for (index, line) in lines.enumerate() {
            let title = if index == 0 { title } else { "" };
            let unasked = if line.answers { "  (without being asked)" } else { "" };
            block.push(format!("  {title:6} {}{unasked}", escape(&line.rule.to_string())));
        }
    }
    if !given.budget.is_empty() {
        let amounts: Vec<String> = given.budget.iter().map(|(coin, amount)| format!("{coin}={amount}")).collect();
        block.push(format!("  {:6} {}", "spends", amounts.join(" ")));
    }
    match policy_lines {
        0 => {}
        1 => block.push(format!("  {:6} 1 rule of libos.toml or `libos grant` for this image", "and")),
        many => block.push(format!("  {:6} {many} rules of libos.toml or `libos grant` for this image", "and")),
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;
    use libos_kernel::model::purse::Coin;
    use libos_kernel::model::resource::{Kind, Pattern, Resource};
    use libos_kernel::model::right::{Right, Rights};

    fn args(line: &str) -> RunArgs {
        match Args::parse_from(line.split(' ')).verb {
            crate::args::Verb::Run(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_preset_gives_what_its_name_says_and_nothing_outside_the_workspace() {
        let bare = args("libos run coding g");
        let workspace = Pattern::below(&Resource::new(Kind::Fs, "workspace")).unwrap();
        for (preset, want) in [
            (Preset::None, ""),
            (Preset::ReadOnly, "read,list"),
            (Preset::Edit, "read,list,write,delete"),
            (Preset::Full, "read,list,write,delete"),
        ] {
            let lines = given(preset, None, &bare).unwrap().lines;
            let allows = || lines.iter().filter(|line| line.effect == Effect::Allow);
            let files = || allows().filter(|line| line.rule.pattern.kind() == Kind::Fs);
            let rights: Vec<Right> = files().flat_map(|line| line.rule.rights.iter()).collect();
            let want = Rights::parse(want).unwrap_or(Rights::of(&[]));
            assert_eq!(Rights::of(&rights), want, "{preset:?}");
            assert!(files().all(|line| workspace.contains(&line.rule.pattern)), "{preset:?}");
            let programs = allows().any(|line| line.rule.pattern.kind() == Kind::Shell);
            assert_eq!(programs, preset == Preset::Full);
            let known = [Kind::Fs, Kind::Shell, Kind::Human, Kind::Clock];
            assert!(allows().all(|line| known.contains(&line.rule.pattern.kind())), "{preset:?}");
            assert!(lines.iter().all(|line| !line.answers), "a preset answers nothing that is asked");
            let is_env_denied =
                lines.iter().any(|line| line.effect == Effect::Deny && line.rule.pattern.to_string().ends_with(".env"));
            assert_eq!(is_env_denied, preset != Preset::None);
        }
    }

    #[test]
    fn what_is_given_is_told_in_full() {
        let args = RunArgs {
            grant: vec![Rule::parse("write fs:workspace/notes/**").unwrap()],
            ask: vec![Rule::parse("delete fs:workspace/notes/**").unwrap()],
            deny: vec![Rule::parse("read fs:workspace/x\u{430}").unwrap()],
            ..args("libos run coding g --budget tokens=5 --budget money=7")
        };
        let given = given(Preset::None, Some("default"), &args).unwrap();
        assert_eq!(given.budget, [(Coin::Tokens, 5), (Coin::Money, 7)].into());
        assert_eq!(
            block(&given, 2),
            [
                "  may    use model:default",
                "         write fs:workspace/notes/**  (without being asked)",
                "  asks   delete fs:workspace/notes/**",
                "  never  read fs:workspace/x\u{430}",
                "  spends tokens=5 money=7",
                "  and    2 rules of libos.toml or `libos grant` for this image"
            ]
        );
        assert!(block(&Given::default(), 0).is_empty());
    }
}
