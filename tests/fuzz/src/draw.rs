//! Values out of an input's bytes, from few words, so that they meet often. Bytes that have run out are zeros.

use arbitrary::Unstructured;
use libos_kernel::model::call::{Call, ObjectOptions, Payload, WriteMode};
use libos_kernel::model::grant::Effect;
use libos_kernel::model::resource::{Kind, Pattern, Resource};
use libos_kernel::model::right::{Right, Rights};

/// The rest of an input.
pub struct Draw<'i>(Unstructured<'i>);

impl<'i> Draw<'i> {
    pub fn new(input: &'i [u8]) -> Draw<'i> {
        Draw(Unstructured::new(input))
    }

    /// Whether no bytes are left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn number(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub fn flag(&mut self) -> bool {
        self.0.arbitrary().unwrap_or_default()
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.int_in_range(0..=end - 1).unwrap_or_default()
    }

    pub fn one<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// At most `most` bytes.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1).min(self.0.len());
        self.0.bytes(length).unwrap_or_default().to_vec()
    }

    /// A text: any, made of the input's bytes.
    pub fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(&self.bytes(most)).into_owned()
    }

    fn segment(&mut self) -> String {
        match self.below(12) {
            0 => self.text(6).replace('/', "_"),
            other => ["", "a", "b", "c", "ab", "*", "**", "*.b", "x.b", "y.x.b", ".b", "workspace"][other].to_owned(),
        }
    }

    pub fn kind(&mut self) -> Kind {
        if self.flag() { self.one(&[Kind::Fs, Kind::Http, Kind::Object]) } else { self.one(&Kind::ALL) }
    }

    pub fn resource(&mut self, kind: Kind) -> Resource {
        // A resource has no empty segment: what reads names sees to that.
        let segments = (0..=self.below(4)).map(|_| self.segment());
        let segments: Vec<String> = segments.map(|word| if word.is_empty() { "a".into() } else { word }).collect();
        Resource::new(kind, segments.join("/"))
    }

    pub fn pattern(&mut self, kind: Kind) -> Option<Pattern> {
        let segments: Vec<String> = (0..=self.below(4)).map(|_| self.segment()).collect();
        Pattern::parse(&format!("{}:{}", kind.word(), segments.join("/"))).ok()
    }

    pub fn file_right(&mut self) -> Right {
        self.one(&[Right::Read, Right::List, Right::Write, Right::Delete])
    }

    pub fn file_rights(&mut self) -> Rights {
        let rights: Vec<Right> = (0..=self.below(4)).map(|_| self.file_right()).collect();
        Rights::of(&rights)
    }

    pub fn effect(&mut self) -> Effect {
        self.one(&[Effect::Allow, Effect::Ask, Effect::Deny])
    }
}

