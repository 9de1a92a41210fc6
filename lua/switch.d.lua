---@meta
-- Types of what scripts may call, for editors with the Lua language server: add the folder of this file to
-- Lua.workspace.library. Made from the table of the program (src/call/lua/tests/reference).

---@class freeswitch
freeswitch = {}

---@class freeswitch.Session
---@field uuid string?
local Session = {}

---@class freeswitch.API
local API = {}

---@class freeswitch.Event
---@field serialized_string string
local Event = {}

---@class freeswitch.EventConsumer
local EventConsumer = {}

---@class freeswitch.Dbh
local Dbh = {}

---@class freeswitch.JSON
local JSON = {}

---@class freeswitch.Stream
local Stream = {}

---@class freeswitch.DTMF
---@field digit string
---@field duration integer
local DTMF = {}

---@class freeswitch.IVRMenu
local IVRMenu = {}

---The call; nil when the script runs without one.
---@type freeswitch.Session
session = nil

---The answer of a script that runs as an API command.
---@type freeswitch.Stream
stream = nil

---Data of an API command.
---@type freeswitch.Event
env = nil

---Name (0) and arguments of the script.
---@type string[]
argv = nil

---A session object: empty, of an existing channel, or of a leg that is dialled now (60 s at most). It is an object in any case; `ready()` tells whether there is a channel and `hangupCause()` why not. A dialled leg dies with the script unless `setAutoHangup(false)`.
---@param uuid_or_dial_string? string|number
---@param a_leg? freeswitch.Session
---@return freeswitch.Session
function freeswitch.Session(uuid_or_dial_string, a_leg) end

---Dials for an empty object; exactly three arguments, the timeout in seconds. **0 is success**, 1 failure.
---@param a_leg freeswitch.Session|nil
---@param dial_string string|number
---@param timeout integer
---@return integer
function Session:originate(a_leg, dial_string, timeout) end

---Whether the call is up and nothing is about to take it away: no hang-up, no transfer. Ask it in every loop.
---@return boolean
function Session:ready() end

---Whether the call was answered; stays true after the hang-up.
---@return boolean
function Session:answered() end

---Whether audio flows: answered or early media, and `ready()`.
---@return boolean
function Session:mediaReady() end

---Whether the call is bridged at this moment.
---@return boolean
function Session:bridged() end

---Answers the call: 1, also when it was answered before; 0 after the hang-up.
---@return integer
function Session:answer() end

---Opens early media (183): the caller hears prompts and pays nothing. 1, or 0 after the hang-up.
---@return integer
function Session:preAnswer() end

---Ends the call; `NORMAL_CLEARING` unless a cause is named, by name or Q.850 number. An unanswered call gets the SIP status of the cause. A due hang-up hook runs before it returns.
---@param cause? string|number
function Session:hangup(cause) end

---Runs what the channel does at its end, if it is to be done early. Nothing happens here.
function Session:hangupState() end

---The outcome of this object's originate: `SUCCESS`, a cause, or `NONE`.
---@return string
function Session:hangupCause() end

---State of the channel: `CS_EXECUTE`, `CS_ROUTING`, `CS_HANGUP`, …; `ERROR` without a channel.
---@return string
function Session:getState() end

---Whether the channel is hung up when the script ends. Off for the call of the script, on for legs of `freeswitch.Session(dial_string)`.
---@param hang_up boolean
---@return integer
function Session:setAutoHangup(hang_up) end

---Sends the call into the dialplan again, once the script has ended: 1. Dialplan and context stay the same unless given.
---@param extension string|number|nil
---@param dialplan? string|number
---@param context? string|number
---@return integer
function Session:transfer(extension, dialplan, context) end

---Waits until this leg is answered or gone.
---@param calling_session freeswitch.Session|nil
function Session:waitForAnswer(calling_session) end

---The uuid of the channel; the attribute `session.uuid` is the same.
---@return string
function Session:get_uuid() end

---Lets the channel go: the object is dead afterwards. With a message the script stops with it as its error.
---@param message? string|number
function Session:destroy(message) end

---A channel variable, a field of the caller's profile (`destination_number`, `caller_id_number`, …) or a global variable; nil when there is none. Letters' case does not matter.
---@param name string|number|nil
---@return string?
function Session:getVariable(name) end

