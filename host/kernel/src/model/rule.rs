//! Rights on a pattern, as people write them: `read,list fs:workspace/**`. What policies, tools and answers are made of.

use super::need::Need;
use super::resource::Pattern;
use super::right::Rights;
use minicbor::{CborLen, Decode, Encode};
use std::fmt;

/// Rights on a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Rule {
    #[n(0)]
    pub rights: Rights,
    #[n(1)]
    pub pattern: Pattern,
}

impl Rule {
    /// Reads `read,list fs:workspace/**`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Rule, String> {
        let (rights, pattern) = text
            .trim()
            .split_once(' ')
            .ok_or("a rule is rights, a space and a resource, for example \"read,list fs:workspace/**\"")?;
        let rights = Rights::parse(rights).map_err(|word| format!("'{word}' is no right"))?;
        let pattern = Pattern::parse(pattern.trim()).map_err(|error| error.to_string())?;
        let known = pattern.kind().rights();
        if known.contains_all(rights) {
            Ok(Rule { rights, pattern })
        } else {
            Err(format!("'{}' has the rights {known}, not all of {rights}", pattern.kind().word()))
        }
    }

    /// Whether the need is within the rule.
    pub fn covers(&self, need: &Need) -> bool {
        self.rights.contains(need.right)
            && if need.whole {
                self.pattern.covers_subtree(&need.resource)
            } else {
                self.pattern.covers(&need.resource)
            }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rights, self.pattern)
    }
}

impl<'de> serde::Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Rule::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
