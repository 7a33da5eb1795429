//! The section `[programs]`, and the ready-made levels of an image: `programs = "listed-else-ask"`.

use super::read::{Reader, Value};
use super::{near, unit};
use crate::model::decide::Default as WithoutGrant;
use crate::model::grant::Effect;
use crate::model::image::ALL_IMAGES;
use crate::model::limit;
use crate::model::resource::{Kind, Pattern};
use std::collections::BTreeMap;
use std::time::Duration;

const KEYS: [&str; 12] = [
    "directories",
    "keep-name",
    "system",
    "environment",
    "inherit",
    "settable",
    "network",
    "wall-time",
    "processor-time",
    "memory",
    "processes",
    "absent-denied",
];

/// Where programs are looked up that are named without a path.
const DIRECTORIES: [&str; 6] = ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin"];
/// What programs see of the system. Of `/etc` only what libraries look up: keys, passwords and settings of services are there, too.
const SYSTEM: [&str; 14] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
];

/// Command lines that show and change nothing: what `listed-else-ask` allows, in [`LISTED_IN`]. A rule is
/// about the file that a link leads to, so the versions of an interpreter are named.
const LISTED: [&str; 13] = [
    "git -- status",
    "git -- status --short",
    "git -- branch --show-current",
    "git -- rev-parse --show-toplevel",
    "git -- diff --stat",
    "python3.9 -- --version",
    "python3.10 -- --version",
    "python3.11 -- --version",
    "python3.12 -- --version",
    "python3.13 -- --version",
    "python3.14 -- --version",
    "cargo -- --version",
    "node -- --version",
];

/// Where systems have them.
const LISTED_IN: [&str; 2] = ["/usr/bin", "/usr/local/bin"];

/// Programs that `unlisted-else-ask` asks about, in each of the directories: they run others, remove, or reach out. Others run others,
/// too (`awk`, `find`, `make`): this list is a courtesy, and the confinement is the boundary.
const RISKY: [&str; 56] = [
    "sh", "bash", "dash", "zsh", "fish", "ksh", "busybox", "env", "xargs", "nohup", "setsid", "timeout", "python",
    "python3", "py", "node", "npm", "npx", "yarn", "pnpm", "uv", "pip", "pip3", "ruby", "perl", "php", "java", "cargo",
    "docker", "podman", "kubectl", "ssh", "scp", "sftp", "curl", "wget", "nc", "ncat", "netcat", "rm", "rmdir", "mv",
    "cp", "dd", "chmod", "chown", "sudo", "su", "awk", "gawk", "mawk", "find", "make", "tar", "sed", "gdb",
];

/// What some of them lead to: a rule is about the file that a link leads to, so the versions are named.
const RISKY_VERSIONS: [&str; 23] = [
    "python2.7",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "nodejs",
    "ruby2.7",
    "ruby3.0",
    "ruby3.1",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "php7.4",
    "php8.1",
    "php8.2",
    "php8.3",
    "php8.4",
    "ksh93",
    "nc.openbsd",
    "nc.traditional",
    "original-awk",
];

/// Files elsewhere to which links of such names lead.
const RISKY_ELSEWHERE: [&str; 5] = [
    "shell:/usr/lib/jvm/**",
    "shell:/usr/lib/node_modules/**",
    "shell:/usr/local/lib/node_modules/**",
    "shell:/usr/share/nodejs/**",
    "shell:/usr/share/npm/**",
];

/// What programs get beside the files that a process has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramRules {
    /// Absolute directories in which a program without a path is looked up.
    pub directories: Vec<String>,
    /// Links that keep their names, for programs that look at how they are called: absolute paths.
    pub keep_name: Vec<String>,
    /// Files and directories of the system that programs may read and start.
    pub system: Vec<String>,
    /// Variables that each program has.
    pub environment: BTreeMap<String, String>,
    /// The host's own variables that each program has.
    pub inherit: Vec<String>,
    /// Variables that a call may set.
    pub settable: Vec<String>,
    /// Command lines that have the network of the machine.
    pub network: Vec<Pattern>,
    /// The most that a call can ask for.
    pub wall_time: Duration,
    /// Of all processes of one program.
    pub processor_time: Duration,
    /// Bytes.
    pub memory: u64,
    pub processes: u32,
    /// Whether a program is started although it could make something at a name that is denied and not there; its end says if it did. So
    /// by default: else nothing runs where a rule keeps `.env` away and there is none.
    pub reports_absent: bool,
}

