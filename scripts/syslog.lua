-- Syslog messages, RFC 5424 and RFC 3164, over datagrams and over streams with octet counts or line ends (RFC 6587).
--
-- Received, a message says its framing and its format. What RFC 5424 writes as `-` is absent. A message that is not of RFC 5424 is taken
-- as RFC 3164 has it as far as it goes; the rest is its text. `pri`, `count` and `raw` send broken ones.

local concat, find, format, gsub, match, sub = table.concat, string.find, string.format, string.gsub, string.match, string.sub

local facilities = {
  "u8?", kern = 0, user = 1, mail = 2, daemon = 3, auth = 4, syslog = 5, lpr = 6, news = 7, uucp = 8, cron = 9, authpriv = 10, ftp = 11,
  ntp = 12, audit = 13, alert = 14, clock = 15, local0 = 16, local1 = 17, local2 = 18, local3 = 19, local4 = 20, local5 = 21, local6 = 22,
  local7 = 23,
}
local severities = {"u8?", emerg = 0, alert = 1, crit = 2, err = 3, warning = 4, notice = 5, info = 6, debug = 7}
local framings = {"u8?", none = 0, octets = 1, line = 2}
local formats = {"u16?", rfc3164 = 3164, rfc5424 = 5424}
local BOM = "\xef\xbb\xbf"

-- Sending