/// System calls.
impl Draw<'_> {
    /// A path as a guest writes one, often of something that is there.
    pub fn path(&mut self) -> String {
        let mut path = String::new();
        for _ in 0..=self.below(4) {
            let word = match self.below(14) {
                0 => self.text(8),
                other => {
                    ["", "a", "b", "link", "secret", "..", ".", "/", "/workspace", "file", "new", "a/b", "link/file"]
                        [other - 1]
                        .to_owned()
                }
            };
            path.push_str(&word);
            if self.flag() {
                path.push('/');
            }
        }
        path
    }

    fn word(&mut self) -> String {
        match self.below(8) {
            0 => self.text(40),
            other => ["", "note", "team/note", "owner", "echo", "{}", "read"][other - 1].to_owned(),
        }
    }

    fn option(&mut self) -> Option<String> {
        if self.flag() { Some(self.word()) } else { None }
    }

    fn payload(&mut self) -> Payload {
        if self.flag() { Payload::Json(self.word()) } else { Payload::Bytes(self.bytes(64)) }
    }

    fn expected(&mut self) -> Option<u64> {
        if self.flag() { Some(self.number() % 4) } else { None }
    }

    /// Any system call.
    pub fn call(&mut self) -> Call {
        let kinds = Call::examples();
        let which = self.below(kinds.len());
        let call = kinds.into_iter().nth(which).unwrap_or(Call::ClockNow);
        self.filled(call)
    }

    fn filled(&mut self, call: Call) -> Call {
        let mode = self.one(&[WriteMode::CreateOrReplace, WriteMode::CreateNew, WriteMode::ReplaceExisting]);
        match call {
            Call::FsRead { .. } => Call::FsRead { path: self.path() },
            Call::FsReadRange { .. } => {
                Call::FsReadRange { path: self.path(), offset: self.number(), length: self.number() as u32 }
            }
            Call::FsWrite { .. } => Call::FsWrite { path: self.path(), content: self.bytes(64), mode },
            Call::FsAppend { .. } => Call::FsAppend { path: self.path(), content: self.bytes(64) },
            Call::FsList { .. } => Call::FsList { path: self.path() },
            Call::FsStat { .. } => Call::FsStat { path: self.path() },
            Call::FsMakeDir { .. } => Call::FsMakeDir { path: self.path() },
            Call::FsRemove { .. } => Call::FsRemove { path: self.path(), recursive: self.flag() },
            Call::FsRename { .. } => Call::FsRename { old: self.path(), new: self.path(), replace: self.flag() },
            Call::FsCopy { .. } => Call::FsCopy { source: self.path(), target: self.path(), replace: self.flag() },
            Call::FsChangeDirectory { .. } => Call::FsChangeDirectory { path: self.path() },
            Call::RandomBytes { .. } => Call::RandomBytes { count: self.number() as u32 },
            other => self.filled_word(other),
        }
    }

    fn filled_word(&mut self, call: Call) -> Call {
        match call {
            Call::ObjectCreate { .. } => {
                let tags = (0..self.below(3)).map(|_| self.word()).collect();
                let options = ObjectOptions {
                    object_type: self.word(),
                    immutable: self.flag(),
                    title: self.word(),
                    tags,
                    sources: (0..self.below(3)).map(|_| self.word()).collect(),
                };
                Call::ObjectCreate { name: self.word(), payload: self.payload(), options }
            }
            Call::ObjectRead { .. } => Call::ObjectRead { name: self.word() },
            Call::ObjectUpdate { .. } => {
                let expected_version = self.expected();
                Call::ObjectUpdate { name: self.word(), payload: self.payload(), expected_version }
            }
            Call::ObjectDelete { .. } => Call::ObjectDelete { name: self.word(), expected_version: self.expected() },
            Call::ObjectList { .. } => Call::ObjectList { namespace: self.option() },
            Call::ObjectNamespaces { .. } => Call::ObjectNamespaces { namespace: self.option() },
            Call::ObjectCreateNamespace { .. } => Call::ObjectCreateNamespace { namespace: self.word() },
            Call::ClockSleep { .. } => Call::ClockSleep { nanoseconds: self.number() },
            Call::HumanAsk { .. } => Call::HumanAsk { question: self.word(), queue: self.option() },
            Call::HumanApprove { .. } => {
                let kind = self.kind();
                let resource = self.resource(kind).to_string();
                let rights = (0..=self.below(3)).map(|_| self.file_right().word().to_owned()).collect();
                Call::HumanApprove { resource, rights, reason: self.word(), queue: self.option() }
            }
            Call::HumanTell { .. } => Call::HumanTell { message: self.word(), queue: self.option() },
            Call::LogWrite { level, .. } => Call::LogWrite { level, message: self.word() },
            Call::ProcessCheckpoint { .. } => Call::ProcessCheckpoint { reason: self.word() },
            Call::ProcessEnvironment { .. } => Call::ProcessEnvironment { name: self.word() },
            Call::ProcessExit { .. } => Call::ProcessExit { result: self.word() },
            Call::ToolCall { .. } => Call::ToolCall { tool: self.word(), arguments: self.word() },
            other => other,
        }
    }
}
