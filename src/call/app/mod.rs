//! Dialplan applications, one file each, and their table.
//!
//! An application gets its call and its data, expanded. It tells its outcome by what it does to the call: variables, a
//! transfer, a hang-up. Adding one is a file and a line in the table.

mod answer;
mod att_xfer;
mod bgsystem;
mod bind_meta_app;
mod bridge;
mod bridge_export;
mod db;
mod deflect;
mod displace_session;
mod eavesdrop;
mod echo;
mod eval;
mod execute_extension;
mod export;
mod flush_dtmf;
mod group;
mod hangup;
mod hash;
mod heartbeat;
mod hold;
mod info;
mod intercept;
mod ivr;
mod limit;
mod log;
mod lua;
mod multiset;
mod multiunset;
mod park;
mod phrase;
mod pickup;
mod play_and_get_digits;
mod playback;
mod pre_answer;
mod push;
mod queue_dtmf;
mod read;
mod record;
mod record_session;
mod redirect;
mod respond;
mod ring_ready;
mod say;
mod sched_hangup;
mod send_dtmf;
mod set;
mod set_global;
mod set_profile_var;
mod set_zombie_exec;
mod sleep;
mod socket;
mod sound;
mod system;
mod tone_detect;
mod transfer;
mod unbind_meta_app;
mod unset;
mod unshift;

use std::future::Future;
use std::pin::Pin;

use crate::call::task::Call;
use crate::engine::dialplan::{AppCatalog, AppFacts};

/// What an application waits on.
pub type Waiting<'c> = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

/// The code of an application.
#[derive(Clone, Copy)]
pub enum Run {
    /// Done at once.
    Now(fn(&mut Call, &str)),
    /// May wait.
    Wait(for<'c> fn(&'c mut Call, &'c str) -> Waiting<'c>),
}

/// One application.
pub struct Application {
    /// Its registered spelling.
    pub name: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// Its data, as the usage line shows them.
    pub syntax: &'static str,
    /// Needs media: an unanswered caller gets early media first.
    pub media: bool,
    /// May run during the hunt (`inline="true"`).
    pub inline: bool,
    /// May run after the hang-up.
    pub zombie: bool,
    /// Its code.
    pub run: Run,
}

static TABLE: &[&Application] = &[
    &answer::ANSWER,
    &att_xfer::ATT_XFER,
    &bgsystem::BGSYSTEM,
    &bind_meta_app::BIND_META_APP,
    &bridge::BRIDGE,
    &bridge_export::BRIDGE_EXPORT,
    &db::DB,
    &deflect::DEFLECT,
    &displace_session::DISPLACE_SESSION,
    &eavesdrop::EAVESDROP,
    &echo::ECHO,
    &heartbeat::ENABLE_HEARTBEAT,
    &eval::EVAL,
    &execute_extension::EXECUTE_EXTENSION,
    &export::EXPORT,
    &flush_dtmf::FLUSH_DTMF,
    &group::GROUP,
    &hangup::HANGUP,
    &hash::HASH,
    &hold::HOLD,
    &info::INFO,
    &intercept::INTERCEPT,
    &ivr::IVR,
    &limit::LIMIT,
    &log::LOG,
    &lua::LUA,
    &multiset::MULTISET,
    &multiunset::MULTIUNSET,
    &park::PARK,
    &phrase::PHRASE,
    &pickup::PICKUP,
    &play_and_get_digits::PLAY_AND_GET_DIGITS,
    &playback::PLAYBACK,
    &pre_answer::PRE_ANSWER,
    &push::PUSH,
    &queue_dtmf::QUEUE_DTMF,
    &read::READ,
    &record::RECORD,
    &record_session::RECORD_SESSION,
    &record_session::RECORD_SESSION_MASK,
    &record_session::RECORD_SESSION_PAUSE,
    &record_session::RECORD_SESSION_RESUME,
    &record_session::RECORD_SESSION_UNMASK,
    &redirect::REDIRECT,
    &respond::RESPOND,
    &ring_ready::RING_READY,
    &say::SAY,
    &sched_hangup::SCHED_HANGUP,
    &heartbeat::SCHED_HEARTBEAT,
    &send_dtmf::SEND_DTMF,
    &set::SET,
    &sound::SET_AUDIO_LEVEL,
    &set_global::SET_GLOBAL,
    &sound::SET_MUTE,
    &set_profile_var::SET_PROFILE_VAR,
    &set_zombie_exec::SET_ZOMBIE_EXEC,
    &sleep::SLEEP,
    &socket::SOCKET,
    &sound::START_DTMF,
    &displace_session::STOP_DISPLACE_SESSION,
    &sound::STOP_DTMF,
    &record_session::STOP_RECORD_SESSION,
    &tone_detect::STOP_TONE_DETECT,
    &system::SYSTEM,
    &eavesdrop::THREE_WAY,
    &tone_detect::TONE_DETECT,
    &transfer::TRANSFER,
    &unbind_meta_app::UNBIND_META_APP,
    &hold::UNHOLD,
    &unset::UNSET,
    &unshift::UNSHIFT,
];

pub use sound::lane;

/// The settings of a recording, as `record_session` has them after its file: `{name=value,...}`.
pub fn record_settings(text: &str) -> Vec<(String, String)> {
    record_session::parse(text).2
}

/// Every application, sorted by name.
pub fn all() -> &'static [&'static Application] {
    TABLE
}

/// An application by name, ignoring case.
pub fn find(name: &str) -> Option<&'static Application> {
    let exact = TABLE.binary_search_by(|application| application.name.cmp(name));
    let at = exact.or_else(|_| {
        let lower = name.to_ascii_lowercase();
        TABLE.binary_search_by(|application| application.name.cmp(lower.as_str()))
    });
    at.ok().and_then(|at| TABLE.get(at)).copied()
}

/// The applications as a dialplan sees them when it is compiled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Catalog;

impl AppCatalog for Catalog {
    fn application(&self, name: &str) -> Option<AppFacts> {
        find(name).map(|application| AppFacts { name: application.name, inline: application.inline })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_documented_and_found() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        for application in TABLE {
            assert!(!application.doc.is_empty() && !application.doc.ends_with('.'), "{}", application.name);
            let upper = application.name.to_ascii_uppercase();
            assert_eq!(find(&upper).map(|found| found.name), Some(application.name));
        }
        assert!(find("nosuch").is_none());
    }
}
