//! Resources, patterns and rules at random, from few words, so that they meet often.

use libos_kernel::model::grant::Effect;
use libos_kernel::model::resource::{Kind, Pattern, Resource};
use libos_kernel::model::right::{Right, Rights};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// A segment of a name. Some are names that a pattern would read as a wildcard.
fn segment() -> impl Strategy<Value = &'static str> {
    select(&["a", "b", "c", "ab", "*", "**", "*.b", "x.b", "y.x.b", ".b"][..])
}

/// Any kind, but mostly those that the matcher treats in its own way or that meet often.
pub fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![select(&[Kind::Fs, Kind::Fs, Kind::Http, Kind::Object][..]), select(&Kind::ALL[..])]
}

/// A resource of a kind.
pub fn resource(kind: Kind) -> impl Strategy<Value = Resource> {
    prop::collection::vec(segment(), 1..5).prop_map(move |segments| Resource::new(kind, segments.join("/")))
}

/// A resource.
pub fn any_resource() -> impl Strategy<Value = Resource> {
    any_kind().prop_flat_map(resource)
}

/// A pattern of a kind.
pub fn pattern(kind: Kind) -> impl Strategy<Value = Pattern> {
    let words = select(&["a", "b", "c", "ab", "*", "x.b", "*.b", ".b"][..]);
    (prop::collection::vec(words, 1..5), any::<bool>()).prop_filter_map("no pattern", move |(mut segments, below)| {
        if below {
            segments.push("**");
        }
        Pattern::parse(&format!("{}:{}", kind.word(), segments.join("/"))).ok()
    })
}

/// A pattern.
pub fn any_pattern() -> impl Strategy<Value = Pattern> {
    any_kind().prop_flat_map(pattern)
}

/// A file out of so few that rules and names meet all the time.
pub fn near_file() -> impl Strategy<Value = Resource> {
    let words = select(&["a", "b"][..]);
    prop::collection::vec(words, 1..4).prop_map(|segments| Resource::new(Kind::Fs, segments.join("/")))
}

/// A pattern over the same files, often a wide one.
pub fn near_pattern() -> impl Strategy<Value = Pattern> {
    let words = select(&["a", "b", "*"][..]);
    let written = (prop::collection::vec(words, 0..4), 0..3).prop_map(|(mut segments, below)| {
        if below > 0 || segments.is_empty() {
            segments.push("**");
        }
        format!("fs:{}", segments.join("/"))
    });
    written.prop_filter_map("no pattern", |written| Pattern::parse(&written).ok())
}

/// Rights on files; at least one.
pub fn file_rights() -> impl Strategy<Value = Rights> {
    let all = vec![Right::Read, Right::List, Right::Write, Right::Delete];
    prop_oneof![Just(Rights::of(&all)), subsequence(all, 1..=4).prop_map(|rights| Rights::of(&rights))]
}

/// What a rule says.
pub fn effect() -> impl Strategy<Value = Effect> {
    select(&[Effect::Allow, Effect::Allow, Effect::Allow, Effect::Ask, Effect::Deny][..])
}
