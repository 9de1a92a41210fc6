//! The scripted phone.
