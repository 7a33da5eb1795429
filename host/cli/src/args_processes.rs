//! The command line, continued: what is about processes and what happened to them.

use clap::Args as ClapArgs;
use libos_kernel::model::event::Wanted;
use libos_kernel::model::id::{CallId, Pid, Seq};
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
