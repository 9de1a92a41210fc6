//! Boot, reload, drain, wiring.
