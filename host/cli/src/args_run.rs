//! The command line of `run` and `demo`.

use clap::{Args as ClapArgs, ValueEnum};
use libos_kernel::model::id::Pid;
use libos_kernel::model::purse::{self, Coin};
use libos_kernel::model::rule::Rule;
use std::path::PathBuf;

/// Examples below the help of `run`.
pub const RUN_HELP: &str = "\
What it may do is what libos.toml grants to the image, and what this command adds for this one process:
  --preset read-only  read and list the workspace, but for .git and .env; ask and tell you; sleep
  --preset edit       also write and delete there, but for .git and .env
  --preset full       also run programs, confined, as far as libos.toml lets it; .git may be read, and changed if you say yes
  --preset none       nothing
Without --preset: read-only if no rule of libos.toml or of `libos grant` is about the image, else none. Rules of libos.toml that deny or ask \
hold over every preset. A rule of --grant answers what is asked otherwise, as `libos grant` does; nothing answers what is denied.

Examples:
  libos run coding 'Why does the test of the parser fail?'
  libos run coding 'Repair the parser.' --preset edit --budget tokens=200000
  libos run coding 'Write the notes.' --grant 'write fs:workspace/notes/**' --ask 'delete fs:workspace/notes/**'

Where no libos.toml is, this directory becomes a workspace, as by `libos init`. One that is there and was not accepted is shown first, as by \
`libos trust`. Ctrl-C pauses after the present step, a second one leaves at once; the same command goes on with it. Answers stay in the \
inbox if nobody is at the terminal.";

#[derive(Debug, ClapArgs)]
#[command(after_long_help = RUN_HELP)]
pub struct RunArgs {
    /// What the process is started from: its tools and its rules.
    #[arg(required_unless_present = "pid")]
    pub image: Option<String>,
    /// What it is for.
    #[arg(required_unless_present = "pid")]
    pub goal: Option<String>,
    /// Go on with a process that is there, instead of starting one.
    #[arg(long, value_name = "PID", conflicts_with_all = ["image", "goal", "planner", "new", "preset", "grant", "ask", "deny", "budget"])]
    pub pid: Option<Pid>,
    /// Who chooses what it does: model:PROFILE, or script:FILE with one JSON object a line: {"tool": NAME, "args": {...}, "expect": {...}},
    /// {"calls": [...]} for tools at the same time, or {"exit": RESULT}. {"$from": [LINE, "/pointer"]} stands for a part of the result of an
    /// earlier line. What the image says, if left out.
    #[arg(long, value_name = "PLANNER", value_parser = planner)]
    pub planner: Option<PlannerText>,
    /// What this process may do beyond libos.toml.
    #[arg(long)]
    pub preset: Option<Preset>,
    /// Allow this process one thing more, for example 'write fs:workspace/notes/**'; can be said several times, as the next two.
    #[arg(long, value_name = "RULE", value_parser = Rule::parse)]
    pub grant: Vec<Rule>,
    /// Ask before this process does this.
    #[arg(long, value_name = "RULE", value_parser = Rule::parse)]
    pub ask: Vec<Rule>,
    /// Refuse this process this, whatever else is granted.
    #[arg(long, value_name = "RULE", value_parser = Rule::parse)]
    pub deny: Vec<Rule>,
    /// What it may spend with all below it, for example tokens=200000; can be said several times.
    #[arg(long, value_name = "KIND=N", value_parser = purse::parse_amount)]
    pub budget: Vec<(Coin, u64)>,
    /// Print the process's number and let it go on without this command.
    #[arg(long)]
    pub detach: bool,
    /// Start another process, also if one that the same command started still lives.
    #[arg(long)]
    pub new: bool,
}

/// What a process is given as it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Nothing.
    None,
    /// Look at the workspace.
    ReadOnly,
    /// Change it.
    Edit,
    /// Run programs there.
    Full,
}

/// Who chooses what a process does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannerText {
    Script(PathBuf),
    /// The name of a profile.
    Model(String),
}

fn planner(text: &str) -> Result<PlannerText, String> {
    match text.split_once(':') {
        Some(("script", file)) if !file.is_empty() => Ok(PlannerText::Script(file.into())),
        Some(("model", profile)) if !profile.is_empty() => Ok(PlannerText::Model(profile.to_owned())),
        _ => Err("it is model:PROFILE or script:FILE".into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::args::Args;
    use clap::Parser;

    #[test]
    fn lines_of_run_are_understood_or_refused() {
        for (line, is_fine) in [
            ("run coding goal", true),
            ("run coding goal --preset read-only --budget tokens=5 --budget money=7", true),
            ("run coding goal --planner model:default --preset none --new", true),
            ("run --pid p3", true),
            ("demo", true),
            ("demo copy", true),
            ("run coding", false),
            ("run coding goal --preset all", false),
            ("run coding goal --grant read", false),
            ("run coding goal --grant fly:x", false),
            ("run --pid p3 --preset full", false),
            ("run coding goal --planner model:", false),
        ] {
            let words = std::iter::once("libos").chain(line.split(' '));
            assert_eq!(Args::try_parse_from(words).is_ok(), is_fine, "{line}");
        }
        let rule = [
            "libos",
            "run",
            "coding",
            "goal",
            "--grant",
            "read,list fs:workspace/x/**",
            "--deny",
            "write fs:workspace/y",
        ];
        assert!(Args::try_parse_from(rule).is_ok());
    }
}
