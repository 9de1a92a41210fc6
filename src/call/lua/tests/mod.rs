//! Scripts driven against a call that answers from a table.

mod fixture;
mod hosting;
mod language;
mod methods;
