//! Call control: one task owns a call, its A leg and its B legs.
//!
//! The task is told things through one bounded queue of [`leg::CallEvent`] and speaks through two seams: [`leg`]
//! (signalling) and [`media`]. Scripts reach it by [`control`].

pub mod administration;
pub mod api;
pub mod app;
pub mod cdr;
pub mod channel;
pub mod clients;
pub mod command;
pub mod control;
pub mod dial;
pub mod event;
pub mod failure;
pub mod leg;
pub mod limits;
pub mod lua;
pub mod media;
pub mod meters;
pub mod observe;
pub mod outside;
pub mod pickup;
pub mod registry;
pub mod row;
pub mod scheduler;
pub mod services;
pub mod status;
pub mod task;
