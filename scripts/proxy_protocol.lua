-- The PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
--
-- It is what comes first on a connection; the stream behind it is that of the application, and expected without this module.
-- `raw` stands in place of all behind `PROXY ` or behind the length, which `length` says as it is told to.

local address = require "address"
local byte, concat, char, find, format, pack = string.byte, table.concat, string.char, string.find, string.format, string.pack
local sub, unpack = string.sub, string.unpack

local SIGNATURE = "\r\n\r\n\0\r\nQUIT\n"
local V1_MOST = 107
local UNIX = 108
local commands = {"u8?", ["local"] = 0, proxy = 1}
local families = {"u8?", unspec = 0, inet = 1, inet6 = 2, unix = 3}
local transports = {"u8?", unspec = 0, stream = 1, dgram = 2}

local types = {alpn = 1, authority = 2, crc32c = 3, noop = 4, unique_id = 5, ssl = 0x20, netns = 0x30}
local type_names = {}
for name, number in pairs(types) do type_names[number] = name end
local ssl_types = {version = 0x21, cn = 0x22, cipher = 0x23, sig_alg = 0x24, key_alg = 0x25}
local ssl_names = {}
for name, number in pairs(ssl_types) do ssl_names[number] = name end

-- Version 1

local function encode_v1(m)
  if m.raw then return "PROXY " .. m.raw end
  local source, destination = m.source or "127.0.0.1", m.destination or "127.0.0.1"
  local protocol = m.protocol or (find(source, ":", 1, true) and "TCP6" or "TCP4")
  if protocol == "UNKNOWN" and not m.source then return "PROXY UNKNOWN\r\n" end
  return format("PROXY %s %s %s %d %d\r\n", protocol, source, destination, m.source_port or 0, m.destination_port or 0)
end

