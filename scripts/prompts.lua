-- Tells callers in words why a call failed. The table of prompts is scripts/prompts_config.lua.
--
--   local prompts = require "prompts"
--   prompts.outcome(session)                    cause and SIP status of the last bridge; no cause: none was tried
--   prompts.list(session, cause, code, own)     prompts for it, the best first
--   prompts.play(session, cause, options)       plays the best one that can be played; 1 or 0. The call stays up
--   prompts.play_error(session, cause, options) the same, then ends the call with the cause. session:playError() is this
--
-- cause    a cause, a SIP status as "sip:486", or nil: the outcome of the last bridge
-- options  a table, or nil: prompts of its own by the keys of prompts_config.lua (USER_BUSY = "busy.wav", default = …), and
--          early = false     answers the call before the prompt (the caller pays); otherwise the prompt is early media
--          language = "de"   instead of the call's own
--
-- Reads: originate_disposition, bridge_hangup_cause, last_bridge_hangup_cause, last_bridge_proto_specific_hangup_cause;
--        default_language, default_dialect, default_voice, sound_prefix, sounds_dir.
-- Sets:  playerror_cause, playerror_prompt: what was acted on, and what was played or "none".

local prompts = {}

local RATES = {"8000", "16000", "32000", "48000"}
-- A prompt that took longer than this and was not played to its end was broken off, not missing; ms.
local MISSING_WITHIN = 200

local function log(session, text)
  session:consoleLog("warning", "prompts: " .. text .. "\n")
end

local settings
local function config(session)
  if settings then return settings end
  local ok, found = pcall(require, "prompts_config")
  if not ok or type(found) ~= "table" then
    log(session, "prompts_config.lua cannot be used: " .. tostring(found))
    found = {}
  end
  settings = {
    language = found.language or "en",
    tone = found.tone or "tone_stream://%(250,250,480,620);loops=8",
    languages = found.languages or {},
    quiet = found.quiet or {},
    classes = found.classes or {},
  }
  return settings
end

local function holds(list, cause)
  for _, name in ipairs(list) do
    if name == cause then return true end
  end
  return false
end

-- Cause and SIP status of the last bridge.
function prompts.outcome(session)
  local cause = session:getVariable("originate_disposition")
  if cause == "SUCCESS" and not session:answered() then
    -- Early media came first, the refusal later.
    cause = session:getVariable("bridge_hangup_cause") or session:getVariable("last_bridge_hangup_cause") or cause
  end
  local code
  -- The status belongs to this failure only if its cause does: a leg that never was leaves the last one's there.
  if cause and session:getVariable("last_bridge_hangup_cause") == cause then
    code = (session:getVariable("last_bridge_proto_specific_hangup_cause") or ""):match("^sip:(%d%d%d)$")
  end
  return cause, code
end

-- Whether a file is there. A restricted script may not look: then it is tried.
local function is_file(path)
  local file, _, code = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil or code == 13
end

-- Whether the switch would find a file: itself, or one in a folder of a sample rate beside it.
local function exists(path)
  if is_file(path) then return true end
  local folder, name = path:match("^(.*/)([^/]+)$")
  if not folder then return false end
  for _, rate in ipairs(RATES) do
    if is_file(folder .. rate .. "/" .. name) then return true end
  end
  return false
end

