//! Names that FreeSWITCH knows. What of them this switch has is in the tables of its applications and API functions.

use crate::call::{api, app, command};

/// Applications of FreeSWITCH's own modules.
const APPLICATIONS: &str = "acl answer att_xfer avmd_start avmd_stop bgsystem bind_digit_action bind_meta_app block_dtmf \
    blind_transfer_ack break bridge bridge_export callcenter callcenter_track capture cidlookup clear_digit_action \
    clear_speech_cache cng_plc conference conference_set_auto_outcall curl db deduplicate_dtmf deflect delay_echo \
    detect_audio detect_silence detect_speech digit_action_set_realm directory disable_heartbeat displace_session \
    distributor early_hangup eavesdrop easyroute echo enable_heartbeat endless_playback enum erlang esf_page_group eval \
    event execute_extension export fax_detect fifo fifo_track_call filter_codecs flush_dtmf fsv group gentones hangup hash \
    hold httapi httpd_get info intercept ivr javascript jitterbuffer lcr limit limit_execute limit_hash \
    limit_hash_execute log loop_playback loopback lua managed media_reset mkdir multiset multiunset mutex nibblebill \
    novideo oreka_record park perl phrase pickup pitchshift play_and_detect_speech play_and_get_digits play_fsv playback \
    pre_answer preanswer preprocess presence privacy prevent_transfer push python queue_dtmf read record record_session \
    record_session_mask record_session_pause record_session_resume record_session_unmask record_fsv recovery_refresh \
    redirect regex remove_bugs rename reply respond reuse_caller_profile ring_ready rxfax say sched_broadcast \
    sched_cancel sched_hangup sched_heartbeat sched_transfer send_display send_dtmf send_info sendmsg session_loglevel \
    session_record set set_audio_level set_global set_media_stats set_mute set_name set_profile_var set_user \
    set_zombie_exec shout sleep sofia_sla sound_test soft_hold spandsp_detect_tdd spandsp_start_dtmf \
    spandsp_start_fax_detect spandsp_start_tone_detect spandsp_stop_dtmf spandsp_stop_fax_detect \
    spandsp_stop_tone_detect speak start_dtmf start_dtmf_generate socket stop stop_displace_session stop_dtmf \
    stop_dtmf_generate stop_record_session stop_tone_detect stop_video_write_overlay stopfax strftime sofia_presence \
    suppress system three_way tone_detect transfer transfer_vars translate txfax unbind_meta_app unblock_dtmf unhold \
    unloop unpark unset unshift uuid_bridge valet_park verbose_events video_refresh voicemail wait_for_answer \
    wait_for_silence wait_for_video_ready vmd";

/// API functions of FreeSWITCH's own modules.
const FUNCTIONS: &str = "acl alias banner bg_system bgapi break callcenter_config chat cidlookup complete cond conference console \
    create_uuid curl db db_cache dir domain_data domain_exists echo enum enum_auto escape eval event_channel_broadcast expand \
    expr fifo file_exists find_user_xml first_of fsctl getcputime getenv gethost global_getvar global_setvar group group_call \
    hash hash_dump help host_lookup hostname http_get hupall in_group interface_ip is_lan_addr json jsapi lcr limit \
    limit_hash_usage limit_usage list_users load local_ip lua luarun md5 memcache module_exists msleep nat_map originate pause \
    perl presence quote_shell_arg regex reload reloadacl reloadxml replace say say_string sched_api sched_broadcast \
    sched_del sched_hangup sched_transfer sha1 show shutdown snom_bind_key snom_command sofia sofia_contact sofia_count_reg sofia_dig \
    sofia_gateway_data sofia_presence_data sofia_username_of sprintf sql_escape stat status strepoch strftime \
    strftime_tz strmicroepoch stun substr switchname system system_run time_test timer_test tolower tone_detect toupper \
    translate unload unsched_api uptime url_decode url_encode user_data user_exists uuid_answer uuid_audio uuid_break \
    uuid_bridge uuid_broadcast uuid_buglist uuid_chat uuid_debug_media uuid_deflect uuid_display uuid_dump uuid_exists \
    uuid_fileman uuid_getvar uuid_hold uuid_kill uuid_limit uuid_loglevel uuid_media uuid_park uuid_pause \
    uuid_phone_event uuid_preanswer uuid_recv_dtmf uuid_record uuid_send_dtmf uuid_send_info uuid_session_heartbeat \
    uuid_setvar uuid_setvar_multi uuid_transfer version vm_boxcount vm_read voicemail xml_locate xml_wrap verto verto_contact";