---Sets a channel variable; nil or an empty text removes it. Nothing is expanded.
---@param name string|number|nil
---@param value string|number|nil
function Session:setVariable(name, value) end

---Runs an application of the dialplan to its end; `${}` in the data is expanded. What came of it is in variables. An unknown application hangs up with `DESTINATION_OUT_OF_ORDER`.
---@param application string|number|nil
---@param data? string|number
function Session:execute(application, data) end

---Keeps an object of the switch with the channel; tables and texts are refused, as in FreeSWITCH.
---@param name string|number|nil
---@param object any
function Session:setPrivate(name, object) end

---An object kept with the channel.
---@param name string|number|nil
---@return any
function Session:getPrivate(name) end

---Copies the channel's data into an event.
---@param event freeswitch.Event
function Session:setEventData(event) end

---Gives a copy of an event to the channel: `call-command: execute` with `execute-app-name` and `execute-app-arg` runs an application at its next wait, `hangup` ends it.
---@param event freeswitch.Event
function Session:sendEvent(event) end

---The record of the call so far, in XML: that of `xml_cdr.conf`.
---@return string
function Session:getXMLCDR() end

---A log line with the call's uuid.
---@param level string|number|nil
---@param text string|number|nil
function Session:consoleLog(level, text) end

---A log line that names a place.
---@param level string|number|nil
---@param file string|number|nil
---@param func string|number|nil
---@param line integer
---@param text string|number|nil
function Session:consoleLog2(level, file, func, line, text) end

---Real-time text; 0 without a text stream.
---@param text string|number|nil
---@return integer
function Session:print(text) end

---Plays a prompt to its end: 1. 0 when it is missing, was broken off, or the call is gone. Relative names are below the sounds folder; `tone_stream://`, `silence_stream://`, `file_string://a!b` work as in `playback`. Digits pressed meanwhile wait for the next method that reads digits.
---@param path string|number|nil
---@param start_sample? integer
---@return integer
function Session:streamFile(path, start_sample) end

---Waits and serves callbacks: 1; 0 when a callback or the hang-up broke it off.
---@param ms integer
---@param sync? integer
---@return integer
function Session:sleep(ms, sync) end

---Records the caller until the limit or silence: 1; 0 when a callback or the hang-up broke it off. 0 is no limit. `record_ms`, `record_seconds`, `record_samples` tell how much. A file that cannot be opened hangs the call up, as in FreeSWITCH.
---@param path string|number|nil
---@param max_seconds? integer
---@param silence_threshold? integer
---@param silence_seconds? integer
---@return integer
function Session:recordFile(path, max_seconds, silence_threshold, silence_seconds) end

---Tells the caller why a call failed, then ends it with that cause: 1 when something was heard. Without a cause it is the outcome of the last bridge. [error-prompts.md](error-prompts.md) is about the options.
---@param cause? string|number
---@param options? any
---@return integer
function Session:playError(cause, options) end

---Puts one recording into another at a sample, on disk: 1 or 0.
---@param file string|number|nil
---@param insert string|number|nil
---@param sample integer
---@return integer
function Session:insertFile(file, insert, sample) end

---Says a number, a date, a spelled name: `say("42", "en", "number", "pronounced")`.
---@param text string|number|nil
---@param module string|number|nil
---@param type string|number|nil
---@param method string|number|nil
---@param gender? string|number
function Session:say(text, module, type, method, gender) end

---Plays a phrase macro.
---@param macro string|number|nil
---@param data? string|number
---@param language? string|number
function Session:sayPhrase(macro, data, language) end

---Chooses the speech engine and voice of `speak`.
---@param engine string|number|nil
---@param voice string|number|nil
function Session:set_tts_params(engine, voice) end

---Older spelling of `set_tts_params`.
---@param engine string|number|nil
---@param voice string|number|nil
function Session:set_tts_parms(engine, voice) end

---Speaks a text. 1 also when no engine was chosen, as in FreeSWITCH.
---@param text string|number|nil
---@return integer
function Session:speak(text) end

---Collects digits, times in ms, until enough, a terminator, a time-out or the hang-up; an empty text is none. The terminator is not part of it.
---@param max integer
---@param terminators string|number|nil
---@param timeout integer
---@param interdigit? integer
---@param absolute? integer
---@return string
function Session:getDigits(max, terminators, timeout, interdigit, absolute) end

