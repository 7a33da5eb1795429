//! What a model is told: an append-only list of messages, of which every request repeats the same bytes in front, so that providers
//! can charge less for it (prompt caching).
//!
//! Three things keep it bounded, whatever the agent does. A large result stands there as a preview with a handle, under which the
//! whole can be read; an entry has a limit of its own; and past a threshold everything but the beginning and the newest entries
//! gives way to a summary, with the handle under which what was dropped can be read. Nothing here reads, writes or asks: who keeps
//! the objects and makes the summary hands over a handle.

mod preview;

pub use preview::preview;

use crate::api::{Message, Request, SentCall, Tool};

/// Characters of a context, and of its parts. Characters are Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// All messages together, the prompt included. What comes near it is cut shorter and shorter; past it go only ids, names, handles
    /// and notes of what was left out, some 400 characters a message, and a prompt that is longer by itself.
    pub whole: usize,
    /// Past this it is time to compact.
    pub threshold: usize,
    /// One message that is not part of the prompt.
    pub entry: usize,
    /// A result of a tool; a longer one stands there as a preview.
    pub result: usize,
    /// What of the newest entries stays when the others give way.
    pub kept: usize,
    /// A summary.
    pub summary: usize,
}

impl Default for Bounds {
    /// For a model of 32,768 tokens, at four characters a token, with room for the tools and the reply.
    fn default() -> Bounds {
        Bounds { whole: 40_000, threshold: 30_000, entry: 6_000, result: 2_000, kept: 8_000, summary: 4_000 }
    }
}

impl Bounds {
    /// Bounds that a context can be kept within: a compacted one with one more turn of entries stays below the whole.
    pub fn hold(&self) -> bool {
        self.result <= self.entry
            && self.kept.saturating_add(self.summary).saturating_add(self.entry) <= self.threshold
            && self.threshold < self.whole
    }
}

/// A text under which the whole of something is to be found again, as the model writes it in a tool call.
pub type Handle = String;

/// Messages of a conversation, in order. There is no way to change one that stands there.
#[derive(Clone, Debug)]
pub struct Context {
    bounds: Bounds,
    /// System prompt, goal and what else begins every request.
    prompt: Vec<Message>,
    /// Since the last compaction, its summary first.
    entries: Vec<Message>,
    /// How often it was compacted: with each the bytes behind the prompt change, and with nothing else.
    generation: u32,
    characters: usize,
}

/// What gives way in a compaction, for the one that summarises and for the object that keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    pub messages: Vec<Message>,
    /// To be handed back to [`Context::compacted`].
    kept_from: usize,
    generation: u32,
}

/// Why a compaction that was begun cannot be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the context was compacted meanwhile; plan the compaction again")]
pub struct Stale;

impl Context {
    /// A context that begins with a prompt. The prompt is never cut: whoever writes it answers for its length.
    pub fn new(bounds: Bounds, prompt: Vec<Message>) -> Context {
        let characters = prompt.iter().map(characters).sum();
        Context { bounds, prompt, entries: Vec::new(), generation: 0, characters }
    }

    /// A context as it was when its entries were written down.
    pub fn resumed(bounds: Bounds, prompt: Vec<Message>, entries: Vec<Message>) -> Context {
        let mut context = Context::new(bounds, prompt);
        context.characters += entries.iter().map(characters).sum::<usize>();
        context.entries = entries;
        context
    }

    pub fn characters(&self) -> usize {
        self.characters
    }

