//! libos as a library: a runtime that runs tools as WebAssembly components and agents as processes, with a decision and a record at every
//! system call. A program that embeds it needs this crate alone, and a tokio runtime with timers.
//!
//! A [`Runtime`] is made by a [`Builder`]: a store, the directories that tools have a name for, rules, and who answers questions. What no
//! rule allows is denied; what a rule asks about waits for an answer, for months if need be and across restarts.
//!
//! ```
//! use libos::{CallRequest, Reaction, Runtime};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let runtime = Runtime::builder()
//!         .mount("workspace", std::env::temp_dir())
//!         .allow("read,list fs:workspace/**")
//!         .ask("write fs:workspace/**")
//!         .on_question(|question| (question.tool == "editor").then(Reaction::allow))
//!         .open()
//!         .await?;
//!     // A component that was built with `cargo build --release --target wasm32-wasip2`:
//!     // runtime.add_file("target/wasm32-wasip2/release/word_count.wasm", None).await?;
//!     let called = runtime.call(CallRequest::new("word_count", r#"{"path": "notes.md"}"#)).await;
//!     assert!(called.unwrap_err().to_string().contains("there is no tool 'word_count'"));
//!     runtime.close().await;
//!     Ok(())
//! }
//! ```
//!
//! - `examples/embed` is a whole program: it runs a tool over a directory and answers its question.
//! - [`testing`] runs a component against files in memory, with a clock that the test moves: for authors of tools.
//! - [`Compile`] says where components from outside are compiled. The default is this process; a program that takes components from
//!   strangers gives them a child process with limits.
//! - [`Runtime::kernel`] has the person's verbs and everything to look at: processes, grants, questions, records.
//!
//! Inside are floors 4 and 5 of the house: [`engine`] is the only WebAssembly, [`world`] the only operating system, [`Runtime`] the run loop
//! that starts what the kernel says is runnable.

#![warn(missing_docs)]

pub mod engine;
pub mod planner;
pub mod programs;
mod replay;
mod runtime;
pub mod scripts;
pub mod testing;
pub mod world;

pub use engine::compile::{COMPILE_VERB, Compile, CompileError, CompileLimits, PrepareError, compile_worker_main};
pub use libos_kernel as kernel;
pub use libos_kernel::kernel::{
    Answered, Changed, EndedCall, HostError, LogLine, NewAgent, Notary, Planned, Progress, Reaction,
};
pub use libos_kernel::model::call::Approval;
pub use libos_kernel::model::id::{CallId, Pid, QuestionId};
pub use libos_kernel::model::limit::CallLimits;
pub use libos_kernel::model::question::{QuestionRow, Subject};
pub use libos_kernel::model::record::{Decided, Outcome as RecordOutcome, Record};
pub use libos_kernel::model::row::{Failure, FailureReason, ToolRow};
pub use libos_kernel::model::time::Time;
pub use replay::{Bridge, Code, CodeOf, Difference, ReplayError, Replayer, Report, Verdict, replay, request_value};
pub use runtime::{
    AnswerQuestion, BRIDGE, BRIDGE_DIGEST, BuildError, Builder, CallEvent, CallRequest, Config, NotDone, Runtime,
    RuntimeError, Waiting, WrongScript,
};