---Plays a prompt that any digit stops, and collects digits. What was pressed before the time-out is returned even if too few; `read_result` tells.
---@param min integer
---@param max integer
---@param prompt string|number|nil
---@param timeout integer
---@param terminators string|number|nil
---@param digit_timeout? integer
---@return string
function Session:read(min, max, prompt, timeout, terminators, digit_timeout) end

---Asks until the digits match the pattern, at most `tries` times, with `invalid_prompt` in between; an empty text when they never do. `variable` gets the digits.
---@param min integer
---@param max integer
---@param tries integer
---@param timeout integer
---@param terminators string|number|nil
---@param prompt string|number|nil
---@param invalid_prompt string|number|nil
---@param pattern string|number|nil
---@param variable? string|number
---@param digit_timeout? integer
---@param transfer_on_failure? string|number
---@return string
function Session:playAndGetDigits(min, max, tries, timeout, terminators, prompt, invalid_prompt, pattern, variable, digit_timeout, transfer_on_failure) end

---Gives each digit to the input callback until the time is over. With one argument that is the whole time, with two the first is the time between digits.
---@param digit_or_absolute_ms integer
---@param absolute_ms? integer
---@return integer
function Session:collectDigits(digit_or_absolute_ms, absolute_ms) end

---Forgets digits that were pressed and not read.
---@return integer
function Session:flushDigits() end

---Forgets queued events.
---@return integer
function Session:flushEvents() end

---Steers speech recognition.
---@param command string|number|nil
---@param a? string|number
---@param b? string|number
---@param c? string|number
function Session:detectSpeech(command, a, b, c) end

---Plays a prompt and recognizes speech.
---@param file string|number|nil
---@param engine string|number|nil
---@param grammar string|number|nil
---@return string?
function Session:playAndDetectSpeech(file, engine, grammar) end

---Registers a function for digits during `streamFile`, `sleep`, `recordFile`, `speak`, `say`, `collectDigits`: `f(session, "dtmf", {digit=, duration=}[, _G[argument]])`. What it returns steers the playback: `"pause"` (and again: on), `"restart"`, `"seek:+1000"` (ms, also `-` and absolute), `"speed:+1"` (-2 to 2), `"volume:-1"` (-4 to 4); nil, a boolean and `"true"` let it go on; `"truncate"` empties the recording that runs and ends it; any other text or number ends it.
---@param callback string|function|nil
---@param argument? string|number
function Session:setInputCallback(callback, argument) end

---Removes the input callback.
function Session:unsetInputCallback() end

---Registers a function for the end of the call: `f(session, "hangup"|"transfer"[, _G[argument]])`. It runs once, in the script's thread, at the next method that waits; returning `"exit"` or `"die"` stops the script.
---@param callback string|function|nil
---@param argument? string|number
function Session:setHangupHook(callback, argument) end

---Lets a due hang-up hook run.
---@return boolean
function Session:begin_allow_threads() end

---Lets a due hang-up hook run.
---@return boolean
function Session:end_allow_threads() end

---Does nothing.
---@param state? any
function Session:setLUA(state) end

---Does nothing.
function Session:check_hangup_hook() end

---Does nothing.
---@param input? any
---@param kind? any
function Session:run_dtmf_callback(input, kind) end

---Does nothing.
---@param text? string|number
function Session:process_callback_result(text) end

---Always nil.
---@return nil
function Session:get_cb_args() end

---Does nothing; `setInputCallback` is meant.
---@param callback? any
---@param argument? table
function Session:setDTMFCallback(callback, argument) end

---Runs API commands.
---@param session? freeswitch.Session
---@return freeswitch.API
function freeswitch.API(session) end

---Runs a command and returns what it wrote, line ends included; `INVALID COMMAND!` and a line end when there is none of that name. [commands.md](commands.md) lists all.
---@param command string|number|nil
---@param arguments? string|number
---@return string
function API:execute(command, arguments) end

---The same with the command and its arguments in one text.
---@param line string|number|nil
---@return string
function API:executeString(line) end

---Milliseconds since 1970, as text.
---@return string
function API:getTime() end

---An event of the script's own. An unknown type is `MESSAGE`; a subclass makes it `CUSTOM`; type `json` reads the second argument.
---@param type string|number|nil
---@param subclass? string|number
---@return freeswitch.Event
function freeswitch.Event(type, subclass) end