    /// What stands behind the prompt, to be written down.
    pub fn entries(&self) -> &[Message] {
        &self.entries
    }

    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// All messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.prompt.iter().chain(&self.entries)
    }

    /// The next request.
    pub fn request(&self, tools: &[Tool]) -> Request {
        Request { tools: tools.to_vec(), ..Request::new(self.messages().cloned().collect()) }
    }

    /// Adds what happened: a person's words, an event, a capability that came or went. Say what changed, not all that is so. Words
    /// beyond the bound of an entry are cut, and the text says so.
    pub fn tell(&mut self, text: &str) {
        let text = preview(text, self.room(self.bounds.entry), None);
        self.push(Message::User(text));
    }

    /// Adds what the model said. Its calls stay, because results refer to them; of arguments that go beyond what an entry may have an
    /// empty object is left, and its result should say under which handle the arguments are.
    pub fn said(&mut self, text: &str, calls: &[SentCall]) {
        let mut room = self.room(self.bounds.entry);
        let text = preview(text, room, None);
        let calls = calls.iter().map(|call| {
            let length = call.arguments.chars().count();
            let fits = length <= room;
            room -= if fits { length } else { 0 };
            SentCall { arguments: if fits { call.arguments.clone() } else { "{}".to_owned() }, ..call.clone() }
        });
        let calls = calls.collect();
        self.push(Message::Assistant { text, calls });
    }

    /// Whether a result is shown whole; if not, make an object of it first and say its handle.
    pub fn fits(&self, result: &str) -> bool {
        result.chars().count() <= self.room(self.bounds.result)
    }

    /// Adds the result of a tool call: whole, or as a preview with the handle of the whole.
    pub fn result(&mut self, call: &str, result: &str, whole: Option<&Handle>) {
        let text = preview(result, self.room(self.bounds.result), whole);
        self.push(Message::ToolResult { id: call.to_owned(), text });
    }

    /// What a message may have now: never more than half of what is left of the whole.
    fn room(&self, limit: usize) -> usize {
        limit.min(self.bounds.whole.saturating_sub(self.characters) / 2)
    }

    fn push(&mut self, message: Message) {
        self.characters += characters(&message);
        self.entries.push(message);
    }

    /// Whether it is time to compact: do it before the next request.
    pub fn is_full(&self) -> bool {
        self.characters > self.bounds.threshold
    }

    /// What a compaction would drop now; `None` where that is nothing. A call and its results stay or go together.
    pub fn plan(&self) -> Option<Dropped> {
        let mut kept_from = self.entries.len();
        let mut kept = 0;
        for (at, message) in self.entries.iter().enumerate().rev() {
            kept += characters(message);
            if kept > self.bounds.kept {
                break;
            }
            // What begins with a result would answer a call that is gone.
            if !matches!(message, Message::ToolResult { .. }) {
                kept_from = at;
            }
        }
        let messages = self.entries[..kept_from].to_vec();
        (!messages.is_empty()).then_some(Dropped { messages, kept_from, generation: self.generation })
    }

    /// Puts a summary in the place of what a plan drops; `whole` is the handle under which a tool finds it again. Entries that came
    /// since the plan stay.
    ///
    /// # Errors
    /// The plan is of before another compaction.
    pub fn compacted(&mut self, dropped: &Dropped, summary: &str, whole: &Handle) -> Result<(), Stale> {
        if dropped.generation != self.generation || dropped.kept_from > self.entries.len() {
            return Err(Stale);
        }
        let summary = preview(summary, self.bounds.summary, None);
        let count = dropped.messages.len();
        let text = format!("Summary of the {count} messages before this one; all of them are in {whole}.\n{summary}");
        let kept = self.entries.split_off(dropped.kept_from);
        self.entries = std::iter::once(Message::User(text)).chain(kept).collect();
        self.generation += 1;
        self.characters = self.messages().map(characters).sum();
        Ok(())
    }
}

/// Characters of a message, with what its form on the wire adds about as often as not.
fn characters(message: &Message) -> usize {
    const FORM: usize = 40;
    let count = |text: &str| text.chars().count();
    FORM + match message {
        Message::System(text) | Message::User(text) => count(text),
        Message::ToolResult { id, text } => count(id) + count(text),
        Message::Assistant { text, calls } => {
            let of_call = |call: &SentCall| FORM + count(&call.id) + count(&call.name) + count(&call.arguments);
            count(text) + calls.iter().map(of_call).sum::<usize>()
        }
    }
}
