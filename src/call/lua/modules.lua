-- Modules that are built in. Loaded when a script requires one of them: a state without them is smaller and made sooner.
local own, G = ...

local error, type, tostring, select, setmetatable, pairs = error, type, tostring, select, setmetatable, pairs
local concat = table.concat
local modules = {}

-- 32-bit arithmetic: bit32 counts from 0, bit is signed.
local function bits(result)
  local function fold(start, step)
    return function(...)
      local value = start
      for at = 1, select("#", ...) do value = step(value, (select(at, ...))) end
      return result(value)
    end
  end
  return {
    band = fold(0xffffffff, function(a, b) return a & b end),
    bor = fold(0, function(a, b) return a | b end),
    bxor = fold(0, function(a, b) return a ~ b end),
    bnot = function(a) return result(~a) end,
    lshift = function(a, n) return result(a << n) end,
    rshift = function(a, n) return result((a & 0xffffffff) >> n) end,
    arshift = function(a, n)
      a = a & 0xffffffff
      if a >= 0x80000000 then a = a - 0x100000000 end
      return result(a // (1 << n))
    end,
  }
end
modules.bit32 = function() return bits(function(value) return value & 0xffffffff end) end
modules.bit = function()
  return bits(function(value)
    value = value & 0xffffffff
    return value < 0x80000000 and value or value - 0x100000000
  end)
end

-- Modules that are C elsewhere.
modules.cjson = function()
  local null = setmetatable({}, {__tostring = function() return "null" end, __metatable = false})
  local decode, encode = own.json_decode, own.json_encode
  local cjson = {null = null, _NAME = "cjson"}
  function cjson.decode(text) return decode(text, null) end
  function cjson.encode(value) return encode(value, null) end
  function cjson.new() return cjson end
  return cjson
end
modules["cjson.safe"] = function()
  local cjson = G.require("cjson")
  local function safe(body)
    return function(value)
      local ok, result = G.pcall(body, value)
      if ok then return result end
      return nil, result
    end
  end
  return {null = cjson.null, decode = safe(cjson.decode), encode = safe(cjson.encode), new = cjson.new}
end
modules.lfs = function()
  local lfs = {mkdir = own.make_folder, rmdir = own.remove_folder, currentdir = own.working_folder}
  local facts = own.file_facts
  local function attributes(follow)
    return function(path, wanted)
      local found, why = facts(path, follow)
      if not found then return nil, why end
      if type(wanted) == "string" then return found[wanted] end
      if type(wanted) == "table" then
        for key, value in pairs(found) do wanted[key] = value end
        return wanted
      end
      return found
    end
  end
  lfs.attributes, lfs.symlinkattributes = attributes(true), attributes(false)
  function lfs.dir(path)
    local names, at = own.folder(path), 0
    return function()
      at = at + 1
      return names[at]
    end
  end
  function lfs.chdir() return nil, "lfs.chdir is not available: all scripts share the switch's folder" end
  return lfs
end
local function milliseconds(seconds) return seconds and seconds >= 0 and seconds * 1000 or nil end
modules.socket = function()
  local tcp = {}
  tcp.__index, tcp.__name = tcp, "tcp{client}"
  local socket = {gettime = own.seconds, sleep = own.wait, _VERSION = "a part of LuaSocket: gettime, sleep, tcp, connect"}
  local function refuse(name)
    error("socket." .. tostring(name) .. " is not available: gettime, sleep, tcp and connect are all there is", 3)
  end
  setmetatable(socket, {__index = function(_, name) return refuse(name) end})
  function socket.tcp()
    if not own.has_network() then refuse("tcp") end
    return setmetatable({}, tcp)
  end
  function socket.connect(host, port)
    local client = socket.tcp()
    local ok, why = client:connect(host, port)
    if not ok then return nil, why end
    return client
  end
  function tcp:settimeout(seconds)
    self.limit = seconds
    return 1
  end
  function tcp:connect(host, port)
    if self.stream then return nil, "already connected" end
    local stream, why = own.tcp_connect(host, port, milliseconds(self.limit))
    if not stream then return nil, why end
    self.stream = stream
    return 1
  end
  function tcp:send(data, from, to)
    data = tostring(data)
    from = from or 1
    if from < 0 then from = #data + from + 1 end
    if from < 1 then from = 1 end
    if not self.stream then return nil, "closed", from - 1 end
    local sent, why = own.tcp_send(self.stream, data:sub(from, to or -1), milliseconds(self.limit))
    if why then return nil, why, from - 1 + sent end
    return from - 1 + sent
  end
  function tcp:receive(pattern, prefix)
    prefix = prefix or ""
    if not self.stream then return nil, "closed", prefix end
    if type(pattern) == "number" then pattern = pattern - #prefix end
    local data, why = own.tcp_receive(self.stream, pattern, milliseconds(self.limit))
    if why then return nil, why, prefix .. data end
    return prefix .. data
  end
  function tcp:getpeername()
    if not self.stream then return nil, "closed" end
    return own.tcp_address(self.stream, true)
  end
  function tcp:getsockname()
    if not self.stream then return nil, "closed" end
    return own.tcp_address(self.stream, false)
  end
  function tcp:setoption() return 1 end
  function tcp:close()
    if self.stream then own.tcp_close(self.stream) end
    return 1
  end
  return socket
end
modules["socket.http"] = function()
  local http = {TIMEOUT = 60}
  local function fetch(url, method, headers, body)
    local answer, code, received = own.fetch(url, method, headers, body, milliseconds(http.TIMEOUT))
    if not answer then return nil, code end
    return answer, code, received
  end
  -- Text: the answer itself. A table: its `source` is read, its `sink` is fed, and 1 stands for the answer.
  function http.request(what, body)
    if not own.has_network() then error("socket.http is not available here", 2) end
    if type(what) ~= "table" then
      local headers = {}
      if body ~= nil then headers["content-type"] = "application/x-www-form-urlencoded" end
      return fetch(what, "", headers, body)
    end
    if what.source then
      local parts = {}
      for part in what.source do parts[#parts + 1] = part end
      body = concat(parts)
    end
    local answer, code, headers = fetch(what.url, what.method or "", what.headers or {}, body)
    if not answer then return nil, code end
    if what.sink then
      if #answer > 0 then what.sink(answer) end
      what.sink(nil)
    end
    return 1, code, headers
  end
  return http
end
modules.ltn12 = function()
  local ltn12 = {source = {}, sink = {}}
  function ltn12.source.string(text)
    local given = false
    return function()
      if given or text == "" then return nil end
      given = true
      return text
    end
  end
  function ltn12.sink.table(parts)
    parts = parts or {}
    return function(part)
      if part then parts[#parts + 1] = part end
      return 1
    end, parts
  end
  return ltn12
end

return modules
