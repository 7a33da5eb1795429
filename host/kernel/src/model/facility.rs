//! What the host needs of the machine it runs on: how each thing is called, what its absence weakens, and whether a host may start
//! without it. A host that starts without a word where something is missing would be trusted for what it does not do.

/// Something that a machine offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Facility {
    /// The system call that opens a path beneath a directory in one step.
    Openat2,
    /// The system numbers its mounts, so that what is mounted inside a mount is noticed.
    MountIdentity,
    /// A file has one spelling: the file systems of the mounts tell upper from lower case.
    CaseSensitiveNames,
    /// The data directory is this user's alone.
    PrivateDataDirectory,
    /// What is written in the data directory survives a loss of power.
    DurableDataDirectory,
    /// The file system of the data directory keeps a second writer out.
    SingleWriterLock,
}

impl Facility {
    /// All of them, in the order of their numbers.
    pub const ALL: [Facility; 6] = [
        Facility::Openat2,
        Facility::MountIdentity,
        Facility::CaseSensitiveNames,
        Facility::PrivateDataDirectory,
        Facility::DurableDataDirectory,
        Facility::SingleWriterLock,
    ];

    /// The word for it, as `libos doctor` prints it and `[accept]` names it.
    pub fn word(self) -> &'static str {
        match self {
            Facility::Openat2 => "openat2",
            Facility::MountIdentity => "mount-identity",
            Facility::CaseSensitiveNames => "case-sensitive-names",
            Facility::PrivateDataDirectory => "private-data-directory",
            Facility::DurableDataDirectory => "durable-data-directory",
            Facility::SingleWriterLock => "single-writer-lock",
        }
    }

    /// The facility that a word names.
    pub fn parse(word: &str) -> Option<Facility> {
        Facility::ALL.into_iter().find(|facility| facility.word() == word)
    }

    /// What it weakens that it is missing. For what is required this is the sentence that `[accept]` wants to the letter.
    pub fn weakens(self) -> &'static str {
        match self {
            Facility::Openat2 => "paths are walked step by step instead: slower, the same protection",
            Facility::MountIdentity => "what is mounted inside a mount has a second name that no rule knows",
            Facility::CaseSensitiveNames => "a deny can be evaded by another spelling",
            Facility::PrivateDataDirectory => "other users can read or change what the host keeps",
            Facility::DurableDataDirectory => "what was acknowledged can be lost when the power fails",
            Facility::SingleWriterLock => "two hosts can write one store at once and damage it",
        }
    }

    /// Whether a host refuses to start without it.
    pub fn is_required(self) -> bool {
        match self {
            Facility::MountIdentity
            | Facility::CaseSensitiveNames
            | Facility::PrivateDataDirectory
            | Facility::SingleWriterLock => true,
            Facility::Openat2 | Facility::DurableDataDirectory => false,
        }
    }
}

/// A set of facilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facilities(u16);

impl Facilities {
    /// None of them.
    pub const NONE: Facilities = Facilities(0);
    /// All of them.
    pub const ALL: Facilities = Facilities((1 << Facility::ALL.len()) - 1);

    /// The set and this one.
    #[must_use]
    pub fn with(self, facility: Facility) -> Facilities {
        Facilities(self.0 | 1 << facility as u16)
    }

    /// Whether it is in the set.
    pub fn contains(self, facility: Facility) -> bool {
        self.0 & (1 << facility as u16) != 0
    }

    /// Those in the set, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Facility> {
        Facility::ALL.into_iter().filter(move |facility| self.contains(*facility))
    }
}

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Present,
    /// It is not there.
    Missing,
    /// The probe could not tell.
    Unknown,
}

/// A facility as it was found on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub facility: Facility,
    pub presence: Presence,
    /// What was seen, for people.
    pub detail: String,
}

/// The first thing without which a host must not start. What could not be told counts as missing.
pub fn refused(found: &[Finding], accepted: Facilities) -> Option<&Finding> {
    found.iter().find(|found| is_lacking(found) && !accepted.contains(found.facility))
}

/// What is required and missing and was accepted in so many words.
pub fn weakened(found: &[Finding], accepted: Facilities) -> Facilities {
    let lacking = found.iter().filter(|found| is_lacking(found) && accepted.contains(found.facility));
    lacking.fold(Facilities::NONE, |set, found| set.with(found.facility))
}

fn is_lacking(found: &Finding) -> bool {
    found.facility.is_required() && found.presence != Presence::Present
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine_without(lacking: Facility, presence: Presence) -> Vec<Finding> {
        let found = |facility| {
            let presence = if facility == lacking { presence } else { Presence::Present };
            Finding { facility, presence, detail: String::new() }
        };
        Facility::ALL.into_iter().map(found).collect()
    }

    #[test]
    fn a_host_starts_without_what_is_required_only_if_that_was_accepted() {
        for facility in Facility::ALL {
            for presence in [Presence::Missing, Presence::Unknown] {
                let found = machine_without(facility, presence);
                let who = |found: &Finding| found.facility;
                let want = facility.is_required().then_some(facility);
                assert_eq!(refused(&found, Facilities::NONE).map(who), want, "{facility:?}");
                for other in Facility::ALL.into_iter().filter(|other| *other != facility) {
                    assert_eq!(refused(&found, Facilities::NONE.with(other)).map(who), want, "{facility:?} {other:?}");
                }
                let accepted = Facilities::NONE.with(facility);
                assert_eq!(refused(&found, accepted), None);
                assert_eq!(weakened(&found, accepted).iter().next(), want);
                assert_eq!(weakened(&found, Facilities::NONE), Facilities::NONE);
            }
        }
        assert_eq!(refused(&machine_without(Facility::Openat2, Presence::Present), Facilities::NONE), None);
    }

    #[test]
    fn facilities_are_named_by_their_words() {
        for (index, facility) in Facility::ALL.into_iter().enumerate() {
            assert_eq!(facility as usize, index);
            assert_eq!(Facility::parse(facility.word()), Some(facility));
        }
        assert_eq!(Facility::parse("selinux"), None);
    }
}
