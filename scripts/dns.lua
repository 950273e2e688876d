-- DNS messages (RFC 1035), with EDNS (RFC 6891). On a stream each has its length before it, on datagrams it has none.
--
-- Names are written as in zone files without the last dot, the root as `.`. A record is a map of `name`, `type`, `class` (IN), `ttl` (0)
-- and the fields of its type:
--   A, AAAA: address    NS, CNAME, PTR, DNAME: target    MX: preference exchange    TXT, SPF: text, or a list of texts
--   SOA: mname rname serial refresh retry expire minimum    SRV: priority weight port target    CAA: flags tag value
--   NAPTR: order preference flags service regexp replacement    HINFO: cpu os    RP: mbox txt    URI: priority weight target
--   DS, CDS: key_tag algorithm digest_type digest    DNSKEY, CDNSKEY: flags protocol algorithm key
--   RRSIG: type_covered algorithm labels original_ttl expiration inception key_tag signer signature
--   NSEC: next types    NSEC3: algorithm flags iterations salt next types    NSEC3PARAM: algorithm flags iterations salt
--   TLSA, SMIMEA: usage selector matching_type data    SSHFP: algorithm fingerprint_type fingerprint
--   SVCB, HTTPS: priority target params, a map such as {alpn: [h2], port: 443, ipv4hint: [192.0.2.1], key7: hex}
-- Keys and signatures are base64, what else is binary is hex. Types and classes without a name here are TYPE65280 and CLASS32, with their
-- data as `rdata` in hex (RFC 3597).
--
-- Broken on request: of a record `rdata` in hex stands in place of its fields, `raw_name` in hex of its name, and `rdlength` is said
-- whatever the length is; `flags`, `counts`, `length` and `tail` of the message, and `raw` in place of all of it.

local cursor = require "cursor"

local byte, char, concat, format, sub = string.byte, string.char, table.concat, string.format, string.sub
local pack, unpack = string.pack, string.unpack
local POINTERS_MOST = 128

local types = {
  A = 1, NS = 2, MD = 3, MF = 4, CNAME = 5, SOA = 6, MB = 7, MG = 8, MR = 9, NULL = 10, WKS = 11, PTR = 12, HINFO = 13, MINFO = 14,
  MX = 15, TXT = 16, RP = 17, AFSDB = 18, SIG = 24, KEY = 25, AAAA = 28, LOC = 29, SRV = 33, NAPTR = 35, KX = 36, CERT = 37, DNAME = 39,
  OPT = 41, APL = 42, DS = 43, SSHFP = 44, IPSECKEY = 45, RRSIG = 46, NSEC = 47, DNSKEY = 48, DHCID = 49, NSEC3 = 50, NSEC3PARAM = 51,
  TLSA = 52, SMIMEA = 53, HIP = 55, CDS = 59, CDNSKEY = 60, OPENPGPKEY = 61, CSYNC = 62, ZONEMD = 63, SVCB = 64, HTTPS = 65, SPF = 99,
  EUI48 = 108, EUI64 = 109, TKEY = 249, TSIG = 250, IXFR = 251, AXFR = 252, ANY = 255, URI = 256, CAA = 257,
}

