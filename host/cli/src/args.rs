//! The command line, as a contract: verbs, options and their help.

pub use crate::args_processes::{EffectsArgs, EffectsVerb, SettleWord};
pub use crate::args_run::{PlannerText, Preset, RunArgs};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use libos_kernel::model::call::Approval;
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CallId, GrantId, Pid, QuestionId, Seq};
use libos_kernel::model::purse::{self, Coin};
use libos_kernel::model::resource::{Pattern, Resource};
use libos_kernel::model::right::{Right, Rights};
use std::path::PathBuf;
use std::time::Duration;

/// Runs the tools of LLM agents in a sandbox: nothing happens that a rule does not allow, and everything leaves a record.
#[derive(Debug, Parser)]
#[command(name = "libos", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the tool failed, 2 usage, 3 denied, 4 waiting for a person, 5 the host cannot, 130 interrupted.";

const BACKUP_HELP: &str = "The copy is a data directory of one moment: `libos --data DIR` opens it. The first command that changes \
something there takes it over: since the original may have gone on, calls that had not ended are cancelled, effects without an outcome are \
unknown, and grants for a number of uses are revoked; a record host.restored says so. Nothing runs twice because of a copy. Do not let two \
hosts go on from one store by other means: a copy that was not made by this command cannot be told from the original, and both would \
resume the same calls, use the same grants and give their effects the same keys. Keys and secrets outside the data directory are not in \
the copy.";

/// Options of every verb.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The data directory, instead of the one that belongs to the workspace.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The directory of libos.toml, instead of the nearest one above.
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// Print JSON: one value, or one a line with --follow.
    #[arg(long, global = true)]
    pub json: bool,
    /// What becomes of a question when nobody is at the terminal.
    #[arg(long, global = true, value_name = "WHAT", default_value = "queue")]
    pub unattended: Unattended,
}

