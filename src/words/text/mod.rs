//! Source files, spans, diagnostics and their renderers.
