//! The rows: what was measured, against what, and whether it is as promised.

use crate::Options;
use crate::measure::Others;
use serde_json::{Value, json};
use std::time::Duration;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Nanoseconds,
    PerSecond,
    Bytes,
}

/// What was promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// So often the baseline.
    TimesAtMost(f64),
    /// As [`Target::TimesAtMost`].
    TimesAtLeast(f64),
    /// So much more than the baseline.
    OverAtMost(f64),
    /// No allocation a repetition.
    NoAllocation,
}

/// One line of the result.
pub struct Row {
    name: String,
    what: String,
    value: f64,
    unit: Unit,
    baseline: Option<(String, f64)>,
    allocations: Option<f64>,
    targets: Vec<Target>,
    phases: Vec<(String, String)>,
    note: String,
}

impl Row {
    /// A row with a value and nothing to compare it to.
    pub fn new(name: impl Into<String>, what: impl Into<String>, value: f64, unit: Unit) -> Row {
        Row {
            name: name.into(),
            what: what.into(),
            value,
            unit,
            baseline: None,
            allocations: None,
            targets: Vec::new(),
            phases: Vec::new(),
            note: String::new(),
        }
    }

    /// A time.
    pub fn time(name: impl Into<String>, what: impl Into<String>, nanoseconds: f64) -> Row {
        Row::new(name, what, nanoseconds, Unit::Nanoseconds)
    }

    /// What it is compared to, in the same unit, from the same run.
    pub fn against(mut self, what: impl Into<String>, value: f64) -> Row {
        self.baseline = Some((what.into(), value));
        self
    }

    /// Allocations a repetition.
    pub fn allocations(mut self, count: f64) -> Row {
        self.allocations = Some(count);
        self
    }

    /// A promise; all of a row must hold.
    pub fn target(mut self, target: Target) -> Row {
        self.targets.push(target);
        self
    }

    /// Where a part of the time goes.
    pub fn phase(mut self, what: impl Into<String>, nanoseconds: f64) -> Row {
        self.phases.push((what.into(), show(nanoseconds, Unit::Nanoseconds)));
        self
    }

    /// Several phases.
    pub fn phases(self, phases: Vec<(String, f64)>) -> Row {
        phases.into_iter().fold(self, |row, (what, nanoseconds)| row.phase(what, nanoseconds))
    }

    /// Something else that explains it.
    pub fn fact(mut self, what: impl Into<String>, value: impl Into<String>) -> Row {
        self.phases.push((what.into(), value.into()));
        self
    }

    /// What is to be known to read it.
    pub fn note(mut self, note: impl Into<String>) -> Row {
        self.note = note.into();
        self
    }

    fn met(&self) -> Option<bool> {
        (!self.targets.is_empty()).then(|| self.targets.iter().all(|target| self.keeps(*target)))
    }

    fn keeps(&self, target: Target) -> bool {
        let baseline = self.baseline.as_ref().map_or(f64::NAN, |(_, value)| *value);
        match target {
            Target::AtMost(most) => self.value <= most,
            Target::AtLeast(least) => self.value >= least,
            Target::TimesAtMost(most) => self.value / baseline <= most,
            Target::TimesAtLeast(least) => self.value / baseline >= least,
            Target::OverAtMost(most) => self.value - baseline <= most,
            Target::NoAllocation => self.allocations == Some(0.0),
        }
    }

    fn target_text(&self) -> String {
        let texts = self.targets.iter().map(|target| match target {
            Target::AtMost(most) => format!("<= {}", show(*most, self.unit)),
            Target::AtLeast(least) => format!(">= {}", show(*least, self.unit)),
            Target::TimesAtMost(most) => format!("<= {most}x"),
            Target::TimesAtLeast(least) => format!(">= {least}x"),
            Target::OverAtMost(most) => format!("<= +{}", show(*most, self.unit)),
            Target::NoAllocation => "no allocation".into(),
        });
        texts.collect::<Vec<_>>().join(", ")
    }

