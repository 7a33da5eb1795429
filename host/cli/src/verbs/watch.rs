//! Showing a process that is followed: drawn on a terminal, as lines elsewhere, as JSON where that is wanted. All but JSON goes to standard
//! error: the output is the result alone.

use super::Context;
use crate::live::{Live, Look, Screen, plain, span};
use crate::out::Out;
use crate::protocol::Event;
use crate::term;
use libos_kernel::model::id::Pid;
use libos_kernel::model::preview::escape;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// How often the bottom of a terminal is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// Where a process is shown.
pub struct Watch {
    out: Out,
    began: Instant,
    live: Live,
    /// What is drawn; none if nothing is drawn anew.
    screen: Option<Screen>,
}

/// Resolves when it is time to draw again.
pub async fn tick() {
    tokio::time::sleep(TICK).await;
}

impl Watch {
    pub fn new(context: &Context, title: &str) -> Watch {
        let is_drawn = stderr().is_terminal() && !context.out.json && !term::is_dumb();
        let screen = is_drawn.then(Screen::default);
        Watch { out: context.out, began: Instant::now(), live: Live::new(title), screen }
    }

    /// Shows an event.
    ///
    /// # Errors
    /// Nobody reads the output any more.
    pub fn show(&mut self, event: &Event) -> anyhow::Result<()> {
        if self.out.json {
            // What it ends with is told in a form of its own.
            let is_told = !matches!(event, Event::AgentEnded { .. } | Event::AgentRests { .. } | Event::Error(_));
            return if is_told { self.out.value(event) } else { Ok(()) };
        }
        let stay = self.live.take(event, self.began.elapsed(), look());
        match event {
            _ if self.screen.is_some() => self.put(&stay),
            Event::Happened(happened) => plain(happened).iter().for_each(|line| self.say(line)),
            _ => {}
        }
        Ok(())
    }

    /// A line that stays.
    pub fn say(&mut self, text: &str) {
        if self.screen.is_some() {
            self.put(&[escape(text)]);
        } else if !self.out.json {
            eprintln!("{}", escape(text));
        }
    }

    /// Draws the present state.
    pub fn draw(&mut self) {
        self.put(&[]);
    }

    /// Takes away what is drawn, for somebody else who writes; it is back with the next drawing.
    pub fn erase(&mut self) {
        if let Some(screen) = &mut self.screen {
            write(&screen.erase());
        }
    }

    /// As [`Watch::erase`], for good.
    pub fn end(&mut self) {
        self.erase();
        self.screen = None;
    }

    /// Somebody wants it to pause.
    pub fn pause(&mut self, pid: Pid) {
        self.live.pause();
        if self.screen.is_some() {
            self.draw();
        } else if !self.out.json {
            eprintln!("{pid} pauses after its present step; Ctrl-C again leaves at once");
        }
    }

    /// How it went, once it has ended.
    pub fn ended(&mut self, pid: Pid, state: &str, steps: u64) {
        if !self.out.json {
            let took = span(self.began.elapsed());
            let steps = if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") };
            eprintln!("{pid} {state} after {steps}, {took}");
        }
        self.end();
    }

    fn put(&mut self, stay: &[String]) {
        if let Some(screen) = &mut self.screen {
            let below = self.live.now(self.began.elapsed(), look());
            write(&screen.draw(stay, &below));
        }
    }
}

fn look() -> Look {
    Look { width: term::error_width(), coloured: term::coloured(stderr().is_terminal()) }
}

/// What cannot be shown is no error.
fn write(text: &str) {
    let mut stderr = stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
