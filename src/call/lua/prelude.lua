-- The Lua side of the runtime: waiting, coroutines, hang-up hooks, and what replaces the standard library.
--
-- A waiting method yields WAIT to the host, which resumes it with the answer. What a script yields itself is marked
-- USER; the host's hook, which takes the processor away from a long computation, yields nothing. So each resume knows
-- what it got, and passes the first and the last outward.
local call, report, native = ...

local G, package, coroutine, io, os = _G, package, coroutine, io, os
local error, type, tostring, select, setmetatable, pairs = error, type, tostring, select, setmetatable, pairs
local raw_pcall, raw_xpcall, raw_load = pcall, xpcall, load
local raw_yield, raw_resume, raw_isyieldable = coroutine.yield, coroutine.resume, coroutine.isyieldable
local create, running, status = coroutine.create, coroutine.running, coroutine.status
local lower, concat, unpack = string.lower, table.concat, table.unpack

local WAIT, USER = {}, {}
local NO_WAIT = "a method that waits cannot be called inside a sort comparator, a pattern callback or a metamethod called from C"
local OVER = "the script is over its limit"
local main

-- The end of a call of the host; an error is raised at the place of the method's call.
local function finish(ok, ...)
  if ok then return ... end
  if ok == nil then
    if not raw_isyieldable() then error(NO_WAIT, 2) end
    return finish(raw_yield(WAIT))
  end
  error((...), 2)
end

-- The same for a method that has a frame of its own.
local function settle(ok, ...)
  if ok then return ... end
  if ok == nil then
    if not raw_isyieldable() then error(NO_WAIT, 3) end
    return settle(raw_yield(WAIT))
  end
  error((...), 3)
end

local function plain(id)
  return function(...) return finish(call(id, ...)) end
end

-- Hang-up hooks: session -> {function name, argument name}; false once it ran.
local hooks = setmetatable({}, {__mode = "k"})
local own, ids, methods = nil, {}, {}
local run_hook, attend

-- Input callbacks: session -> {function or its name, argument name}.
local callbacks = setmetatable({}, {__mode = "k"})

local function leave(self, ...)
  run_hook(self)
  return ...
end

local function waiting(id)
  return function(...)
    local self = ...
    if self ~= nil and (hooks[self] or callbacks[self]) then
      run_hook(self)
      return leave(self, attend(self, settle(call(id, ...))))
    end
    return finish(call(id, ...))
  end
end

local find = native.find

-- Methods of a class, made when they are first looked up: a script uses few of the many. `ids` holds those that are
-- defined here around the host's.
local function lazy(class)
  return setmetatable({}, {__index = function(made, name)
    local id, checkpoint = find(class, name)
    if not id then return nil end
    local method
    if checkpoint then method = waiting(id) else method = plain(id) end
    made[name] = method
    return method
  end})
end
own = lazy("@")

local freeswitch = {S_HUP = 1, S_FREE = 2, S_RDLOCK = 4}
G.freeswitch = freeswitch

local function class(id)
  return setmetatable({}, {__call = function(_, ...) return finish(call(id, ...)) end})
end

--@methods@

freeswitch.CoreSession = freeswitch.Session

