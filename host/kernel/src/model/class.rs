//! The classes of system calls, and which of them are about what.

use super::call::Call;

/// What becomes of a call if the host dies in the middle of it (see the design's table of classes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Looks at something: one record at its end, no waiting for the disk.
    Observe,
    /// Changes the kernel's own state: change and record are one.
    Internal,
    /// Changes the outside: its intent is durable first.
    Effect,
    /// A row that ends later.
    Wait,
}

impl Call {
    /// Whether it names files: then somebody looks at what is there before a person is asked, and before an effect.
    pub fn is_about_files(&self) -> bool {
        self.operation().starts_with("fs.") && *self != Call::FsWorkingDirectory
    }

    /// Whether it is about system calls that were submitted; it cannot be submitted itself.
    pub fn is_about_tickets(&self) -> bool {
        matches!(self, Call::TicketNext | Call::TicketCancel { .. })
    }

    /// Whether it can be submitted, so that others follow before it is answered.
    pub fn can_be_submitted(&self) -> bool {
        !self.is_about_tickets() && !self.is_of_planners()
    }

    /// Whether it has a limit of time of its own, and may well outlast that of the call that makes it: then the time is not the call's.
    pub fn keeps_its_own_time(&self) -> bool {
        matches!(self, Call::ModelAsk { .. } | Call::ShellRun { .. })
    }

    /// Whether only a planner asks for it.
    pub fn is_of_planners(&self) -> bool {
        matches!(self, Call::AgentCall { .. } | Call::ModelAsk { .. })
    }
}
