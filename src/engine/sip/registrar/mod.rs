//! The registrar (RFC 3261 10.3, RFC 3327, RFC 5626): what a REGISTER asks for, and the table of bindings. Pure: the time is
//! an argument, in seconds since 1970 because bindings outlive a restart; who may register is the business of others.

mod binding;
mod request;
mod table;
#[cfg(test)]
mod tests;

pub use binding::{Binding, BindingId, is_behind_nat};
pub use request::{Contact, Registration, RegistrationFault};
pub use table::{Bindings, Change, Multiple, Origin, Refusal, Rules, TableLimits};
