-- RESP 2 and 3, the protocol of Redis (https://redis.io/docs/latest/develop/reference/protocol-spec/).
--
-- A reply is the value that it stands for: text, a number, true or false, null, a list, a map. What has no such value is a map with one
-- key: {error: ..}, {set: [..]}, {big: "123"}, {verbatim: text, format: txt}, {attributes: {..}, value: ..}, {pairs: [[key, value], ..]}
-- for a map whose keys are no texts. Simple and bulk strings are both received as text. Sent, text is a bulk string; {simple: OK},
-- {bulk_error: ..} and {map: {..}} are sent as such, {bulk: null} and {array: null} are the nulls of RESP 2, {raw: bytes} is sent as it is.

local concat, find, format, sub = table.concat, string.find, string.format, string.sub
local null = json.null
local DEPTH = 64

-- Sending

local put

local function put_list(kind, list, out)
  out[#out + 1] = kind .. #list .. "\r\n"
  for i = 1, #list do put(list[i], out) end
end

local function put_map(kind, map, out)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  out[#out + 1] = kind .. #names .. "\r\n"
  for _, name in ipairs(names) do
    put(name, out)
    put(map[name], out)
  end
end

local function put_pairs(kind, list, out)
  out[#out + 1] = kind .. #list .. "\r\n"
  for i = 1, #list do
    put(list[i][1], out)
    put(list[i][2], out)
  end
end

local function put_bulk(kind, text, out)
  text = tostring(text)
  out[#out + 1] = kind .. #text .. "\r\n" .. text .. "\r\n"
end

local special = {
  error = function(x, out) out[#out + 1] = "-" .. tostring(x) .. "\r\n" end,
  simple = function(x, out) out[#out + 1] = "+" .. tostring(x) .. "\r\n" end,
  raw = function(x, out) out[#out + 1] = x end,
  big = function(x, out) out[#out + 1] = "(" .. tostring(x) .. "\r\n" end,
  set = function(x, out) put_list("~", x, out) end,
  push = function(x, out) put_list(">", x, out) end,
  map = function(x, out) put_map("%", x, out) end,
  pairs = function(x, out) put_pairs("%", x, out) end,
  bulk_error = function(x, out) put_bulk("!", x, out) end,
  bulk = function(x, out)
    if x == null then out[#out + 1] = "$-1\r\n" else put_bulk("$", x, out) end
  end,
  array = function(x, out)
    if x == null then out[#out + 1] = "*-1\r\n" else put_list("*", x, out) end
  end,
}

local function put_table(x, out)
  local key, value = next(x)
  if key == nil or x[1] ~= nil then return put_list("*", x, out) end
  if x.verbatim then return put_bulk("=", (x.format or "txt") .. ":" .. x.verbatim, out) end
  if x.attributes then
    put_map("|", x.attributes, out)
    return put(x.value, out)
  end
  if special[key] and next(x, key) == nil then return special[key](value, out) end
  put_map("%", x, out)
end

local function put_number(x, out)
  if math.type(x) == "integer" then
    out[#out + 1] = ":" .. x .. "\r\n"
  elseif x ~= x then
    out[#out + 1] = ",nan\r\n"
  elseif x == math.huge or x == -math.huge then
    out[#out + 1] = x > 0 and ",inf\r\n" or ",-inf\r\n"
  else
    out[#out + 1] = format(",%.17g\r\n", x)
  end
end

function put(x, out)
  local kind = type(x)
  if kind == "string" then
    put_bulk("$", x, out)
  elseif kind == "number" then
    put_number(x, out)
  elseif kind == "boolean" then
    out[#out + 1] = x and "#t\r\n" or "#f\r\n"
  elseif kind == "table" then
    put_table(x, out)
  else
    out[#out + 1] = "_\r\n"
  end
end

local function encode(value)
  local out = {}
  put(value, out)
  return concat(out)
end

local function encode_command(list)
  local out = {"*" .. #list .. "\r\n"}
  for i = 1, #list do put_bulk("$", list[i], out) end
  return concat(out)
end

-- Receiving

local receive

-- The count of what follows; nil for a null of RESP 2
local function count(r)
  local at = r:position()
  local n = r:number()
  if n < -1 then r:fail("a count of " .. n, at) end
  r:need("\r\n")
  if n == -1 then return nil end
  return n
end

local function receive_bulk(r)
  if r:accept("?\r\n") then
    local parts = {}
    while true do
      r:need(";")
      local size = r:number()
      r:need("\r\n")
      if size == 0 then return concat(parts) end
      parts[#parts + 1] = r:bytes(size)
      r:need("\r\n")
    end
  end
  local n = count(r)
  if not n then return null end
  local text = r:bytes(n)
  r:need("\r\n")
  return text
end

local function receive_list(r, depth)
  local list = {}
  if r:accept("?\r\n") then
    while not r:accept(".\r\n") do list[#list + 1] = receive(r, depth + 1) end
    return list
  end
  local n = count(r)
  if not n then return null end
  for i = 1, n do list[i] = receive(r, depth + 1) end
  return list
end

-- A map whose keys are all texts; another one as {pairs = {{key, value}, ..}}
local function receive_map(r, depth)
  local map, list, plain = {}, {}, true
  local function one()
    local key = receive(r, depth + 1)
    local value = receive(r, depth + 1)
    list[#list + 1] = {key, value}
    if type(key) == "string" then map[key] = value else plain = false end
  end
  if r:accept("?\r\n") then
    while not r:accept(".\r\n") do one() end
  else
    for _ = 1, count(r) or 0 do one() end
  end
  if plain then return map end
  return {pairs = list}
end

local function receive_double(r)
  local at = r:position()
  local text = r:line()
  if text == "inf" or text == "+inf" then return math.huge end
  if text == "-inf" then return -math.huge end
  if text == "nan" then return 0 / 0 end
  local x = find(text, "^[+-]?%d+%.?%d*[eE]?[+-]?%d*$") and tonumber(text)
  if not x then r:fail("this is no number: " .. text, at) end
  return x + 0.0
end

local kinds = {
  ["+"] = function(r) return (r:line()) end,
  ["-"] = function(r) return {error = r:line()} end,
  [":"] = function(r)
    local n = r:number()
    r:need("\r\n")
    return n
  end,
  ["$"] = receive_bulk,
  ["*"] = receive_list,
  ["_"] = function(r)
    r:need("\r\n")
    return null
  end,
  ["#"] = function(r)
    local at = r:position()
    local word = r:line()
    if word ~= "t" and word ~= "f" then r:fail("a boolean is #t or #f", at) end
    return word == "t"
  end,
  [","] = receive_double,
  ["("] = function(r)
    local at = r:position()
    local text = r:line()
    if not find(text, "^[+-]?%d+$") then r:fail("this is no number: " .. text, at) end
    return {big = text}
  end,
  ["!"] = function(r) return {error = receive_bulk(r)} end,
  ["="] = function(r)
    local at = r:position()
    local text = receive_bulk(r)
    if text == null or sub(text, 4, 4) ~= ":" then r:fail("a verbatim text begins with three letters and a colon", at) end
    return {format = sub(text, 1, 3), verbatim = sub(text, 5)}
  end,
  ["%"] = receive_map,
  ["~"] = function(r, depth) return {set = receive_list(r, depth)} end,
  [">"] = receive_list,
  ["|"] = function(r, depth)
    local attributes = receive_map(r, depth)
    return {attributes = attributes, value = receive(r, depth + 1)}
  end,
}

function receive(r, depth)
  if depth > DEPTH then r:fail("nested deeper than " .. DEPTH) end
  local at = r:position()
  local kind = r:bytes(1)
  local f = kinds[kind]
  if not f then r:fail(format("`%s` begins no value", kind), at) end
  return f(r, depth)
end

-- A command is an array of bulk strings, or words on a line.
local function receive_command(r)
  if r:peek(1) ~= "*" then
    local words = {}
    for word in r:line():gmatch("%S+") do words[#words + 1] = word end
    return words
  end
  r:skip(1)
  local list = {}
  for i = 1, count(r) or 0 do
    r:need("$")
    list[i] = r:bytes(count(r) or r:fail("a word of a command is not null"))
    r:need("\r\n")
  end
  return list
end

return {
  messages = {
    -- What a client asks: a list of words, such as [SET, greeting, hello]
    command = {value = "list", encode = encode_command},
    -- What a server answers
    reply = {value = "json", encode = encode},
    -- What a server says without being asked (RESP 3)
    push = {value = "list", encode = function(list) return encode({push = list}) end},
  },

  decode = function(r, ctx)
    if ctx.role == "server" then return "command", receive_command(r) end
    local kind = r:peek(1)
    return kind == ">" and "push" or "reply", receive(r, 0)
  end,
}
