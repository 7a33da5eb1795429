//! The one check: runs a row step by step, and after each step looks whether the outside changed or something of it was learnt.

use crate::house::{House, Outcome, TOOL};
use crate::request;
use crate::row::{Expected, Row, Step, Text};
use crate::sandbox::{Sandbox, leak};
use libos::kernel::kernel::NewGrant;
use libos::kernel::model::grant::{Effect, Holder};
use libos::kernel::model::id::GrantId;
use libos::kernel::model::image::BASE;
use libos::kernel::model::index::{GrantIndex, Leaf};
use libos::kernel::model::policy::Policy;
use libos::kernel::model::resource::{Kind, Pattern, Resource};
use libos::kernel::model::right::Rights;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// What processes may do where a row names no rule.
const OPEN: [&str; 5] = [
    "allow read,list,write,delete fs:workspace/**",
    "allow read,list,write,delete fs:free/**",
    "allow read,list,write,delete fs:inner/**",
    "allow read,list,write,delete object:team/**",
    "allow ask,tell human:owner",
];
/// How the words of rules begin.
const RULES: [&str; 4] = ["allow", "ask", "deny", "default"];

/// What a row gave rise to.
pub enum Verdict {
    Kept,
    /// Only root can set it up.
    Skipped,
    Broken(String),
}

struct Run<'h> {
    house: &'h mut House,
    outside: Vec<String>,
    grants: HashMap<String, GrantId>,
}

/// Runs a row.
pub async fn run(house: &mut House, row: &Row) -> Verdict {
    let for_root = row.setup.iter().chain(&row.request).any(|step| Sandbox::is_for_root(&step.words));
    if for_root && !rustix::process::geteuid().is_root() {
        return Verdict::Skipped;
    }
    let log = house.log_size().await;
    let (broken, house) = {
        let mut run = Run { outside: Vec::new(), grants: HashMap::new(), house };
        let broken = run.all(row).await.err();
        let learnt = run.house.records(log).await.iter().find_map(|record| {
            let text = serde_json::to_string(record).unwrap();
            leak(text.as_bytes(), &run.house.sandbox.base).map(|what| format!("{what} shows in the record {text}"))
        });
        // A grant of an image would reach the processes of the next row.
        for id in run.grants.values() {
            let _ = run.house.kernel.revoke(*id);
        }
        (broken.or(learnt), run.house)
    };
    if house.current.is_some() {
        house.forget().await;
    }
    house.pids.clear();
    house.sandbox.reset();
    broken.map_or(Verdict::Kept, Verdict::Broken)
}

