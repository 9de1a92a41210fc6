//! Expansion of `${var}` and `${api(args)}` in text.