-- Language, dialect, voice of a call: a sound_prefix that was set for it says which, else default_language, else the
-- sound_prefix of all calls.
local function language_of(session, sounds, prefix)
  local function of_prefix()
    if not prefix or not sounds or prefix:sub(1, #sounds + 1) ~= sounds .. "/" then return nil end
    return prefix:sub(#sounds + 2):match("^(%a%a%a?)%f[/\0]/?([^/]*)/?([^/]*)")
  end
  if prefix ~= freeswitch.getGlobalVariable("sound_prefix") then
    local language, dialect, voice = of_prefix()
    if language then return language, dialect, voice end
  end
  local language = session:getVariable("default_language")
  if language then return language, session:getVariable("default_dialect"), session:getVariable("default_voice") end
  return of_prefix()
end

-- Keys of a failure, the most exact first.
local function keys_of(settings, cause, code)
  local keys = {}
  if code then keys[#keys + 1] = "sip:" .. code end
  keys[#keys + 1] = cause
  local classes = {}
  for class, causes in pairs(settings.classes) do
    if holds(causes, cause) then classes[#classes + 1] = class end
  end
  table.sort(classes)
  for _, class in ipairs(classes) do keys[#keys + 1] = "class:" .. class end
  if code then keys[#keys + 1] = "sip:" .. code:sub(1, 1) .. "xx" end
  keys[#keys + 1] = "default"
  return keys
end

function prompts.list(session, cause, code, own)
  local settings = config(session)
  own = own or {}
  local sounds = session:getVariable("sounds_dir")
  local prefix = session:getVariable("sound_prefix")
  local language, dialect, voice = own.language, nil, nil
  if not language then language, dialect, voice = language_of(session, sounds, prefix) end

  local folders = {}
  if language then
    local root = sounds and (sounds .. "/") or ""
    if dialect and dialect ~= "" then
      if voice and voice ~= "" then folders[1] = root .. language .. "/" .. dialect .. "/" .. voice .. "/" end
      folders[#folders + 1] = root .. language .. "/" .. dialect .. "/"
    end
    folders[#folders + 1] = root .. language .. "/"
  end

  local found, seen = {}, {}
  local function add(name)
    if not seen[name] then
      seen[name] = true
      found[#found + 1] = name
    end
  end
  local function add_file(path)
    if path:sub(1, 1) ~= "/" or exists(path) then add(path) end
  end
  -- One value of a table: in the folders of the language, and as it is written.
  local function consider(value, in_language, as_written)
    for _, name in ipairs(type(value) == "table" and value or {value}) do
      if name:find("^%a[%w_]*:") then
        if as_written then add(name) end
      elseif name:sub(1, 1) == "/" then
        if as_written then add_file(name) end
      else
        if in_language then
          for _, folder in ipairs(folders) do add_file(folder .. name) end
        end
        if as_written and prefix and sounds and prefix ~= sounds then
          add_file(prefix .. "/" .. name)
          add_file(sounds .. "/" .. name)
        elseif as_written and (not sounds or exists(sounds .. "/" .. name)) then
          add(name)
        end
      end
    end
  end

  local keys = keys_of(settings, cause, code)
  local function has_own() for _, key in ipairs(keys) do if own[key] then return true end end end
  if has_own() then
    for _, key in ipairs(keys) do consider(own[key], true, true) end
  end
  local languages = settings.languages
  local general = languages[settings.language] or {}
  local exact = language and dialect and languages[language .. "-" .. dialect] or {}
  local spoken = language and language ~= settings.language and languages[language] or {}
  for _, key in ipairs(keys) do
    consider(exact[key], true, true)
    consider(spoken[key], true, true)
    consider(general[key], true, false)
  end
  for _, key in ipairs(keys) do consider(general[key], false, true) end
  return found
end

-- Cause and status of what a script or dialplan wrote.
local function named(session, cause)
  if cause == nil or cause == "" or cause == "SUCCESS" then return prompts.outcome(session) end
  local code = cause:match("^[sS][iI][pP]:(%d%d%d)$")
  if code then return "sip:" .. code, code end
  local last, status = prompts.outcome(session)
  cause = cause:upper()
  return cause, last == cause and status or nil
end

-- What `play` answers, and with what to end the call; nil: there is nothing to end any more.
local function play(session, cause, options)
  local code
  cause, code = named(session, cause)
  -- No bridge was tried at all: nobody knew where to send the call.
  if cause == nil then cause = "NO_ROUTE_DESTINATION" end
  session:setVariable("playerror_cause", cause)
  session:setVariable("playerror_prompt", "none")
  if not session:ready() then return 0, nil end
  local settings = config(session)
  if holds(settings.quiet, cause) then return 0, "NORMAL_CLEARING" end
  options = options or {}
  if options.early == false then session:answer() else session:preAnswer() end

  local list = prompts.list(session, cause, code, options)
  list[#list + 1] = settings.tone
  local api = freeswitch.API()
  for _, name in ipairs(list) do
    session:setVariable("playerror_prompt", name)
    local start = tonumber(api:getTime())
    if session:streamFile(name) == 1 then return 1, cause end
    if not session:ready() then return 0, nil end
    if tonumber(api:getTime()) - start > MISSING_WITHIN then return 1, cause end
    log(session, "the prompt " .. name .. " could not be played")
  end
  session:setVariable("playerror_prompt", "none")
  return 0, cause
end

function prompts.play(session, cause, options)
  return (play(session, cause, options))
end

function prompts.play_error(session, cause, options)
  local played, failure = play(session, cause, options)
  local code = failure and failure:match("^sip:([456]%d%d)$")
  if code and not session:answered() then
    session:execute("respond", code)
  elseif failure then
    session:hangup(failure)
  end
  return played
end

return prompts
