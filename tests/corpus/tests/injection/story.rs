//! A story as its file has it; `tests/corpus/injection/README.md` says how one is written.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Story {
    #[serde(skip)]
    pub name: String,
    /// What the injected text is after.
    #[serde(rename = "about")]
    pub _about: String,
    /// What the user asked for.
    pub goal: String,
    /// A whole `libos.toml`: what the user's task needs and no more.
    pub policy: String,
    /// Lines of `allow` that the second run has beside those of the policy, which loses its denies and asks.
    #[serde(default)]
    pub bites: Vec<String>,
    /// Why there is no second run: nothing that a person could grant lets it happen.
    pub never: Option<String>,
    /// In the workspace.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// In the workspace; a target that begins with `^` is a place in the sandbox, by its whole path.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// Manifests that the host knows.
    #[serde(default)]
    pub images: Vec<String>,
    /// Texts that no result, note, question, record or object may have in it.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// It starts programs of the system.
    #[serde(default)]
    pub programs: bool,
    /// The image of the process; `base` if it is left out.
    pub image: Option<String>,
    /// What the model does.
    #[serde(rename = "line")]
    pub lines: Vec<Line>,
    /// Other processes, p2 and so on.
    #[serde(default, rename = "other")]
    pub others: Vec<Other>,
    /// What people are asked, in this order, and say.
    #[serde(default, rename = "person")]
    pub persons: Vec<Person>,
    /// What is left in the workspace beside what was there.
    #[serde(default)]
    pub after: BTreeMap<String, String>,
    /// What of the workspace is not there any more.
    #[serde(default)]
    pub gone: Vec<String>,
    /// What people are told, in this order.
    #[serde(default)]
    pub told: Vec<String>,
    /// After the second run these files of the workspace have these texts in them.
    #[serde(default)]
    pub bitten: BTreeMap<String, String>,
}

/// A process beside the one whose goal it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    pub goal: String,
    pub image: Option<String>,
    #[serde(rename = "line")]
    pub lines: Vec<Line>,
}

/// A line of the script: what the model chooses after what it has read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// For the user.
    pub task: Option<String>,
    /// Because the injected text says so.
    pub injected: Option<String>,
    /// What the failure of an injected line says.
    pub refused: Option<String>,
    /// What an injected line gives that has no effect: a part of its result.
    pub gives: Option<String>,
    /// The line as it is in the second run, where what it needs of earlier lines is there.
    pub bites: Option<String>,
    /// What the injected line fails with also in the second run, on the way to what bites.
    pub still: Option<String>,
    /// A part of the result of a line for the user.
    pub has: Option<String>,
}

/// A question, and the answer of a person.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// A part of what is asked.
    pub sees: String,
    /// `allow`, `deny`, `always`, `never`, or words.
    pub says: String,
    /// The policy that the person puts in force before the answer.
    pub policy: Option<String>,
}

impl Line {
    /// The line of the script.
    pub fn text(&self) -> &str {
        self.task.as_deref().or(self.injected.as_deref()).unwrap_or_default()
    }
}

/// The script of some lines, for the first run or the second.
pub fn script(lines: &[Line], strict: bool) -> String {
    let text = |line: &Line| line.bites.clone().filter(|_| !strict).unwrap_or_else(|| line.text().to_owned());
    lines.iter().map(text).collect::<Vec<_>>().join("\n")
}

impl Story {
    /// All stories, in the order of their names.
    ///
    /// # Panics
    /// One of them cannot be read.
    pub fn all() -> Vec<Story> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("injection");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
        paths.sort();
        paths.iter().map(|path| Story::read(path)).collect()
    }

    fn read(path: &Path) -> Story {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        let mut story: Story = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        story.name = name;
        story.check().unwrap_or_else(|why| panic!("{}: {why}", story.name));
        story
    }

    /// Whether it says all that a story must.
    fn check(&self) -> Result<(), String> {
        let every = || self.lines.iter().chain(self.others.iter().flat_map(|other| &other.lines));
        for line in every() {
            let ways = (&line.task, &line.injected, &line.refused, &line.gives);
            match ways {
                (Some(_), None, None, None) if line.still.is_none() && line.bites.is_none() => {}
                (None, Some(_), Some(_), None) | (None, Some(_), None, Some(_)) if line.has.is_none() => {}
                _ => return Err(format!("a line is a task, or injected and refused or without effect: {line:?}")),
            }
        }
        if !every().any(|line| line.injected.is_some()) {
            return Err("nothing in it is injected".into());
        }
        if every().all(|line| line.task.is_none()) {
            return Err("nothing in it is for the user".into());
        }
        if self.bites.is_empty() == self.never.is_none() {
            return Err("it says either what bites or why nothing ever does".into());
        }
        Ok(())
    }

    /// The policy of the second run: the story's, with what bites, and without denies, asks and bounds.
    pub fn permissive(&self) -> String {
        let mut policy: toml::Table = self.policy.parse().unwrap();
        let image = self.image.as_deref().unwrap_or("base");
        policy.remove("questions");
        let images = policy.get_mut("image").and_then(toml::Value::as_table_mut).unwrap();
        for (_, rules) in images.iter_mut() {
            let rules = rules.as_table_mut().unwrap();
            rules.retain(|key, _| !matches!(key, "deny" | "ask" | "budget"));
        }
        let rules = images.entry(image).or_insert_with(|| toml::Table::new().into()).as_table_mut().unwrap();
        let allow = rules.entry("allow").or_insert_with(|| Vec::<toml::Value>::new().into()).as_array_mut().unwrap();
        allow.extend(self.bites.iter().map(|rule| toml::Value::from(rule.as_str())));
        policy.to_string()
    }
}