---The first header of this name.
---@param name string|number|nil
---@return string?
function Event:getHeader(name) end

---Appends a header; false for nil.
---@param name string|number|nil
---@param value string|number|nil
---@return boolean
function Event:addHeader(name, value) end

---Removes all headers of this name; false when there was none.
---@param name string|number|nil
---@return boolean
function Event:delHeader(name) end

---Sets the body.
---@param text string|number|nil
---@return boolean
function Event:addBody(text) end

---The body.
---@return string?
function Event:getBody() end

---The event's name, such as `CUSTOM`.
---@return string
function Event:getType() end

---The event as text: lines with values in URL encoding; `"json"` and `"xml"` give those forms.
---@param format? string|number
---@return string
function Event:serialize(format) end

---Fires a copy; the object can fire again. false for an event that the script was given.
---@return boolean
function Event:fire() end

---Appends the headers of another event.
---@param other freeswitch.Event
---@return boolean
function Event:merge(other) end

---Always true; events have one priority.
---@param priority? integer
---@return boolean
function Event:setPriority(priority) end

---Runs a chat application.
---
---Not available yet: raises an error that says so.
---@param application string|number|nil
---@param data? string|number
---@return integer
function Event:chat_execute(application, data) end

---Sends a message.
---
---Not available yet: raises an error that says so.
---@param protocol? string|number
---@return integer
function Event:chat_send(protocol) end

---Listens to events: of one type, `"all"`, or none before `bind`. 5000 events wait at most; later ones are dropped.
---@param type? string|number
---@param subclass? string|number
---@param queue_length? integer
---@return freeswitch.EventConsumer
function freeswitch.EventConsumer(type, subclass, queue_length) end

---Listens to one type more: 1; 0 for an unknown type.
---@param type string|number|nil
---@param subclass? string|number
---@return integer
function EventConsumer:bind(type, subclass) end

---The next event or nil. With `block` other than 0 it waits, without a time-out until the switch stops.
---@param block? integer
---@param timeout_ms? integer
---@return freeswitch.Event?
function EventConsumer:pop(block, timeout_ms) end

---Stops listening; `pop` is nil afterwards.
function EventConsumer:cleanup() end

---Opens a database: `sqlite://path`, `sqlite://memory://name`, or the name of an SQLite file below the db folder. `connected()` tells whether it worked.
---@param dsn string|number|nil
---@param user? string|number
---@param password? string|number
---@return freeswitch.Dbh
function freeswitch.Dbh(dsn, user, password) end

---Whether the database is open.
---@return boolean
function Dbh:connected() end

---Runs a statement, with a function for each row: a table of texts by column, NULL is the empty text. A number other than 0 stops. Leave the function out rather than passing nil.
---@param sql string|number|nil
---@param each? fun(row: table<string, string>): integer?
---@return boolean
function Dbh:query(sql, each) end

---Runs a statement: success, all rows, the text of the error. NULL is an absent column here.
---@param sql string|number|nil
---@return boolean, table<string, string>[], string?
function Dbh:query_rows(sql) end

---Rows that the last statement changed.
---@return integer
function Dbh:affected_rows() end

---The error of the last statement.
---@return string?
function Dbh:last_error() end

---Forgets the error.
function Dbh:clear_error() end

---Runs the test; when it fails, drops and creates.
---@param test_sql string|number|nil
---@param drop_sql? string|number
---@param create_sql? string|number
---@return boolean
function Dbh:test_reactive(test_sql, drop_sql, create_sql) end

---Always 1, which is failure.
---@param name string|number|nil
---@return integer
function Dbh:load_extension(name) end

---Lets the database go: true once.
---@return boolean
function Dbh:release() end

---Reads and writes JSON.
---@return freeswitch.JSON
function freeswitch.JSON() end

---A table; no value for a text that is no JSON, an empty table for a lone number or text.
---@param text string|number|nil
---@return table?
function JSON:decode(text) end

---JSON of a table, in lines; a table with 1 as its first key is an array.
---@param value table
---@return string
function JSON:encode(value) end

---Whether `encode` writes one line.
---@param unformatted boolean
function JSON:return_unformatted_json(unformatted) end

