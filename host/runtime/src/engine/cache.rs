//! Compiled code on the disk. Loading it is unsafe unless it is what this program wrote, so its digest is kept in the store, and code of any
//! other digest is compiled anew.

#![expect(clippy::disallowed_methods, reason = "the only other files of the runtime: compiled code")]

use libos_kernel::kernel::Kernel;
use libos_kernel::model::id::{Digest, hex};
use libos_kernel::model::limit;
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Where compiled code is kept, and the store that knows its digests.
pub struct CodeCache {
    kernel: Option<Arc<Kernel>>,
    directory: Option<PathBuf>,
}

impl CodeCache {
    /// A cache in a directory that only this user may write; without one nothing is kept.
    pub fn new(kernel: Arc<Kernel>, directory: Option<PathBuf>) -> CodeCache {
        CodeCache { kernel: Some(kernel), directory }
    }

    /// A cache that keeps nothing.
    pub fn none() -> CodeCache {
        CodeCache { kernel: None, directory: None }
    }

    /// The compiled code of a component, if it is there and what was written.
    pub(super) fn load(&self, engine: &Engine, component: &Digest, identity: &Digest) -> Option<Component> {
        deserialize(engine, &self.load_bytes(component, identity)?).ok()
    }

    /// What was compiled of a component for an engine, or of a script for the component that runs it, if it is there and what was written.
    pub(crate) fn load_bytes(&self, code: &Digest, identity: &Digest) -> Option<Vec<u8>> {
        let known = self.kernel.as_ref()?.compiled(code, identity)?;
        let code = read(&self.path(code, identity)?).ok()?;
        let have: Digest = Sha256::digest(&code).into();
        (have == known).then_some(code)
    }

    /// Keeps compiled code. A cache that cannot be written is no error: the next start compiles again.
    pub(crate) fn store(&self, code: &[u8], digest: &Digest, identity: &Digest) {
        let (Some(path), Some(kernel)) = (self.path(digest, identity), &self.kernel) else { return };
        let temporary = path.with_extension("new");
        let written = write_new(&temporary, code).and_then(|()| fs::rename(&temporary, &path));
        match written {
            Ok(()) => kernel.set_compiled(digest, identity, Sha256::digest(code).into()),
            Err(_) => drop(fs::remove_file(&temporary)),
        }
    }

    fn path(&self, component: &Digest, identity: &Digest) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(name(component, identity)))
    }

    /// Removes files of compiled code that the store does not know, and what writers that were killed have left. Answers how many, and
    /// their bytes. What is being compiled meanwhile may go too: it is compiled again when it is needed.
    ///
    /// # Errors
    /// The disk or the store failed.
    pub fn remove_unused(&self) -> io::Result<(u64, u64)> {
        let (Some(directory), Some(kernel)) = (&self.directory, &self.kernel) else { return Ok((0, 0)) };
        let known = kernel.all_compiled().map_err(io::Error::other)?;
        let known: HashSet<String> = known.iter().map(|(component, identity)| name(component, identity)).collect();
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
            entries => entries?,
        };
        let (mut count, mut bytes) = (0, 0);
        for entry in entries {
            let entry = entry?;
            let file = entry.file_name().to_string_lossy().into_owned();
            let is_code = file.ends_with(".cwasm") && !known.contains(&file);
            if entry.file_type()?.is_file() && (is_code || file.ends_with(".new")) {
                let size = entry.metadata().map_or(0, |metadata| metadata.len());
                match fs::remove_file(entry.path()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    removed => {
                        removed?;
                        (count, bytes) = (count + 1, bytes + size);
                    }
                }
            }
        }
        Ok((count, bytes))
    }
}

fn name(component: &Digest, identity: &Digest) -> String {
    format!("{}-{}.cwasm", &hex(component)[..32], &hex(identity)[..16])
}

/// The content of a regular file; waits for nobody.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW).bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut code = Vec::new();
    file.take(limit::COMPILED_BYTES_MAX as u64 + 1).read_to_end(&mut code)?;
    Ok(code)
}

/// Writes a file that was not there, whatever was at its name.
fn write_new(path: &Path, code: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(code)
}

#[expect(unsafe_code, reason = "wasmtime's only way to load compiled code")]
pub(super) fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are those that the compiler of this very program gave. Either they came just now, from this process or over a
    // pipe that only this process and the child that it started hold; or they are from the disk, and their digest is the one that was
    // noted in the store when they were written, and the store is out of reach of every guest.
    unsafe { Component::deserialize(engine, code) }
}

/// Whether an error is the operating system's: a mapping of code or memory that it refused, for example.
pub(super) fn is_of_the_system(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<io::Error>() || cause.is::<rustix::io::Errno>()
}

/// What compiled code depends on: wasmtime's version and configuration.
pub(super) fn identity(engine: &Engine) -> Digest {
    struct Sink(Sha256);
    impl Hasher for Sink {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut sink = Sink(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut sink);
    sink.0.finalize().into()
}
