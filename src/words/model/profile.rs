//! The caller profile: who calls whom, and where routing stands.

use std::borrow::Cow;

/// Fields that `field="…"` of a condition reads and `set_profile_var` writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerProfile {
    /// Dialplan string: which dialplans are asked.
    pub dialplan: String,
    /// Context the hunt walks.
    pub context: String,
    /// The number or name dialled.
    pub destination_number: String,
    /// The destination before the last transfer.
    pub rdnis: String,
    /// Caller's display name; may be empty.
    pub caller_id_name: String,
    /// Caller's number; `0000000000` when empty.
    pub caller_id_number: String,
    /// Caller's name as first received.
    pub orig_caller_id_name: String,
    /// Caller's number as first received.
    pub orig_caller_id_number: String,
    /// Called party's name.
    pub callee_id_name: String,
    /// Called party's number.
    pub callee_id_number: String,
    /// Billing number; a copy of the caller's when the network gave none.
    pub ani: String,
    /// Originating line information.
    pub aniii: String,
    /// Authenticated user, or empty.
    pub username: String,
    /// Address the call came from.
    pub network_addr: String,
    /// Identifier of the channel.
    pub uuid: String,
    /// Name of the endpoint module that made the channel, `mod_sofia` for SIP.
    pub source: String,
    /// What moved the call here: text of the last transfer.
    pub transfer_source: String,
    /// Name of the channel, `sofia/internal/1000@host`.
    pub chan_name: String,
    /// Privacy as signalled: hide the name.
    pub hide_name: bool,
    /// Privacy as signalled: hide the number.
    pub hide_number: bool,
    /// The number was screened by the network.
    pub screen: bool,
    /// Microseconds since 1970 at which this profile was made.
    pub created_us: u64,
    /// Fields `set_profile_var` made under names of its own.
    pub soft: Vec<(String, String)>,
}

macro_rules! text_fields {
    ($($name:ident)*) => {
        /// Names of the fields that hold text and may be set.
        pub const TEXT_FIELDS: &[&str] = &[$(stringify!($name)),*];

        impl CallerProfile {
            fn text_field(&self, name: &str) -> Option<&String> {
                $(if name.eq_ignore_ascii_case(stringify!($name)) { return Some(&self.$name); })*
                None
            }

            fn text_field_mut(&mut self, name: &str) -> Option<&mut String> {
                $(if name.eq_ignore_ascii_case(stringify!($name)) { return Some(&mut self.$name); })*
                None
            }
        }
    };
}

text_fields! {
    dialplan context destination_number rdnis caller_id_name caller_id_number orig_caller_id_name
    orig_caller_id_number callee_id_name callee_id_number ani aniii username network_addr uuid source transfer_source
    chan_name
}

/// Other names that `field=` knows; numbers and flags of the profile.
pub const OTHER_FIELDS: &[&str] = &[
    "profile_index",
    "caller_ton",
    "caller_numplan",
    "destination_number_ton",
    "destination_number_numplan",
    "ani_ton",
    "ani_numplan",
    "rdnis_ton",
    "rdnis_numplan",
    "screen_bit",
    "privacy_hide_name",
    "privacy_hide_number",
    "profile_created_time",
    "created_time",
    "answered_time",
    "progress_time",
    "progress_media_time",
    "hungup_time",
    "transferred_time",
];

/// Whether `name` is a field of the caller profile, ignoring case.
pub fn is_profile_field(name: &str) -> bool {
    TEXT_FIELDS.iter().chain(OTHER_FIELDS).any(|field| field.eq_ignore_ascii_case(name))
}

impl CallerProfile {
    /// The value of a text, number or flag field by name, ignoring case; `None` for a name the profile does not know
    /// itself (times of the call are the channel's).
    pub fn field(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        if let Some(text) = self.text_field(name) {
            return Some(text.as_str().into());
        }
        let is = |field: &str| name.eq_ignore_ascii_case(field);
        if is("screen_bit") {
            return Some(flag(self.screen).into());
        }
        if is("privacy_hide_name") {
            return Some(flag(self.hide_name).into());
        }
        if is("privacy_hide_number") {
            return Some(flag(self.hide_number).into());
        }
        if is("profile_created_time") {
            return Some(self.created_us.to_string().into());
        }
        if is("profile_index") {
            return Some("1".into());
        }
        if name.len() > 4 && (ends_with(name, "_ton") || ends_with(name, "_numplan")) && is_profile_field(name) {
            return Some("255".into());
        }
        self.soft.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str().into())
    }

    /// Sets a field; an unknown name becomes a soft field.
    pub fn set_field(&mut self, name: &str, value: &str) {
        if let Some(field) = self.text_field_mut(name) {
            value.clone_into(field);
            return;
        }
        match self.soft.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some((_, old)) => value.clone_into(old),
            None => self.soft.push((name.to_owned(), value.to_owned())),
        }
    }
}

/// Text from the network as it may stand in a profile: control characters become blanks, `${` becomes `%{`, so that a
/// caller cannot inject an expansion.
pub fn clean(text: &str) -> Cow<'_, str> {
    let unprintable = |c: char| c.is_control() && c != '\r' && c != '\n';
    if text.contains(unprintable) {
        let printable: String = text.chars().map(|c| if unprintable(c) { ' ' } else { c }).collect();
        return Cow::Owned(printable.replace("${", "%{"));
    }
    if text.contains("${") { Cow::Owned(text.replace("${", "%{")) } else { Cow::Borrowed(text) }
}

fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn ends_with(name: &str, suffix: &str) -> bool {
    name.len() >= suffix.len()
        && name
            .as_bytes()
            .get(name.len() - suffix.len()..)
            .is_some_and(|tail| tail.eq_ignore_ascii_case(suffix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_written_by_any_case_of_their_name() {
        let mut profile = CallerProfile::default();
        profile.set_field("ANI", "777");
        profile.set_field("my_soft", "x");
        assert_eq!(profile.field("ani").as_deref(), Some("777"));
        assert_eq!(profile.field("My_Soft").as_deref(), Some("x"));
        assert_eq!(profile.field("rdnis_ton").as_deref(), Some("255"));
        assert_eq!(profile.field("nosuch"), None);
    }

    #[test]
    fn network_text_cannot_expand() {
        assert_eq!(clean("a\tb${x}\u{1}"), "a b%{x} ");
    }
}