local layouts = {
  A = "address:ip4", AAAA = "address:ip6",
  NS = "target:cname", CNAME = "target:cname", PTR = "target:cname", DNAME = "target:name",
  SOA = "mname:cname rname:cname serial:u32 refresh:u32 retry:u32 expire:u32 minimum:u32",
  MX = "preference:u16 exchange:cname",
  TXT = "text:strings", SPF = "text:strings", HINFO = "cpu:string os:string", RP = "mbox:name txt:name",
  SRV = "priority:u16 weight:u16 port:u16 target:name",
  NAPTR = "order:u16 preference:u16 flags:string service:string regexp:string replacement:name",
  DS = "key_tag:u16 algorithm:u8 digest_type:u8 digest:hex", CDS = "key_tag:u16 algorithm:u8 digest_type:u8 digest:hex",
  DNSKEY = "flags:u16 protocol:u8 algorithm:u8 key:base64", CDNSKEY = "flags:u16 protocol:u8 algorithm:u8 key:base64",
  RRSIG = "type_covered:type algorithm:u8 labels:u8 original_ttl:u32 expiration:u32 inception:u32 key_tag:u16 signer:name signature:base64",
  NSEC = "next:name types:bitmap",
  NSEC3 = "algorithm:u8 flags:u8 iterations:u16 salt:hex8 next:hex8 types:bitmap",
  NSEC3PARAM = "algorithm:u8 flags:u8 iterations:u16 salt:hex8",
  TLSA = "usage:u8 selector:u8 matching_type:u8 data:hex", SMIMEA = "usage:u8 selector:u8 matching_type:u8 data:hex",
  SSHFP = "algorithm:u8 fingerprint_type:u8 fingerprint:hex",
  SVCB = "priority:u16 target:name params:params", HTTPS = "priority:u16 target:name params:params",
  CAA = "flags:u8 tag:string value:rest", URI = "priority:u16 weight:u16 target:rest",
}

local classes = {IN = 1, CH = 3, HS = 4, NONE = 254, ANY = 255}
local options = {NSID = 3, ECS = 8, EXPIRE = 9, COOKIE = 10, KEEPALIVE = 11, PADDING = 12, CHAIN = 13, KEY_TAG = 14, EDE = 15}
local params = {
  mandatory = 0, alpn = 1, ["no-default-alpn"] = 2, port = 3, ipv4hint = 4, ech = 5, ipv6hint = 6, dohpath = 7, ohttp = 8,
}

local function inverse(map)
  local names = {}
  for name, value in pairs(map) do names[value] = name end
  return names
end

local type_names, class_names = inverse(types), inverse(classes)
local option_names, param_names = inverse(options), inverse(params)