---Whether `{}` is an object (as at first) or an array.
---@param as_object boolean
function JSON:encode_empty_table_as_object(as_object) end

---Runs a JSON command: `fsapi` with `data.cmd` and `data.arg`, or `status`. The reply has `status` and `response.message`.
---@param command any
---@return table
function JSON:execute(command) end

---Runs a JSON command; its reply as text.
---@param command any
---@return string
function JSON:execute2(command) end

---Collects text. The global `stream` of a script that runs as an API command is the command's answer.
---@return freeswitch.Stream
function freeswitch.Stream() end

---Appends.
---@param text string|number|nil
function Stream:write(text) end

---Appends the first bytes of a text.
---@param text string|number|nil
---@param length integer
function Stream:raw_write(text, length) end

---The text so far.
---@return string
function Stream:get_data() end

---The body of a request and its length; nil and 0 without one.
---@return string?, integer
function Stream:read() end

---A digit: attributes `digit` and `duration`.
---@param digit string|number|nil
---@param duration? integer
---@return freeswitch.DTMF
function freeswitch.DTMF(digit, duration) end

---A menu; one with a parent belongs to its tree. Times are ms.
---@param parent freeswitch.IVRMenu|nil
---@param name string|number|nil
---@param greet_long string|number|nil
---@param greet_short string|number|nil
---@param invalid string|number|nil
---@param exit string|number|nil
---@param transfer string|number|nil
---@param confirm_macro string|number|nil
---@param confirm_key string|number|nil
---@param tts_engine string|number|nil
---@param tts_voice string|number|nil
---@param confirm_attempts integer|nil
---@param inter_timeout integer|nil
---@param digit_len integer|nil
---@param timeout integer|nil
---@param max_failures integer|nil
---@param max_timeouts? integer
---@return freeswitch.IVRMenu
function freeswitch.IVRMenu(parent, name, greet_long, greet_short, invalid, exit, transfer, confirm_macro, confirm_key, tts_engine, tts_voice, confirm_attempts, inter_timeout, digit_len, timeout, max_failures, max_timeouts) end

---What keys do: `menu-exec-app`, `menu-sub`, `menu-play-sound`, `menu-back`, `menu-top`, `menu-exit`; digits are literal, or `/a pattern/` whose groups stand in the argument.
---@param action string|number|nil
---@param argument string|number|nil
---@param digits string|number|nil
function IVRMenu:bindAction(action, argument, digits) end

---Runs a menu of the tree until the caller leaves it.
---@param session freeswitch.Session|nil
---@param name string|number|nil
function IVRMenu:execute(session, name) end

---A log line. Levels: `console alert crit err warning notice info debug`, of any case; anything else is debug.
---@param level string|number|nil
---@param text string|number|nil
function freeswitch.consoleLog(level, text) end

---The same.
---@param level string|number|nil
---@param text string|number|nil
function freeswitch.console_log(level, text) end

---A log line that names a place.
---@param level string|number|nil
---@param file string|number|nil
---@param func string|number|nil
---@param line integer
---@param text string|number|nil
function freeswitch.consoleLog2(level, file, func, line, text) end

---A log line of level debug.
---@param text string|number|nil
function freeswitch.consoleCleanLog(text) end

---The same.
---@param text string|number|nil
function freeswitch.console_clean_log(text) end

---A global variable.
---@param name string|number|nil
---@return string?
function freeswitch.getGlobalVariable(name) end

---Sets a global variable; nil or an empty text removes it.
---@param name string|number|nil
---@param value string|number|nil
function freeswitch.setGlobalVariable(name, value) end

---Whether the switch runs.
---@return boolean
function freeswitch.running() end

---Waits without serving the call; in a call `session:sleep` is better.
---@param ms integer
function freeswitch.msleep(ms) end

---Joins two channels until one of them leaves.
---@param a freeswitch.Session
---@param b freeswitch.Session
function freeswitch.bridge(a, b) end

---Gives a mail to the command of `lua-mail-command` in `lua.conf`, which reads it on its standard input; false without one.
---@param to string|number|nil
---@param from string|number|nil
---@param headers? string|number
---@param body? string|number
---@param file? string|number
---@param convert_command? string|number
---@param convert_extension? string|number
---@return boolean
function freeswitch.email(to, from, headers, body, file, convert_command, convert_extension) end
