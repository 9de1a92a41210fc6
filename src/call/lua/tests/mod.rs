//! Scripts driven against a call that answers from a table.

mod callbacks;
mod databases;
mod events;
mod fixture;
mod hostile;
mod hosting;
mod language;
mod legs;
mod methods;
mod modules;
mod policy;
mod prompts;
mod reference;