-- Calls a function that was registered itself or by the name of its global, the value of a global as its last argument.
local function call_back(what, registered, ...)
  local body, argument = registered[1], registered[2]
  if type(body) ~= "function" then body = G[body] end
  local ok, value
  if argument then
    local arguments = {...}
    arguments[#arguments + 1] = G[argument]
    ok, value = raw_pcall(body, unpack(arguments, 1, select("#", ...) + 1))
  else
    ok, value = raw_pcall(body, ...)
  end
  if not ok then
    if own.expired() then error(OVER, 0) end
    own.warn(what .. " " .. tostring(registered[1]) .. ": " .. tostring(value))
  end
  return ok, value
end

-- Registers a function or the name of one.
local function register(what, body, argument)
  if type(body) ~= "function" and type(G[body]) ~= "function" then
    own.warn(what .. ": the global " .. tostring(body) .. " is no function (yet)")
  end
  if argument == "" then argument = nil end
  return {body, argument}
end

function run_hook(self)
  local hook = hooks[self]
  if not hook then return end
  local what = own.hook_due(self)
  if not what then return end
  hooks[self] = false
  local ok, value = call_back("hangup hook", hook, self, what)
  if not ok then return end
  if type(value) == "string" or type(value) == "number" then
    methods.Session.setVariable(self, "lua_hangup_hook_return_val", value)
    local text = tostring(value)
    local word = lower(text)
    if word == "exit" or word == "die" then error(text, 0) end
  end
end

function methods.Session.setHangupHook(...)
  settle(call(ids.setHangupHook, ...))
  local self, name, argument = ...
  if hooks[self] == false then return end
  if name == nil or name == "" then
    hooks[self] = nil
    return
  end
  hooks[self] = register("setHangupHook", name, argument)
end

-- Prompts for failed calls are a library beside the scripts: its table is the user's.
function methods.Session.playError(...)
  settle(call(ids.playError, ...))
  return G.require("prompts").play_error(...)
end

-- What the callback says of a digit: a text or nil. Its errors stop what it attends.
local function ask_callback(self, digit, duration)
  local callback = callbacks[self]
  if not callback then return nil end
  local ok, value = call_back("input callback", callback, self, "dtmf", {digit = digit, duration = duration})
  if not ok then return "break" end
  if type(value) == "string" or type(value) == "number" then return tostring(value) end
end

-- The end of a method that waits: each digit that it tells goes to the callback.
function attend(self, ...)
  local what, digit, duration = ...
  if what ~= "dtmf" then return ... end
  return attend(self, own.go_on(self, (ask_callback(self, digit, duration))))
end

function methods.Session.setInputCallback(...)
  settle(call(ids.setInputCallback, ...))
  local self, body, argument = ...
  callbacks[self] = register("setInputCallback", body, argument)
end

function methods.Session.unsetInputCallback(...)
  settle(call(ids.unsetInputCallback, ...))
  callbacks[...] = nil
end

-- Objects that a script keeps with a session.
local privates = setmetatable({}, {__mode = "k"})
function methods.Session.setPrivate(...)
  settle(call(ids.setPrivate, ...))
  local self, name, object = ...
  privates[self] = privates[self] or {}
  privates[self][name or ""] = object
end
function methods.Session.getPrivate(...)
  settle(call(ids.getPrivate, ...))
  local self, name = ...
  return privates[self] and privates[self][name or ""]
end

function methods.Session.destroy(...)
  settle(call(ids.destroy, ...))
  local text = select(2, ...)
  if text ~= nil and text ~= "" then error(tostring(text), 0) end
end

-- Rows are fetched whole; the function sees them one by one, may wait, and stops by a number that is not 0 or an error.
function methods.Dbh.query(...)
  local self, sql, each = ...
  local done, rows = settle(call(ids.query, ...))
  if not done or not each then return done end
  for at = 1, #rows do
    local ok, value = raw_pcall(each, rows[at])
    if not ok then
      if own.expired() then error(OVER, 0) end
      own.warn("query: " .. tostring(value))
      break
    end
    if type(value) == "number" and value ~= 0 then break end
  end
  return done
end

local function assign()
  error("Assignment not possible. No setter/member with this name. For custom assignments implement __setitem method.", 2)
end

local classes = {}
for name, own_methods in pairs(methods) do
  classes[name] = {index = own_methods, assign = assign}
end
local session_methods, attribute = methods.Session, own.attribute
classes.Session.index = function(self, key)
  local method = session_methods[key]
  if method ~= nil then return method end
  return attribute(self, key)
end

local event_methods, dtmf_attribute = methods.Event, own.dtmf_attribute
classes.Event.index = function(self, key)
  if key == "serialized_string" then return event_methods.serialize(self) end
  return event_methods[key]
end
-- Connections are behind the tables of the module.
classes.Tcp = {index = function() end, assign = assign}
classes.DTMF = {index = function(self, key) return dtmf_attribute(self, key) end, assign = assign}

function G.swig_type(object)
  if type(object) ~= "userdata" then return type(object) end
  return tostring(object):match("^<userdata of type '(.-)'") or "userdata"
end

function G.swig_equals(a, b) return a == b end

-- Errors: a limit that is used up cannot be caught.
local function guard(ok, ...)
  if not ok and own.expired() then error(OVER, 0) end
  return ok, ...
end
function G.pcall(...) return guard(raw_pcall(...)) end
function G.xpcall(...) return guard(raw_xpcall(...)) end

-- Coroutines.
local function after(co, ok, ...)
  if not ok then return guard(ok, ...) end
  local mark = ...
  if mark == USER then return true, select(2, ...) end
  if mark == WAIT then
    if not raw_isyieldable() then error(NO_WAIT, 0) end
    return after(co, raw_resume(co, raw_yield(WAIT)))
  end
  if mark == nil and select("#", ...) == 0 and status(co) == "suspended" then
    if raw_isyieldable() then raw_yield() end
    return after(co, raw_resume(co))
  end
  return true, ...
end

local function unwrap(ok, ...)
  if ok then return ... end
  local value = ...
  error(value, type(value) == "string" and 2 or 0)
end

function coroutine.resume(co, ...) return after(co, raw_resume(co, ...)) end
function coroutine.wrap(body)
  local co = create(body)
  return function(...) return unwrap(after(co, raw_resume(co, ...))) end
end
function coroutine.yield(...)
  if running() == main then error("attempt to yield from outside a coroutine", 2) end
  return raw_yield(USER, ...)
end
function coroutine.isyieldable(...)
  if select("#", ...) > 0 then return raw_isyieldable(...) end
  return running() ~= main and raw_isyieldable()
end
function coroutine.running()
  local co = running()
  return co, co == main
end

-- Text is compiled, bytecode never.
function G.load(chunk, name, mode, ...) return raw_load(chunk, name, "t", ...) end
if not native.modern then G.loadstring = G.load end
local load_file = own.load_file
function G.loadfile(name, mode, ...)
  local chunk = load_file(name)
  if type(chunk) == "string" then return nil, chunk end
  if select("#", ...) > 0 then native.setfenv(chunk, (...)) end
  return chunk
end
function G.dofile(name)
  local chunk = load_file(name)
  if type(chunk) == "string" then error(chunk, 0) end
  return chunk()
end

-- Modules: as the original, but what a module does while it loads may wait.
package.path = native.path
package.loadlib = nil
local preload, search = package.preload, package.searchpath
package.searchers = {
  function(name)
    local loader = preload[name]
    if loader ~= nil then return loader, ":preload:" end
    return "\n\tno field package.preload['" .. name .. "']"
  end,
  function(name)
    local path, tried = search(name, package.path)
    if not path then return "\n\t" .. tried:gsub("^\n\t", "") end
    local chunk = load_file(path)
    if type(chunk) == "string" then
      error("error loading module '" .. name .. "' from file '" .. path .. "':\n\t" .. chunk, 0)
    end
    return chunk, path
  end,
}
package.loaders = package.searchers
function G.require(name)
  local loaded = package.loaded
  local value = loaded[name]
  if value then return value end
  local tried = {}
  local searchers = package.searchers
  for at = 1, #searchers do
    local loader, extra = searchers[at](name)
    if type(loader) == "function" then
      value = loader(name, extra)
      if value ~= nil then
        loaded[name] = value
      elseif loaded[name] == nil then
        loaded[name] = true
      end
      return loaded[name], extra
    elseif type(loader) == "string" then
      tried[#tried + 1] = loader
    end
  end
  error("module '" .. tostring(name) .. "' not found:" .. concat(tried), 2)
end

-- The process.
function os.exit() own.warn("os.exit is ignored: a script ends by returning") end
function os.execute(command)
  if command == nil then return true end
  return own.os_execute(command)
end

-- Files: their number is bounded, and a restricted script opens only those of its folders.
local raw_open, raw_lines, io_type = io.open, io.lines, io.type
local files, opened, most_files = setmetatable({}, {__mode = "k"}), 0, 0
local restricted, refused = native.restricted, own.refused
local function room()
  if most_files == 0 or opened < most_files then return end
  collectgarbage()
  opened = 0
  for file in pairs(files) do if io_type(file) == "file" then opened = opened + 1 end end
  if opened >= most_files then error("more than " .. most_files .. " files are open (lua-max-handles)", 3) end
end
local function keep(file, ...)
  if file then
    files[file] = true
    opened = opened + 1
  end
  return file, ...
end
local function writes(mode) return type(mode) == "string" and mode:find("[wa+]") ~= nil end
function io.open(name, mode)
  room()
  if restricted and type(name) == "string" then
    local why = refused(name, writes(mode))
    if why then return nil, why, 13 end
  end
  return keep(raw_open(name, mode))
end
if restricted then
  local function deny(what)
    return function() error(what .. " is not allowed: lua-profile is restricted", 2) end
  end
  local function guarded(body, ...)
    local asked = {...}
    return function(...)
      for at = 1, #asked do
        local name = select(at, ...)
        local why = type(name) == "string" and refused(name, asked[at])
        if why then return nil, why, 13 end
      end
      return body(...)
    end
  end
  function io.lines(name, ...)
    local why = name ~= nil and refused(tostring(name), false)
    if why then error(why, 2) end
    return raw_lines(name, ...)
  end
  for name, write in pairs {input = false, output = true} do
    local body = io[name]
    io[name] = function(file)
      local why = type(file) == "string" and refused(file, write)
      if why then error(why, 2) end
      return body(file)
    end
  end
  os.remove, os.rename = guarded(os.remove, true), guarded(os.rename, true, true)
  os.tmpname, os.execute, io.popen = deny("os.tmpname"), deny("os.execute"), deny("io.popen")
end

local raw_popen, tmpfile = io.popen, io.tmpfile
if not restricted then
function io.popen(command, mode)
  if mode ~= nil and mode:sub(1, 1) ~= "r" then return raw_popen(command, mode) end
  local output = own.capture(command)
  local file, text = tmpfile()
  if not file then return nil, text end
  file:write(output)
  file:seek("set")
  return file
end
end
function G.print(...)
  local words = {...}
  for at = 1, select("#", ...) do words[at] = tostring(words[at]) end
  own.print(concat(words, "\t"))
end

-- A table of our own: the original library reaches past the limits.
G.debug = {traceback = native.traceback, getinfo = native.getinfo}
for _, name in pairs {"debug", "gethook", "getlocal", "getmetatable", "getregistry", "getupvalue", "getuservalue", "sethook",
  "setlocal", "setmetatable", "setupvalue", "setuservalue", "upvalueid", "upvaluejoin"} do
  G.debug[name] = function() error("debug." .. name .. " is not available", 2) end
end
package.loaded.debug = G.debug

-- What older scripts expect.
if not native.modern then
G.unpack = table.unpack
function table.getn(list) return #list end
table.maxn = table.maxn or function(list)
  local most = 0
  for key in pairs(list) do if type(key) == "number" and key > most then most = key end end
  return most
end
function table.foreach(list, body)
  for key, value in pairs(list) do
    local result = body(key, value)
    if result ~= nil then return result end
  end
end
function table.foreachi(list, body)
  for at = 1, #list do
    local result = body(at, list[at])
    if result ~= nil then return result end
  end
end
string.gfind = string.gmatch
math.pow = math.pow or function(a, b) return a ^ b end
math.mod = math.fmod
math.log10 = math.log10 or function(x) return math.log(x, 10) end
G.setfenv, G.getfenv = native.setfenv, native.getfenv
function package.seeall(module) setmetatable(module, {__index = G}) end
function G.module(name, ...)
  local module = package.loaded[name]
  if type(module) ~= "table" then
    module = G
    for part in name:gmatch("[^.]+") do
      if type(rawget(module, part)) ~= "table" then module[part] = {} end
      module = module[part]
    end
    package.loaded[name] = module
  end
  module._NAME, module._M, module._PACKAGE = name, module, name:match("^(.-)[^.]*$")
  for at = 1, select("#", ...) do (select(at, ...))(module) end
  native.setfenv(2, module)
end
end

-- Modules that are built in.
local modules
for _, name in pairs {"bit32", "bit", "cjson", "cjson.safe", "lfs", "socket", "socket.http", "ltn12"} do
  preload[name] = function()
    modules = modules or native.modules()(own, G)
    return modules[name]()
  end
end

-- Globals that may be absent: their presence says how a script was started.
local absent, strict = {}, native.strict
for _, name in pairs(strict and {"session", "stream", "env", "event", "message", "params", "argv", "unpack", "loadstring", "setfenv", "getfenv",
  "module", "jit", "XML_REQUEST", "XML_STRING", "ACTIONS", "_PROMPT", "_PROMPT2"} or {}) do absent[name] = true end
setmetatable(G, {__index = function(_, name)
  if (name == "bit32" or name == "bit") and not native.modern then return G.require(name) end
  if strict and type(name) == "string" and not absent[name] then
    absent[name] = true
    local caller = native.getinfo(2)
    local place = caller and caller.currentline > 0 and caller.short_src .. ":" .. caller.currentline .. ": " or ""
    own.warn(place .. "the global " .. name .. " was never set (lua-strict)")
  end
end})

local function start(chunk, handles)
  main, most_files = running(), handles
  return raw_xpcall(chunk, report)
end
return start, classes
