//! What the switch tells of itself to those who watch it: figures for Prometheus and two questions, over HTTP.
//!
//! Counting costs a few atomic additions per leg. A label's values are capped: what comes later counts as `other`.

mod http;
mod monitor;

pub use http::{HttpListener, Watched};
pub use monitor::{METRICS, Monitor};
