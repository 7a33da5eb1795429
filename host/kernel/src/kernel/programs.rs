//! What a program gets: computed from what its process may do with files without asking anybody, within the bounds of the tool. No
//! primitive says it, and no process: a program that could be given more than its process has would be a way around every grant.

use super::Kernel;
use super::admit::{Attempt, Decisions, Foreseen};
use super::calls::Place as At;
use super::state::State;
use crate::model::answer::CallError;
use crate::model::call::Call;
use crate::model::decide::Verdict;
use crate::model::grant::{Effect, Holder};
use crate::model::limit;
use crate::model::need::{Need, needs};
use crate::model::program::{Access, Command, Executable, Naming, Order, Place, ProgramLimits};
use crate::model::resource::{Kind, Pattern, Resource};
use crate::model::right::Right;
use crate::model::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// A segment that no file has and no rule names.
const NO_NAME: &str = "\0";

/// What is known of a place before it is decided what is given there.
#[derive(Clone, Copy)]
struct Point {
    /// More is not given there, whatever is decided: a rule is about some of what is below.
    most: Access,
}

/// Places by their segments: what lies in a directory follows it. With all below it, or the one name.
type Points = BTreeMap<(Vec<String>, bool), Point>;

impl Kernel {
    /// As [`Kernel::foresee`], for a program whose file nobody has looked for: only who may start something, and names what everybody
    /// may know of, or has a rule about it, learns whether it is there.
    pub(crate) fn foresee_program(&self, attempt: &Attempt, command: &Command) -> Foreseen {
        let now = self.now();
        let state = self.lock();
        let wanted = needs(&attempt.call, &attempt.names, false);
        let (program, rest) = wanted.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
        if matches!(state.decide(attempt.place, rest, now, true), Decisions::Denied(..)) {
            return Foreseen::Refused;
        }
        let named =
            program.is_some_and(|need| !matches!(state.decide_one(attempt.place, need, now, true), Verdict::Deny(_)));
        let open = match command.naming() {
            Naming::Bare | Naming::File => true,
            Naming::Absolute => state.policy.programs.is_open(&command.program),
        };
        if named || (open && state.may_start_something(attempt.place, now)) {
            Foreseen::Allowed
        } else {
            Foreseen::Refused
        }
    }

    /// All that a program gets, as it stands now.
    ///
    /// # Errors
    /// What was asked for the policy does not let anybody have, or there are too many rules.
    pub(crate) fn order(
        &self,
        attempt: &Attempt,
        command: &Command,
        executable: Executable,
    ) -> Result<Order, CallError> {
        let now = self.now();
        let state = self.lock();
        let rules = &state.policy.programs;
        let mut environment = BTreeMap::from([
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("PATH".to_owned(), rules.directories.join(":")),
        ]);
        environment.extend(rules.environment.clone());
        for (name, value) in &command.environment {
            if !rules.settable.contains(name) {
                let hint = "the policy names those that a call may set, as `settable` in [programs]";
                return Err(CallError::Invalid(format!("the variable {name} cannot be set: {hint}")));
            }
            environment.insert(name.clone(), value.clone());
        }
        let inherited = rules.inherit.iter().filter(|name| !environment.contains_key(*name)).cloned().collect();
        let most = rules.wall_time;
        let wall = command.timeout.map_or(limit::PROGRAM_WALL_TIME.min(most), Duration::from_nanos);
        if wall > most || wall.is_zero() {
            return Err(CallError::TooLarge(format!("a program has more than no time and at most {most:?}")));
        }
        let names = &attempt.names;
        Ok(Order {
            arguments: command.arguments.clone(),
            directory: names.get(1).cloned().ok_or(CallError::Internal)?,
            environment: environment.into_iter().collect(),
            inherited,
            places: state.places(attempt.place, now)?,
            system: rules.system.clone(),
            network: rules.network.iter().any(|pattern| pattern.covers(&names[0])),
            limits: ProgramLimits {
                wall_milliseconds: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX).max(1),
                processor_milliseconds: u64::try_from(rules.processor_time.as_millis()).unwrap_or(u64::MAX),
                memory_bytes: rules.memory,
                processes: rules.processes,
                output_bytes: command.output_bytes.unwrap_or(limit::PROGRAM_OUTPUT_BYTES),
            },
            reports_absent: rules.reports_absent,
            executable,
        })
    }

    /// Charges the time that a program took, in nanoseconds: on the clock, which is not counted as its call's, and of the processor.
    pub(crate) fn charge_program(state: &mut State, at: At, (wall, processor): (u64, u64)) {
        let milliseconds = |nanoseconds| Duration::from_nanos(nanoseconds).as_millis() as u64;
        state.spend_time(at.pid, milliseconds(wall), milliseconds(processor));
    }
}

impl State {
    /// Whether any rule lets the process start any program, or lets it ask.
    fn may_start_something(&self, at: At, now: Time) -> bool {
        let holder = Holder::Process(at.pid);
        let lets = self.grants.of(&holder).any(|grant| {
            grant.pattern.kind() == Kind::Shell
                && grant.effect != Effect::Deny
                && self.grants.in_force(grant.id, now).is_some()
        });
        let default = self.processes.get(&at.pid).map(|process| process.default).unwrap_or_default();
        lets || default.about(Kind::Shell) == crate::model::decide::Default::Ask
    }

