//! Vocabulary: causes, SIP statuses, caller profile, variables. Values only; each closed list stands in one table.

mod cause;
mod profile;
mod status;
mod truth;
pub mod variables;

pub use cause::Cause;
pub use profile::{CallerProfile, OTHER_FIELDS, TEXT_FIELDS, clean, is_profile_field};
pub use status::{SEED_CODES, SipStatus, phrase};
pub use truth::{falsy, truthy};
pub use variables::Variables;