impl Run<'_> {
    async fn all(&mut self, row: &Row) -> Result<(), String> {
        let text = |step: &Step| words_of(step).join(" ");
        let short = |step: &Step| text(step).chars().take(160).collect::<String>();
        let is_rule = |step: &&Step| words_of(step).first().is_some_and(|word| RULES.contains(&&**word));
        let rules: Vec<String> = row.setup.iter().filter(is_rule).map(text).collect();
        self.house.rules = if rules.is_empty() { OPEN.map(str::to_owned).to_vec() } else { rules };
        self.house.apply_rules()?;
        for step in row.setup.iter().filter(|step| !is_rule(step)) {
            let done = self.house.sandbox.act(&step.words);
            done.ok_or_else(|| format!("'{}' is no word of a setup", text(step)))?;
        }
        self.house.new_process("p");
        self.outside = self.house.sandbox.outside();
        let last = row.request.iter().rposition(|step| !is_quiet(step)).ok_or("the row requests nothing")?;
        for (index, step) in row.request.iter().enumerate() {
            let outcome = self.step(step).await.map_err(|why| format!("'{}': {why}", short(step)))?;
            let expected = match (&step.expected, index == last) {
                (_, true) => Some(&row.expected),
                (expected, false) => expected.as_ref(),
            };
            let fine = Expected { word: outcome.good().into(), text: None };
            compare(&outcome, expected.unwrap_or(&fine)).map_err(|why| format!("'{}': {why}", short(step)))?;
        }
        Ok(())
    }

    /// Runs a step; what a person or another program does may change the outside, what a guest does may not.
    async fn step(&mut self, step: &Step) -> Result<Outcome, String> {
        if self.house.sandbox.act(&step.words).is_some() {
            self.outside = self.house.sandbox.outside();
            return Ok(Outcome::new("done", ""));
        }
        let outcome = match request::call(&step.words) {
            Some(call) => self.house.request(call).await,
            None => self.other(step).await?,
        };
        let after = self.house.sandbox.outside();
        if after != self.outside {
            let differ: Vec<&String> = after.iter().filter(|line| !self.outside.contains(line)).collect();
            return Err(format!("the outside changed: {differ:?} is new; it ended as {outcome:?}"));
        }
        let given = [outcome.text.as_bytes(), &outcome.given].concat();
        match leak(&given, &self.house.sandbox.base) {
            Some(what) => Err(format!("{what} shows in {outcome:?}")),
            None => Ok(outcome),
        }
    }

    async fn other(&mut self, step: &Step) -> Result<Outcome, String> {
        let words = words_of(step);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let done = |result: Result<(), String>| match result {
            Ok(()) => Outcome::new("done", ""),
            Err(why) => Outcome::new("refused", why),
        };
        let did = Outcome::new("done", "");
        Ok(match &words[..] {
            ["answer", words @ ..] => self.house.answer(&words.join(" ")).await,
            ["park"] => {
                self.house.park();
                did
            }
            ["resume"] => self.house.resume().await,
            ["aside"] => {
                self.house.put_aside();
                did
            }
            ["back"] => {
                self.house.take_back();
                did
            }
            ["restart"] => {
                self.house.restart().await;
                did
            }
            ["race", count, ..] => {
                let call = request::call(&step.words[2..]).ok_or("no request")?;
                self.house.race(count.parse().map_err(|_| "no number")?, call).await
            }
            ["process", name] => {
                self.house.new_process(name);
                did
            }
            ["as", name] => {
                self.house.pid = *self.house.pids.get(*name).ok_or("no such process")?;
                self.house.current = None;
                done(Ok(()))
            }
            ["call"] => done(self.house.new_call(TOOL)),
            ["call", tool] => done(self.house.new_call(tool)),
            ["tool", name, component] => done(self.house.add_tool(name, component.as_bytes())),
            ["rule", rule] => {
                self.house.rules.push((*rule).to_owned());
                done(self.house.apply_rules())
            }
            ["no-rule", rule] => {
                self.house.rules.retain(|known| known != rule);
                done(self.house.apply_rules())
            }
            ["grant", name, rest @ ..] => done(self.grant(name, rest)),
            ["revoke", name] => {
                let id = *self.grants.get(*name).ok_or("no such grant")?;
                done(self.house.kernel.revoke(id).map(drop).map_err(|error| error.to_string()))
            }
            ["has", _, _] | ["lacks", _] => self.look(&step.words),
            ["covers", pattern, resource] => covers(pattern, resource)?,
            ["pattern", text] => done(Pattern::parse(text).map(drop).map_err(|error| error.to_string())),
            ["policy", text] => done(Policy::parse(text).map(drop).map_err(|error| error.to_string())),
            _ => return Err("these are no words of a step".into()),
        })
    }

    /// `allow read fs:workspace/a once expired image only:act`.
    fn grant(&mut self, name: &str, words: &[&str]) -> Result<(), String> {
        let [effect, rights, pattern, options @ ..] = words else {
            return Err("a grant has an effect, rights and a pattern".into());
        };
        let effect = [Effect::Allow, Effect::Ask, Effect::Deny].into_iter().find(|known| known.word() == *effect);
        let has = |option: &str| options.contains(&option);
        let new = NewGrant {
            holder: if has("image") { Holder::Image(BASE.into()) } else { Holder::Process(self.house.pid) },
            rights: Rights::parse(rights)?,
            pattern: Pattern::parse(pattern).map_err(|error| error.to_string())?,
            effect: effect.ok_or("no effect")?,
            uses: if has("once") { Some(1) } else { None },
            expires_in: has("expired").then_some(Duration::ZERO),
            only_tool: options.iter().find_map(|option| option.strip_prefix("only:")).map(str::to_owned),
        };
        let made = self.house.kernel.grant(new).map_err(|error| error.to_string())?.what;
        self.grants.extend(made.first().map(|grant| (name.to_owned(), grant.id)));
        Ok(())
    }

    fn look(&self, words: &[Vec<u8>]) -> Outcome {
        let sandbox = &self.house.sandbox;
        let yes = match words {
            [_, path] => !sandbox.has(path),
            [_, path, content] => sandbox.content(path).as_ref() == Some(content),
            _ => false,
        };
        let there =
            words.get(1).and_then(|path| sandbox.content(path)).map(|content| content.escape_ascii().to_string());
        Outcome::new(if yes { "yes" } else { "no" }, format!("there is {there:?}"))
    }
}

impl Outcome {
    /// What a step that is not the last, and of which nothing is said, must end as.
    fn good(&self) -> &'static str {
        if matches!(&*self.word, "yes" | "no") { "yes" } else { "done" }
    }
}

fn words_of(step: &Step) -> Vec<String> {
    step.words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Steps that look or prepare; what a row expects is the end of the last one that is none.
fn is_quiet(step: &Step) -> bool {
    const QUIET: [&str; 12] =
        ["has", "lacks", "file", "save", "gone", "move", "exchange", "dir", "link", "rule", "no-rule", "park"];
    words_of(step).first().is_some_and(|word| QUIET.contains(&&**word))
}

fn compare(outcome: &Outcome, expected: &Expected) -> Result<(), String> {
    let text = match &expected.text {
        None => true,
        Some(Text::Whole(text)) => outcome.text == *text,
        Some(Text::Part(text)) => outcome.text.contains(&**text),
        Some(Text::Without(text)) => !outcome.text.contains(&**text),
    };
    if outcome.word == expected.word && text {
        return Ok(());
    }
    Err(format!("expected {expected:?}, but it ended as {}: {:?}", outcome.word, outcome.text))
}

/// Whether a pattern covers a resource: by the plain definition, and by the index, which must agree.
fn covers(pattern: &str, resource: &str) -> Result<Outcome, String> {
    let pattern = Pattern::parse(pattern).map_err(|error| error.to_string())?;
    let (word, path) = resource.split_once(':').ok_or("no resource")?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word).ok_or("no kind")?;
    let resource = Resource::new(kind, path);
    let mut index = GrantIndex::default();
    let rights = kind.rights();
    index.insert(&pattern, Leaf { slot: 0, rights, effect: Effect::Allow });
    let right = rights.iter().next().ok_or("no right")?;
    let found = index.covering(&resource, right, |_| ControlFlow::Break(())).is_break();
    if found != pattern.covers(&resource) {
        return Err(format!("the index says {found}, the pattern says the other"));
    }
    Ok(Outcome::new(if found { "yes" } else { "no" }, ""))
}
