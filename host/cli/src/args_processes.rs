//! The command line, continued: what is about processes and what happened to them.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use libos_kernel::model::event::Wanted;
use libos_kernel::model::id::{CallId, CheckpointId, EffectId, Pid, Seq};
use libos_kernel::model::process::Signal;
use libos_kernel::model::purse::{Coin, parse_amount};
use std::time::Duration;

#[derive(Debug, ClapArgs)]
pub struct EventsArgs {
    /// Go on as it happens.
    #[arg(long)]
    pub follow: bool,
    /// The first record to show.
    #[arg(long, value_name = "SEQ")]
    pub from: Option<Seq>,
    /// Only what happened so long ago at most: 30s, 15m, 1h, 7d.
    #[arg(long, value_name = "TIME", value_parser = crate::duration::parse)]
    pub since: Option<Duration>,
    /// Only this kind (call.ended), or all of a family (call); several mean any of them.
    #[arg(long = "kind", value_name = "KIND", value_parser = Wanted::parse)]
    pub wanted: Vec<Wanted>,
    /// Only what a process did or what happened to it.
    #[arg(long, value_name = "PID")]
    pub pid: Option<Pid>,
    /// Also of all processes that come from it.
    #[arg(long, requires = "pid")]
    pub tree: bool,
    /// Only of this call.
    #[arg(long, value_name = "CALL")]
    pub call: Option<CallId>,
    /// Print the kinds that there are, and nothing else.
    #[arg(long, conflicts_with_all = ["follow", "from", "since", "wanted", "pid", "call"])]
    pub kinds: bool,
}

#[derive(Debug, ClapArgs)]
pub struct SignalArgs {
    pub pid: Pid,
    /// pause: nothing of it runs until resume, and nothing is lost. interrupt: its waits for time, messages and children end with an
    /// error. cancel: as interrupt, and it ends when its present calls have ended, its children too. kill: it ends at once, its children
    /// too.
    #[arg(value_name = "SIGNAL", value_parser = parse_signal)]
    pub signal: Signal,
    /// Why: it is noted in the log and in the state of the process. Cut to 1024 bytes.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}

fn parse_signal(word: &str) -> Result<Signal, String> {
    Signal::parse(word).ok_or_else(|| {
        let words: Vec<&str> = Signal::ALL.iter().map(|signal| signal.word()).collect();
        format!("'{word}' is no signal; there are {}", words.join(", "))
    })
}

#[derive(Debug, Subcommand)]
pub enum CheckpointVerb {
    /// Take one of a process and all below it, now. Calls in flight are noted in it.
    Create {
        pid: Pid,
        /// Why, for those who read the list.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// List them, all or of a process.
    List { pid: Option<Pid> },
    /// Show what is in one.
    Show { id: CheckpointId },
    /// Go back to one: the same processes, as they were. Their calls are cut off and their questions withdrawn; what was made since
    /// ends, what has ended since stays so, and what was revoked or used up stays so. What was done outside since is listed.
    Restore { id: CheckpointId },
    /// Begin again from one: new processes that see what was there then and change copies. They get children of the grants that their
    /// sources still have, but of those that count their uses.
    Fork {
        id: CheckpointId,
        /// What they may spend together, for example tool-calls=100; no bound if nothing is said.
        #[arg(long = "budget", value_name = "KIND=N", value_parser = parse_amount)]
        budget: Vec<(Coin, u64)>,
    },
    /// Show how the second differs from the first.
    Diff { first: CheckpointId, second: CheckpointId },
    /// Make an image of one: the tools of its process, and its objects as memory to begin with. It grants nothing.
    Commit { id: CheckpointId, image: String },
    /// Remove one, and the versions of objects that nothing else shows.
    Rm { id: CheckpointId },
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct EffectsArgs {
    #[command(subcommand)]
    pub verb: Option<EffectsVerb>,
    /// Only those of which nobody knows whether they happened.
    #[arg(long)]
    pub unknown: bool,
    /// Only those of this call.
    #[arg(long, value_name = "ID")]
    pub call: Option<CallId>,
}

#[derive(Debug, Subcommand)]
pub enum EffectsVerb {
    /// Show an effect.
    Show { id: EffectId },
    /// Say, after a look outside, whether an unknown effect happened. If it did not, its uses are given back. A call that has not been
    /// told yet goes on accordingly.
    Settle {
        id: EffectId,
        #[arg(value_name = "OUTCOME")]
        outcome: SettleWord,
        /// How you know.
        #[arg(long, value_name = "N")]
        note: Option<String>,
    },
}

/// What a person found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SettleWord {
    Done,
    NotDone,
}
