//! Object memory against a model: maps of what is there, copied whole wherever the kernel only notes a moment.

use super::{House, json, object};
use crate::kernel::objects::Author;
use crate::model::answer::CallError;
use crate::model::call::{ObjectOptions, Payload};
use crate::model::id::{CallId, Pid, Seq};
use crate::model::image::BASE;
use crate::model::time::Time;
use crate::model::view::ViewMode;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::Config;
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Debug, Clone)]
enum Act {
    Create(&'static str),
    Update(&'static str, Option<u64>),
    Delete(&'static str, Option<u64>),
    Rename(&'static str, &'static str),
    Link(&'static str, &'static str),
    Unlink(&'static str, &'static str),
    Pin,
    Unpin(Index),
    Restore(Index),
    /// What is in memory only to be quick goes.
    Forget,
}

fn act() -> impl Strategy<Value = Act> {
    let name = || select(&NAMES[..]);
    let expected = || prop_oneof![3 => Just(None), 1 => (1u64..6).prop_map(Some)];
    prop_oneof![
        3 => name().prop_map(Act::Create),
        3 => (name(), expected()).prop_map(|(name, expected)| Act::Update(name, expected)),
        2 => (name(), expected()).prop_map(|(name, expected)| Act::Delete(name, expected)),
        2 => (name(), name()).prop_map(|(old, new)| Act::Rename(old, new)),
        2 => (name(), name()).prop_map(|(from, to)| Act::Link(from, to)),
        1 => (name(), name()).prop_map(|(from, to)| Act::Unlink(from, to)),
        2 => Just(Act::Pin),
        1 => any::<Index>().prop_map(Act::Unpin),
        1 => any::<Index>().prop_map(Act::Restore),
        1 => Just(Act::Forget),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Thing {
    version: u64,
    text: String,
    links: BTreeSet<&'static str>,
    /// Which change made it; what is brought back has that of what it was.
    origin: usize,
}

type Things = BTreeMap<&'static str, Thing>;

/// What is there, as the model has it.
#[derive(Debug, Default)]
struct Model {
    things: Things,
    changes: usize,
}

impl Model {
    fn change(&mut self) -> usize {
        self.changes += 1;
        self.changes
    }

    /// The error's first word, or nothing.
    fn act(&mut self, act: &Act) -> &'static str {
        let number = self.change();
        match *act {
            Act::Create(name) if self.things.contains_key(name) => "already",
            Act::Create(name) => {
                let thing = Thing { version: 1, text: number.to_string(), links: BTreeSet::new(), origin: number };
                self.things.insert(name, thing);
                ""
            }
            Act::Update(name, expected) => match self.things.get_mut(name) {
                None => "not",
                Some(thing) if expected.is_some_and(|expected| expected != thing.version) => "conflict",
                Some(thing) => {
                    thing.version += 1;
                    (thing.text, thing.origin) = (number.to_string(), number);
                    ""
                }
            },
            Act::Delete(name, expected) => match self.things.get(name) {
                None => "not",
                Some(thing) if expected.is_some_and(|expected| expected != thing.version) => "conflict",
                Some(_) => {
                    self.things.remove(name);
                    self.relink(|links| links.remove(name));
                    ""
                }
            },
            Act::Rename(old, new) => {
                let Some(mut thing) = self.things.get(old).cloned() else { return "not" };
                if self.things.contains_key(new) {
                    return "already";
                }
                self.things.remove(old);
                (thing.version, thing.origin) = (thing.version + 1, number);
                self.things.insert(new, thing);
                self.relink(|links| links.remove(old) && links.insert(new));
                ""
            }
            Act::Link(from, to) => {
                if !self.things.contains_key(from) || !self.things.contains_key(to) {
                    return "not";
                }
                let thing = self.things.get_mut(from).unwrap();
                if thing.links.insert(to) {
                    thing.origin = number;
                }
                ""
            }
            Act::Unlink(from, to) => {
                let Some(thing) = self.things.get_mut(from) else { return "not" };
                if !thing.links.remove(to) {
                    return "not";
                }
                thing.origin = number;
                ""
            }
            _ => "",
        }
    }

    fn relink(&mut self, change: impl Fn(&mut BTreeSet<&'static str>) -> bool) {
        for thing in self.things.values_mut() {
            if change(&mut thing.links) {
                self.changes += 1;
                thing.origin = self.changes;
            }
        }
    }

    fn restore(&mut self, then: &Things) {
        let mut back = Things::new();
        for (name, was) in then {
            let present = self.things.get(name);
            let thing = match present.filter(|present| present.origin == was.origin) {
                Some(present) => present.clone(),
                None => {
                    let version = present.map_or(0, |present| present.version).max(was.version) + 1;
                    Thing { version, ..was.clone() }
                }
            };
            back.insert(*name, thing);
        }
        self.things = back;
    }
}

fn shown(things: &Things) -> Vec<String> {
    let links = |thing: &Thing| thing.links.iter().copied().collect::<Vec<_>>().join("+");
    things.iter().map(|(name, thing)| format!("{name} {} {} {}", thing.version, thing.text, links(thing))).collect()
}

fn seen(house: &House, at: Option<Seq>) -> Vec<String> {
    let state = house.kernel.lock();
    let versions = state.versions_as_of(&house.namespace(), at).unwrap().into_values();
    let show = |version: super::Version| {
        let links: Vec<&str> = version.info.links().iter().map(|link| link.to.rsplit('/').next().unwrap()).collect();
        format!("{} {}", super::shown(&state, &version), links.join("+"))
    };
    versions.map(show).collect()
}

/// The links by their other end say the same as the objects.
fn check_back(house: &House, things: &Things) {
    let state = house.kernel.lock();
    for name in NAMES {
        let found = state.links_to(object(name).path()).unwrap();
        let found: Vec<&str> = found.iter().map(|(_, from)| from.rsplit('/').next().unwrap()).collect();
        let wanted = things.iter().filter(|(_, thing)| thing.links.contains(name)).map(|(from, _)| *from);
        assert_eq!(found, wanted.collect::<Vec<_>>(), "links to {name}");
    }
}

fn word<T>(result: Result<T, CallError>) -> String {
    match result {
        Ok(_) => String::new(),
        Err(error) => error.to_string().split([' ', ':']).next().unwrap().to_owned(),
    }
}

fn perform(house: &House, author: Author, act: &Act, text: &str) -> String {
    let name = |name: &str| object(&format!("process/{}/{name}", author.pid.0));
    let options = ObjectOptions { object_type: "note".into(), ..ObjectOptions::default() };
    house.act(|state| match *act {
        Act::Create(at) => word(state.object_create(&name(at), &json(text), &options, author)),
        Act::Update(at, expected) => word(state.object_update(&name(at), &json(text), expected, author)),
        Act::Delete(at, expected) => word(state.object_delete(&name(at), expected, author)),
        Act::Rename(old, new) => word(state.object_rename(&name(old), &name(new), None, author)),
        Act::Link(from, to) => word(state.object_link(&name(from), "r", &name(to), author)),
        Act::Unlink(from, to) => word(state.object_unlink(&name(from), "r", &name(to), author)),
        _ => String::new(),
    })
}

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200);
    Config { cases, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn object_memory_is_what_a_list_of_maps_would_be(acts in prop::collection::vec(act(), 0..60)) {
        let house = House::new();
        let author = house.author();
        let mut model = Model::default();
        let mut pins: Vec<(Seq, Things)> = Vec::new();
        for act in &acts {
            let text = (model.changes + 1).to_string();
            match act {
                Act::Pin => pins.push((house.pin(), model.things.clone())),
                Act::Unpin(at) if !pins.is_empty() => house.unpin(pins.remove(at.index(pins.len())).0),
                Act::Restore(at) if !pins.is_empty() => {
                    let (at, then) = at.get(&pins);
                    let namespace = house.namespace();
                    house.act(|state| state.objects_restore(&namespace, *at, author)).unwrap();
                    model.restore(then);
                }
                Act::Forget => house.kernel.lock().objects = Default::default(),
                act => prop_assert_eq!(perform(&house, author, act, &text), model.act(act), "{:?}", act),
            }
            prop_assert_eq!(seen(&house, None), shown(&model.things), "after {:?}", act);
            for (at, then) in &pins {
                prop_assert_eq!(seen(&house, Some(*at)), shown(then), "as of {} after {:?}", at, act);
            }
            check_back(&house, &model.things);
        }
        pins.iter().for_each(|(at, _)| house.unpin(*at));
        prop_assert_eq!(house.kept(), 0);
        prop_assert_eq!(house.payloads(), model.things.len());
    }

    #[test]
    fn a_copy_on_write_view_is_what_a_copy_would_be(
        before in prop::collection::vec(act(), 0..20),
        acts in prop::collection::vec((act(), any::<bool>()), 0..40),
    ) {
        let house = House::new();
        let child = Author { pid: house.kernel.new_process(BASE, false).unwrap(), call: CallId(1), now: Time(1) };
        let mut parent = Model::default();
        for act in &before {
            let text = (parent.changes + 1).to_string();
            prop_assert_eq!(perform(&house, house.author(), act, &text), parent.act(act));
        }
        house.kernel.show_objects(child.pid, house.pid, ViewMode::CopyOnWrite, None).unwrap();
        let mut copy = Model { things: parent.things.clone(), changes: parent.changes };
        for (act, by_child) in &acts {
            // Links to what is only seen stay where they are when that is moved or deleted; the rest is a copy.
            let linking = matches!(act, Act::Link(..) | Act::Unlink(..));
            let (author, model) = if *by_child { (child, &mut copy) } else { (house.author(), &mut parent) };
            let text = (model.changes + 1).to_string();
            if linking && *by_child {
                continue;
            }
            // A name that was deleted counts on from nothing, as in a copy.
            prop_assert_eq!(perform(&house, author, act, &text), model.act(act), "{:?} by {:?}", act, author.pid);
            let state = house.kernel.lock();
            let visible = state.visible(child, &format!("process/{}", child.pid.0)).unwrap();
            let found: Vec<String> = visible
                .values()
                .map(|seen| {
                    let Payload::Json(text) = state.payload_of(&seen.version).unwrap() else { panic!("bytes") };
                    format!("{} {} {text}", seen.info.name.rsplit('/').next().unwrap(), seen.info.version)
                })
                .collect();
            let wanted = copy.things.iter().map(|(name, thing)| format!("{name} {} {}", thing.version, thing.text));
            prop_assert_eq!(found, wanted.collect::<Vec<_>>(), "after {:?}", act);
            drop(state);
            prop_assert_eq!(seen(&house, None), shown(&parent.things));
        }
        let mut state = house.kernel.lock();
        state.release_objects(child.pid, None, Time(1)).unwrap();
        state.release_objects(Pid(1), None, Time(1)).unwrap();
    }
}
