-- Which prompt tells the caller why a call failed. Read by scripts/prompts.lua; a change counts from the next call on.
--
-- Keys, the most exact first; the first one whose prompt can be played is taken:
--   ["sip:486"]      the SIP status that the far end answered
--   USER_BUSY        the cause
--   ["class:busy"]   a class of the list below
--   ["sip:4xx"]      the hundreds of the status
--   default          everything else
-- A value is one prompt or a list of prompts of which one that exists is played: a file below the sounds folder, an absolute
-- path, or anything else that `playback` takes (tone_stream://, file_string://, …).
return {
  -- The language of calls that name none, and of prompts that a call's own language lacks.
  language = "en",

  -- When there is no prompt at all: the tone of congestion, twice.
  tone = "tone_stream://%(250,250,480,620);loops=8",

  -- Causes that are no failure of the far end: nothing to explain to anybody.
  quiet = {
    "NONE", "SUCCESS", "NORMAL_CLEARING", "ORIGINATOR_CANCEL", "LOSE_RACE", "PICKED_OFF", "ATTENDED_TRANSFER",
    "BLIND_TRANSFER",
  },

  classes = {
    number = {
      "UNALLOCATED_NUMBER", "DOES_NOT_EXIST_ANYWHERE", "INVALID_NUMBER_FORMAT", "NUMBER_CHANGED",
      "REDIRECTION_TO_NEW_DESTINATION",
    },
    route = {"NO_ROUTE_TRANSIT_NET", "NO_ROUTE_DESTINATION", "EXCHANGE_ROUTING_ERROR", "INVALID_GATEWAY"},
    busy = {"USER_BUSY", "BUSY_EVERYWHERE"},
    no_answer = {
      "NO_USER_RESPONSE", "NO_ANSWER", "ALLOTTED_TIMEOUT", "PROGRESS_TIMEOUT", "RECOVERY_ON_TIMER_EXPIRE", "MEDIA_TIMEOUT",
    },
    absent = {"SUBSCRIBER_ABSENT", "USER_NOT_REGISTERED"},
    rejected = {"CALL_REJECTED", "DECLINE", "UNWANTED", "REJECT_ALL"},
    barred = {"OUTGOING_CALL_BARRED", "INCOMING_CALL_BARRED", "BEARERCAPABILITY_NOTAUTH"},
    congestion = {"NORMAL_CIRCUIT_CONGESTION", "SWITCH_CONGESTION", "REQUESTED_CHAN_UNAVAIL"},
    network = {"DESTINATION_OUT_OF_ORDER", "NETWORK_OUT_OF_ORDER", "GATEWAY_DOWN"},
    temporary = {"NORMAL_TEMPORARY_FAILURE", "NORMAL_UNSPECIFIED", "INTERWORKING"},
    service = {
      "FACILITY_NOT_SUBSCRIBED", "SERVICE_UNAVAILABLE", "SERVICE_NOT_IMPLEMENTED", "FACILITY_REJECTED",
      "FACILITY_NOT_IMPLEMENTED", "CHAN_NOT_IMPLEMENTED",
    },
    media = {
      "BEARERCAPABILITY_NOTAVAIL", "BEARERCAPABILITY_NOTIMPL", "INCOMPATIBLE_DESTINATION", "NOT_ACCEPTABLE",
    },
  },

  -- By language; `de-at` comes before `de`. A language without a table of its own uses the names of `language` above, in
  -- its own folder: <sounds>/de/de/<voice>/ivr/…, <sounds>/de/de/ivr/…, <sounds>/de/ivr/….
  languages = {
    en = {
      UNALLOCATED_NUMBER = "ivr/ivr-unallocated_number.wav",
      DOES_NOT_EXIST_ANYWHERE = "ivr/ivr-unallocated_number.wav",
      INVALID_NUMBER_FORMAT = "ivr/ivr-invalid_number_format.wav",
      NUMBER_CHANGED = "ivr/ivr-number_changed.wav",
      REDIRECTION_TO_NEW_DESTINATION = "ivr/ivr-number_changed.wav",
      NO_USER_RESPONSE = "ivr/ivr-no_user_response.wav",
      RECOVERY_ON_TIMER_EXPIRE = "ivr/ivr-recovery_on_timer_expire.wav",
      MEDIA_TIMEOUT = "ivr/ivr-recovery_on_timer_expire.wav",
      ["class:route"] = "ivr/ivr-no_route_destination.wav",
      ["class:busy"] = "ivr/ivr-user_busy.wav",
      ["class:no_answer"] = "ivr/ivr-no_answer.wav",
      ["class:absent"] = "ivr/ivr-subscriber_absent.wav",
      ["class:rejected"] = "ivr/ivr-call_rejected.wav",
      ["class:barred"] = "ivr/ivr-outgoing_barred.wav",
      ["class:congestion"] = "ivr/ivr-congestion.wav",
      ["class:network"] = "ivr/ivr-network_out_of_order.wav",
      ["class:temporary"] = "ivr/ivr-temporary_failure.wav",
      ["class:service"] = "ivr/ivr-service_unavailable.wav",
      ["class:media"] = "ivr/ivr-incompatible_destination.wav",
      default = "ivr/ivr-please_check_number_try_again.wav",
    },
  },
}