local function put_parameter(out, name, value)
  out[#out + 1] = format(' %s="%s"', name, (gsub(tostring(value), '["\\%]]', "\\%0")))
end

local function put_data(data)
  local ids, out = {}, {}
  for id in pairs(data) do ids[#ids + 1] = id end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local names = {}
    for name in pairs(data[id]) do names[#names + 1] = name end
    table.sort(names)
    out[#out + 1] = "[" .. id
    for _, name in ipairs(names) do
      local value = data[id][name]
      for _, one in ipairs(type(value) == "table" and value or {value}) do put_parameter(out, name, one) end
    end
    out[#out + 1] = "]"
  end
  return #ids > 0 and concat(out) or "-"
end

local function put_5424(m, pri)
  local head = concat({
    pri .. (m.version or 1), m.time or "-", m.host or "-", m.app or "-", m.procid or "-", m.msgid or "-",
    m.data and put_data(m.data) or "-",
  }, " ")
  return m.text and head .. " " .. (m.bom and BOM or "") .. m.text or head
end

local function put_3164(m, pri)
  local tag = m.app and m.app .. (m.procid and "[" .. m.procid .. "]" or "") .. ": " or ""
  return pri .. (m.time or os.date("%b %e %H:%M:%S")) .. " " .. (m.host and m.host .. " " or "") .. tag .. (m.text or "")
end

local function encode(m, ctx)
  local pri = "<" .. (m.pri or (m.facility or 1) << 3 | (m.severity or 5)) .. ">"
  local put = m.format == formats.rfc3164 and put_3164 or put_5424
  local text = m.raw or put(m, pri)
  local framing = m.framing or (ctx.datagram and framings.none or framings.octets)
  if framing == framings.octets then return (m.count or #text) .. " " .. text end
  if framing == framings.line then return text .. (m.terminator or "\n") end
  return text
end

-- Receiving: `s` is the whole message, at(i, why) says what is wrong at its i-th byte.

-- A token of the header and where the next begins
local function take_word(s, i, at, most, what)
  local word, next_ = match(s, "^([!-~]+)()", i)
  if not word then at(i, what .. " must come here") end
  if #word > most then at(i + most, what .. " has more than " .. most .. " bytes") end
  return word ~= "-" and word or nil, next_
end

local function take_header(s, i, at, m)
  for _, f in ipairs {{"time", 32}, {"host", 255}, {"app", 48}, {"procid", 128}, {"msgid", 32}} do
    if sub(s, i, i) ~= " " then at(i, "a blank must come here") end
    m[f[1]], i = take_word(s, i + 1, at, f[2], f[1])
  end
  return i
end

-- RFC 5424 6.2.3
local function check_time(time, i, at)
  local rest = match(time, "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d(.*)$")
  local zone = rest and (match(rest, "^%.%d%d?%d?%d?%d?%d?([Z+-].*)$") or rest)
  if not zone or not (zone == "Z" or find(zone, "^[+-]%d%d:%d%d$")) then at(i, "a time is like 2003-10-11T22:14:15.003Z") end
end

local function add_value(map, name, value)
  local old = map[name]
  if type(old) == "table" then
    old[#old + 1] = value
  elseif old then
    map[name] = {old, value}
  else
    map[name] = value
  end
end

local function take_value(s, i, at)
  local from = i
  while true do
    local c, next_ = match(s, '([\\"%]])()', i)
    if c == '"' then return gsub(sub(s, from, next_ - 2), '\\(["\\%]])', "%1"), next_ end
    if c ~= "\\" then at(c and next_ - 1 or #s + 1, 'the value must end with a `"`') end
    i = next_ + 1
  end
end

-- RFC 5424 6.3
local function take_element(s, i, at, data)
  local id, next_ = match(s, '^%[([!-~]-)()[ %]]', i)
  if not id or id == "" or find(id, '[="]') then at(i + 1, "an element of structured data begins with its name") end
  if data[id] then at(i + 1, "the element " .. id .. " comes a second time") end
  local parameters = json.object()
  data[id], i = parameters, next_
  while sub(s, i, i) ~= "]" do
    local name, from = match(s, '^ ([!-~]-)="()', i)
    if not name or name == "" or find(name, '[ %]"]') then at(i, 'a parameter is a blank, its name, and ="value"') end
    local value
    value, i = take_value(s, from, at)
    add_value(parameters, name, value)
  end
  return i + 1
end

local function take_5424(s, i, at, m)
  i = take_header(s, i, at, m)
  if m.time then check_time(m.time, match(s, "^[^ ]* ()"), at) end
  if sub(s, i, i) ~= " " then at(i, "a blank must come here") end
  i = i + 1
  if sub(s, i, i) == "-" then
    i = i + 1
  elseif sub(s, i, i) == "[" then
    m.data = {}
    while sub(s, i, i) == "[" do i = take_element(s, i, at, m.data) end
  else
    at(i, "structured data is `-`, or begins with `[`")
  end
  if i > #s then return end
  if sub(s, i, i) ~= " " then at(i, "a blank must come here") end
  m.text = sub(s, i + 1)
  if sub(m.text, 1, 3) == BOM then m.bom, m.text = true, sub(m.text, 4) end
end

-- RFC 3164 4.1, of which programs leave out the host
local function take_3164(s, i, m)
  local time, rest = match(s, "^(%u%l%l [ %d]%d %d%d:%d%d:%d%d) (.*)$", i)
  m.time, m.text = time, rest or sub(s, i)
  if not time then return end
  local host, behind = match(rest, "^([%w.:_-]*[%w_]) (.*)$")
  if host then m.host, m.text = host, behind end
  local app, procid, text = match(m.text, "^([^%s%[%]:]+)%[([^%]%s]+)%]: ?(.*)$")
  if not app then app, text = match(m.text, "^([^%s%[%]:]+): ?(.*)$") end
  if app then m.app, m.procid, m.text = app, procid, text end
end

local function take_message(s, at)
  local pri, i = match(s, "^<(%d%d?%d?)>()")
  if not pri or tonumber(pri) > 191 then at(1, "a message begins with its priority, <0> to <191>") end
  local m = {facility = tonumber(pri) >> 3, severity = tonumber(pri) & 7}
  local version, next_ = match(s, "^([1-9]%d?%d?)()%f[ ]", i)
  if version then
    m.format, m.version = formats.rfc5424, tonumber(version)
    take_5424(s, next_, at, m)
  else
    m.format = formats.rfc3164
    take_3164(s, i, m)
  end
  return m
end

local function take_frame(r, ctx)
  if ctx.datagram then return framings.none, 0, r:rest() end
  local first = r:peek(1)
  if find(first, "^[1-9]") then
    local count = r:number()
    r:need(" ")
    local from = r:position()
    return framings.octets, from, r:bytes(count)
  end
  if first ~= "<" then r:fail("a message begins with its count, or with `<`", 0) end
  return framings.line, 0, (r:token("\n\0"))
end

return {
  messages = {
    message = {
      fields = {
        facility = facilities,    -- user
        severity = severities,    -- notice
        time = "text?",           -- absent; of RFC 3164 that of now
        host = "text?",
        app = "text?",            -- the program; of RFC 3164 the tag
        procid = "text?",
        msgid = "text?",          -- of RFC 5424
        data = "map?",            -- of RFC 5424, structured data: {id: {name: value}}; a name that comes several times has a list
        text = "bytes?",
        bom = "bool?",            -- of RFC 5424: the text begins with the mark of UTF-8
        format = formats,         -- rfc5424
        framing = framings,       -- octets; none in a datagram
        version = "u16?",         -- of RFC 5424: 1
        pri = "text?",            -- in place of facility and severity; only sent
        count = "u32?",           -- of the octets; only sent
        terminator = "bytes?",    -- of the framing `line`: LF; only sent
        raw = "bytes?",           -- the message in its framing; only sent
      },
      encode = encode,
    },
  },

  decode = function(r, ctx)
    local framing, from, s = take_frame(r, ctx)
    local m = take_message(s, function(i, why) r:fail(why, from + i - 1) end)
    m.framing = framing
    return "message", m
  end,
}
