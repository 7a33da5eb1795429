//! What a call carries besides the names in it: text and bytes that are kept apart from the record of it.

use super::call::Call;
use super::child::ChildOptions;
use super::program::Command;

impl Call {
    /// The call without what it carries, and what it carries.
    pub fn split_payload(&self) -> (Call, &[u8]) {
        let payload: &[u8] = match self {
            Call::FsWrite { content, .. } | Call::FsAppend { content, .. } => content,
            Call::ObjectCreate { payload, .. } | Call::ObjectUpdate { payload, .. } => payload.as_bytes(),
            Call::ToolCall { arguments, .. } | Call::AgentCall { arguments, .. } => arguments.as_bytes(),
            Call::MessageSend { body, .. } => body.as_bytes(),
            Call::ProcessSpawn { child } | Call::ProcessFork { child, .. } => {
                child.planner.as_deref().unwrap_or_default().as_bytes()
            }
            Call::ToolsPropose { proposal } => proposal.code.as_bytes(),
            Call::ImageRegister { manifest, .. } => manifest.as_bytes(),
            Call::ModelAsk { request, .. } => request.as_bytes(),
            Call::ShellRun { command } => &command.stdin,
            _ => &[],
        };
        (self.without_payload(), payload)
    }

    fn without_payload(&self) -> Call {
        match self {
            Call::FsWrite { path, mode, .. } => Call::FsWrite { path: path.clone(), content: Vec::new(), mode: *mode },
            Call::FsAppend { path, .. } => Call::FsAppend { path: path.clone(), content: Vec::new() },
            Call::ObjectCreate { name, payload, options } => {
                Call::ObjectCreate { name: name.clone(), payload: payload.emptied(), options: options.clone() }
            }
            Call::ObjectUpdate { name, payload, expected_version } => Call::ObjectUpdate {
                name: name.clone(),
                payload: payload.emptied(),
                expected_version: *expected_version,
            },
            Call::ToolCall { tool, .. } => Call::ToolCall { tool: tool.clone(), arguments: String::new() },
            Call::ProcessSpawn { child } => Call::ProcessSpawn { child: without_plan(child) },
            Call::ProcessFork { child, mode, roots } => {
                Call::ProcessFork { child: without_plan(child), mode: *mode, roots: roots.clone() }
            }
            Call::AgentCall { tool, .. } => Call::AgentCall { tool: tool.clone(), arguments: String::new() },
            Call::MessageSend { to, options, .. } => {
                Call::MessageSend { to: to.clone(), body: String::new(), options: options.clone() }
            }
            Call::ToolsPropose { proposal } => Call::ToolsPropose { proposal: proposal.without_code() },
            Call::ImageRegister { format, replace, .. } => {
                Call::ImageRegister { manifest: String::new(), format: *format, replace: *replace }
            }
            Call::ModelAsk { profile, .. } => Call::ModelAsk { profile: profile.clone(), request: String::new() },
            Call::ShellRun { command } => Call::ShellRun { command: Command { stdin: Vec::new(), ..command.clone() } },
            other => other.clone(),
        }
    }
}

fn without_plan(child: &ChildOptions) -> ChildOptions {
    ChildOptions { planner: child.planner.as_ref().map(|_| String::new()), ..child.clone() }
}

/// What a call carries beside names and numbers: what a person must be able to read to its end before saying yes to it.
pub(super) fn to_be_read(call: &Call) -> Option<&[u8]> {
    Some(match call {
        Call::FsWrite { content, .. } | Call::FsAppend { content, .. } => content,
        Call::ObjectCreate { payload, .. } | Call::ObjectUpdate { payload, .. } => payload.as_bytes(),
        Call::ToolCall { arguments: text, .. }
        | Call::AgentCall { arguments: text, .. }
        | Call::HumanAsk { question: text, .. }
        | Call::HumanTell { message: text, .. }
        | Call::HumanApprove { reason: text, .. }
        | Call::ProcessExit { result: text }
        | Call::ProcessCheckpoint { reason: text }
        | Call::LogWrite { message: text, .. }
        | Call::ProcessSignal { reason: text, .. }
        | Call::ImageRegister { manifest: text, .. }
        | Call::ModelAsk { request: text, .. }
        | Call::MessageSend { body: text, .. } => text.as_bytes(),
        Call::ShellRun { command } => &command.stdin,
        Call::ProcessSpawn { child } | Call::ProcessFork { child, .. } => {
            child.planner.as_ref().unwrap_or(&child.goal).as_bytes()
        }
        Call::ProcessExec { goal, .. } => goal.as_deref().unwrap_or_default().as_bytes(),
        Call::FsRead { .. }
        | Call::FsReadRange { .. }
        | Call::FsList { .. }
        | Call::FsStat { .. }
        | Call::FsMakeDir { .. }
        | Call::FsRemove { .. }
        | Call::FsRename { .. }
        | Call::FsCopy { .. }
        | Call::FsWorkingDirectory
        | Call::FsChangeDirectory { .. }
        | Call::ObjectRead { .. }
        | Call::ObjectDelete { .. }
        | Call::ObjectList { .. }
        | Call::ObjectNamespaces { .. }
        | Call::ObjectCreateNamespace { .. }
        | Call::ObjectRename { .. }
        | Call::ObjectLink { .. }
        | Call::ObjectUnlink { .. }
        | Call::ObjectLinks { .. }
        | Call::ObjectQuery { .. }
        | Call::ObjectMerge { .. }
        | Call::ClockNow
        | Call::ClockSleep { .. }
        | Call::RandomBytes { .. }
        | Call::ProcessWait { .. }
        | Call::ProcessChildren
        | Call::ProcessHandOver { .. }
        | Call::ProcessExitWith { .. }
        | Call::ProcessEnvironment { .. }
        | Call::ProcessSelf
        | Call::MessageReceive { .. }
        | Call::MessagePending
        | Call::TicketNext
        | Call::TicketCancel { .. }
        | Call::ToolsPropose { .. }
        | Call::ToolsValidate { .. }
        | Call::ToolsRegister { .. }
        | Call::ToolsUnregister { .. }
        | Call::ToolsList
        | Call::ImageList
        | Call::ImageShow { .. } => return None,
    })
}
