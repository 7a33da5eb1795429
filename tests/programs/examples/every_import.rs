//! Calls one import of the world, chosen by name: a test of the host walks them all.

use libos::object::{Filter, Options, Payload, Resolution};
use libos::process::{ChildOptions, SignalKind, ViewMode};
use libos::{Failure, clock, fs, human, image, log, message, object, process, random, shell, tickets, tools};
use libos_programs::{Outcome, debug_outcome, outcome};
use std::time::Duration;

const MANIFEST: &str = "id = \"helper\"\nversion = \"1\"\ntools = [\"echo\"]\n";

fn proposal() -> tools::Proposal {
    tools::Proposal {
        name: "double".into(),
        summary: "Doubles a number.".into(),
        code: tools::Code::Typescript("export const run = ({ n }) => 2 * n;".into()),
        arguments: None,
        result: None,
        tests: vec![tools::Test { arguments: r#"{"n":1}"#.into(), expect: tools::Expectation::Returns("2".into()) }],
    }
}

fn registered() -> Result<(), libos::Error> {
    let id = tools::propose(&proposal())?;
    tools::validate(&id)?;
    tools::register(&id, false)
}

/// A child; where none can be made, somebody else.
fn child() -> String {
    process::spawn(&ChildOptions::new("work")).unwrap_or_else(|_| "p1".into())
}

/// Calls exactly one import, named as `interface.function`, with fixed harmless arguments and returns its outcome.
#[libos::tool]
// long: a line an import
fn every_import(import: String) -> libos::Result<Outcome> {
    let (path, empty) = ("notes.md", Payload::Json("{}".into()));
    Ok(match import.as_str() {
        "fs.read" => outcome(fs::read(path)),
        "fs.read-range" => outcome(fs::read_range(path, 1, 2)),
        "fs.write" => outcome(fs::write(path, "x")),
        "fs.append" => outcome(fs::append(path, "x")),
        "fs.list" => debug_outcome(fs::list(".")),
        "fs.stat" => debug_outcome(fs::stat(path)),
        "fs.make-dir" => outcome(fs::make_dir("made")),
        "fs.remove" => outcome(fs::remove("gone.md")),
        "fs.rename" => outcome(fs::rename("old.md", "new.md")),
        "fs.copy" => outcome(fs::copy(path, "copy.md")),
        "fs.working-directory" => outcome(Ok(fs::working_directory())),
        "fs.change-directory" => outcome(fs::change_directory(".")),
        "object.create" => debug_outcome(object::create("made", &empty, &Options::new("note"))),
        "object.read" => debug_outcome(object::read("note")),
        "object.update" => debug_outcome(object::update("note", &empty, None)),
        "object.delete" => outcome(object::delete("gone", None)),
        "object.list" => debug_outcome(object::list(None)),
        "object.namespaces" => outcome(object::namespaces(None)),
        "object.create-namespace" => outcome(object::create_namespace("team")),
        "object.rename" => debug_outcome(object::rename("note", "renamed", None)),
        "object.link" => outcome(object::link("note", "references", "gone")),
        "object.unlink" => outcome(object::unlink("note", "supports", "gone")),
        "object.links" => debug_outcome(object::links("note")),
        "object.query" => debug_outcome(object::query(&Filter { text: Some("a".into()), ..Filter::default() })),
        "object.merge" => debug_outcome(object::merge("p1", Resolution::Report)),
        "clock.now" => outcome(Ok(clock::now().to_string())),
        "clock.sleep" => outcome(clock::sleep(Duration::from_nanos(1))),
        "random.bytes" => outcome(random::bytes(8)),
        "human.ask" => outcome(human::ask("Which?")),
        "human.approve" => debug_outcome(human::approve("fs:workspace/notes.md", &["read"], "to read it")),
        "human.tell" => outcome(human::tell("hello")),
        "log.write" => {
            log::info("hello");
            outcome(Ok(()))
        }
        "process.self" => debug_outcome(Ok(process::identity())),
        "process.exit" => outcome(process::exit("done")),
        "process.checkpoint" => outcome(process::checkpoint("before it goes on")),
        "process.spawn" => outcome(process::spawn(&ChildOptions::new("work"))),
        "process.fork" => outcome(process::fork(&ChildOptions::new("work"), ViewMode::ReadOnly, None)),
        "process.exec" => outcome(process::exec("base", None)),
        "process.wait" => debug_outcome(process::wait(&[child()], Some(Duration::from_nanos(1)))),
        "process.children" => debug_outcome(Ok(process::children())),
        "process.signal" => outcome(process::signal(&child(), SignalKind::Pause, "to look")),
        "process.hand-over" => outcome(process::hand_over(&child())),
        "process.environment" => debug_outcome(process::environment("LANG")),
        "process.exit-with" => outcome(process::exit_with("note")),
        "tools.call" => debug_outcome(tools::run("echo", "{}")),
        "tools.propose" => outcome(tools::propose(&proposal())),
        "tools.validate" => debug_outcome(tools::propose(&proposal()).and_then(|id| tools::validate(&id))),
        "tools.register" => outcome(registered()),
        // Also where it may not be registered.
        "tools.unregister" => outcome(registered().or(Ok(())).and_then(|()| tools::unregister("double"))),
        "tools.list" => debug_outcome(tools::list()),
        "shell.run" => debug_outcome(shell::run("/usr/bin/true", &[], &shell::Options::default())),
        "image.register" => debug_outcome(image::register(MANIFEST, image::Format::Toml, false)),
        "image.list" => debug_outcome(image::list()),
        "image.show" => outcome(image::show("base")),
        "message.send" => outcome(message::send("p1", "hello", &message::Options::default())),
        "message.receive" => {
            debug_outcome(message::receive(&message::Filter::default(), Some(Duration::from_nanos(1))))
        }
        "message.pending" => outcome(Ok(message::pending())),
        "tickets.next" => debug_outcome(tickets::next()),
        "tickets.cancel" => outcome(Ok(tickets::cancel(7))),
        other => {
            return Err(Failure::invalid_arguments(format_args!("no import is called {other}")));
        }
    })
}
