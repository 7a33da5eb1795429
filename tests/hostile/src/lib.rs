//! Has only tests; see `tests/all`.
