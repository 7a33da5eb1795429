//! Where components are compiled. What somebody else wrote can make the compiler use any amount of memory and time, so it is compiled in
//! a program of its own that cannot use more than it is given.
//!
//! This bounds what a compilation costs. It is no protection from a mistake in the compiler that makes it write code that leaves the
//! sandbox: the code that comes back is run.

mod child;
mod worker;

pub use worker::compile_worker_main;

use super::inspect::BadComponent;
use libos_kernel::model::limit;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The first argument of a program that is started to compile: it calls [`compile_worker_main`] and does nothing else.
pub const COMPILE_VERB: &str = "compile-component";

/// Where components from outside are compiled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Compile {
    /// In this process, on a thread that may block. A hostile component can take all of its memory, and a processor for minutes: for
    /// components that you built yourself.
    #[default]
    InProcess,
    /// In a child process with limits: this program, started with [`COMPILE_VERB`] as its first argument. It must call
    /// [`compile_worker_main`] then, before it does anything else.
    Child(PathBuf),
}

impl Compile {
    /// In a child process that runs the program that runs now, also if its file was replaced meanwhile. Its `main` must begin with
    ///
    /// ```no_run
    /// # fn main() -> std::process::ExitCode {
    /// if std::env::args_os().nth(1).is_some_and(|verb| verb == libos::COMPILE_VERB) {
    ///     return libos::compile_worker_main();
    /// }
    /// # std::process::ExitCode::SUCCESS }
    /// ```
    pub fn this_program() -> Compile {
        Compile::Child(PathBuf::from("/proc/self/exe"))
    }
}

/// What one compilation in a child process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Address space, in bytes.
    pub address_space_bytes: u64,
    /// Processor time; whole seconds, at least one.
    pub processor_time: Duration,
    /// Time until it is killed, whatever it waits for.
    pub wall_time: Duration,
    /// Machine code that it may give back, in bytes.
    pub code_bytes: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            address_space_bytes: limit::COMPILE_ADDRESS_SPACE_BYTES,
            processor_time: limit::COMPILE_PROCESSOR_TIME,
            wall_time: limit::COMPILE_WALL_TIME,
            code_bytes: limit::COMPILED_BYTES_MAX,
        }
    }
}

/// Why there is no machine code of a component. The component is refused; the host goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The compiler wanted more memory than it has.
    #[error("compiling it needs more than {} MiB of memory; split the component, or build it with less debug information", bytes >> 20)]
    TooLarge {
        /// The limit.
        bytes: u64,
    },
    /// Its machine code is longer than what is accepted.
    #[error("its machine code has more than {} MiB; split the component", bytes >> 20)]
    CodeTooLarge {
        /// The limit.
        bytes: usize,
    },
    /// The compiler was stopped.
    #[error("compiling it took more than {} seconds {of}; split the component, or look for a function that is far too large", time.as_secs())]
    TooSlow {
        /// The limit.
        time: Duration,
        /// `of processor time` or `in all`.
        of: &'static str,
    },
    /// The compiler ended without an answer.
    #[error("the compiler ended without an answer ({how}); if you trust the component, report it with its file")]
    Crashed {
        /// The signal or exit code, and what it said last.
        how: String,
    },
    /// There is no compiler to be started; nothing is compiled in this process instead.
    #[error("the program that compiles components cannot be used: {0}")]
    Unavailable(String),
}

impl CompileError {
    /// Whether it will go no better the next time. A compiler that was too slow or was killed may have had a busy machine.
    pub fn is_of_the_component(&self) -> bool {
        match self {
            CompileError::TooLarge { .. } | CompileError::CodeTooLarge { .. } => true,
            CompileError::TooSlow { .. } | CompileError::Crashed { .. } | CompileError::Unavailable(_) => false,
        }
    }
}

/// Why a component cannot be made ready to run.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It is not of this world.
    #[error(transparent)]
    Component(#[from] BadComponent),
    /// It cannot be compiled within limits.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The machine could not, for example for want of memory: nothing is said of the component.
    #[error("{0}")]
    Machine(String),
}

impl PrepareError {
    /// Whether it will go no better the next time: what is wrong is the component itself.
    pub fn is_of_the_component(&self) -> bool {
        match self {
            PrepareError::Component(_) => true,
            PrepareError::Compile(error) => error.is_of_the_component(),
            PrepareError::Machine(_) => false,
        }
    }
}

/// Where and within what components from outside are compiled.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// Where.
    pub place: Compile,
    /// What one compilation in a child process may use.
    pub limits: CompileLimits,
}

impl Compiler {
    /// The machine code of a component; none if it is to be compiled in this process. Given up when nobody wants it any more.
    pub(super) fn compile(&self, component: &[u8], wanted: &Wanted) -> Option<Result<Vec<u8>, PrepareError>> {
        match &self.place {
            Compile::InProcess => None,
            Compile::Child(program) => Some(child::compile(program, &self.limits, component, wanted)),
        }
    }
}

/// Where a component comes from.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// It is part of this program.
    Program,
    /// From anywhere else.
    Outside(&'a Compiler, &'a Wanted),
}

/// Whether somebody still waits for a compilation: not once this is dropped by whoever waits.
#[derive(Debug, Default)]
pub struct Wants(Arc<AtomicBool>);

/// The compiler's end of [`Wants`].
#[derive(Debug)]
pub struct Wanted(Arc<AtomicBool>);

impl Wants {
    /// For whoever compiles.
    pub fn told(&self) -> Wanted {
        Wanted(Arc::clone(&self.0))
    }
}

impl Drop for Wants {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Wanted {
    fn no_more(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
