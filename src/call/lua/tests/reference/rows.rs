//! What the table of the runtime does not hold: names of parameters, results, a line of text, an example, and what differs
//! from FreeSWITCH. One row for each method; a test names those without one.

/// One row.
pub(super) struct Row {
    /// Class; empty: a function of `freeswitch`.
    pub class: &'static str,
    pub name: &'static str,
    /// Names between blanks; one that ends in `?` takes nil.
    pub parameters: &'static str,
    /// Types as the editor's language server writes them; empty: no value.
    pub returns: &'static str,
    pub text: &'static str,
    /// Lua that runs in a call.
    pub example: &'static str,
    /// What is not as in FreeSWITCH; usually empty.
    pub difference: &'static str,
}

const fn row(
    class: &'static str,
    name: &'static str,
    parameters: &'static str,
    returns: &'static str,
    text: &'static str,
    example: &'static str,
) -> Row {
    Row { class, name, parameters, returns, text, example, difference: "" }
}

impl Row {
    const fn but(mut self, difference: &'static str) -> Self {
        self.difference = difference;
        self
    }
}

/// In the order of the manual.
pub(super) const ROWS: &[Row] = &[
    // Session: state and lifetime.
    row("Session", "Session", "uuid_or_dial_string? a_leg?", "freeswitch.Session", "A session object: empty, of an existing channel, or of a leg that is dialled now (60 s at most). It is an object in any case; `ready()` tells whether there is a channel and `hangupCause()` why not. A dialled leg dies with the script unless `setAutoHangup(false)`.", "local leg = freeswitch.Session(\"user/1000\", session)\nif leg:ready() then freeswitch.bridge(session, leg) end")
        .but("On a channel of another call `getDigits`, input callbacks and `IVRMenu` answer their failure values."),
    row("Session", "originate", "a_leg? dial_string timeout", "integer", "Dials for an empty object; exactly three arguments, the timeout in seconds. **0 is success**, 1 failure.", "local leg = freeswitch.Session()\nif leg:originate(session, \"user/1000\", 20) == 0 then leg:hangup() end"),
    row("Session", "ready", "", "boolean", "Whether the call is up and nothing is about to take it away: no hang-up, no transfer. Ask it in every loop.", "while session:ready() do\n  session:sleep(1000)\n  session:hangup()\nend"),
    row("Session", "answered", "", "boolean", "Whether the call was answered; stays true after the hang-up.", "if not session:answered() then session:answer() end"),
    row("Session", "mediaReady", "", "boolean", "Whether audio flows: answered or early media, and `ready()`.", "if not session:mediaReady() then session:preAnswer() end"),
    row("Session", "bridged", "", "boolean", "Whether the call is bridged at this moment.", "if session:bridged() then return end"),
    row("Session", "answer", "", "integer", "Answers the call: 1, also when it was answered before; 0 after the hang-up.", "session:answer()"),
    row("Session", "preAnswer", "", "integer", "Opens early media (183): the caller hears prompts and pays nothing. 1, or 0 after the hang-up.", "session:preAnswer()"),
    row("Session", "hangup", "cause?", "", "Ends the call; `NORMAL_CLEARING` unless a cause is named, by name or Q.850 number. An unanswered call gets the SIP status of the cause. A due hang-up hook runs before it returns.", "session:hangup(\"USER_BUSY\")"),
    row("Session", "hangupState", "", "", "Runs what the channel does at its end, if it is to be done early. Nothing happens here.", "session:hangupState()"),
    row("Session", "hangupCause", "", "string", "The outcome of this object's originate: `SUCCESS`, a cause, or `NONE`.", "local leg = freeswitch.Session(\"error/USER_BUSY\")\nlocal cause = leg:hangupCause()")
        .but("Of a call that was hung up it is the call's cause; FreeSWITCH says `NONE`."),
    row("Session", "getState", "", "string", "State of the channel: `CS_EXECUTE`, `CS_ROUTING`, `CS_HANGUP`, …; `ERROR` without a channel.", "if session:getState() == \"CS_HANGUP\" then return end"),
    row("Session", "setAutoHangup", "hang_up", "integer", "Whether the channel is hung up when the script ends. Off for the call of the script, on for legs of `freeswitch.Session(dial_string)`.", "session:setAutoHangup(false)"),
    row("Session", "transfer", "extension? dialplan? context?", "integer", "Sends the call into the dialplan again, once the script has ended: 1. Dialplan and context stay the same unless given.", "session:transfer(\"1000\", \"XML\", \"default\")"),
    row("Session", "waitForAnswer", "calling_session?", "", "Waits until this leg is answered or gone.", "local leg = freeswitch.Session(\"user/1000\", session)\nif leg:ready() then leg:waitForAnswer(session) end"),
    row("Session", "get_uuid", "", "string", "The uuid of the channel; the attribute `session.uuid` is the same.", "local uuid = session:get_uuid()"),
    row("Session", "destroy", "message?", "", "Lets the channel go: the object is dead afterwards. With a message the script stops with it as its error.", "local leg = freeswitch.Session(\"user/1000\")\nleg:destroy()"),
    // Variables and applications.
    row("Session", "getVariable", "name?", "string?", "A channel variable, a field of the caller's profile (`destination_number`, `caller_id_number`, …) or a global variable; nil when there is none. Letters' case does not matter.", "local disposition = session:getVariable(\"originate_disposition\")"),
    row("Session", "setVariable", "name? value?", "", "Sets a channel variable; nil or an empty text removes it. Nothing is expanded.", "session:setVariable(\"continue_on_fail\", \"true\")"),
    row("Session", "execute", "application? data?", "", "Runs an application of the dialplan to its end; `${}` in the data is expanded. What came of it is in variables. An unknown application hangs up with `DESTINATION_OUT_OF_ORDER`.", "session:execute(\"bridge\", \"user/1000\")"),
    row("Session", "setPrivate", "name? object?", "", "Keeps an object of the switch with the channel; tables and texts are refused, as in FreeSWITCH.", "session:setPrivate(\"key\", freeswitch.DTMF(\"1\"))"),
    row("Session", "getPrivate", "name?", "any", "An object kept with the channel.", "local key = session:getPrivate(\"key\")"),
    row("Session", "setEventData", "event", "", "Copies the channel's data into an event.", "local event = freeswitch.Event(\"CUSTOM\", \"calls::seen\")\nsession:setEventData(event)"),
    row("Session", "sendEvent", "event", "", "Gives a copy of an event to the channel: `call-command: execute` with `execute-app-name` and `execute-app-arg` runs an application at its next wait, `hangup` ends it.", "session:sendEvent(freeswitch.Event(\"MESSAGE\"))")
        .but("Other events have no effect."),
    row("Session", "getXMLCDR", "", "string", "The record of the call so far, in XML: that of `xml_cdr.conf`.", "local record = session:getXMLCDR()"),
    row("Session", "consoleLog", "level? text?", "", "A log line with the call's uuid.", "session:consoleLog(\"info\", \"the caller waits\\n\")"),
    row("Session", "consoleLog2", "level? file? func? line text?", "", "A log line that names a place.", "session:consoleLog2(\"info\", \"a.lua\", \"main\", 3, \"here\\n\")"),
    row("Session", "print", "text?", "integer", "Real-time text; 0 without a text stream.", "session:print(\"hello\")"),
    // Media and digits.
    row("Session", "streamFile", "path? start_sample", "integer", "Plays a prompt to its end: 1. 0 when it is missing, was broken off, or the call is gone. Relative names are below the sounds folder; `tone_stream://`, `silence_stream://`, `file_string://a!b` work as in `playback`. Digits pressed meanwhile wait for the next method that reads digits.", "session:streamFile(\"ivr/ivr-welcome.wav\")"),
    row("Session", "sleep", "ms sync", "integer", "Waits and serves callbacks: 1; 0 when a callback or the hang-up broke it off.", "session:sleep(500)"),
    row("Session", "recordFile", "path? max_seconds silence_threshold silence_seconds", "integer", "Records the caller until the limit or silence: 1; 0 when a callback or the hang-up broke it off. 0 is no limit. `record_ms`, `record_seconds`, `record_samples` tell how much. A file that cannot be opened hangs the call up, as in FreeSWITCH.", "session:recordFile(\"/tmp/message.wav\", 60, 200, 5)"),
    row(
        "Session",
        "playError",
        "cause? options?",
        "integer",
        "Tells the caller why a call failed, then ends it with that cause: 1 when something was heard. Without a cause it is the outcome of the last bridge. [error-prompts.md](error-prompts.md) is about the options.",
        "session:playError(\"USER_BUSY\", {default = \"ivr/ivr-sorry.wav\"})",
    )
    .but("FreeSWITCH has no such method."),
    row("Session", "insertFile", "file? insert? sample", "integer", "Puts one recording into another at a sample, on disk: 1 or 0.", "session:insertFile(\"/tmp/a.wav\", \"/tmp/b.wav\", 8000)"),
    row("Session", "say", "text? module? type? method? gender?", "", "Says a number, a date, a spelled name: `say(\"42\", \"en\", \"number\", \"pronounced\")`.", "session:say(\"42\", \"en\", \"number\", \"pronounced\")")
        .but("The rules of `en` are all there is."),
    row("Session", "sayPhrase", "macro? data? language?", "", "Plays a phrase macro.", "session:sayPhrase(\"voicemail_hello\", \"\", \"en\")"),
    row("Session", "set_tts_params", "engine? voice?", "", "Chooses the speech engine and voice of `speak`.", "session:set_tts_params(\"flite\", \"slt\")"),
    row("Session", "set_tts_parms", "engine? voice?", "", "Older spelling of `set_tts_params`.", "session:set_tts_parms(\"flite\", \"slt\")"),
    row("Session", "speak", "text?", "integer", "Speaks a text. 1 also when no engine was chosen, as in FreeSWITCH.", "session:speak(\"hello\")"),
    row("Session", "getDigits", "max terminators? timeout interdigit absolute", "string", "Collects digits, times in ms, until enough, a terminator, a time-out or the hang-up; an empty text is none. The terminator is not part of it.", "local digits = session:getDigits(4, \"#\", 3000)"),
    row("Session", "read", "min max prompt? timeout terminators? digit_timeout", "string", "Plays a prompt that any digit stops, and collects digits. What was pressed before the time-out is returned even if too few; `read_result` tells.", "local digits = session:read(4, 4, \"ivr/ivr-welcome.wav\", 5000, \"#\")"),
    row("Session", "playAndGetDigits", "min max tries timeout terminators? prompt? invalid_prompt? pattern? variable? digit_timeout transfer_on_failure?", "string", "Asks until the digits match the pattern, at most `tries` times, with `invalid_prompt` in between; an empty text when they never do. `variable` gets the digits.", "local pin = session:playAndGetDigits(4, 4, 3, 5000, \"#\", \"ivr/ivr-welcome.wav\", \"\", \"\\\\d{4}\", \"pin\")"),
    row("Session", "collectDigits", "digit_or_absolute_ms absolute_ms", "integer", "Gives each digit to the input callback until the time is over. With one argument that is the whole time, with two the first is the time between digits.", "session:collectDigits(2000)"),
    row("Session", "flushDigits", "", "integer", "Forgets digits that were pressed and not read.", "session:flushDigits()"),
    row("Session", "flushEvents", "", "integer", "Forgets queued events.", "session:flushEvents()"),
    row("Session", "detectSpeech", "command? a? b? c?", "", "Steers speech recognition.", "session:detectSpeech(\"stop\")")
        .but("There is no recognizer: an error line."),
    row("Session", "playAndDetectSpeech", "file? engine? grammar?", "string?", "Plays a prompt and recognizes speech.", "local result = session:playAndDetectSpeech(\"a.wav\", \"unimrcp\", \"yesno\")")
        .but("There is no recognizer: an error line, and nil."),
    // Callbacks.
    row("Session", "setInputCallback", "callback? argument?", "", "Registers a function for digits during `streamFile`, `sleep`, `recordFile`, `speak`, `say`, `collectDigits`: `f(session, \"dtmf\", {digit=, duration=}[, _G[argument]])`. What it returns steers the playback: `\"pause\"` (and again: on), `\"restart\"`, `\"seek:+1000\"` (ms, also `-` and absolute), `\"speed:+1\"` (-2 to 2), `\"volume:-1\"` (-4 to 4); nil, a boolean and `\"true\"` let it go on; `\"truncate\"` empties the recording that runs and ends it; any other text or number ends it.", "function on_digit(s, kind, digit)\n  if digit.digit == \"1\" then return \"break\" end\nend\nsession:setInputCallback(\"on_digit\")")
        .but("Takes a function as well as the name of a global one."),
    row("Session", "unsetInputCallback", "", "", "Removes the input callback.", "session:unsetInputCallback()"),
    row("Session", "setHangupHook", "callback? argument?", "", "Registers a function for the end of the call: `f(session, \"hangup\"|\"transfer\"[, _G[argument]])`. It runs once, in the script's thread, at the next method that waits; returning `\"exit\"` or `\"die\"` stops the script.", "function on_hangup(s, what) freeswitch.consoleLog(\"info\", what .. \"\\n\") end\nsession:setHangupHook(\"on_hangup\")")
        .but("Takes a function as well as the name of a global one."),
    // Plumbing.
    row("Session", "begin_allow_threads", "", "boolean", "Lets a due hang-up hook run.", "session:begin_allow_threads()"),
    row("Session", "end_allow_threads", "", "boolean", "Lets a due hang-up hook run.", "session:end_allow_threads()"),
    row("Session", "setLUA", "state?", "", "Does nothing.", "session:setLUA(nil)"),
    row("Session", "check_hangup_hook", "", "", "Does nothing.", "session:check_hangup_hook()"),
    row("Session", "run_dtmf_callback", "input? kind?", "", "Does nothing.", "session:run_dtmf_callback()"),
    row("Session", "process_callback_result", "text?", "", "Does nothing.", "session:process_callback_result(\"break\")"),
    row("Session", "get_cb_args", "", "nil", "Always nil.", "session:get_cb_args()"),
    row("Session", "setDTMFCallback", "callback? argument", "", "Does nothing; `setInputCallback` is meant.", "session:setDTMFCallback()"),
    // API.
    row("API", "API", "session?", "freeswitch.API", "Runs API commands.", "local api = freeswitch.API()"),
    row("API", "execute", "command? arguments?", "string", "Runs a command and returns what it wrote, line ends included; `INVALID COMMAND!` and a line end when there is none of that name. [commands.md](commands.md) lists all.", "local name = freeswitch.API():execute(\"hostname\")"),
    row("API", "executeString", "line?", "string", "The same with the command and its arguments in one text.", "local reply = freeswitch.API():executeString(\"user_exists id 1000 example.com\")"),
    row("API", "getTime", "", "string", "Milliseconds since 1970, as text.", "local now = tonumber(freeswitch.API():getTime())"),
    // Event.
    row("Event", "Event", "type? subclass?", "freeswitch.Event", "An event of the script's own. An unknown type is `MESSAGE`; a subclass makes it `CUSTOM`; type `json` reads the second argument.", "local event = freeswitch.Event(\"CUSTOM\", \"calls::missed\")"),
    row("Event", "getHeader", "name?", "string?", "The first header of this name.", "local name = freeswitch.Event(\"CUSTOM\", \"a::b\"):getHeader(\"Event-Subclass\")"),
    row("Event", "addHeader", "name? value?", "boolean", "Appends a header; false for nil.", "local event = freeswitch.Event(\"CUSTOM\", \"a::b\")\nevent:addHeader(\"Caller\", \"1000\")"),
    row("Event", "delHeader", "name?", "boolean", "Removes all headers of this name; false when there was none.", "local event = freeswitch.Event(\"CUSTOM\", \"a::b\")\nevent:delHeader(\"Caller\")"),
    row("Event", "addBody", "text?", "boolean", "Sets the body.", "local event = freeswitch.Event(\"MESSAGE\")\nevent:addBody(\"hello\")"),
    row("Event", "getBody", "", "string?", "The body.", "local body = freeswitch.Event(\"MESSAGE\"):getBody()"),
    row("Event", "getType", "", "string", "The event's name, such as `CUSTOM`.", "local kind = freeswitch.Event(\"CUSTOM\", \"a::b\"):getType()"),
    row("Event", "serialize", "format?", "string", "The event as text: lines with values in URL encoding; `\"json\"` and `\"xml\"` give those forms.", "local text = freeswitch.Event(\"CUSTOM\", \"a::b\"):serialize(\"json\")"),
    row("Event", "fire", "", "boolean", "Fires a copy; the object can fire again. false for an event that the script was given.", "freeswitch.Event(\"CUSTOM\", \"a::b\"):fire()"),
    row("Event", "merge", "other", "boolean", "Appends the headers of another event.", "local event = freeswitch.Event(\"CUSTOM\", \"a::b\")\nevent:merge(freeswitch.Event(\"MESSAGE\"))"),
    row("Event", "setPriority", "priority", "boolean", "Always true; events have one priority.", "freeswitch.Event(\"CUSTOM\", \"a::b\"):setPriority()")
        .but("A number is accepted and has no effect; FreeSWITCH raises a type error."),
    row("Event", "chat_execute", "application? data?", "integer", "Runs a chat application.", "freeswitch.Event(\"MESSAGE\"):chat_execute(\"reply\", \"hello\")"),
    row("Event", "chat_send", "protocol?", "integer", "Sends a message.", "freeswitch.Event(\"MESSAGE\"):chat_send(\"sip\")"),
    // EventConsumer.
    row("EventConsumer", "EventConsumer", "type? subclass? queue_length", "freeswitch.EventConsumer", "Listens to events: of one type, `\"all\"`, or none before `bind`. 5000 events wait at most; later ones are dropped.", "local consumer = freeswitch.EventConsumer(\"CUSTOM\", \"calls::missed\")"),
    row("EventConsumer", "bind", "type? subclass?", "integer", "Listens to one type more: 1; 0 for an unknown type.", "local consumer = freeswitch.EventConsumer()\nconsumer:bind(\"HEARTBEAT\")"),
    row("EventConsumer", "pop", "block timeout_ms", "freeswitch.Event?", "The next event or nil. With `block` other than 0 it waits, without a time-out until the switch stops.", "local event = freeswitch.EventConsumer(\"CUSTOM\"):pop(1, 10)"),
    row("EventConsumer", "cleanup", "", "", "Stops listening; `pop` is nil afterwards.", "local consumer = freeswitch.EventConsumer(\"CUSTOM\")\nconsumer:cleanup()"),
    // Dbh.
    row("Dbh", "Dbh", "dsn? user? password?", "freeswitch.Dbh", "Opens a database: `sqlite://path`, `sqlite://memory://name`, or the name of an SQLite file below the db folder. `connected()` tells whether it worked.", "local dbh = freeswitch.Dbh(\"sqlite://calls.db\")"),
    row("Dbh", "connected", "", "boolean", "Whether the database is open.", "local dbh = freeswitch.Dbh(\"sqlite://calls.db\")\nif not dbh:connected() then return end"),
    row("Dbh", "query", "sql? each", "boolean", "Runs a statement, with a function for each row: a table of texts by column, NULL is the empty text. A number other than 0 stops. Leave the function out rather than passing nil.", "local dbh = freeswitch.Dbh(\"sqlite://calls.db\")\ndbh:query(\"SELECT name FROM calls\", function(row) stream:write(row.name) end)")
        .but("nil for the function is accepted."),
    row("Dbh", "query_rows", "sql?", "boolean, table<string, string>[], string?", "Runs a statement: success, all rows, the text of the error. NULL is an absent column here.", "local dbh = freeswitch.Dbh(\"sqlite://calls.db\")\nlocal ok, rows, err = dbh:query_rows(\"SELECT name FROM calls\")"),
    row("Dbh", "affected_rows", "", "integer", "Rows that the last statement changed.", "local count = freeswitch.Dbh(\"sqlite://calls.db\"):affected_rows()"),
    row("Dbh", "last_error", "", "string?", "The error of the last statement.", "local text = freeswitch.Dbh(\"sqlite://calls.db\"):last_error()"),
    row("Dbh", "clear_error", "", "", "Forgets the error.", "freeswitch.Dbh(\"sqlite://calls.db\"):clear_error()"),
    row("Dbh", "test_reactive", "test_sql? drop_sql? create_sql?", "boolean", "Runs the test; when it fails, drops and creates.", "local dbh = freeswitch.Dbh(\"sqlite://calls.db\")\ndbh:test_reactive(\"SELECT * FROM calls\", \"\", \"CREATE TABLE calls (name TEXT)\")"),
    row("Dbh", "load_extension", "name?", "integer", "Always 1, which is failure.", "freeswitch.Dbh(\"sqlite://calls.db\"):load_extension(\"x\")")
        .but("SQLite extensions are native code and never load."),
    row("Dbh", "release", "", "boolean", "Lets the database go: true once.", "freeswitch.Dbh(\"sqlite://calls.db\"):release()"),
    // JSON.
    row("JSON", "JSON", "", "freeswitch.JSON", "Reads and writes JSON.", "local json = freeswitch.JSON()"),
    row("JSON", "decode", "text?", "table?", "A table; no value for a text that is no JSON, an empty table for a lone number or text.", "local list = freeswitch.JSON():decode('{\"a\": [1, 2]}')")
        .but("Whole numbers are integers, and arrays in arrays are kept; FreeSWITCH drops them."),
    row("JSON", "encode", "value", "string", "JSON of a table, in lines; a table with 1 as its first key is an array.", "local text = freeswitch.JSON():encode({name = \"hello\"})"),
    row("JSON", "return_unformatted_json", "unformatted", "", "Whether `encode` writes one line.", "local json = freeswitch.JSON()\njson:return_unformatted_json(true)")
        .but("Off at first; FreeSWITCH leaves it to chance."),
    row("JSON", "encode_empty_table_as_object", "as_object", "", "Whether `{}` is an object (as at first) or an array.", "local json = freeswitch.JSON()\njson:encode_empty_table_as_object(false)"),
    row("JSON", "execute", "command", "table", "Runs a JSON command: `fsapi` with `data.cmd` and `data.arg`, or `status`. The reply has `status` and `response.message`.", "local reply = freeswitch.JSON():execute({command = \"status\"})")
        .but("An unknown command is answered by an error; FreeSWITCH may abort."),
    row("JSON", "execute2", "command", "string", "Runs a JSON command; its reply as text.", "local reply = freeswitch.JSON():execute2({command = \"status\"})"),
    // Stream, DTMF, IVRMenu.
    row("Stream", "Stream", "", "freeswitch.Stream", "Collects text. The global `stream` of a script that runs as an API command is the command's answer.", "local text = freeswitch.Stream()"),
    row("Stream", "write", "text?", "", "Appends.", "stream:write(\"+OK\\n\")"),
    row("Stream", "raw_write", "text? length", "", "Appends the first bytes of a text.", "local text = freeswitch.Stream()\ntext:raw_write(\"hello\", 2)"),
    row("Stream", "get_data", "", "string", "The text so far.", "local sofar = freeswitch.Stream():get_data()"),
    row("Stream", "read", "", "string?, integer", "The body of a request and its length; nil and 0 without one.", "local body, length = freeswitch.Stream():read()"),
    row("DTMF", "DTMF", "digit? duration", "freeswitch.DTMF", "A digit: attributes `digit` and `duration`.", "local digit = freeswitch.DTMF(\"1\").digit")
        .but("A duration in the constructor is accepted."),
    row("IVRMenu", "IVRMenu", "parent? name? greet_long? greet_short? invalid? exit? transfer? confirm_macro? confirm_key? tts_engine? tts_voice? confirm_attempts? inter_timeout? digit_len? timeout? max_failures? max_timeouts?", "freeswitch.IVRMenu", "A menu; one with a parent belongs to its tree. Times are ms.", "local menu = freeswitch.IVRMenu(nil, \"main\", \"a.wav\", \"a.wav\", \"b.wav\", \"c.wav\", \"\", \"\", \"\", \"\", \"\", 3, 2000, 1, 5000, 3, 3)")
        .but("Takes the older 16 arguments too."),
    row("IVRMenu", "bindAction", "action? argument? digits?", "", "What keys do: `menu-exec-app`, `menu-sub`, `menu-play-sound`, `menu-back`, `menu-top`, `menu-exit`; digits are literal, or `/a pattern/` whose groups stand in the argument.", "local menu = freeswitch.IVRMenu(nil, \"main\", \"a.wav\", \"a.wav\", \"b.wav\", \"c.wav\", \"\", \"\", \"\", \"\", \"\", 3, 2000, 1, 5000, 3, 3)\nmenu:bindAction(\"menu-exec-app\", \"transfer 1000 XML default\", \"1\")"),
    row("IVRMenu", "execute", "session? name?", "", "Runs a menu of the tree until the caller leaves it.", "local menu = freeswitch.IVRMenu(nil, \"main\", \"a.wav\", \"a.wav\", \"b.wav\", \"c.wav\", \"\", \"\", \"\", \"\", \"\", 3, 2000, 1, 5000, 3, 3)\nmenu:execute(session, \"main\")"),
    // Functions.
    row("", "consoleLog", "level? text?", "", "A log line. Levels: `console alert crit err warning notice info debug`, of any case; anything else is debug.", "freeswitch.consoleLog(\"notice\", \"hello\\n\")")
        .but("A line end is added when there is none."),
    row("", "console_log", "level? text?", "", "The same.", "freeswitch.console_log(\"notice\", \"hello\\n\")"),
    row("", "consoleLog2", "level? file? func? line text?", "", "A log line that names a place.", "freeswitch.consoleLog2(\"info\", \"a.lua\", \"main\", 3, \"here\\n\")"),
    row("", "consoleCleanLog", "text?", "", "A log line of level debug.", "freeswitch.consoleCleanLog(\"hello\\n\")"),
    row("", "console_clean_log", "text?", "", "The same.", "freeswitch.console_clean_log(\"hello\\n\")"),
    row("", "getGlobalVariable", "name?", "string?", "A global variable.", "local folder = freeswitch.getGlobalVariable(\"sounds_dir\")"),
    row("", "setGlobalVariable", "name? value?", "", "Sets a global variable; nil or an empty text removes it.", "freeswitch.setGlobalVariable(\"greeting\", \"hello\")"),
    row("", "running", "", "boolean", "Whether the switch runs.", "if not freeswitch.running() then return end"),
    row("", "msleep", "ms", "", "Waits without serving the call; in a call `session:sleep` is better.", "freeswitch.msleep(1)"),
    row("", "bridge", "a b", "", "Joins two channels until one of them leaves.", "local leg = freeswitch.Session(\"user/1000\", session)\nif leg:ready() then freeswitch.bridge(session, leg) end")
        .but("Channels of two different calls are refused with an error."),
    row("", "email", "to? from? headers? body? file? convert_command? convert_extension?", "boolean", "Gives a mail to the command of `lua-mail-command` in `lua.conf`, which reads it on its standard input; false without one.", "freeswitch.email(\"a@example.com\", \"b@example.com\", \"Subject: hello\", \"hello\")")
        .but("Files are not converted."),
];
