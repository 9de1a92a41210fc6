-- Tells the caller in words why a call failed, then ends the call with the true cause.
--
-- Use it as the action after a bridge that may fail:
--
--   <action application="set" data="continue_on_fail=true"/>
--   <action application="bridge" data="sofia/external/sip:100@198.51.100.7"/>
--   <action application="lua" data="playerror.lua"/>
--
-- Arguments, in any order, all optional:
--   answer       answer the call before the prompt (the caller pays). Without it the prompt is early media: the caller
--                hears it in a 183 and then gets the final refusal, which is what a telephone network does.
--   USER_BUSY    any cause name: use this cause instead of looking at the variables below.
--
-- Reads: originate_disposition, the outcome of the bridge. When the far end sent early media before it refused, that is
--        SUCCESS and the cause is in bridge_hangup_cause or last_bridge_hangup_cause, so these are read then.
-- Sets:  playerror_cause, the cause it acted on; playerror_prompt, the prompt it played, or "none".

local prompts = {
  UNALLOCATED_NUMBER            = "ivr/ivr-unallocated_number.wav",
  NO_ROUTE_TRANSIT_NET          = "ivr/ivr-no_route_destination.wav",
  NO_ROUTE_DESTINATION          = "ivr/ivr-no_route_destination.wav",
  USER_BUSY                     = "ivr/ivr-user_busy.wav",
  NO_USER_RESPONSE              = "ivr/ivr-no_user_response.wav",
  NO_ANSWER                     = "ivr/ivr-no_answer.wav",
  ALLOTTED_TIMEOUT              = "ivr/ivr-no_answer.wav",
  PROGRESS_TIMEOUT              = "ivr/ivr-no_answer.wav",
  SUBSCRIBER_ABSENT             = "ivr/ivr-subscriber_absent.wav",
  USER_NOT_REGISTERED           = "ivr/ivr-subscriber_absent.wav",
  CALL_REJECTED                 = "ivr/ivr-call_rejected.wav",
  DECLINE                       = "ivr/ivr-call_rejected.wav",
  UNWANTED                      = "ivr/ivr-call_rejected.wav",
  REJECT_ALL                    = "ivr/ivr-call_rejected.wav",
  BUSY_EVERYWHERE               = "ivr/ivr-user_busy.wav",
  DOES_NOT_EXIST_ANYWHERE       = "ivr/ivr-unallocated_number.wav",
  NOT_ACCEPTABLE                = "ivr/ivr-incompatible_destination.wav",
  NUMBER_CHANGED                = "ivr/ivr-number_changed.wav",
  REDIRECTION_TO_NEW_DESTINATION = "ivr/ivr-number_changed.wav",
  EXCHANGE_ROUTING_ERROR        = "ivr/ivr-no_route_destination.wav",
  DESTINATION_OUT_OF_ORDER      = "ivr/ivr-network_out_of_order.wav",
  NETWORK_OUT_OF_ORDER          = "ivr/ivr-network_out_of_order.wav",
  GATEWAY_DOWN                  = "ivr/ivr-network_out_of_order.wav",
  INVALID_GATEWAY               = "ivr/ivr-no_route_destination.wav",
  INVALID_NUMBER_FORMAT         = "ivr/ivr-invalid_number_format.wav",
  NORMAL_CIRCUIT_CONGESTION     = "ivr/ivr-congestion.wav",
  SWITCH_CONGESTION             = "ivr/ivr-congestion.wav",
  REQUESTED_CHAN_UNAVAIL        = "ivr/ivr-congestion.wav",
  NORMAL_TEMPORARY_FAILURE      = "ivr/ivr-temporary_failure.wav",
  NORMAL_UNSPECIFIED            = "ivr/ivr-temporary_failure.wav",
  INTERWORKING                  = "ivr/ivr-temporary_failure.wav",
  RECOVERY_ON_TIMER_EXPIRE      = "ivr/ivr-recovery_on_timer_expire.wav",
  MEDIA_TIMEOUT                 = "ivr/ivr-recovery_on_timer_expire.wav",
  FACILITY_NOT_SUBSCRIBED       = "ivr/ivr-service_unavailable.wav",
  SERVICE_UNAVAILABLE           = "ivr/ivr-service_unavailable.wav",
  SERVICE_NOT_IMPLEMENTED       = "ivr/ivr-service_unavailable.wav",
  FACILITY_REJECTED             = "ivr/ivr-service_unavailable.wav",
  FACILITY_NOT_IMPLEMENTED      = "ivr/ivr-service_unavailable.wav",
  CHAN_NOT_IMPLEMENTED          = "ivr/ivr-service_unavailable.wav",
  BEARERCAPABILITY_NOTAVAIL     = "ivr/ivr-incompatible_destination.wav",
  BEARERCAPABILITY_NOTIMPL      = "ivr/ivr-incompatible_destination.wav",
  INCOMPATIBLE_DESTINATION      = "ivr/ivr-incompatible_destination.wav",
  OUTGOING_CALL_BARRED          = "ivr/ivr-outgoing_barred.wav",
  INCOMING_CALL_BARRED          = "ivr/ivr-outgoing_barred.wav",
  BEARERCAPABILITY_NOTAUTH      = "ivr/ivr-outgoing_barred.wav",
}

-- For every cause that is not in the table.
local other = "ivr/ivr-please_check_number_try_again.wav"

-- Causes that are no failure of the far end: nothing to explain to anybody.
local quiet = {
  NONE = true, SUCCESS = true, NORMAL_CLEARING = true, ORIGINATOR_CANCEL = true, LOSE_RACE = true, PICKED_OFF = true,
  ATTENDED_TRANSFER = true, BLIND_TRANSFER = true,
}

local wants_answer, cause = false, nil
for _, word in ipairs(argv or {}) do
  if word == "answer" then
    wants_answer = true
  elseif word ~= "" then
    cause = word:upper()
  end
end

if cause == nil or cause == "SUCCESS" then
  cause = session:getVariable("originate_disposition")
end
if cause == "SUCCESS" and not session:answered() then
  -- Early media came first, the refusal later.
  cause = session:getVariable("bridge_hangup_cause") or session:getVariable("last_bridge_hangup_cause") or cause
end
if cause == nil then
  -- No bridge was tried at all: nobody knew where to send the call.
  cause = "NO_ROUTE_DESTINATION"
end

session:setVariable("playerror_cause", cause)
session:setVariable("playerror_prompt", "none")

if not session:ready() then
  return
end

if quiet[cause] then
  session:hangup("NORMAL_CLEARING")
  return
end

if wants_answer then
  session:answer()
else
  session:preAnswer()
end

local prompt = prompts[cause] or other
session:setVariable("playerror_prompt", prompt)
if session:streamFile(prompt) ~= 1 and session:ready() then
  session:consoleLog("warning", "playerror.lua: the prompt " .. prompt .. " could not be played\n")
end
session:hangup(cause)
