//! Source files, spans, diagnostics and their renderers.

mod diagnostic;
mod source;

pub use diagnostic::{Diagnostic, Severity, render};
pub use source::{Location, Sources, Span};
