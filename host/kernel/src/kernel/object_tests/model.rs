//! Object memory against a model that is a list of maps.
