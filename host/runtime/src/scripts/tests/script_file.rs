//! Tests to come with what they test.