    fn line(&self) -> String {
        let mut line = format!("{:<22} {:>10}", self.name, show(self.value, self.unit));
        if let Some(count) = self.allocations {
            line.push_str(&format!(", {count:.2} allocations"));
        }
        if let Some((what, value)) = &self.baseline {
            line.push_str(&format!("  vs {} {what}", show(*value, self.unit)));
            if self.targets.iter().any(|target| matches!(target, Target::OverAtMost(_))) {
                line.push_str(&format!(" = +{}", show(self.value - value, self.unit)));
            } else {
                line.push_str(&format!(" = {:.2}x", self.value / value));
            }
        }
        let verdict = match self.met() {
            None => String::new(),
            Some(met) => format!("  target {}: {}", self.target_text(), if met { "met" } else { "MISSED" }),
        };
        format!("{line}{verdict}  ({})", self.what)
    }

    fn json(&self) -> Value {
        let phases: serde_json::Map<String, Value> =
            self.phases.iter().map(|(what, value)| (what.clone(), json!(value))).collect();
        json!({
            "name": self.name,
            "what": self.what,
            "value": self.value,
            "unit": match self.unit {
                Unit::Nanoseconds => "ns",
                Unit::PerSecond => "1/s",
                Unit::Bytes => "bytes",
            },
            "baseline": self.baseline.as_ref().map(|(what, value)| json!({"what": what, "value": value})),
            "ratio": self.baseline.as_ref().map(|(_, value)| self.value / value),
            "allocations": self.allocations,
            "target": (!self.targets.is_empty()).then(|| self.target_text()),
            "met": self.met(),
            "phases": phases,
            "note": self.note,
        })
    }
}

/// A number with its unit, as people read it.
pub fn show(value: f64, unit: Unit) -> String {
    let scale = |steps: &[(f64, &str)]| {
        let (size, name) = steps.iter().rev().find(|(size, _)| value.abs() >= *size).unwrap_or(&steps[0]);
        let scaled = value / size;
        let digits = if scaled.abs() >= 100.0 || *size == 1.0 && unit != Unit::Nanoseconds { 0 } else { 2 };
        format!("{scaled:.digits$} {name}")
    };
    match unit {
        Unit::Nanoseconds => scale(&[(1.0, "ns"), (1e3, "us"), (1e6, "ms"), (1e9, "s")]),
        Unit::PerSecond => format!("{value:.0}/s"),
        Unit::Bytes => scale(&[(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB")]),
    }
}

/// All rows, printed as they come.
pub struct Report {
    pub options: Options,
    met: usize,
    missed: Vec<String>,
    skipped: usize,
    others: Others,
}

impl Report {
    /// Nothing yet.
    pub fn new(options: Options) -> Report {
        Report { options, met: 0, missed: Vec::new(), skipped: 0, others: Others::begin() }
    }

    /// Whether a group is asked for.
    pub fn wants(&self, group: &str) -> bool {
        let filters = &self.options.filters;
        filters.is_empty() || filters.iter().any(|filter| group.contains(filter.as_str()))
    }

    /// Says what comes.
    pub fn group(&mut self, name: &str, about: &str) {
        self.others = Others::begin();
        if !self.options.json {
            println!("\n{name}: {about}");
        }
    }

    /// Prints a row.
    pub fn row(&mut self, row: Row) {
        match row.met() {
            Some(true) => self.met += 1,
            Some(false) => self.missed.push(row.name.clone()),
            None => {}
        }
        if self.options.json {
            println!("{}", row.json());
            return;
        }
        println!("{}", row.line());
        if self.options.phases || row.met() == Some(false) {
            row.phases.iter().for_each(|(what, value)| println!("    {value:>12}  {what}"));
            if !row.note.is_empty() {
                println!("    {}", row.note);
            }
        }
    }

    /// Says that something could not be measured here.
    pub fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        if self.options.json {
            println!("{}", json!({"name": name, "skipped": why}));
        } else {
            println!("{name:<22} SKIPPED: {why}");
        }
    }

    /// A group has ended: says if other work disturbed it.
    pub fn group_ended(&self) {
        let others = self.others.processors();
        if self.options.json {
            println!("{}", json!({"others": others}));
        } else if others > 0.1 {
            println!("    DISTURBED: other work took {others:.1} processors meanwhile");
        }
    }

    /// The end.
    pub fn close(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        if self.options.json {
            let (met, missed, skipped) = (self.met, &self.missed, self.skipped);
            println!("{}", json!({"met": met, "missed": missed, "skipped": skipped, "seconds": seconds}));
        } else {
            let missed = if self.missed.is_empty() { "none".to_owned() } else { self.missed.join(", ") };
            println!("\n{} met; missed: {missed}; {} skipped; {seconds:.1} s", self.met, self.skipped);
        }
    }
}
