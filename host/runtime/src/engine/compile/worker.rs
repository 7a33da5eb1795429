//! The child's side: gives up what it does not need, reads one component, and answers with its machine code.

use crate::engine::{cannot_compile, precompile};
use libos_kernel::model::limit;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use std::env;
use std::io::{self, Read, Write};
use std::process::ExitCode;

/// What the child says: a letter, the length as eight bytes, and so many bytes.
pub(super) enum Answer {
    /// `C`: machine code.
    Code(Vec<u8>),
    /// `R`: it cannot be compiled, and why.
    Refused(String),
    /// `M`: no memory is left.
    OutOfMemory,
}

impl Answer {
    /// Bytes before the content.
    pub const HEADER_BYTES: usize = 9;

    /// Reads a whole answer; none if it is cut short, or is something else.
    pub fn parse(mut bytes: Vec<u8>) -> Option<Answer> {
        let (kind, rest) = bytes.split_first()?;
        let (length, content) = rest.split_first_chunk::<8>()?;
        if u64::from_be_bytes(*length) != content.len() as u64 {
            return None;
        }
        let kind = *kind;
        bytes.drain(..Self::HEADER_BYTES);
        match kind {
            b'C' => Some(Answer::Code(bytes)),
            b'R' => String::from_utf8(bytes).ok().map(Answer::Refused),
            b'M' => Some(Answer::OutOfMemory),
            _ => None,
        }
    }

    fn say(&self) -> io::Result<()> {
        let (kind, content): (u8, &[u8]) = match self {
            Answer::Code(code) => (b'C', code),
            Answer::Refused(text) => (b'R', text.as_bytes()),
            Answer::OutOfMemory => (b'M', b""),
        };
        let mut output = io::stdout().lock();
        output.write_all(&[kind])?;
        output.write_all(&(content.len() as u64).to_be_bytes())?;
        output.write_all(content)?;
        output.flush()
    }
}

/// What a program does that is started with [`COMPILE_VERB`](super::COMPILE_VERB) as its first argument: it limits itself, reads a
/// component from its input, and writes its machine code to its output. To be called before anything else is done, above all before
/// threads are started; the exit code is to be returned from `main`.
pub fn compile_worker_main() -> ExitCode {
    let said = limits().and_then(limit_self).and_then(|()| read_component());
    let said = said.and_then(|component| answer(&component).say().map_err(|error| format!("nobody listens: {error}")));
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Bytes of address space and seconds of processor time, from the arguments.
fn limits() -> Result<(u64, u64), String> {
    let mut arguments = env::args().skip(2);
    let mut number = || arguments.next().and_then(|text| text.parse().ok());
    match (number(), number()) {
        (Some(bytes), Some(seconds)) => Ok((bytes, seconds)),
        _ => Err("this is started by a host of libos, which says what it may use".into()),
    }
}

fn limit_self((address_space, seconds): (u64, u64)) -> Result<(), String> {
    // Where these are forbidden, the rest still holds.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let _ = rustix::thread::set_no_new_privs(true);
    let limits = [
        (Resource::Core, 0, 0),
        (Resource::As, address_space, address_space),
        // One second more until it is killed, should it not heed the signal.
        (Resource::Cpu, seconds, seconds.saturating_add(1)),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, limit::COMPILE_FILES_MAX, limit::COMPILE_FILES_MAX),
        // No thread and no program beside this one.
        (Resource::Nproc, 0, 0),
    ];
    for (resource, current, maximum) in limits {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })
            .map_err(|error| format!("the limit {resource:?} cannot be set: {error}"))?;
    }
    Ok(())
}

fn read_component() -> Result<Vec<u8>, String> {
    let cut = |error: io::Error| format!("the component is cut short: {error}");
    let mut input = io::stdin().lock();
    let mut length = [0; 8];
    input.read_exact(&mut length).map_err(cut)?;
    let length = usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > limit::COMPONENT_BYTES_MAX {
        return Err(format!("the component has {length} bytes, at most {}", limit::COMPONENT_BYTES_MAX));
    }
    let mut component = vec![0; length];
    input.read_exact(&mut component).map_err(cut)?;
    Ok(component)
}

fn answer(component: &[u8]) -> Answer {
    match precompile(component) {
        Ok(code) => Answer::Code(code),
        Err(error) if error.is::<wasmtime::OutOfMemory>() || no_memory(&error) => Answer::OutOfMemory,
        Err(error) => {
            let mut text = cannot_compile(&error).0;
            libos_kernel::model::record::cut(&mut text, limit::COMPILE_MESSAGE_BYTES_MAX);
            Answer::Refused(text)
        }
    }
}

/// Whether the system refused memory.
fn no_memory(error: &wasmtime::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.into_iter().any(|kind| kind == io::ErrorKind::OutOfMemory)
}