/// What becomes of a question when nobody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Unattended {
    /// It waits in the inbox.
    Queue,
    /// It is answered with no.
    Deny,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a commented libos.toml and make the data directory.
    Init { dir: Option<PathBuf> },
    /// Show the policy of a workspace that is not accepted yet, and put it in force.
    Trust {
        dir: Option<PathBuf>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show what this machine offers, what is missing and what that weakens.
    Doctor,
    /// Tools: add, list, inspect, remove.
    #[command(subcommand)]
    Tool(ToolVerb),
    /// Call a tool and print its result.
    Call(CallArgs),
    /// Run a process with a goal to its end, and print its result. The same command goes on with what it started.
    Run(RunArgs),
    /// Play a story that shows one thing, without a model, in a directory of its own; without a name list them.
    Demo { name: Option<String> },
    /// List processes.
    Ps {
        /// Also those that have ended.
        #[arg(long)]
        all: bool,
        /// Each below its parent.
        #[arg(long)]
        tree: bool,
    },
    /// Show a process whole: what it is for, what it waits for, what it has and may do.
    Show { pid: Pid },
    /// Show what waits for a person.
    Inbox {
        /// One question, with all that it is about.
        #[arg(conflicts_with_all = ["follow", "all"])]
        id: Option<QuestionId>,
        /// Go on as questions come.
        #[arg(long)]
        follow: bool,
        /// Also notes, and questions that were answered or withdrawn.
        #[arg(long)]
        all: bool,
        /// So many of the open ones, the oldest first; 100 in a table, all as JSON, if nothing is said.
        #[arg(long, value_name = "N", conflicts_with_all = ["all", "follow", "id"])]
        limit: Option<usize>,
    },
    /// Answer a question.
    Answer(AnswerArgs),
    /// Show what a process may still spend and whose purse that is; put more in.
    Budget(BudgetArgs),
    /// Give, ask about or deny rights.
    Grant(GrantArgs),
    /// List the grants in force.
    Grants {
        /// A process (p7) or image:NAME.
        holder: Option<Holder>,
        /// Also what is revoked, expired or used up, and grants of processes that have ended.
        #[arg(long)]
        all: bool,
    },
    /// Say why something is allowed, asked or refused, and what would allow it.
    Explain(ExplainArgs),
    /// Revoke a grant and all that hangs on it.
    Revoke { id: GrantId },
    /// List calls; show, cancel, resume or export them.
    Calls(CallsArgs),
    /// List what was done outside; show one effect, or settle one of which nobody knows whether it happened.
    Effects(EffectsArgs),
    /// Run the tool of exported calls again on the recorded answers alone, and tell the first difference. Nothing is decided or done;
    /// exit code 0 if all is the same, 1 if not.
    Replay(ReplayArgs),
    /// List objects, all or of a process.
    Objects { pid: Option<Pid> },
    /// One object.
    #[command(subcommand)]
    Object(ObjectVerb),
    /// Images: add, list, show, rm.
    #[command(subcommand)]
    Image(ImageVerb),
    /// Pause, resume, interrupt, cancel or kill a process.
    Signal(crate::args_processes::SignalArgs),
    /// Checkpoints: create, list, show, restore, fork, diff, commit, remove.
    #[command(subcommand)]
    Checkpoint(crate::args_processes::CheckpointVerb),
    /// Show what happened, a line an event: the last 50, or all from a place on.
    Events(crate::args_processes::EventsArgs),
    /// The log: show it, or check that nobody changed it.
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Drop what has ended and is older than [retain] in libos.toml says, and make the store smaller. The log stays.
    Gc {
        /// Only say what would go.
        #[arg(long)]
        dry_run: bool,
        /// Calls, questions and processes that ended so long ago, whatever the policy keeps: 12h, 30d.
        #[arg(long, value_name = "TIME", value_parser = crate::duration::parse)]
        older_than: Option<Duration>,
    },
    /// Copy the store and its payload files into a new directory, also while a host runs.
    #[command(after_long_help = BACKUP_HELP)]
    Backup {
        /// The directory to make; nothing may be there.
        dir: PathBuf,
    },
    /// Run a host until Ctrl-C, so that other commands share it.
    Serve {
        /// Run this process, and end when nothing runs any more.
        #[arg(long = "for", hide = true, value_name = "PID")]
        only: Option<Pid>,
    },
    /// Policies.
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// Print completions for a shell.
    Completions { shell: clap_complete::Shell },
    /// Checks the log in a process of its own, which a damaged store may end; for audit verify.
    #[command(hide = true, name = "check-log")]
    CheckLog {
        #[arg(long)]
        witness: Option<PathBuf>,
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum ToolVerb {
    /// Add the tools of a component, or of a script in TypeScript or JavaScript.
    Add {
        /// A component (.wasm), or the first module of a script (.ts, .mts, .js, .mjs).
        file: PathBuf,
        /// Another name, for a file with one tool.
        #[arg(long)]
        name: Option<String>,
    },
    /// List tools.
    List,
    /// Show what a tool or component can ever do.
    Inspect {
        /// A file, or the name of a tool.
        #[arg(value_name = "FILE|NAME")]
        what: String,
        /// Print what its author wrote; for a tool that is a script.
        #[arg(long)]
        source: bool,
    },
    /// Remove a tool.
    Rm { name: String },
    /// Make a tool that a process registered one of the host, for images.
    Promote {
        pid: Pid,
        name: String,
        /// What the host calls it; as the process does, if left out.
        #[arg(long = "name", value_name = "NEW")]
        new: Option<String>,
    },
}

#[derive(Debug, ClapArgs)]
pub struct CallArgs {
    pub tool: String,
    /// The arguments, as JSON; `-` reads them from standard input.
    #[arg(value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    pub arguments: String,
    /// Keep every request and every answer, so that the call can be exported: see `calls export` and `replay`.
    #[arg(long)]
    pub keep: bool,
    /// Call for this process.
    #[arg(long = "as", value_name = "PID", conflicts_with = "image")]
    pub pid: Option<Pid>,
    /// Call for a new process of this image.
    #[arg(long, default_value = libos_kernel::model::image::BASE)]
    pub image: String,
}

#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("reaction").required(true).args(["approval", "text"]))]
pub struct AnswerArgs {
    pub id: QuestionId,
    /// Yes once (allow), yes from now on (always), no, and the same is not asked again by this process (deny), or no from now on (never).
    #[arg(value_name = "ANSWER")]
    pub approval: Option<ApprovalWord>,
    /// The answer to an open question.
    #[arg(long, value_name = "T")]
    pub text: Option<String>,
    /// A note to whoever asked.
    #[arg(long, value_name = "N", conflicts_with = "text")]
    pub note: Option<String>,
    /// Do not run the call that waited.
    #[arg(long)]
    pub no_run: bool,
}

/// The words for the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApprovalWord {
    Allow,
    Always,
    Deny,
    Never,
}

impl From<ApprovalWord> for Approval {
    fn from(word: ApprovalWord) -> Approval {
        match word {
            ApprovalWord::Allow => Approval::Allow,
            ApprovalWord::Always => Approval::Always,
            ApprovalWord::Deny => Approval::Deny,
            ApprovalWord::Never => Approval::Never,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub struct BudgetArgs {
    pub pid: Pid,
    /// Put more in, for example tool-calls=10; processes that stand still for want of it go on.
    #[arg(long, value_name = "KIND=N", num_args = 1.., value_parser = purse::parse_amount)]
    pub add: Vec<(Coin, u64)>,
    /// Make what is left of a kind this much; a kind without bound gets one by that.
    #[arg(long, value_name = "KIND=N", num_args = 1.., value_parser = purse::parse_amount)]
    pub set: Vec<(Coin, u64)>,
}

#[derive(Debug, ClapArgs)]
pub struct GrantArgs {
    /// A process (p7), or image:NAME for all that will be started from it.
    pub holder: Holder,
    /// For example read,list.
    #[arg(value_parser = parse_rights)]
    pub rights: Rights,
    /// For example fs:workspace/src/**.
    #[arg(value_parser = Pattern::parse)]
    pub resource: Pattern,
    /// For one use.
    #[arg(long, conflicts_with = "uses")]
    pub once: bool,
    /// For so many uses.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub uses: Option<u32>,
    /// For so long: 30s, 15m, 1h, 7d.
    #[arg(long, value_name = "TIME", value_parser = crate::duration::parse)]
    pub expires: Option<Duration>,
    /// Ask a person each time.
    #[arg(long, conflicts_with = "deny")]
    pub ask: bool,
    /// Refuse, whatever else is granted.
    #[arg(long)]
    pub deny: bool,
    /// Only for calls of this tool, as it is now.
    #[arg(long, value_name = "NAME")]
    pub only_tool: Option<String>,
    /// Hand over what this process has: never more, with its restrictions, and as long as it has it. Of a grant that counts its uses,
    /// as many as --uses says.
    #[arg(long, value_name = "PID", conflicts_with_all = ["ask", "deny", "only_tool"])]
    pub from: Option<Pid>,
}

#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// A process (p7), or image:NAME for what will be started from it.
    pub holder: Holder,
    /// For example write.
    #[arg(value_parser = parse_right)]
    pub right: Right,
    /// For example fs:workspace/src/main.rs.
    #[arg(value_parser = parse_resource)]
    pub resource: Resource,
    /// In the name of this tool: with the grants that are only for it, and within what it declares.
    #[arg(long, value_name = "NAME")]
    pub tool: Option<String>,
    /// Also everything below it, as for removing or moving a directory.
    #[arg(long)]
    pub below: bool,
}

fn parse_right(text: &str) -> Result<Right, String> {
    Right::parse(text).ok_or_else(|| format!("'{text}' is no right; an example is write"))
}

/// A name without wildcards.
fn parse_resource(text: &str) -> Result<Resource, String> {
    let pattern = Pattern::parse(text).map_err(|error| error.to_string())?;
    let (_, path) = text.split_once(':').unwrap_or_default();
    let resource = Resource::new(pattern.kind(), path.trim_start_matches('/'));
    match Pattern::exact(&resource) {
        Some(_) => Ok(resource),
        None => Err("name one thing, without '*'".into()),
    }
}

fn parse_rights(text: &str) -> Result<Rights, String> {
    Rights::parse(text).map_err(|word| format!("'{word}' is no right; an example is read,list"))
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CallsArgs {
    #[command(subcommand)]
    pub verb: Option<CallsVerb>,
    /// Only those that wait.
    #[arg(long, conflicts_with = "resume")]
    pub waiting: bool,
    /// Run on what was interrupted or sleeps: these calls, or all of them.
    #[arg(long, value_name = "ID", num_args = 0..)]
    pub resume: Option<Vec<CallId>>,
}

#[derive(Debug, Subcommand)]
pub enum CallsVerb {
    /// Show a call as what happened in order: arguments, imports, waits, questions, log, result.
    Show { id: CallId },
    /// End a call.
    Cancel { id: CallId },
    /// Write a call that was kept (`call --keep`) and has ended to a file that `replay` runs a tool against. The file holds everything
    /// that the tool saw and wrote.
    Export {
        id: CallId,
        /// A new file; `-` is standard output.
        file: PathBuf,
    },
}

#[derive(Debug, ClapArgs)]
pub struct ReplayArgs {
    /// Files that `calls export` wrote.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Another build of the component, or the changed script, to be run instead of the recorded one.
    #[arg(long, value_name = "NEW.wasm|NEW.ts")]
    pub tool: Option<PathBuf>,
    /// A component or a script that is not one of the standard tools and that no workspace here has, found by its digest.
    #[arg(long = "component", value_name = "FILE")]
    pub components: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ObjectVerb {
    /// Show an object and its content.
    Show { name: String },
}

#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    /// Add the image that a file describes: TOML, or YAML if its name ends in .yaml or .yml.
    Add {
        file: PathBuf,
        /// Also if a version of that number is there and says something else. What was started from that one keeps it.
        #[arg(long)]
        replace: bool,
    },
    /// List images.
    List,
    /// Show an image: what it says, and what it needs that nothing grants.
    Show { name: String },
    /// Take an image away. Processes that were started from it keep it.
    Rm { name: String },
}

#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Print the records.
    Show {
        /// The first record to show.
        #[arg(long, value_name = "N", default_value_t = 0)]
        from: Seq,
    },
    /// Check every record against the hash tree, the signed heads, and what a witness has seen.
    Verify {
        /// The file of the second place.
        #[arg(long, value_name = "FILE")]
        witness: Option<PathBuf>,
        /// The public key that signed the log, or a file with it, instead of the one beside the secret key.
        #[arg(long, value_name = "VKEY|FILE")]
        key: Option<String>,
    },
    /// Make a proof that a record is in the log, for somebody who has nothing of it.
    Prove {
        #[arg(value_name = "N")]
        record: Seq,
        /// Write it to this file, which must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check such a proof, anywhere, and show the record.
    Check {
        file: PathBuf,
        /// The public key that must have signed it, or a file with it.
        #[arg(long, value_name = "VKEY|FILE")]
        key: Option<String>,
    },
    /// Write the log as static files that tools for transparency logs read (C2SP tlog-tiles).
    Export {
        /// A new or empty directory.
        dir: PathBuf,
    },
    /// Show the public key that signs the log.
    Key {
        /// Make a new one where there is none any more.
        #[arg(long)]
        new: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// Check a policy file without putting it in force: errors, and lines that do nothing.
    Check { file: PathBuf },
    /// Show what a changed libos.toml means, and put it in force.
    Reload {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    // long: one row for each command.
    fn contract_lines_are_understood() {
        for line in [
            "init",
            "trust . --yes",
            "call echo",
            "call echo -",
            "call echo -1 --as p3",
            "--json call echo {} --image base --unattended deny",
            "answer q3 allow --note ok",
            "answer 3 --text hello --no-run",
            "grant p1 read,list fs:workspace/** --once --expires 1h --only-tool echo",
            "grant image:base write fs:workspace/a --ask",
            "grant p2 write fs:workspace/a --from p1 --uses 2",
            "explain p1 write fs:workspace/a --tool echo --below",
            "explain image:base read fs:workspace",
            "inbox q3",
            "calls --waiting",
            "calls --resume",
            "calls --resume c1 c2",
            "calls show c1",
            "effects",
            "effects --unknown --call c1",
            "effects show e1",
            "effects settle e1 not-done --note looked",
            "calls export c1 calls/one.jsonl",
            "calls export 1 -",
            "call echo {} --keep",
            "replay a.jsonl b.jsonl --tool new.wasm --component x.wasm --component y.wasm",
            "events --follow --from 3",
            "audit verify --json",
            "audit verify --witness w --key k",
            "audit prove 7 --out p",
            "audit check p --key k",
            "audit export d",
            "audit key --new",
            "policy check libos.toml",
            "policy reload --yes --json",
            "completions bash",
            "gc --dry-run --older-than 30d",
            "backup copy --json",
        ] {
            let words = std::iter::once("libos").chain(line.split(' '));
            if let Err(error) = Args::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
        for line in [
            "",
            "answer q3",
            "answer q3 allow --text x",
            "grant p1 fly fs:w",
            "grant p1 read fs:a*",
            "explain p1 read fs:a/**",
            "grant p1 read fs:a --from p2 --deny",
            "calls --waiting show c1",
            "effects settle e1",
            "effects settle e1 unknown",
            "calls export c1",
            "replay",
            "call echo {} --as 1 --image x",
        ] {
            let words = std::iter::once("libos").chain(line.split(' ').filter(|word| !word.is_empty()));
            assert!(Args::try_parse_from(words).is_err(), "{line}");
        }
    }
}
