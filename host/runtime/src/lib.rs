//! libos as a library: a runtime that runs tools as WebAssembly components and agents as processes, with a decision and a record at every
//! system call.
//!
//! Floors 4 and 5 of the house: [`engine`] is the only WebAssembly, [`world`] the only operating system, [`Runtime`] the run loop that starts
//! what the kernel says is runnable.

pub mod engine;
mod runtime;
pub mod testing;
pub mod world;

pub use engine::compile::{COMPILE_VERB, Compile, CompileError, CompileLimits, compile_worker_main};
pub use libos_kernel as kernel;
pub use libos_kernel::kernel::{Answered, Changed, EndedCall, HostError, LogLine, Reaction};
pub use libos_kernel::model::call::Approval;
pub use libos_kernel::model::id::{CallId, Pid, QuestionId};
pub use libos_kernel::model::limit::CallLimits;
pub use libos_kernel::model::question::{QuestionRow, Subject};
pub use libos_kernel::model::record::{Decided, Outcome as RecordOutcome, Record};
pub use libos_kernel::model::row::{Failure, FailureReason, ToolRow};
pub use libos_kernel::model::time::Time;
pub use runtime::{
    AnswerQuestion, BuildError, Builder, CallEvent, CallRequest, Config, NotDone, Runtime, RuntimeError, Waiting,
};
