//! All rules: one file and one line each.

mod bad_date;
mod bad_dial_string;
mod bad_param;
mod bad_pattern;
mod blank_in_name;
mod call_parenthesis;
mod capture_beyond_groups;
mod capture_in_anti_action;
mod capture_without_group;
mod condition_after_break;
mod date_with_field;
mod digit_name;
mod directive_ignored;
mod directive_in_comment;
mod directive_line;
mod dst_false;
mod duplicate_attribute;
mod duplicate_configuration;
mod duplicate_context;
mod duplicate_profile;
mod duplicate_section;
mod escape_after_brace;
mod escaped_dollar;
mod exec_failed;
mod global_reference;
mod hooked_application;
mod ignored_field;
mod include_failed;
mod include_limit;
mod include_line;
mod include_missing;
mod late_failure_setting;
mod late_variable;
mod lone_number;
mod long_line;
mod lua_application;
mod lua_arguments;
mod lua_command;
mod lua_method;
mod lua_prompt;
mod lua_syntax;
mod lua_two_values;
mod lua_type;
mod lua_unimplemented_application;
mod lua_unimplemented_command;
mod lua_unreadable;
mod malformed_xml;
mod missing_prompt;
mod missing_script;
mod nameless_context;
mod nameless_profile;
mod nested_skipped;
mod never_matches;
mod no_action;
mod no_condition;
mod not_inline;
mod not_utf8;
mod partial_actions;
mod refused_data;
mod regex_group_result;
mod shadowed_extension;
mod sip_code_in_list;
mod slow_pattern;
mod stun_set;
mod tainted_command;
mod tainted_dial_string;
mod tainted_file_name;
mod tainted_script;
mod text_over_data;
mod too_deep;
mod too_large;
mod transfer_never_made;
mod unclosed_reference;
mod undefined_global;
mod unimplemented_application;
mod unimplemented_function;
mod unknown_application;
mod unknown_attribute;
mod unknown_break;
mod unknown_cause;
mod unknown_context;
mod unknown_dialplan;
mod unknown_element;
mod unknown_endpoint;
mod unknown_extension;
mod unknown_field;
mod unknown_function;
mod unknown_gateway;
mod unknown_group;
mod unknown_listed_cause;
mod unknown_menu;
mod unknown_phrase;
mod unknown_profile;
mod unknown_user;
mod unknown_value;
mod unquoted_value;
mod unquoted_variable;
mod unreachable_extension;
mod unread_variable;
mod unterminated_global;

use super::rule::Rule;

static TABLE: &[&Rule] = &[
    &malformed_xml::RULE,
    &include_line::RULE,
    &directive_line::RULE,
    &directive_ignored::RULE,
    &directive_in_comment::RULE,
    &undefined_global::RULE,
    &unterminated_global::RULE,
    &global_reference::RULE,
    &include_missing::RULE,
    &include_failed::RULE,
    &include_limit::RULE,
    &not_utf8::RULE,
    &long_line::RULE,
    &too_large::RULE,
    &exec_failed::RULE,
    &stun_set::RULE,
    &duplicate_attribute::RULE,
    &unquoted_value::RULE,
    &duplicate_configuration::RULE,
    &nameless_profile::RULE,
    &duplicate_profile::RULE,
    &bad_param::RULE,
    &unknown_element::RULE,
    &unknown_attribute::RULE,
    &nameless_context::RULE,
    &duplicate_context::RULE,
    &duplicate_section::RULE,
    &no_condition::RULE,
    &too_deep::RULE,
    &unknown_break::RULE,
    &unknown_value::RULE,
    &no_action::RULE,
    &text_over_data::RULE,
    &bad_pattern::RULE,
    &unknown_field::RULE,
    &capture_without_group::RULE,
    &capture_beyond_groups::RULE,
    &capture_in_anti_action::RULE,
    &date_with_field::RULE,
    &dst_false::RULE,
    &bad_date::RULE,
    &escaped_dollar::RULE,
    &regex_group_result::RULE,
    &ignored_field::RULE,
    &unquoted_variable::RULE,
    &slow_pattern::RULE,
    &unreachable_extension::RULE,
    &shadowed_extension::RULE,
    &never_matches::RULE,
    &condition_after_break::RULE,
    &nested_skipped::RULE,
    &late_variable::RULE,
    &partial_actions::RULE,
    &unknown_application::RULE,
    &unimplemented_application::RULE,
    &not_inline::RULE,
    &refused_data::RULE,
    &unknown_function::RULE,
    &unimplemented_function::RULE,
    &call_parenthesis::RULE,
    &escape_after_brace::RULE,
    &unknown_cause::RULE,
    &unread_variable::RULE,
    &blank_in_name::RULE,
    &digit_name::RULE,
    &unclosed_reference::RULE,
    &hooked_application::RULE,
    &late_failure_setting::RULE,
    &unknown_listed_cause::RULE,
    &sip_code_in_list::RULE,
    &lone_number::RULE,
    &transfer_never_made::RULE,
    &unknown_context::RULE,
    &unknown_extension::RULE,
    &unknown_gateway::RULE,
    &unknown_profile::RULE,
    &unknown_user::RULE,
    &bad_dial_string::RULE,
    &unknown_endpoint::RULE,
    &unknown_dialplan::RULE,
    &unknown_group::RULE,
    &unknown_menu::RULE,
    &unknown_phrase::RULE,
    &missing_script::RULE,
    &lua_syntax::RULE,
    &lua_unreadable::RULE,
    &lua_arguments::RULE,
    &lua_method::RULE,
    &lua_type::RULE,
    &lua_application::RULE,
    &lua_unimplemented_application::RULE,
    &lua_command::RULE,
    &lua_unimplemented_command::RULE,
    &lua_prompt::RULE,
    &lua_two_values::RULE,
    &missing_prompt::RULE,
    &tainted_dial_string::RULE,
    &tainted_file_name::RULE,
    &tainted_script::RULE,
    &tainted_command::RULE,
];

/// All rules, by group and code.
pub fn all() -> &'static [&'static Rule] {
    TABLE
}

/// A rule by name or code.
pub fn find(name: &str) -> Option<&'static Rule> {
    TABLE.iter().find(|rule| rule.name == name || rule.code.eq_ignore_ascii_case(name)).copied()
}

#[cfg(test)]
mod tests;
