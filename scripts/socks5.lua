-- SOCKS 5 (RFC 1928), with user name and password (RFC 1929).
--
-- What comes next follows from what came: a server receives `hello`, then `login` if it chose that, then `request`; a client receives
-- `method`, then `login_reply` if that was chosen, then `reply`. Behind a reply the stream is that of the application, and expected
-- without this module. A datagram is a `packet`.
--
-- `version` and `reserved` can be anything, `count` is what a length says, `raw` stands in place of the whole message.

local address = require "address"
local byte, concat, char, pack = string.byte, table.concat, string.char, string.pack

local methods = {"u8?", none = 0, gssapi = 1, login = 2, unacceptable = 255}
local commands = {"u8?", connect = 1, bind = 2, associate = 3}
local kinds = {"u8?", ipv4 = 1, name = 3, ipv6 = 4}
local replies = {
  "u8?", succeeded = 0, general_failure = 1, not_allowed = 2, network_unreachable = 3, host_unreachable = 4, connection_refused = 5,
  ttl_expired = 6, command_not_supported = 7, address_type_not_supported = 8,
}

-- Sending

local function method_number(x) return math.tointeger(x) or methods[x] or error("`" .. tostring(x) .. "` is no method", 0) end

local function put_text(s, count) return char(count or #s & 255) .. s end

local function put_address(m)
  local host = m.host or "0.0.0.0"
  local packed = address.pack(host)
  local kind = m.type or (not packed and 3 or #packed == 4 and 1 or 4)
  return char(kind) .. (kind == 3 and put_text(host, m.count) or packed or host) .. pack(">I2", m.port or 0)
end

local function encode_hello(m)
  if m.raw then return m.raw end
  local list = {}
  for i, x in ipairs(m.methods or {0}) do list[i] = char(method_number(x)) end
  return char(m.version or 5) .. put_text(concat(list), m.count)
end

local function encode_method(m, ctx)
  ctx.next = m.method == 2 and "login" or "request"
  return m.raw or char(m.version or 5, m.method or 0)
end

local function encode_login(m)
  return m.raw or char(m.version or 1) .. put_text(m.user or "", m.count) .. put_text(m.password or "")
end

local function encode_login_reply(m, ctx)
  ctx.next = "request"
  return m.raw or char(m.version or 1, m.status or 0)
end

local function encode_request(m)
  return m.raw or char(m.version or 5, m.command or 1, m.reserved or 0) .. put_address(m)
end

local function encode_reply(m)
  return m.raw or char(m.version or 5, m.reply or 0, m.reserved or 0) .. put_address(m)
end

local function encode_packet(m)
  return m.raw or pack(">I2", m.reserved or 0) .. char(m.fragment or 0) .. put_address(m) .. (m.data or "")
end

-- Receiving

local function need_version(r, version)
  local got = byte(r:bytes(1))
  if got ~= version then r:fail("the version is " .. got .. ", and not " .. version, r:position() - 1) end
end

local function take_address(r, m)
  m.type = byte(r:bytes(1))
  if m.type == 3 then
    m.host = r:prefixed("u8")
    if m.host == "" then r:fail("an empty name", r:position() - 1) end
  elseif m.type == 1 or m.type == 4 then
    m.host = address.unpack(r:bytes(m.type == 1 and 4 or 16))
  else
    r:fail("there is no type of address " .. m.type, r:position() - 1)
  end
  m.port = r:unpack(">I2")
  return m
end

local function take_reserved(r)
  if r:bytes(1) ~= "\0" then r:fail("the reserved byte is not 0", r:position() - 1) end
end

local function decode_packet(r)
  if r:bytes(2) ~= "\0\0" then r:fail("the reserved bytes are not 0", 0) end
  local m = take_address(r, {fragment = byte(r:bytes(1))})
  m.data = r:rest()
  return m
end

local decoders = {}

function decoders.hello(r, ctx)
  need_version(r, 5)
  local list = r:prefixed("u8")
  if list == "" then r:fail("no method is offered", 1) end
  ctx.next = "request"
  return {methods = {byte(list, 1, -1)}}
end

function decoders.method(r, ctx)
  need_version(r, 5)
  local method = byte(r:bytes(1))
  ctx.next = method == 2 and "login_reply" or "reply"
  return {method = method}
end

function decoders.login(r)
  need_version(r, 1)
  return {user = r:prefixed("u8"), password = r:prefixed("u8")}
end

function decoders.login_reply(r, ctx)
  need_version(r, 1)
  ctx.next = "reply"
  return {status = byte(r:bytes(1))}
end

function decoders.request(r)
  need_version(r, 5)
  local m = {command = byte(r:bytes(1))}
  take_reserved(r)
  return take_address(r, m)
end

function decoders.reply(r)
  need_version(r, 5)
  local m = {reply = byte(r:bytes(1))}
  take_reserved(r)
  return take_address(r, m)
end

return {
  messages = {
    -- What a client begins with
    hello = {
      fields = {
        methods = "list?",      -- numbers; sent also as none, gssapi, login; [none]
        version = "u8?",        -- 5; only sent
        count = "u8?",          -- of the methods; only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_hello,
    },
    -- What a server chooses of it
    method = {
      fields = {
        method = methods,       -- none
        version = "u8?",        -- 5; only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_method,
    },
    -- RFC 1929
    login = {
      fields = {
        user = "text?",
        password = "text?",
        version = "u8?",        -- 1; only sent
        count = "u8?",          -- of the user's name; only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_login,
    },
    login_reply = {
      fields = {
        status = "u8?",         -- 0: welcome
        version = "u8?",        -- 1; only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_login_reply,
    },
    request = {
      fields = {
        command = commands,     -- connect
        host = "text?",         -- a name or an address; 0.0.0.0
        port = "u16?",          -- 0
        type = kinds,           -- as `host` is; with another one `host` is sent as it is written
        version = "u8?",        -- 5; only sent
        reserved = "u8?",       -- 0; only sent
        count = "u8?",          -- of the name; only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_request,
    },
    -- What a server has done; to `bind` there are two
    reply = {
      fields = {
        reply = replies,        -- succeeded
        host = "text?",         -- a name or an address; 0.0.0.0
        port = "u16?",          -- 0
        type = kinds,           -- as `host` is; with another one `host` is sent as it is written
        version = "u8?",        -- 5; only sent
        reserved = "u8?",       -- 0; only sent
        count = "u8?",          -- of the name; only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_reply,
    },
    -- A datagram, once the server has agreed to `associate`
    packet = {
      fields = {
        host = "text?",         -- a name or an address; 0.0.0.0
        port = "u16?",          -- 0
        data = "bytes?",
        fragment = "u8?",       -- 0: it is whole
        type = kinds,           -- as `host` is; with another one `host` is sent as it is written
        reserved = "u16?",      -- 0; only sent
        count = "u8?",          -- of the name; only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_packet,
    },
  },

  decode = function(r, ctx)
    if ctx.datagram then return "packet", decode_packet(r) end
    local kind = ctx.next or (ctx.role == "server" and "hello" or "method")
    return kind, decoders[kind](r, ctx)
  end,
}
