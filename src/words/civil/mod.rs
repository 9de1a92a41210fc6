//! Civil time: zones by name, the C library's `strftime`, the dates users write.
//!
//! Zones come from FreeSWITCH's `timezones.conf` (POSIX TZ strings) first and from the system's zone files second. The
//! instant is always an argument. Names of days and months are English, as in the C locale.

mod moment;
mod strftime;
mod zones;

pub use moment::Moment;
pub use strftime::{MAX_FORMATTED, strftime};
pub use zones::{SystemZones, Zones};
