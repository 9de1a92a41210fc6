//! Source files, spans, diagnostics and their renderers.

mod diagnostic;
mod source;

pub use diagnostic::{Diagnostic, Severity, render, render_as};
pub use source::{Location, Sources, Span};