impl Default for ProgramRules {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        ProgramRules {
            directories: texts(&DIRECTORIES),
            keep_name: Vec::new(),
            system: texts(&SYSTEM),
            environment: BTreeMap::new(),
            inherit: Vec::new(),
            settable: Vec::new(),
            network: Vec::new(),
            wall_time: Duration::from_secs(300),
            processor_time: Duration::from_secs(600),
            memory: 2 << 30,
            processes: 256,
            reports_absent: true,
        }
    }
}

impl ProgramRules {
    /// Whether a path of the host is one that is looked at for programs without any rule about it.
    pub fn is_open(&self, path: &str) -> bool {
        let within = |place: &String| {
            path.strip_prefix(place.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        !path.split('/').any(|segment| segment == "..") && self.system.iter().chain(&self.directories).any(within)
    }

    /// What differs, for a person who compares two policies.
    pub(super) fn told(&self) -> [(&'static str, String); 11] {
        let list = |texts: &[String]| texts.join(" ");
        let environment = self.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let network = self.network.iter().map(ToString::to_string).collect::<Vec<_>>();
        [
            ("programs are looked up in", list(&self.directories)),
            ("programs that keep their names", list(&self.keep_name)),
            ("programs may read and start", list(&self.system)),
            ("variables of programs", environment.collect::<Vec<_>>().join(" ")),
            ("variables of the host that programs get", list(&self.inherit)),
            ("variables of programs that calls set", list(&self.settable)),
            ("programs with network", network.join(", ")),
            ("time of a program", unit::time(self.wall_time)),
            ("processor time of a program", unit::time(self.processor_time)),
            ("memory of a program", unit::size(self.memory)),
            ("programs may make what is denied and absent", self.reports_absent.to_string()),
        ]
    }
}

/// Reads the section; what is wrong is told and left out.
pub(super) fn read(reader: &mut Reader<'_, '_>, value: &Value<'_>) -> ProgramRules {
    let mut rules = ProgramRules::default();
    let Some(table) = reader.table(value, "programs") else { return rules };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match name {
            "directories" => rules.directories = paths(reader, name, value),
            "keep-name" => rules.keep_name = paths(reader, name, value),
            "system" => rules.system = paths(reader, name, value),
            "environment" => rules.environment = super::environment::read(reader, value),
            "inherit" => rules.inherit = variables(reader, name, value),
            "settable" => rules.settable = variables(reader, name, value),
            "network" => rules.network = commands(reader, name, value),
            "wall-time" => {
                let range = (limit::CALL_TICK, limit::PROGRAM_WALL_TIME_MAX);
                rules.wall_time = reader.time(name, value, range, "300s").unwrap_or(rules.wall_time);
            }
            "processor-time" => {
                let range = (limit::CALL_TICK, limit::PROGRAM_WALL_TIME_MAX);
                rules.processor_time = reader.time(name, value, range, "600s").unwrap_or(rules.processor_time);
            }
            "memory" => rules.memory = reader.size(name, value, (16 << 20, 1 << 40)).unwrap_or(rules.memory),
            "processes" => rules.processes = reader.number(name, value, 10_000).unwrap_or(rules.processes),
            "absent-denied" => match reader.text(value, name, "refuse") {
                Some("refuse") => rules.reports_absent = false,
                Some("report") => rules.reports_absent = true,
                Some(other) => {
                    let hint = near::among(other, &["refuse", "report"]);
                    reader.fail(value.span().start, "absent-denied is \"refuse\" or \"report\"", hint);
                }
                None => {}
            },
            other => reader.unknown_key(key.span().start, "programs", other, &KEYS),
        }
    }
    rules
}

fn texts(reader: &mut Reader<'_, '_>, key: &str, value: &Value<'_>, example: &str) -> Vec<(String, usize)> {
    let Some(list) = value.get_ref().as_array() else {
        let what = format!("'{key}' is a list, not a {}", value.get_ref().type_str());
        reader.fail(value.span().start, what, format!("for example {key} = [\"{example}\"]"));
        return Vec::new();
    };
    let text = |value: &Value<'_>| Some((value.get_ref().as_str()?.to_owned(), value.span().start));
    let found: Vec<_> = list.iter().filter_map(text).collect();
    if found.len() < list.len() || found.len() > limit::PROGRAM_PLACES_MAX {
        let what = format!("'{key}' is a list of at most {} texts", limit::PROGRAM_PLACES_MAX);
        reader.fail(value.span().start, what, format!("for example {key} = [\"{example}\"]"));
    }
    found
}

fn paths(reader: &mut Reader<'_, '_>, key: &str, value: &Value<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    for (path, at) in texts(reader, key, value, "/usr/bin") {
        let plain = path.len() > 1
            && path.starts_with('/')
            && !path.ends_with('/')
            && path.len() <= limit::PATH_BYTES_MAX
            && path[1..].split('/').all(|segment| !matches!(segment, "" | "." | ".."))
            && !path.contains('\0');
        if plain {
            paths.push(path);
        } else {
            reader.fail(
                at,
                format!("'{key}' has absolute paths, without '..' and with no '/' at the end"),
                "for example \"/usr/bin\"",
            );
        }
    }
    paths
}

fn variables(reader: &mut Reader<'_, '_>, key: &str, value: &Value<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for (name, at) in texts(reader, key, value, "CI") {
        if super::environment::is_name(&name) {
            names.push(name);
        } else {
            reader.fail(at, "a variable's name is of letters, digits and '_'", "for example \"RUST_BACKTRACE\"");
        }
    }
    names
}

fn commands(reader: &mut Reader<'_, '_>, key: &str, value: &Value<'_>) -> Vec<Pattern> {
    let example = "shell:/usr/bin/git -- fetch **";
    let mut patterns = Vec::new();
    for (text, at) in texts(reader, key, value, example) {
        match Pattern::parse(&text) {
            Ok(pattern) if pattern.kind() == Kind::Shell => patterns.push(pattern),
            Ok(_) => reader.fail(at, "this is no program", format!("for example \"{example}\"")),
            Err(error) => reader.fail(at, error.to_string(), format!("for example \"{example}\"")),
        }
    }
    patterns
}

/// A ready-made level: the lines that it stands for, and what a process does about programs that no line is about.
pub(super) fn level(reader: &mut Reader<'_, '_>, image: &str, value: &Value<'_>) {
    const LEVELS: [&str; 4] = ["never", "listed-else-ask", "unlisted-else-ask", "always"];
    let at = value.span().start;
    let Some(level) = reader.text(value, "programs", "listed-else-ask") else { return };
    let all = || vec!["shell:**".to_owned()];
    let each = |names: &[&str], folders: &[&str]| {
        let of = |name: &&str| folders.iter().map(|folder| format!("shell:{folder}/{name}")).collect::<Vec<_>>();
        names.iter().flat_map(of).collect::<Vec<_>>()
    };
    let lines: Vec<(Effect, Vec<String>)> = match level {
        "never" => vec![(Effect::Deny, all())],
        "listed-else-ask" if image == ALL_IMAGES => {
            let what = "all images together have no default, so they cannot ask about the rest";
            return reader.fail(at, what, "write it in the section of each image, for example [image.coding]");
        }
        "listed-else-ask" => vec![(Effect::Allow, each(&LISTED, &LISTED_IN))],
        "unlisted-else-ask" => {
            let of =
                |name: &&str| DIRECTORIES.iter().map(|folder| format!("shell:{folder}/{name}")).collect::<Vec<_>>();
            let risky = RISKY.iter().chain(&RISKY_VERSIONS).flat_map(of);
            let elsewhere = RISKY_ELSEWHERE.iter().map(|pattern| (*pattern).to_owned());
            vec![(Effect::Allow, all()), (Effect::Ask, risky.chain(elsewhere).collect())]
        }
        "always" => vec![(Effect::Allow, all())],
        other => {
            let what = format!("'{}' is no level for programs", super::short(other));
            return reader.fail(at, what, near::among(other, &LEVELS));
        }
    };
    if level == "listed-else-ask" {
        reader.set_default(image, WithoutGrant::AskPrograms);
    }
    for (effect, patterns) in lines {
        for pattern in patterns {
            reader.add_rule(image, effect, &format!("execute {pattern}"), at);
        }
    }
}

/// What a new policy says about programs.
pub(super) const STARTER: &str = r#"# Programs of the system. A rule names the file and its arguments, word by word: * is one, ** at the end any that follow.
# For example: execute shell:/usr/bin/git -- status **
# An image's section has a key `programs` for one of the ready-made levels, too: never, listed-else-ask, unlisted-else-ask, always.
# A program reaches what its process may read or write without asking, confined by the kernel; it has no network and an empty environment.
# [programs]
# directories = ["/usr/local/bin", "/usr/bin"]
# environment = { LANG = "C.UTF-8" }
# inherit = []
# settable = ["RUST_BACKTRACE"]
# network = ["shell:/usr/bin/git -- fetch **"]
# wall-time = "300s"
# What is denied and not there cannot be hidden: "report" runs a program and says if it made it, "refuse" runs none.
# absent-denied = "report"
"#;

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::*;

    #[test]
    fn a_level_stands_for_lines_and_a_default() {
        let asked = (RISKY.len() + RISKY_VERSIONS.len()) * DIRECTORIES.len() + RISKY_ELSEWHERE.len();
        for (level, default, allow, ask, deny) in [
            ("never", None, 0, 0, 1),
            ("listed-else-ask", Some(WithoutGrant::AskPrograms), LISTED.len() * 2, 0, 0),
            ("unlisted-else-ask", None, 1, asked, 0),
            ("always", None, 1, 0, 0),
        ] {
            let policy = Policy::parse(&format!("[image.coding]\nprograms = \"{level}\"\n")).unwrap();
            let count = |effect| policy.templates.iter().filter(|line| line.effect == effect && line.line == 2).count();
            assert_eq!((count(Effect::Allow), count(Effect::Ask), count(Effect::Deny)), (allow, ask, deny), "{level}");
            assert_eq!(policy.defaults.get("coding").copied(), default, "{level}");
        }
        let both = |text: &str| Policy::parse(text).unwrap().defaults["coding"];
        assert_eq!(both("[image.coding]\ndefault = \"ask\"\nprograms = \"listed-else-ask\"\n"), WithoutGrant::Ask);
        assert_eq!(
            both("[image.coding]\nprograms = \"listed-else-ask\"\ndefault = \"deny\"\n"),
            WithoutGrant::AskPrograms
        );
    }

    #[test]
    fn what_is_risky_is_so_at_the_files_that_links_lead_to() {
        let policy = Policy::parse("[image.coding]\nprograms = \"unlisted-else-ask\"\n").unwrap();
        let asks = |file: &str| {
            let name = crate::model::command::resource(file, &["x".into()]).unwrap();
            policy.templates.iter().any(|line| line.effect == Effect::Ask && line.pattern.covers(&name))
        };
        for file in [
            "/usr/bin/python3.11",
            "/usr/local/bin/python3.13",
            "/bin/nc.openbsd",
            "/usr/bin/ruby3.1",
            "/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
            "/usr/local/lib/node_modules/npm/bin/npx-cli.js",
            "/usr/share/nodejs/npm/bin/npm-cli.js",
        ] {
            assert!(asks(file), "{file}");
        }
        assert!(!asks("/usr/bin/git"));
    }

    #[test]
    fn what_is_wrong_with_the_section_is_told_where_it_stands() {
        for (text, place, what) in [
            ("[programs]\ndirectories = [\"bin\"]", (2, 16), "absolute"),
            ("[programs]\nsystem = [\"/usr/..\"]", (2, 11), "absolute"),
            ("[programs]\ninherit = [\"A B\"]", (2, 12), "letters"),
            ("[programs]\nnetwork = [\"fs:w\"]", (2, 12), "no program"),
            ("[programs]\nnetwork = \"x\"", (2, 11), "list"),
            ("[programs]\nabsent-denied = \"no\"", (2, 17), "refuse"),
            ("[programs]\nfoo = 1", (2, 1), "no 'foo'"),
            ("[image.a]\nprograms = \"all\"", (2, 12), "no level"),
            ("[image.\"*\"]\nprograms = \"listed-else-ask\"", (2, 12), "no default"),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert_eq!((error.line, error.column), place, "{error}");
            assert!(error.what.contains(what), "{error}");
        }
    }
}
