//! Call control: one task owns a call, its A leg and its B legs.

pub mod api;
pub mod app;
pub mod cdr;
pub mod event;
pub mod lua;
