//! The verbs, one file a family.

mod answer;
mod audit;
mod backup;
pub mod budget;
mod call;
mod calls;
mod checkpoint;
mod demo;
mod doctor;
mod effects;
mod events;
mod explain;
mod follow;
pub mod gc;
mod grants;
pub mod image;
mod inbox;
mod launch;
mod objects;
mod policy;
mod processes;
mod records;
mod replay;
mod run;
mod script;
mod serve;
mod tool;
mod tree;
mod watch;
mod workspace;

use crate::args::{Args, Global, PolicyVerb, Verb};
use crate::demo::Act;
use crate::error::{Failure, code};
use crate::out::Out;
use crate::place::Place;
use crate::protocol::{Event, Request};
use crate::session::Session;
use crate::store;
use clap::CommandFactory;
use libos_kernel::kernel::view::View;
use libos_kernel::model::preview::escape;
use libos_kernel::store::reader::Snapshot;
use serde::Serialize;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

/// What every verb has at hand.
pub struct Context {
    pub global: Global,
    pub out: Out,
    /// Who answers in place of a person.
    pub person: Person,
}

/// What somebody who is not there has decided beforehand.
#[derive(Default)]
pub struct Person(Mutex<VecDeque<Act>>);

impl Person {
    /// What he does at the next question.
    pub fn next(&self) -> Option<Act> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl From<Vec<Act>> for Person {
    fn from(acts: Vec<Act>) -> Person {
        Person(Mutex::new(acts.into()))
    }
}

impl Context {
    /// The workspace.
    pub fn place(&self) -> anyhow::Result<Place> {
        Place::find(&self.global)
    }

    /// The workspace and what is committed in it. Warns if the policy file has changed.
    pub fn look(&self) -> anyhow::Result<(Place, Snapshot)> {
        let place = self.place()?;
        let snapshot = store::snapshot(&place)?;
        store::warn_if_changed(&place, View(&snapshot).policy()?.as_deref());
        Ok((place, snapshot))
    }

    /// The workspace, for a verb that changes something. Warns if the policy file has changed.
    pub fn place_to_change(&self) -> anyhow::Result<Place> {
        let place = self.place()?;
        let in_force = store::policy_in_force(&place)?.ok_or_else(|| store::not_accepted(&place))?;
        store::warn_if_changed(&place, Some(&in_force));
        Ok(place)
    }

    /// Prints rows as a JSON array, or as a table.
    pub fn list<T: Serialize>(
        &self,
        rows: &[T],
        table: impl FnOnce(&[T]) -> (crate::out::Table, &'static str),
    ) -> anyhow::Result<()> {
        if self.out.json {
            return self.out.value(&rows);
        }
        let (table, nothing) = table(rows);
        Ok(self.out.table(&table, nothing)?)
    }
}

/// Runs a command line; answers its exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let context = Context { out: Out::new(args.global.json), global: args.global, person: Person::default() };
    match args.verb {
        Verb::Init { dir } => workspace::init(&context, dir),
        Verb::Trust { dir, yes } => workspace::trust(&context, dir, yes),
        Verb::Doctor => doctor::run(&context),
        Verb::Tool(verb) => tool::run(&context, verb),
        Verb::Call(args) => call::run(&context, args),
        Verb::Run(args) => run::run(&context, args),
        Verb::Demo { name } => demo::run(&context, name.as_deref()),
        Verb::Ps { all, tree: true } => tree::run(&context, all),
        Verb::Ps { all, tree: false } => processes::list(&context, all),
        Verb::Show { pid } => processes::show(&context, pid),
        Verb::Inbox { id: Some(id), .. } => inbox::show(&context, id),
        Verb::Inbox { id: None, follow, all, limit } => inbox::run(&context, follow, all, limit),
        Verb::Answer(args) => answer::run(&context, args),
        Verb::Budget(args) => budget::run(&context, args),
        Verb::Grant(args) => grants::grant(&context, args),
        Verb::Grants { holder, all } => grants::list(&context, holder, all),
        Verb::Explain(args) => explain::run(&context, args),
        Verb::Revoke { id } => simple(&context, Request::Revoke { id }),
        Verb::Calls(args) => calls::run(&context, args),
        Verb::Effects(args) => effects::run(&context, args),
        Verb::Replay(args) => replay::run(&context, &args),
        Verb::Objects { pid } => objects::list(&context, pid),
        Verb::Object(crate::args::ObjectVerb::Show { name }) => objects::show(&context, &name),
        Verb::Image(verb) => image::run(&context, verb),
        Verb::Signal(args) => {
            simple(&context, Request::Signal { pid: args.pid, signal: args.signal, reason: args.reason })
        }
        Verb::Checkpoint(verb) => checkpoint::run(&context, verb),
        Verb::Events(args) => events::run(&context, &args),
        Verb::Audit(verb) => audit::run(&context, verb),
        Verb::Gc { dry_run, older_than } => gc::run(&context, dry_run, older_than),
        Verb::Backup { dir } => backup::run(&context, &dir),
        Verb::Serve { only } => serve::run(&context, only),
        Verb::Policy(PolicyVerb::Check { file }) => policy::check(&context, &file),
        Verb::Policy(PolicyVerb::Reload { yes }) => policy::reload(&context, yes),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "libos", &mut std::io::stdout());
            Ok(code::DONE)
        }
        Verb::CheckLog { witness, key } => audit::check_log(&context, witness.as_deref(), key.as_deref()),
    }
}

/// Runs a future to its end on a runtime of its own.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(work)
}

/// A verb that changes something at once and prints what it changed.
fn simple(context: &Context, request: Request) -> anyhow::Result<u8> {
    let place = context.place_to_change()?;
    block_on(async {
        let session = Session::new(place);
        let event = session.ask(request).await;
        session.close().await;
        print_change(context, event?)
    })
}

/// Prints what a verb changed.
fn print_change(context: &Context, event: Event) -> anyhow::Result<u8> {
    let Event::Changed { rows, text } = event else {
        return Err(Failure::cannot("the host answered something else").into());
    };
    if context.out.json {
        context.out.value(&rows)?;
    } else {
        for line in text.lines() {
            context.out.line(&escape(line))?;
        }
    }
    Ok(code::DONE)
}