-- The list of a layout's fields and kinds, made when it is first needed
local parsed = {}
local function layout_of(name)
  local list = parsed[name]
  if not list and layouts[name] then
    list = {}
    for field, kind in layouts[name]:gmatch("([%w_]+):(%w+)") do list[#list + 1] = {field, kind} end
    parsed[name] = list
  end
  return list
end

-- The number of a name, of prefix and digits, or of digits
local function number_of(value, names, prefix, what)
  local n = math.tointeger(value) or names[value] or math.tointeger(tonumber(tostring(value):match("^" .. prefix .. "(%d+)$")))
  if not n or n < 0 or n > 65535 then error(format("dns: `%s` is no %s", tostring(value), what), 0) end
  return n
end

local function type_number(value) return number_of(value, types, "TYPE", "type") end
local function type_name(n) return type_names[n] or "TYPE" .. n end

-- Addresses

local function ip4_bytes(text)
  local a, b, c, d = tostring(text):match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if not a or math.max(tonumber(a), tonumber(b), tonumber(c), tonumber(d)) > 255 then
    error(format("dns: `%s` is no IPv4 address", tostring(text)), 0)
  end
  return char(tonumber(a), tonumber(b), tonumber(c), tonumber(d))
end

local function ip4_text(bytes)
  return format("%d.%d.%d.%d", byte(bytes, 1, 4))
end

local function ip6_groups(text, list)
  for word in text:gmatch("[^:]+") do
    if word:find(".", 1, true) then
      list[#list + 1] = ip4_bytes(word)
    elseif #word <= 4 and word:find("^%x+$") then
      list[#list + 1] = pack(">I2", tonumber(word, 16))
    else
      return nil
    end
  end
  return concat(list)
end

local function ip6_bytes(text)
  text = tostring(text)
  local before, after = text:match("^(.-)::(.*)$")
  local head = ip6_groups(before or text, {})
  local tail = ip6_groups(after or "", {})
  local zeros = head and tail and 16 - #head - #tail
  if not zeros or (before and zeros < 2) or (not before and zeros ~= 0) then
    error(format("dns: `%s` is no IPv6 address", text), 0)
  end
  return head .. ("\0"):rep(zeros) .. tail
end

-- RFC 5952: the first of the longest rows of zeros is left out
local function ip6_text(bytes)
  local groups = {unpack(">I2I2I2I2I2I2I2I2", bytes)}
  local from, most = 0, 1
  for i = 1, 8 do
    local n = 0
    while i + n <= 8 and groups[i + n] == 0 do n = n + 1 end
    if n > most then from, most = i, n end
  end
  local words = {}
  for i = 1, 8 do words[i] = format("%x", groups[i]) end
  if from == 0 then return concat(words, ":") end
  return concat(words, ":", 1, from - 1) .. "::" .. concat(words, ":", from + most, 8)
end

-- Sending: `w` holds what has been written, how much that is, and where which names begin

local function put(w, bytes)
  w.out[#w.out + 1] = bytes
  w.n = w.n + #bytes
end

local function labels_of(name)
  local list, label = {}, {}
  local at = 1
  if name == "." or name == "" then return list end
  while at <= #name do
    local c = sub(name, at, at)
    if c == "\\" then
      local digits = name:match("^%d%d%d", at + 1)
      label[#label + 1] = digits and char(tonumber(digits) & 255) or sub(name, at + 1, at + 1)
      at = at + (digits and 4 or 2)
    elseif c == "." then
      list[#list + 1] = concat(label)
      label = {}
      at = at + 1
    else
      label[#label + 1] = c
      at = at + 1
    end
  end
  if #label > 0 then list[#list + 1] = concat(label) end
  for _, one in ipairs(list) do
    if #one == 0 or #one > 63 then error(format("dns: `%s` holds a label of %d bytes", name, #one), 0) end
  end
  return list
end

local function put_name(w, name, compress)
  local labels = labels_of(tostring(name))
  local rest = {[#labels + 1] = "\0"}
  for i = #labels, 1, -1 do rest[i] = char(#labels[i]) .. labels[i] .. rest[i + 1] end
  for i = 1, #labels do
    local known = w.names[rest[i]]
    if known and compress then return put(w, pack(">I2", 0xC000 | known)) end
    if not known and w.n < 0x4000 then w.names[rest[i]] = w.n end
    put(w, char(#labels[i]) .. labels[i])
  end
  put(w, "\0")
end

local function put_integer(kind, most)
  return function(w, value)
    local n = math.tointeger(tonumber(value))
    if not n or n < 0 or n > most then error(format("dns: `%s` is no number from 0 to %d", tostring(value), most), 0) end
    put(w, pack(kind, n))
  end
end

local function put_string(w, text)
  text = tostring(text)
  if #text > 255 then error("dns: a text of more than 255 bytes", 0) end
  put(w, char(#text) .. text)
end

local function bitmap_of(list)
  local windows, order = {}, {}
  for _, name in ipairs(list) do
    local n = type_number(name)
    local window = windows[n >> 8]
    if not window then
      window = {most = 0}
      windows[n >> 8] = window
      order[#order + 1] = n >> 8
    end
    local at = (n & 255) >> 3
    window[at] = (window[at] or 0) | 0x80 >> (n & 7)
    window.most = math.max(window.most, at)
  end
  table.sort(order)
  local out = {}
  for _, number in ipairs(order) do
    local window = windows[number]
    out[#out + 1] = char(number, window.most + 1)
    for at = 0, window.most do out[#out + 1] = char(window[at] or 0) end
  end
  return concat(out)
end

local function each_bytes(list, f)
  local out = {}
  for i, one in ipairs(type(list) == "table" and list or {list}) do out[i] = f(one) end
  return concat(out)
end

local function param_number(name) return number_of(name, params, "key", "parameter") end

-- RFC 9460 section 7 and 8
local param_bytes = {
  [0] = function(list) return each_bytes(list, function(name) return pack(">I2", param_number(name)) end) end,
  [1] = function(list) return each_bytes(list, function(name) return pack("s1", name) end) end,
  [2] = function() return "" end,
  [3] = function(port) return pack(">I2", port) end,
  [4] = function(list) return each_bytes(list, ip4_bytes) end,
  [5] = unbase64,
  [6] = function(list) return each_bytes(list, ip6_bytes) end,
  [7] = tostring,
  [8] = function() return "" end,
}

local function put_params(w, map)
  local list = {}
  if map[1] then
    for i, one in ipairs(map) do list[i] = {number_of(one.key, params, "key", "parameter"), unhex(one.value or "")} end
  else
    for name, value in pairs(map) do
      local n = param_number(name)
      list[#list + 1] = {n, (param_bytes[n] or unhex)(value)}
    end
    table.sort(list, function(a, b) return a[1] < b[1] end)
  end
  for _, one in ipairs(list) do put(w, pack(">I2 s2", one[1], one[2])) end
end

local put_kind = {
  u8 = put_integer("B", 255),
  u16 = put_integer(">I2", 65535),
  u32 = put_integer(">I4", 0xFFFFFFFF),
  ip4 = function(w, text) put(w, ip4_bytes(text)) end,
  ip6 = function(w, text) put(w, ip6_bytes(text)) end,
  cname = function(w, name) put_name(w, name, w.compress) end,
  name = function(w, name) put_name(w, name, false) end,
  string = put_string,
  strings = function(w, list)
    for _, one in ipairs(type(list) == "table" and list or {list}) do put_string(w, one) end
  end,
  hex = function(w, text) put(w, unhex(text)) end,
  hex8 = function(w, text) put(w, pack("s1", unhex(text))) end,
  base64 = function(w, text) put(w, unbase64(text)) end,
  type = function(w, name) put(w, pack(">I2", type_number(name))) end,
  bitmap = function(w, list) put(w, bitmap_of(list)) end,
  params = put_params,
  rest = function(w, text) put(w, tostring(text)) end,
}

-- A record without any field of its type has no data (RFC 2136 2.4).
local function put_fields(w, record, layout)
  local given = false
  for _, field in ipairs(layout) do given = given or record[field[1]] ~= nil end
  if not given then return end
  for _, field in ipairs(layout) do
    local value = record[field[1]]
    if value == nil then error(format("dns: a record of the type %s needs its `%s`", record.type, field[1]), 0) end
    put_kind[field[2]](w, value)
  end
end

local function put_data(w, length, f, ...)
  local at = #w.out + 1
  put(w, "\0\0")
  local from = w.n
  f(w, ...)
  w.out[at] = pack(">I2", length or (w.n - from) & 0xFFFF)
end

local function put_record(w, record)
  local kind = type_number(record.type or "A")
  if record.raw_name then
    put(w, unhex(record.raw_name))
  else
    put_name(w, record.name or ".", w.compress)
  end
  put(w, pack(">I2 I2 I4", kind, number_of(record.class or "IN", classes, "CLASS", "class"), record.ttl or 0))
  put_data(w, record.rdlength, function()
    local layout = layout_of(type_name(kind))
    if record.rdata then
      put(w, unhex(record.rdata))
    elseif layout then
      put_fields(w, record, layout)
    end
  end)
end

-- EDNS options (RFC 5001, 7871, 7873, 7828, 7830, 8914)
local option_bytes = {
  NSID = function(o) return o.id or "" end,
  ECS = function(o)
    local address, bits = tostring(o.address):match("^([^/]+)/?(%d*)$")
    local v6 = address:find(":", 1, true)
    local all = v6 and ip6_bytes(address) or ip4_bytes(address)
    bits = tonumber(bits) or #all * 8
    return pack(">I2 B B", v6 and 2 or 1, bits, o.scope or 0) .. sub(all, 1, (bits + 7) // 8)
  end,
  COOKIE = function(o) return unhex(o.client or "") .. unhex(o.server or "") end,
  KEEPALIVE = function(o) return o.timeout and pack(">I2", o.timeout) or "" end,
  PADDING = function(o) return ("\0"):rep(o.size or 0) end,
  EDE = function(o) return pack(">I2", o.info or 0) .. (o.text or "") end,
}

local function put_option(w, o)
  local code = number_of(o.code, options, "", "option")
  local make = option_bytes[option_names[code]]
  put(w, pack(">I2 s2", code, (o.data and unhex(o.data)) or (make and make(o)) or ""))
end

local function put_edns(w, edns, rcode)
  local bits = (rcode >> 4 & 0xFF) << 24 | (edns.version or 0) << 16 | (edns["do"] and 0x8000 or 0) | (edns.z or 0)
  put(w, pack(">B I2 I2 I4", 0, types.OPT, edns.size or 1232, bits))
  put_data(w, edns.rdlength, function()
    for _, o in ipairs(edns.options or {}) do put_option(w, o) end
  end)
end

local bits = {aa = 0x400, tc = 0x200, rd = 0x100, ra = 0x80, z = 0x40, ad = 0x20, cd = 0x10}

local function flags_of(m, response)
  local flags = (response and 0x8000 or 0) | (m.opcode or 0) << 11 & 0x7800 | (m.rcode or 0) & 15
  for name, bit in pairs(bits) do
    if m[name] then flags = flags | bit end
  end
  return flags
end

local function message_bytes(m, response, id, questions)
  local w = {out = {}, n = 12, names = {}, compress = m.compress ~= false}
  local edns = m.edns or ((m.rcode or 0) > 15 and {}) or nil
  local counts = m.counts or {}
  for _, q in ipairs(questions) do
    if q.raw_name then put(w, unhex(q.raw_name)) else put_name(w, q.name or ".", w.compress) end
    put(w, pack(">I2 I2", type_number(q.type or "A"), number_of(q.class or "IN", classes, "CLASS", "class")))
  end
  for _, section in ipairs {m.answers or {}, m.authority or {}, m.additional or {}} do
    for _, record in ipairs(section) do put_record(w, record) end
  end
  if edns then put_edns(w, edns, m.rcode or 0) end
  return pack(">I2 I2 I2 I2 I2 I2", id, m.flags or flags_of(m, response), counts.questions or #questions,
    counts.answers or #(m.answers or {}), counts.authority or #(m.authority or {}),
    counts.additional or #(m.additional or {}) + (edns and 1 or 0)) .. concat(w.out) .. (m.tail or "")
end

local function framed(m, bytes, ctx)
  if ctx.datagram and not m.length then return bytes end
  if #bytes > 65535 and not m.length then error("dns: a message of more than 65535 bytes", 0) end
  return pack(">I2", m.length or #bytes) .. bytes
end

local function questions_of(m, absent)
  if m.questions then return m.questions end
  if m.name or m.type then return {{name = m.name, type = m.type, class = m.class}} end
  return absent or {}
end

local function encode_query(m, ctx)
  local id = m.id
  if not id then
    id = (ctx.id or 0) % 65535 + 1
    ctx.id = id
  end
  if m.raw then return framed(m, m.raw, ctx) end
  if m.rd == nil then m.rd = true end
  return framed(m, message_bytes(m, false, id, questions_of(m)), ctx)
end

-- What is not said answers the last query that came.
local function encode_response(m, ctx)
  local asked = ctx.asked or {}
  if m.raw then return framed(m, m.raw, ctx) end
  if m.rd == nil then m.rd = asked.rd end
  m.opcode = m.opcode or asked.opcode
  return framed(m, message_bytes(m, true, m.id or asked.id or 0, questions_of(m, asked.questions)), ctx)
end

-- Receiving

-- RFC 1035 5.1: what means something in a zone file, and what is no letter
local function escaped(label)
  return (label:gsub('[.\\"();@$%c \127-\255]', function(x)
    return x:find("[!-~]") and "\\" .. x or format("\\%03d", byte(x))
  end))
end

-- A pointer leads to what stands before the labels that it ends: so there is no circle. RFC 1035 4.1.4
local function take_name(c)
  local labels, size, at, first, pointers, after = {}, 1, c.at, c.at, 0, nil
  while true do
    local n = byte(c.bytes, at)
    local stop = after and #c.bytes or c.stop
    if at > stop then c:fail("a name that does not end", at) end
    if n >= 0xC0 then
      if at + 1 > stop then c:fail("a name that does not end", at + 1) end
      local to = ((n & 0x3F) << 8 | byte(c.bytes, at + 1)) + 1
      pointers = pointers + 1
      if to >= first then c:fail("a pointer that does not lead to an earlier name", at) end
      if pointers > POINTERS_MOST then c:fail("a name of more than " .. POINTERS_MOST .. " pointers", at) end
      after = after or at + 2
      at, first = to, to
    elseif n >= 0x40 then
      c:fail(format("a label of the unknown kind 0x%02x", n), at)
    elseif n == 0 then
      c.at = after or at + 1
      return #labels > 0 and concat(labels, ".") or "."
    else
      if at + n > stop then c:fail("a name that does not end", stop + 1) end
      size = size + n + 1
      if size > 255 then c:fail("a name of more than 255 bytes", at) end
      labels[#labels + 1] = escaped(sub(c.bytes, at + 1, at + n))
      at = at + n + 1
    end
  end
end

local function take_string(c)
  return c:take(c:u8())
end

local function take_bitmap(c)
  local list, last = {}, -1
  while c.at <= c.stop do
    local from = c.at
    local window, n = c:u8(), c:u8()
    if window <= last or n < 1 or n > 32 then c:fail("a map of types has windows in order, of 1 to 32 bytes", from) end
    local map = c:take(n)
    for i = 0, n * 8 - 1 do
      if byte(map, i // 8 + 1) & 0x80 >> (i & 7) ~= 0 then list[#list + 1] = type_name(window << 8 | i) end
    end
    last = window
  end
  return list
end

local function take_ip4(c) return ip4_text(c:take(4)) end
local function take_ip6(c) return ip6_text(c:take(16)) end
local function param_name(n) return param_names[n] or "key" .. n end

local take_param = {
  [0] = function(c) return c:all(function(c) return param_name(c:u16()) end) end,
  [1] = function(c) return c:all(take_string) end,
  [2] = function() return true end,
  [3] = cursor.u16,
  [4] = function(c) return c:all(take_ip4) end,
  [5] = function(c) return base64(c:rest()) end,
  [6] = function(c) return c:all(take_ip6) end,
  [7] = cursor.rest,
  [8] = function() return true end,
}

local function take_params(c)
  local map, last = json.object(), -1
  while c.at <= c.stop do
    local from = c.at
    local key = c:u16()
    if key <= last then c:fail("the keys of parameters come in order, each once", from) end
    local name = param_name(key)
    map[name] = c:within(c:u16(), name, take_param[key] or function() return hex(c:rest()) end)
    last = key
  end
  return map
end

local take_kind = {
  u8 = cursor.u8,
  u16 = cursor.u16,
  u32 = cursor.u32,
  ip4 = take_ip4,
  ip6 = take_ip6,
  cname = take_name,
  name = take_name,
  string = take_string,
  strings = function(c)
    local list = {take_string(c)}
    while c.at <= c.stop do list[#list + 1] = take_string(c) end
    return #list == 1 and list[1] or list
  end,
  hex = function(c) return hex(c:rest()) end,
  hex8 = function(c) return hex(take_string(c)) end,
  base64 = function(c) return base64(c:rest()) end,
  type = function(c) return type_name(c:u16()) end,
  bitmap = take_bitmap,
  params = take_params,
  rest = cursor.rest,
}

local function take_question(c)
  local name = take_name(c)
  local kind, class = c:u16(), c:u16()
  return {name = name, type = type_name(kind), class = class_names[class] or "CLASS" .. class}
end

local take_option = {
  NSID = function(c, o) o.id = c:rest() end,
  ECS = function(c, o)
    local from = c.at
    local family, n, scope = c:u16(), c:u8(), c:u8()
    local size = family == 1 and 4 or family == 2 and 16
    local part = c:rest()
    if not size or n > size * 8 or #part ~= (n + 7) // 8 then c:fail("this is no prefix of an address", from) end
    part = part .. ("\0"):rep(size - #part)
    o.address = (size == 4 and ip4_text(part) or ip6_text(part)) .. "/" .. n
    o.scope = scope
  end,
  COOKIE = function(c, o)
    local from = c.at
    local all = c:rest()
    if #all ~= 8 and (#all < 16 or #all > 40) then c:fail("a cookie of 8 bytes, and none or 8 to 32 of the server", from) end
    o.client = hex(sub(all, 1, 8))
    if #all > 8 then o.server = hex(sub(all, 9)) end
  end,
  KEEPALIVE = function(c, o)
    if c.at <= c.stop then o.timeout = c:u16() end
  end,
  PADDING = function(c, o) o.size = #c:rest() end,
  EDE = function(c, o)
    o.info = c:u16()
    o.text = c:rest()
  end,
}

local function take_options(c)
  local list = {}
  while c.at <= c.stop do
    local code = c:u16()
    local name = option_names[code]
    local o = {code = name or code}
    c:within(c:u16(), "an option", function()
      if take_option[name] then take_option[name](c, o) else o.data = hex(c:rest()) end
    end)
    list[#list + 1] = o
  end
  return list
end

-- A record; nil for the OPT of the message, which becomes its `edns`
local function take_record(c, m, opt)
  local from = c.at
  local name = take_name(c)
  local number, class, ttl = c:u16(), c:u16(), c:u32()
  local kind = type_name(number)
  if number == types.OPT and opt then
    if name ~= "." then c:fail("OPT belongs to the root", from) end
    if m.edns then c:fail("a second OPT", from) end
    m.edns = {size = class, version = ttl >> 16 & 0xFF, ["do"] = ttl & 0x8000 ~= 0}
    m.rcode = m.rcode | ttl >> 24 << 4
    m.edns.options = c:within(c:u16(), "OPT", take_options)
    return nil
  end
  local record = {name = name, type = kind, class = class_names[class] or "CLASS" .. class, ttl = ttl}
  local layout, size = layout_of(kind), c:u16()
  c:within(size, kind, function()
    if not layout then
      record.rdata = hex(c:rest())
    elseif size > 0 then
      for _, field in ipairs(layout) do record[field[1]] = take_kind[field[2]](c) end
    end
  end)
  return record
end

local function take_section(c, n, m, opt)
  local list = {}
  for _ = 1, n do
    local record = take_record(c, m, opt)
    if record then list[#list + 1] = record end
  end
  return list
end

local function decode(r, ctx)
  local size = ctx.datagram and r:buffered() or r:unpack(">I2")
  local base = r:position()
  local c = cursor.new(r:bytes(size), function(why, at) r:fail(why, base + at - 1) end)
  if size < 12 then c:fail("a message of " .. cursor.count(size) .. ", less than its header of 12", 1) end
  local id, flags, nquestions, nanswers, nauthority, nadditional = unpack(">I2 I2 I2 I2 I2 I2", c:take(12))
  local m = {id = id, opcode = flags >> 11 & 15, rcode = flags & 15, questions = {}}
  for name, bit in pairs(bits) do m[name] = flags & bit ~= 0 end
  for i = 1, nquestions do m.questions[i] = take_question(c) end
  local first = m.questions[1]
  if first then m.name, m.type, m.class = first.name, first.type, first.class end
  m.answers = take_section(c, nanswers, m)
  m.authority = take_section(c, nauthority, m)
  m.additional = take_section(c, nadditional, m, true)
  if c.at <= size then c:fail(cursor.count(size - c.at + 1) .. " behind the last record") end
  if flags & 0x8000 ~= 0 then return "response", m end
  ctx.asked = {id = id, opcode = m.opcode, rd = m.rd, questions = m.questions}
  return "query", m
end

local opcodes = {"u8?", QUERY = 0, IQUERY = 1, STATUS = 2, NOTIFY = 4, UPDATE = 5, DSO = 6}
local rcodes = {
  "u16?", NOERROR = 0, FORMERR = 1, SERVFAIL = 2, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5, YXDOMAIN = 6, YXRRSET = 7, NXRRSET = 8,
  NOTAUTH = 9, NOTZONE = 10, BADVERS = 16, BADKEY = 17, BADTIME = 18, BADMODE = 19, BADNAME = 20, BADALG = 21, BADTRUNC = 22,
  BADCOOKIE = 23,
}

return {
  messages = {
    -- What a client asks, with its recursion desired. Unless `id` is said, queries of a connection count from 1.
    query = {
      fields = {
        name = "text?",         -- of the first question
        type = "text?",         -- of the first question: A
        class = "text?",        -- of the first question: IN
        id = "u16?",
        opcode = opcodes,
        rcode = rcodes,
        aa = "bool?",           -- authoritative
        tc = "bool?",           -- truncated
        rd = "bool?",           -- recursion desired
        ra = "bool?",           -- recursion available
        z = "bool?",
        ad = "bool?",           -- authentic data
        cd = "bool?",           -- checking disabled
        questions = "list?",    -- all of them, as maps of name, type and class
        answers = "list?",      -- records
        authority = "list?",    -- records
        additional = "list?",   -- records, without the OPT of EDNS
        edns = "map?",          -- size (1232), version, do, z, options: maps of code and data, or the fields of the code
        compress = "bool?",     -- false: names are written in full
        flags = "u16?",         -- the second word of the header, as it is
        counts = "map?",        -- said instead of the true ones: questions answers authority additional
        tail = "bytes?",        -- behind the last record
        length = "u16?",        -- said before the message, whatever its length is
        raw = "bytes?",         -- in place of the message
      },
      encode = encode_query,
    },
    -- What a server answers. Unless they are said, id, opcode, rd and questions are those of the last query.
    response = {
      fields = {
        name = "text?",         -- of the first question
        type = "text?",         -- of the first question: A
        class = "text?",        -- of the first question: IN
        id = "u16?",
        opcode = opcodes,
        rcode = rcodes,         -- those above 15 with EDNS
        aa = "bool?",           -- authoritative
        tc = "bool?",           -- truncated
        rd = "bool?",           -- recursion desired
        ra = "bool?",           -- recursion available
        z = "bool?",
        ad = "bool?",           -- authentic data
        cd = "bool?",           -- checking disabled
        questions = "list?",    -- all of them, as maps of name, type and class
        answers = "list?",      -- records
        authority = "list?",    -- records
        additional = "list?",   -- records, without the OPT of EDNS
        edns = "map?",          -- size (1232), version, do, z, options: maps of code and data, or the fields of the code
        compress = "bool?",     -- false: names are written in full
        flags = "u16?",         -- the second word of the header, as it is
        counts = "map?",        -- said instead of the true ones: questions answers authority additional
        tail = "bytes?",        -- behind the last record
        length = "u16?",        -- said before the message, whatever its length is
        raw = "bytes?",         -- in place of the message
      },
      encode = encode_response,
    },
  },
  decode = decode,
}
