//! Texts of policies: read or refused with a place that is in the text, the same when read again, and what was read is in force as it was
//! written.

use libos_kernel::model::limit::POLICY_BYTES_MAX;
use libos_kernel::model::policy::Policy;

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let lines = text.split('\n').count();
    let checked = Policy::check(text, None);
    for error in checked.errors.iter().chain(&checked.warnings) {
        assert!(error.line as usize <= lines, "a place outside of the text: line {} of {lines}", error.line);
        assert!(!error.to_string().is_empty());
    }
    match Policy::parse(text) {
        Ok(policy) => {
            assert!(checked.errors.is_empty());
            assert_eq!(Some(&policy), checked.policy.as_ref(), "the two ways to read it differ");
            // Nothing of a line that was read depends on the empty lines around it. A byte-order mark is one only at the beginning.
            let spaced = format!("\n\n{text}\n");
            if !text.starts_with('\u{feff}') && spaced.len() <= POLICY_BYTES_MAX {
                let other = Policy::parse(&spaced).expect("empty lines make nothing unreadable");
                assert_eq!(other.mounts, policy.mounts);
                assert_eq!(other.templates.len(), policy.templates.len());
            }
        }
        Err(_) => assert!(!checked.errors.is_empty() && checked.policy.is_none()),
    }
}