local function take_v1_line(r)
  r:need("PROXY ")
  local out = {}
  repeat
    if r:position() == V1_MOST then r:fail("a header of more than " .. V1_MOST .. " bytes") end
    out[#out + 1] = r:bytes(1)
  until out[#out] == "\n"
  if out[#out - 1] ~= "\r" then r:fail("the header ends with CRLF, not with LF alone", r:position() - 1) end
  return concat(out, "", 1, #out - 2)
end

local function take_port(r, text, from)
  local port = #text <= 5 and find(text, "^%d+$") and tonumber(text)
  if not port or port > 65535 then r:fail("a port is a number from 0 to 65535", from) end
  return port
end

local function decode_v1(r)
  local from, words = 6, {}
  local text = take_v1_line(r)
  for at, word in text:gmatch("()([^ ]*)") do words[#words + 1] = {word, from + at - 1} end
  local protocol = words[1][1]
  if protocol == "UNKNOWN" then return {protocol = protocol} end
  local size = protocol == "TCP4" and 4 or protocol == "TCP6" and 16
  if not size then r:fail("the protocol is TCP4, TCP6 or UNKNOWN", from) end
  if #words ~= 5 then r:fail("two addresses and two ports must follow", from + #text) end
  for i = 2, 3 do
    local packed = address.pack(words[i][1])
    if not packed or #packed ~= size then r:fail("this is no address of " .. protocol, words[i][2]) end
  end
  return {
    protocol = protocol, source = words[2][1], destination = words[3][1], source_port = take_port(r, words[4][1], words[4][2]),
    destination_port = take_port(r, words[5][1], words[5][2]),
  }
end

-- Version 2

local crc_table = {}
for i = 0, 255 do
  local x = i
  for _ = 1, 8 do x = x & 1 ~= 0 and x >> 1 ~ 0x82f63b78 or x >> 1 end
  crc_table[i] = x
end

-- RFC 3720, appendix B.4
local function crc32c(bytes)
  local x = 0xffffffff
  for i = 1, #bytes do x = crc_table[(x ~ byte(bytes, i)) & 255] ~ x >> 8 end
  return x ~ 0xffffffff
end

local function put_tlv(number, value) return pack(">Bs2", number, value) end

local function put_ssl(ssl)
  local out = {pack(">BI4", ssl.client or 1, ssl.verify or 0)}
  for _, name in ipairs {"version", "cn", "cipher", "sig_alg", "key_alg"} do
    if ssl[name] then out[#out + 1] = put_tlv(ssl_types[name], ssl[name]) end
  end
  return put_tlv(types.ssl, concat(out))
end

local function put_tlvs(m)
  local out = {}
  for _, p in ipairs(m.tlvs or {}) do
    local number = types[p[1]] or math.tointeger(tonumber(p[1]))
    if not number or number > 255 then error("there is no TLV `" .. p[1] .. "`: a name, or a number to 0xff", 0) end
    out[#out + 1] = put_tlv(number, p[2])
  end
  if m.ssl then out[#out + 1] = put_ssl(m.ssl) end
  return concat(out)
end

local function put_path(path) return path .. ("\0"):rep(UNIX - #path) end

local function put_addresses(m)
  local source, destination = m.source, m.destination or m.source
  if not source then return families.unspec, "" end
  local a, b = address.pack(source), address.pack(destination)
  if not a or not b then return families.unix, put_path(source) .. put_path(destination) end
  return #a == 4 and families.inet or families.inet6, a .. b .. pack(">I2I2", m.source_port or 0, m.destination_port or 0)
end

local function encode_v2(m)
  local family, addresses = put_addresses(m)
  local body = m.raw or addresses .. put_tlvs(m)
  local sum = m.checksum and put_tlv(types.crc32c, "\0\0\0\0") or ""
  local transport = m.transport or (family == families.unspec and 0 or 1)
  local head = SIGNATURE .. char((m.version or 2) << 4 | (m.command or 1), (m.family or family) << 4 | transport)
  head = head .. pack(">I2", m.length or #body + #sum) .. body
  if not m.checksum then return head end
  return head .. put_tlv(types.crc32c, pack(">I4", crc32c(head .. sum)))
end

local function take_path(r) return (r:bytes(UNIX):match("^[^\0]*")) end

local function take_addresses(r, m)
  if m.family == families.inet or m.family == families.inet6 then
    local size = m.family == families.inet and 4 or 16
    m.source, m.destination = address.unpack(r:bytes(size)), address.unpack(r:bytes(size))
    m.source_port, m.destination_port = r:unpack(">I2I2")
  elseif m.family == families.unix then
    m.source, m.destination = take_path(r), take_path(r)
  end
end

local function take_ssl(r, size)
  local ssl = {}
  local part = r:part(size)
  ssl.client, ssl.verify = part:unpack(">BI4")
  while part:position() < size do
    local number, value = part:unpack(">Bs2")
    ssl[ssl_names[number] or format("0x%02x", number)] = value
  end
  return ssl
end

-- The place of the checksum in the part, if there is one
local function take_tlvs(r, m, size)
  local sum
  while r:position() < size do
    local from = r:position()
    local number, length = r:unpack(">BI2")
    if number == types.ssl then
      m.ssl = take_ssl(r, length)
    else
      local name, value = type_names[number] or format("0x%02x", number), r:bytes(length)
      if number == types.crc32c and length ~= 4 then r:fail("a checksum of " .. length .. " bytes", from) end
      if number == types.crc32c then sum = from + 3 end
      m.tlvs = m.tlvs or {}
      if m.tlvs[name] and number ~= types.noop then r:fail("the TLV " .. name .. " comes a second time", from) end
      m.tlvs[name] = value
    end
  end
  return sum
end

local function check_sum(r, at, value)
  local all = r:taken()
  local want, got = crc32c(sub(all, 1, at) .. "\0\0\0\0" .. sub(all, at + 5)), unpack(">I4", value)
  if got ~= want then r:fail(format("the checksum is %08x, and not %08x", want, got), at) end
end

local function decode_v2(r)
  r:need(SIGNATURE)
  local version, family, length = r:unpack(">BBI2")
  if version >> 4 ~= 2 then r:fail("the version is 2, not " .. (version >> 4), 12) end
  if version & 15 > 1 then r:fail("there is no command " .. (version & 15), 12) end
  if family >> 4 > 3 then r:fail("there is no family " .. (family >> 4), 13) end
  if family & 15 > 2 then r:fail("there is no transport " .. (family & 15), 13) end
  local m = {version = 2, command = version & 15, family = family >> 4, transport = family & 15}
  local part = r:part(length)
  if m.command == commands["local"] and m.family == families.unspec then return m end
  take_addresses(part, m)
  local sum = take_tlvs(part, m, length)
  if sum then check_sum(r, 16 + sum, m.tlvs.crc32c) end
  m.checksum = sum ~= nil
  return m
end

return {
  messages = {
    v1 = {
      fields = {
        protocol = "text?",           -- TCP4 or TCP6, as the source is; or UNKNOWN
        source = "text?",             -- 127.0.0.1
        destination = "text?",        -- 127.0.0.1
        source_port = "u16?",         -- 0
        destination_port = "u16?",    -- 0
        raw = "bytes?",               -- only sent
      },
      encode = encode_v1,
    },
    v2 = {
      fields = {
        command = commands,           -- proxy
        source = "text?",             -- an address, or the path of a Unix socket; without it there are no addresses
        destination = "text?",        -- the source
        source_port = "u16?",         -- 0
        destination_port = "u16?",    -- 0
        tlvs = "pairs?",              -- alpn, authority, unique_id, netns, noop, crc32c, or a number such as 0xe0
        ssl = "map?",                 -- the TLV of TLS: client, verify, version, cn, cipher, sig_alg, key_alg
        checksum = "bool?",           -- whether there is a CRC-32c, behind all others where it is sent
        family = families,            -- as the source is
        transport = transports,       -- stream
        version = "u8?",              -- 2
        length = "u16?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_v2,
    },
  },

  decode = function(r)
    if r:peek(1) == "P" then return "v1", decode_v1(r) end
    return "v2", decode_v2(r)
  end,
}
