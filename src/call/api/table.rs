//! The table: sorted by name.

use super::ApiFunction;
use super::{
    acl, bg_system, coalesce, cond, create_uuid, db, domain_data, domain_exists, echo, escape, eval, expand, expr,
    global_getvar, global_setvar, group, group_call, hash, hostname, in_group, md5, module_exists, regex, replace,
    say_string, sofia_contact, sql_escape, strepoch, strftime, strftime_tz, switchname, system, tolower, toupper,
    url_decode, url_encode, user_data, user_exists, uuid_break, uuid_exists, uuid_getvar, uuid_kill, uuid_setvar,
    uuid_transfer,
};

static TABLE: &[&dyn ApiFunction] = &[
    &acl::Acl,
    &bg_system::BgSystem,
    &coalesce::Coalesce,
    &cond::Cond,
    &create_uuid::CreateUuid,
    &db::Db,
    &domain_data::DomainData,
    &domain_exists::DomainExists,
    &echo::Echo,
    &escape::Escape,
    &eval::Eval,
    &expand::Expand,
    &expr::Expr,
    &global_getvar::GlobalGetvar,
    &global_setvar::GlobalSetvar,
    &group::Group,
    &group_call::GroupCall,
    &hash::Hash,
    &hostname::Hostname,
    &in_group::InGroup,
    &md5::Md5,
    &module_exists::ModuleExists,
    &regex::Regex,
    &replace::Replace,
    &say_string::SayString,
    &sofia_contact::SofiaContact,
    &sql_escape::SqlEscape,
    &strepoch::Strepoch,
    &strftime::Strftime,
    &strftime_tz::StrftimeTz,
    &switchname::Switchname,
    &system::System,
    &tolower::Tolower,
    &toupper::Toupper,
    &url_decode::UrlDecode,
    &url_encode::UrlEncode,
    &user_data::UserData,
    &user_exists::UserExists,
    &uuid_break::UuidBreak,
    &uuid_exists::UuidExists,
    &uuid_getvar::UuidGetvar,
    &uuid_kill::UuidKill,
    &uuid_setvar::UuidSetvar,
    &uuid_transfer::UuidTransfer,
];

/// Every command, sorted by name.
pub fn all() -> &'static [&'static dyn ApiFunction] {
    TABLE
}

/// A command by name, ignoring case.
pub fn find(name: &str) -> Option<&'static dyn ApiFunction> {
    let lower = name.to_ascii_lowercase();
    let at = TABLE.binary_search_by(|function| function.name().cmp(lower.as_str())).ok()?;
    TABLE.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_documented_and_found() {
        assert!(TABLE.is_sorted_by(|a, b| a.name() < b.name()));
        for function in TABLE {
            assert!(!function.doc().is_empty() && !function.doc().ends_with('.'), "{}", function.name());
            let upper = function.name().to_ascii_uppercase();
            assert_eq!(find(&upper).map(ApiFunction::name), Some(function.name()));
        }
        assert!(find("nosuch").is_none());
    }
}