    /// The places that a program gets and those in them that it does not get.
    ///
    /// # Errors
    /// There are too many.
    fn places(&self, at: At, now: Time) -> Result<Vec<Place>, CallError> {
        let points = self.points(at, now);
        if points.len() > limit::PROGRAM_PLACES_MAX {
            let most = limit::PROGRAM_PLACES_MAX;
            return Err(CallError::TooLarge(format!(
                "there are rules about more than {most} places; ** for directories saves some"
            )));
        }
        // Deeper than any rule names, so that a rule about one name, or about some below, is not taken for one about all.
        let depth =
            1 + points.keys().map(|(segments, _)| segments.len()).max().unwrap_or(0).max(limit::PATH_SEGMENTS_MAX);
        // What is around a place: which, what is given there, and the most that is given below.
        let mut above: Vec<(Vec<String>, Access, Access)> = Vec::new();
        let mut places = Vec::new();
        for ((segments, one), point) in points {
            let whole = !one;
            while above.last().is_some_and(|(known, ..)| !segments.starts_with(known)) {
                above.pop();
            }
            let name = Resource::new(Kind::Fs, segments.join("/"));
            let decided = if whole {
                let below =
                    std::iter::repeat_n(NO_NAME, depth).fold(name.path().to_owned(), |path, no| path + "/" + no);
                self.access(at, &Resource::new(Kind::Fs, below), now)
            } else {
                self.access(at, &name, now)
            };
            let around = above.last().map(|(_, access, _)| *access);
            let most = above.last().map_or(point.most, |(_, _, most)| point.most.min(*most));
            // What is masked stays masked: nothing can be given in it.
            let masked = around == Some(Access::Denied) && above.iter().any(|(_, access, _)| *access != Access::Denied);
            let mut access = if masked { Access::Denied } else { decided.min(most) };
            // What may only be read could be carried to another name with a directory above it, if that may be changed.
            let depth_in = above.last().map_or(0, |(outer, ..)| segments.len() - outer.len());
            if around == Some(Access::Write) && access == Access::Read && depth_in > 1 {
                access = Access::Denied;
            }
            if access != around.unwrap_or(Access::Denied) {
                places.push(Place { name, access, whole });
            }
            if whole {
                above.push((segments, access, most));
            }
        }
        Ok(places)
    }

    /// The names at which what may be done can change.
    fn points(&self, at: At, now: Time) -> Points {
        let mut points = Points::new();
        let mut add = |segments: Vec<String>, one: bool, most: Access| {
            let point = points.entry((segments, one)).or_insert(Point { most });
            point.most = point.most.min(most);
        };
        let mounts: Vec<&String> = self.policy.mounts.keys().collect();
        let mut rule = |pattern: &Pattern, most: Access| {
            let segments: Vec<&str> = pattern.segments().collect();
            let fixed: Vec<String> =
                segments.iter().take_while(|segment| !segment.contains('*')).map(|s| (*s).to_owned()).collect();
            let is_subtree = segments.len() == fixed.len() + 1 && segments.last() == Some(&"**");
            let (one, most) = match segments.len() == fixed.len() {
                true => (true, Access::Write),
                false if is_subtree => (false, Access::Write),
                // A rule about some of what is below: what it restricts is restricted for all of it.
                false => (false, most),
            };
            if fixed.is_empty() {
                mounts.iter().for_each(|mount| add(vec![(*mount).clone()], false, most));
            } else {
                add(fixed, one, most);
            }
        };
        for grant in self.grants.of(&Holder::Process(at.pid)) {
            if grant.pattern.kind() != Kind::Fs || self.grants.in_force(grant.id, now).is_none() {
                continue;
            }
            let looks = grant.rights.contains(Right::Read) || grant.rights.contains(Right::List);
            rule(
                &grant.pattern,
                match grant.effect {
                    Effect::Allow => Access::Write,
                    _ if looks => Access::Denied,
                    _ => Access::Read,
                },
            );
        }
        let bounds = self.asking_tool(at.call).map(|(_, _, bounds)| bounds).unwrap_or_default();
        for declared in bounds.iter().flat_map(|bound| bound.declared()) {
            if declared.pattern.kind() == Kind::Fs {
                rule(&declared.pattern, Access::Write);
            }
        }
        for protected in &self.ceiling.protected {
            add(protected.segments().map(str::to_owned).collect(), false, Access::Denied);
        }
        points
    }

    /// What may be done with a file without asking, and as often as one likes.
    fn access(&self, at: At, name: &Resource, now: Time) -> Access {
        let may = |right| {
            let need = Need { resource: name.clone(), right, whole: false };
            let Verdict::Allow(id) = self.decide_one(at, &need, now, false) else { return false };
            let others = self.beside(at, &need, now, id);
            [id].into_iter().chain(others).all(|id| self.grants.in_force(id, now) == Some(false))
        };
        match () {
            () if !may(Right::Read) || !may(Right::List) => Access::Denied,
            () if may(Right::Write) && may(Right::Delete) => Access::Write,
            () => Access::Read,
        }
    }
}

/// The command of a call that starts a program.
pub(crate) fn command(call: &Call) -> Option<&Command> {
    if let Call::ShellRun { command } = call { Some(command) } else { None }
}
