//! A program of the corpus: what stands above it, the folder that it runs in, and what it leaves there.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What a program may do here if it says nothing; paths are relative to its folder.
const EVERYTHING: &str = "read,list,write,delete fs:**";

/// A program, as its header says.
pub struct Program {
    /// `deno/read_missing`
    pub name: String,
    /// The file with `run`.
    pub main: PathBuf,
    files: Vec<(String, Vec<u8>)>,
    folders: Vec<String>,
    links: Vec<(String, String)>,
    pub arguments: Value,
    /// Name, value, and whether it may be read.
    pub environment: Vec<(String, String, bool)>,
    pub grants: Vec<String>,
    /// Deno's own, for the same.
    pub permissions: Vec<String>,
    pub exact: bool,
    pub compares_log: bool,
    pub differs: Option<String>,
    pub only: Option<String>,
}

/// What is in a folder: names, and contents or where links lead. A directory's name ends in a slash.
pub type Tree = BTreeMap<String, String>;

impl Program {
    /// Reads the header of a program.
    pub fn read(name: String, main: PathBuf) -> Result<Program, String> {
        let text = fs::read_to_string(&main).map_err(|error| error.to_string())?;
        let mut program = Program {
            name,
            main,
            files: Vec::new(),
            folders: Vec::new(),
            links: Vec::new(),
            arguments: Value::Object(serde_json::Map::new()),
            environment: Vec::new(),
            grants: Vec::new(),
            permissions: Vec::new(),
            exact: false,
            compares_log: false,
            differs: None,
            only: None,
        };
        for line in text.lines().map_while(|line| line.strip_prefix("//")) {
            if let Some((word, value)) = line.trim_start().split_once(':') {
                let known = program.take(word, value.trim());
                known.ok_or_else(|| format!("{}: not understood: //{line}", program.name))?;
            }
        }
        if program.grants.is_empty() {
            program.grants.push(EVERYTHING.to_owned());
        }
        if program.permissions.is_empty() {
            program.permissions = ["--allow-read=.", "--allow-write=."].map(str::to_owned).to_vec();
        }
        Ok(program)
    }

    /// A line of the header; none if its value makes no sense. A word that is none of these begins a comment.
    fn take(&mut self, word: &str, value: &str) -> Option<()> {
        let pair = |sign: &str| value.split_once(sign).map(|(left, right)| (left.trim().to_owned(), right.trim()));
        match word {
            "file" => {
                let (path, text) = pair("=")?;
                self.files.push((path, serde_json::from_str::<String>(text).ok()?.into_bytes()));
            }
            "bytes" => {
                let (path, text) = pair("=")?;
                let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
                self.files.push((path, (0..text.len()).step_by(2).map(byte).collect::<Option<_>>()?));
            }
            "dir" => self.folders.push(value.to_owned()),
            "link" => {
                let (path, target) = pair("->")?;
                self.links.push((path, target.to_owned()));
            }
            "args" => self.arguments = serde_json::from_str(value).ok()?,
            "env" | "env-hidden" => {
                let (name, value) = pair("=")?;
                self.environment.push((name, value.to_owned(), word == "env"));
            }
            "grant" => self.grants.push(value.to_owned()),
            "permissions" => self.permissions = value.split_whitespace().map(str::to_owned).collect(),
            "throws" => self.exact = (value == "exact").then_some(true)?,
            "log" => self.compares_log = (value == "same").then_some(true)?,
            "differs" => self.differs = Some(value.to_owned()),
            "only" => self.only = Some(value.to_owned()),
            _ => {}
        }
        Some(())
    }

    /// Makes the folder that it runs in.
    pub fn prepare(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for path in &self.folders {
            fs::create_dir_all(folder.join(path)).unwrap();
        }
        for (path, content) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        for (path, target) in &self.links {
            symlink(target, folder.join(path)).unwrap();
        }
    }
}

/// What is in a folder now.
pub fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    walk(folder, "", &mut found);
    found
}

fn walk(folder: &Path, prefix: &str, found: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), found);
            found.insert(format!("{name}/"), String::new());
        } else if kind.is_symlink() {
            found.insert(name, format!("-> {}", fs::read_link(entry.path()).unwrap().display()));
        } else {
            found.insert(name, shown(&fs::read(entry.path()).unwrap()));
        }
    }
}

/// Content as a failed comparison prints it: all of what is small, the digest of the rest.
fn shown(content: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    if content.len() <= 256 {
        return content.escape_ascii().to_string();
    }
    format!("{} bytes, {:?}", content.len(), Sha256::digest(content).as_slice())
}

/// All programs, by name.
pub fn all() -> Result<Vec<Program>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("deno");
    let mut found = Vec::new();
    for area in folders(&root) {
        for entry in fs::read_dir(&area).unwrap() {
            let path = entry.unwrap().path();
            let main = if path.is_dir() { path.join("main.ts") } else { path.clone() };
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            found.push(Program::read(name.to_string_lossy().into_owned(), main)?);
        }
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir() && !path.ends_with("node_modules")).collect()
}
