-- Tells the caller in words why a call failed, then ends the call with the true cause. The prompts are those of
-- scripts/prompts_config.lua; docs/error-prompts.md shows all ways to use them.
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
--   USER_BUSY    any cause, or sip:486: use this instead of looking at the variables below.
--
-- Reads: originate_disposition, the outcome of the bridge. When the far end sent early media before it refused, that is
--        SUCCESS and the cause is in bridge_hangup_cause or last_bridge_hangup_cause, so these are read then.
-- Sets:  playerror_cause, the cause it acted on; playerror_prompt, the prompt it played, or "none".

local prompts = require "prompts"

local options, cause = {}, nil
for _, word in ipairs(argv or {}) do
  if word == "answer" then
    options.early = false
  elseif word ~= "" then
    cause = word
  end
end

prompts.play_error(session, cause, options)
