//! The imports of interface `process`: each decodes its arguments to a `Call` and encodes the answer. No decision is made here.

use super::bindings::libos::runtime as wit;
use super::guest::Guest;
use super::imports::{Outcome, unit};
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::child::{Amount, ChildInfo, ChildOptions, End, EndedChild, Handed};
use libos_kernel::model::planner::Priority;
use libos_kernel::model::process::Signal;
use libos_kernel::model::purse::Coin;
use libos_kernel::model::view::ViewMode;
use wasmtime::Result;
use wit::process as theirs;

impl theirs::Host for Guest {
    async fn self_(&mut self) -> Result<theirs::Identity> {
        let identity =
            self.sure(Call::ProcessSelf, |reply| if let Reply::Identity(found) = reply { Some(found) } else { None });
        let identity = identity.await?;
        Ok(theirs::Identity {
            pid: identity.pid.to_string(),
            parent: identity.parent.map(|pid| pid.to_string()),
            image: identity.image,
            call: identity.call.to_string(),
            tool: identity.tool,
        })
    }

    async fn exit(&mut self, result: String) -> Outcome<()> {
        self.send(Call::ProcessExit { result }, unit).await
    }

    async fn checkpoint(&mut self, reason: String) -> Outcome<String> {
        let text = |reply| if let Reply::Text(text) = reply { Some(text) } else { None };
        self.send(Call::ProcessCheckpoint { reason }, text).await
    }

    async fn environment(&mut self, name: String) -> Outcome<Option<String>> {
        let value = |reply| if let Reply::Variable(value) = reply { Some(value) } else { None };
        self.send(Call::ProcessEnvironment { name }, value).await
    }

    async fn exit_with(&mut self, object: String) -> Outcome<()> {
        self.send(Call::ProcessExitWith { object }, unit).await
    }

    async fn spawn(&mut self, options: theirs::ChildOptions) -> Outcome<String> {
        self.send(Call::ProcessSpawn { child: options.into() }, pid).await
    }

    async fn fork(
        &mut self,
        options: theirs::ChildOptions,
        mode: theirs::ViewMode,
        roots: Option<Vec<String>>,
    ) -> Outcome<String> {
        let mode = match mode {
            theirs::ViewMode::ReadOnly => ViewMode::ReadOnly,
            theirs::ViewMode::CopyOnWrite => ViewMode::CopyOnWrite,
            theirs::ViewMode::Worker => ViewMode::Worker,
        };
        self.send(Call::ProcessFork { child: options.into(), mode, roots }, pid).await
    }

    async fn exec(&mut self, image: String, goal: Option<String>) -> Outcome<()> {
        self.send(Call::ProcessExec { image, goal }, unit).await
    }

    async fn wait(&mut self, pids: Vec<String>, timeout: Option<u64>) -> Outcome<Option<theirs::EndedChild>> {
        self.send(Call::ProcessWait { pids, timeout }, |reply| {
            let Reply::EndedChild(child) = reply else { return None };
            Some(child.map(Into::into))
        })
        .await
    }

    async fn children(&mut self) -> Result<Vec<theirs::Child>> {
        self.sure(Call::ProcessChildren, |reply| {
            let Reply::Children(children) = reply else { return None };
            Some(children.into_iter().map(Into::into).collect())
        })
        .await
    }

    async fn signal(&mut self, pid: String, signal: theirs::SignalKind, reason: String) -> Outcome<String> {
        let signal = match signal {
            theirs::SignalKind::Pause => Signal::Pause,
            theirs::SignalKind::Resume => Signal::Resume,
            theirs::SignalKind::Interrupt => Signal::Interrupt,
            theirs::SignalKind::Cancel => Signal::Cancel,
            theirs::SignalKind::Kill => Signal::Kill,
        };
        self.send(Call::ProcessSignal { pid, signal, reason }, |reply| {
            if let Reply::Text(word) = reply { Some(word) } else { None }
        })
        .await
    }

    async fn hand_over(&mut self, pid: String) -> Outcome<()> {
        self.send(Call::ProcessHandOver { pid }, unit).await
    }
}

fn pid(reply: Reply) -> Option<String> {
    if let Reply::Pid(pid) = reply { Some(pid.to_string()) } else { None }
}

impl From<theirs::ChildOptions> for ChildOptions {
    fn from(options: theirs::ChildOptions) -> Self {
        let amount = |amount: theirs::Amount| Amount { coin: amount.kind.into(), amount: amount.amount };
        let handed =
            |grant: theirs::HandedGrant| Handed { rule: grant.rule, uses: grant.uses, expires_in: grant.expires_in };
        ChildOptions {
            image: options.image,
            goal: options.goal,
            grants: options.grants.into_iter().map(handed).collect(),
            budget: options.budget.map(|amounts| amounts.into_iter().map(amount).collect()),
            working_directory: options.working_directory,
            priority: options.priority.map(|priority| match priority {
                theirs::Priority::Low => Priority::Low,
                theirs::Priority::Normal => Priority::Normal,
                theirs::Priority::High => Priority::High,
            }),
            planner: options.planner,
        }
    }
}

impl From<theirs::Coin> for Coin {
    fn from(coin: theirs::Coin) -> Self {
        match coin {
            theirs::Coin::ToolCalls => Self::ToolCalls,
            theirs::Coin::ModelCalls => Self::ModelCalls,
            theirs::Coin::Tokens => Self::Tokens,
            theirs::Coin::Money => Self::Money,
            theirs::Coin::WallMilliseconds => Self::WallMilliseconds,
            theirs::Coin::ProcessorMilliseconds => Self::ProcessorMilliseconds,
            theirs::Coin::BytesRead => Self::BytesRead,
            theirs::Coin::BytesWritten => Self::BytesWritten,
            theirs::Coin::BytesSent => Self::BytesSent,
            theirs::Coin::Children => Self::Children,
            theirs::Coin::Objects => Self::Objects,
        }
    }
}

impl From<EndedChild> for theirs::EndedChild {
    fn from(child: EndedChild) -> Self {
        let how = match child.end {
            End::Exited(result) => theirs::End::Exited(result),
            End::Failed(why) => theirs::End::Failed(why),
            End::Killed(by) => theirs::End::Killed(by),
        };
        Self { pid: child.pid.to_string(), how, result_object: child.result_object }
    }
}

impl From<ChildInfo> for theirs::Child {
    fn from(child: ChildInfo) -> Self {
        Self {
            pid: child.pid.to_string(),
            state: child.state,
            why: child.why,
            image: child.image,
            goal: child.goal,
            created: child.created.into(),
        }
    }
}