/// Variables that FreeSWITCH reads.
const VARIABLES: &str = "absolute_codec_string api_after_bridge api_hangup_hook api_on_answer api_on_media api_on_originate \
    api_on_orphaned_bleg api_on_post_originate api_on_pre_answer api_on_pre_originate api_on_ring api_on_tone_detect \
    api_reporting_hook app_disable_expand_variables app_uuid auto_hunt bridge_answer_timeout bridge_early_media \
    bridge_filter_dtmf bridge_generate_comfort_noise bridge_pre_execute_aleg_app bridge_pre_execute_aleg_data \
    bridge_pre_execute_bleg_app bridge_pre_execute_bleg_data bridge_terminate_key bypass_media bypass_media_after_bridge \
    bypass_media_resume_on_hold call_timeout cdr_csv_base codec_string continue_on_fail default_language \
    direct_media_on_failure disable_app_log disable_hold_video disable_q850_reason effective_ani effective_aniii \
    effective_caller_id_name effective_caller_id_number effective_callee_id_name effective_callee_id_number \
    enable_file_write_buffering enable_heartbeat_events exec_after_bridge_app exec_after_bridge_arg execute_on_answer \
    execute_on_audio_change execute_on_blind_transfer execute_on_fax_detect execute_on_fax_failure \
    execute_on_fax_success execute_on_media execute_on_media_timeout execute_on_originate execute_on_orphaned_bleg \
    execute_on_pickup execute_on_post_bridge execute_on_post_originate execute_on_pre_answer execute_on_pre_bridge \
    execute_on_pre_originate execute_on_record_start execute_on_record_stop execute_on_ring execute_on_tone_detect \
    export_vars fail_on_single_reject failure_causes failure_order fax_enable_t38 fax_enable_t38_request \
    fifo_music force_process_cdr force_transfer_context force_transfer_dialplan group_confirm_cancel_timeout \
    group_confirm_early_ok group_confirm_error_file group_confirm_file group_confirm_key group_confirm_read_timeout \
    group_confirm_timeout hangup_after_bridge hangup_after_conference hangup_complete_with_xml \
    hangup_on_single_reject hold_music ignore_display_updates ignore_early_media inherit_codec instant_ringback \
    intercept_unanswered_only intercept_unbridged_only jitterbuffer_msec language leg_delay_start leg_progress_timeout \
    leg_timeout loopback_bowout loopback_bowout_on_execute loopback_export loopback_initial_codec max_forwards \
    max_session_transfers media_bug_answer_req media_mix_inbound_outbound_codecs media_timeout monitor_early_media_fail \
    monitor_early_media_ring originate_continue_on_timeout originate_retries originate_retry_sleep_ms originate_timeout \
    origination_caller_id_name origination_caller_id_number origination_callee_id_name origination_callee_id_number \
    origination_cancel_key origination_channel_name origination_nested_vars origination_privacy origination_uuid \
    outbound_caller_id_name outbound_caller_id_number park_after_bridge park_after_early_bridge park_timeout \
    pass_rfc2833 passthru_ptime_mismatch playback_delimiter playback_sleep_val playback_terminators \
    playback_timeout_as_success presence_data presence_id process_cdr progress_timeout proto_specific_hangup_cause \
    proxy_media record_append record_answer_req record_artist record_date record_min_sec record_rate record_read_only \
    record_sample_rate record_software record_stereo record_title record_waste_resources record_write_only \
    recording_follow_transfer recovery_refresh remote_media_ip rtcp_audio_interval_msec rtp_autofix_timing \
    rtp_disable_hold rtp_manual_rtp_bugs rtp_secure_media rtp_timeout_sec rtp_hold_timeout_sec ringback \
    rtp_timer_name send_silence_when_idle session_in_hangup_hook skip_cdr_causes sip_append_audio_sdp sip_auth_password \
    sip_auth_username sip_auto_answer sip_bye_reason sip_callee_id_name sip_callee_id_number sip_cid_type \
    sip_contact_user sip_copy_custom_headers sip_enable_soa sip_execute_on_image sip_exclude_contact sip_force_audio_fmtp \
    sip_force_contact sip_force_expires sip_from_display sip_from_host sip_from_uri sip_from_user \
    sip_ignore_183nosdp sip_ignore_remote_cause sip_invite_call_id sip_invite_domain sip_invite_from_params \
    sip_invite_params sip_invite_req_uri sip_invite_to_params sip_invite_to_uri sip_jitter_buffer_during_bridge \
    sip_renegotiate_codec_on_reinvite sip_req_uri sip_route_uri sip_sticky_contact sip_verbose_sdp soa_sent \
    speech_detect_result suppress_cng temp_hold_music timezone tod_tz_offset transfer_after_bridge \
    transfer_after_early_bridge transfer_fallback_extension transfer_on_fail transfer_ringback tts_engine tts_voice \
    uuid_bridge_continue_on_cancel verbose_sdp voicemail_alternate_greet_id voicemail_authorized \
    voicemail_greeting_number zrtp_secure_media";

/// Names of FreeSWITCH's applications.
pub(super) fn applications() -> impl Iterator<Item = &'static str> + Clone {
    APPLICATIONS.split_whitespace()
}

/// Whether an application is ours or FreeSWITCH's.
pub(super) fn has_application(name: &str) -> bool {
    app::find(name).is_some() || applications().any(|known| known.eq_ignore_ascii_case(name))
}

/// Names of all applications, ours and FreeSWITCH's, for suggestions.
pub(super) fn all_applications() -> impl Iterator<Item = &'static str> + Clone {
    app::all().iter().map(|application| application.name).chain(applications())
}

/// Names of FreeSWITCH's API functions.
pub(super) fn functions() -> impl Iterator<Item = &'static str> + Clone {
    FUNCTIONS.split_whitespace()
}

/// Whether this switch has an API command: those of the tables, and those that are run where scripts and shells are.
pub(super) fn has_command(name: &str) -> bool {
    const BESIDE_THE_TABLES: &[&str] = &["bg_system", "expand", "lua", "luarun"];
    api::find(name).is_some()
        || command::find(name).is_some()
        || BESIDE_THE_TABLES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Names of variables that FreeSWITCH reads.
pub(super) fn variables() -> impl Iterator<Item = &'static str> + Clone {
    VARIABLES.split_whitespace()
}

/// Attributes of the dialplan's elements. Those behind `extension` that mean nothing are written by FusionPBX's editor.
pub(super) fn attributes(element: &str) -> Option<&'static [&'static str]> {
    Some(match element {
        "section" => &["name", "description"],
        "context" => &["name"],
        "extension" => {
            &["name", "continue", "number", "app_uuid", "enabled", "order", "global", "domain_uuid", "context", "uuid"]
        }
        "condition" => &["field", "expression", "break", "regex", "require-nested"],
        "regex" => &["field", "expression"],
        "action" | "anti-action" => &["application", "data", "inline", "loop"],
        "expression" => &[],
        _ => return None,
    })
}
