-- WebSocket (RFC 6455), with permessage-deflate (RFC 7692).
--
-- A connection begins with `request` and `response`; a handshake may as well be made of `http` messages or bytes. Then come `text`,
-- `binary`, `ping`, `pong` and `close`. A text or binary message is received whole, out of all its frames; control frames between them
-- come first. What a client sends is masked by itself.
--
-- What the RFC calls a failure of the connection is a protocol error: frames that are masked or not masked by the wrong side, reserved bits
-- and opcodes, lengths in more bytes than they need, long or fragmented control frames, fragments out of place, text and reasons that are
-- no UTF-8, close codes that are not for the wire, a handshake without what it must have.
--
-- Broken on request: `frame` sends anything, and every message takes `masked`, `mask`, `rsv1`, `rsv2` and `rsv3`.

local http = require "http"

local concat, format, lower, pack, sub = table.concat, string.format, string.lower, string.pack, string.sub
local GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
local MOST = 64 << 20

local opcodes = {continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10}
local names = {[1] = "text", [2] = "binary", [8] = "close", [9] = "ping", [10] = "pong"}

-- Headers

local function header_of(m, name)
  local value = m.headers[name]
  return type(value) == "table" and concat(value, ", ") or value
end

local function has_token(text, token)
  for one in (text or ""):gmatch("[^,]+") do
    if lower(one:match("^%s*(.-)%s*$")) == token then return true end
  end
  return false
end

-- `name` is the header where it shows; the first line, if it is not there.
local function fail_at(r, m, name, why)
  r:fail(why, lower(m.head):find("\n" .. name .. ":", 1, true) or 0)
end

local function add_absent(list, given, name, value)
  if value and not given[lower(name)] then list[#list + 1] = {name, value} end
end

-- What is given replaces the header of that name that would be added.
local function names_of(headers)
  local given = {}
  for _, pair in ipairs(headers or {}) do given[lower(pair[1])] = true end
  return given
end

local function list_of(text)
  local list = {}
  for one in text:gmatch("[^,]+") do list[#list + 1] = one:match("^%s*(.-)%s*$") end
  return list
end

-- Extensions: a list of {name, parameters}

local function extensions_of(text)
  local list = {}
  for _, one in ipairs(list_of(text or "")) do
    local name, rest = one:match("^([^;%s]+)%s*(.*)$")
    local parameters = {}
    for key, value in (rest or ""):gmatch(";%s*([%w_]+)%s*=?%s*([^;]*)") do
      local plain = value:match('^"?(.-)"?%s*$')
      if parameters[key] then parameters.twice = key end
      parameters[key] = plain ~= "" and plain or true
    end
    list[#list + 1] = {name or one, parameters}
  end
  return list
end

local known = {
  server_no_context_takeover = true, client_no_context_takeover = true, server_max_window_bits = true, client_max_window_bits = true,
}

-- RFC 7692 7.1: nil if the parameters may be agreed on, else what is wrong with them
local function wrong_parameters(p)
  if p.twice then return p.twice .. " comes twice" end
  for key, value in pairs(p) do
    if not known[key] then return key .. " is no parameter of permessage-deflate" end
    local bits = key:find("bits", 1, true) and math.tointeger(tonumber(value))
    if key:find("takeover", 1, true) and value ~= true then return key .. " takes no value" end
    if key:find("bits", 1, true) and not (bits and bits >= 8 and bits <= 15) then return key .. " is 8 to 15" end
  end
  return nil
end

local function text_of(p)
  local words = {}
  for key, value in pairs(p) do
    if value then words[#words + 1] = "; " .. key .. (value ~= true and "=" .. tostring(value) or "") end
  end
  table.sort(words)
  return "permessage-deflate" .. concat(words)
end

-- From now on messages may be compressed.
local function agree(ctx, p)
  local mine, other = "server", "client"
  if ctx.role == "client" then mine, other = other, mine end
  ctx.deflate = {
    send = {bits = tonumber(p[mine .. "_max_window_bits"]) or 15, keep = not p[mine .. "_no_context_takeover"]},
    receive = {bits = tonumber(p[other .. "_max_window_bits"]) or 15, keep = not p[other .. "_no_context_takeover"]},
  }
end

local function agreed_on(ctx, text)
  for _, one in ipairs(extensions_of(text)) do
    if one[1] == "permessage-deflate" then return agree(ctx, one[2]) end
  end
end

-- Handshake: sending

local function encode_request(m, ctx)
  local key = m.key or base64(random(16))
  local given = names_of(m.headers)
  local list = {}
  local extensions = m.extensions
  if m.deflate and not extensions then
    extensions = text_of(m.deflate == true and {client_max_window_bits = true} or m.deflate)
  end
  add_absent(list, given, "Host", m.host or ctx.peer)
  add_absent(list, given, "Upgrade", "websocket")
  add_absent(list, given, "Connection", "Upgrade")
  add_absent(list, given, "Sec-WebSocket-Key", key)
  add_absent(list, given, "Sec-WebSocket-Version", m.version or "13")
  add_absent(list, given, "Origin", m.origin)
  add_absent(list, given, "Sec-WebSocket-Protocol", m.protocols and concat(m.protocols, ", "))
  add_absent(list, given, "Sec-WebSocket-Extensions", extensions)
  for _, pair in ipairs(m.headers or {}) do list[#list + 1] = pair end
  ctx.http = ctx.http or {}
  ctx.key, ctx.offered, ctx.protocols = key, extensions or "", m.protocols
  return http.messages.request.encode({target = m.target, headers = list, head = m.head, defaults = false}, ctx.http)
end

-- What is answered to the first offer (RFC 7692 7.1)
local function answer_to(ctx, deflate)
  local p = {}
  for _, one in ipairs(extensions_of(ctx.offered)) do
    if one[1] == "permessage-deflate" and not next(p) then
      for key, value in pairs(one[2]) do
        if known[key] and not (key == "client_max_window_bits") then p[key] = value end
      end
    end
  end
  if deflate ~= true then
    for key, value in pairs(deflate) do p[key] = value end
  end
  return text_of(p)
end

local function encode_response(m, ctx)
  local status = m.status or 101
  local given = names_of(m.headers)
  local list = {}
  if status == 101 then
    local extensions = m.extensions or (m.deflate and answer_to(ctx, m.deflate))
    local accept = m.accept or (ctx.key and base64(sha1(ctx.key .. GUID)))
    if not (accept or m.head or given["sec-websocket-accept"]) then
      error("websocket: `accept` is wanted where no request has come with a key", 0)
    end
    add_absent(list, given, "Upgrade", "websocket")
    add_absent(list, given, "Connection", "Upgrade")
    add_absent(list, given, "Sec-WebSocket-Accept", accept)
    add_absent(list, given, "Sec-WebSocket-Protocol", m.protocol)
    add_absent(list, given, "Sec-WebSocket-Extensions", extensions)
    ctx.open = true
    if extensions then agreed_on(ctx, extensions) end
  end
  for _, pair in ipairs(m.headers or {}) do list[#list + 1] = pair end
  return http.messages.response.encode({status = status, reason = m.reason, headers = list, body = m.body, head = m.head}, ctx.http or {})
end

-- Handshake: receiving

local function decode_request(r, ctx, m)
  if m.method ~= "GET" then r:fail("a handshake begins with GET", 0) end
  if not has_token(header_of(m, "upgrade"), "websocket") then fail_at(r, m, "upgrade", "a handshake has Upgrade: websocket") end
  if not has_token(header_of(m, "connection"), "upgrade") then fail_at(r, m, "connection", "a handshake has Connection: Upgrade") end
  local key = header_of(m, "sec-websocket-key") or ""
  local plain, bytes = pcall(unbase64, key)
  if not plain or #bytes ~= 16 then fail_at(r, m, "sec-websocket-key", "Sec-WebSocket-Key is 16 bytes in base64") end
  ctx.key, ctx.offered = key, header_of(m, "sec-websocket-extensions")
  local protocols = header_of(m, "sec-websocket-protocol")
  return "request", {
    target = m.target, host = header_of(m, "host"), key = key, version = header_of(m, "sec-websocket-version"),
    protocols = protocols and list_of(protocols), origin = header_of(m, "origin"), extensions = ctx.offered, headers = m.headers,
    head = m.head,
  }
end

-- RFC 7692 7.1.1 and 7.1.2
local function answer_wrong(offer, p)
  local most = tonumber(offer.server_max_window_bits)
  if p.client_max_window_bits and not offer.client_max_window_bits then return "client_max_window_bits was not offered" end
  if offer.server_no_context_takeover and not p.server_no_context_takeover then return "server_no_context_takeover was asked for" end
  if most and (tonumber(p.server_max_window_bits) or 15) > most then return "server_max_window_bits=" .. most .. " was asked for" end
  return nil
end

-- Only what was offered may be agreed on, and of permessage-deflate only what the offer allows.
local function check_extensions(r, ctx, m, text)
  local offered, seen = {}, {}
  for _, one in ipairs(extensions_of(ctx.offered)) do offered[one[1]] = one[2] end
  for _, one in ipairs(extensions_of(text)) do
    local name, p = one[1], one[2]
    local why = not offered[name] and name .. " was not offered"
    if seen[name] then why = name .. " comes twice" end
    if not why and name == "permessage-deflate" then
      why = wrong_parameters(p)
      why = why or answer_wrong(offered[name], p)
    end
    if why then fail_at(r, m, "sec-websocket-extensions", why) end
    seen[name] = true
  end
end

local function decode_response(r, ctx, m)
  local accept, protocol = header_of(m, "sec-websocket-accept"), header_of(m, "sec-websocket-protocol")
  local extensions = header_of(m, "sec-websocket-extensions")
  if m.status == 101 then
    if not has_token(header_of(m, "upgrade"), "websocket") then fail_at(r, m, "upgrade", "a handshake has Upgrade: websocket") end
    if not has_token(header_of(m, "connection"), "upgrade") then fail_at(r, m, "connection", "a handshake has Connection: Upgrade") end
    if ctx.key and accept ~= base64(sha1(ctx.key .. GUID)) then
      fail_at(r, m, "sec-websocket-accept", "Sec-WebSocket-Accept is not " .. base64(sha1(ctx.key .. GUID)))
    end
    if protocol and not has_token(concat(ctx.protocols or {}, ","), lower(protocol)) then
      fail_at(r, m, "sec-websocket-protocol", "the protocol " .. protocol .. " was not offered")
    end
    if ctx.key then check_extensions(r, ctx, m, extensions) end
    ctx.open = true
    agreed_on(ctx, extensions)
  end
  return "response", {
    status = m.status, reason = m.reason, accept = accept, protocol = protocol, extensions = extensions, headers = m.headers,
    body = m.body, head = m.head,
  }
end

local function decode_handshake(r, ctx)
  local h = ctx.http or {}
  ctx.http = h
  local kind, m = http.decode(r, h)
  if kind == "request" then return decode_request(r, ctx, m) end
  return decode_response(r, ctx, m)
end

-- Frames: sending

local function frame(m, ctx, fin, rsv1, opcode, payload)
  local bits = (fin and 0x80 or 0) | (rsv1 and 0x40 or 0) | (m.rsv2 and 0x20 or 0) | (m.rsv3 and 0x10 or 0) | opcode
  local masked = m.masked
  if masked == nil then masked = ctx.role == "client" or m.mask ~= nil end
  local n = m.length or #payload
  local size = m.length_size or (n < 126 and 0) or (n < 65536 and 2) or 8
  local head = pack("B", bits) .. pack("B", (masked and 0x80 or 0) | (size == 0 and n & 127 or size == 2 and 126 or 127))
  if size == 2 then head = head .. pack(">I2", n & 0xFFFF) end
  if size == 8 then head = head .. pack(">I8", n) end
  if not masked then return head .. payload end
  local mask = m.mask or random(4)
  return head .. mask .. xor(payload, mask)
end

local function compressed(ctx, data)
  local way = ctx.deflate and ctx.deflate.send or {bits = 15}
  local packed = sub(deflate(data, "raw", {bits = way.bits, before = way.before, sync = true}), 1, -5)
  if way.keep then way.before = sub((way.before or "") .. data, -32768) end
  return packed
end

-- The sizes of its frames: those that are said, then parts of frame_size, or what is left.
local function encode_data(opcode)
  return function(m, ctx)
    local data, out, at = m.data or "", {}, 1
    local compress = m.compress
    if compress == nil then compress = ctx.deflate ~= nil end
    if compress then data = compressed(ctx, data) end
    local rsv1 = m.rsv1
    if rsv1 == nil then rsv1 = compress end
    local sizes = m.frames or {}
    repeat
      local size = sizes[#out + 1] or m.frame_size
      if size == 0 and #out >= #sizes then size = nil end
      local part = sub(data, at, size and at + size - 1 or -1)
      at = at + #part
      local last = at > #data and #out + 1 >= #sizes
      out[#out + 1] = frame(m, ctx, last, rsv1 and #out == 0, #out == 0 and opcode or 0, part)
    until last
    return concat(out)
  end
end

local function encode_control(opcode)
  return function(m, ctx) return frame(m, ctx, true, m.rsv1, opcode, m.data or "") end
end

local function encode_close(m, ctx)
  local data = m.data or (m.code and pack(">I2", m.code) .. (m.reason or "")) or ""
  return frame(m, ctx, true, m.rsv1, opcodes.close, data)
end

local function encode_frame(m, ctx)
  return frame(m, ctx, m.fin ~= false, m.rsv1, (m.opcode or 0) & 15, m.data or "")
end

-- Frames: receiving

local function length_of(r, n)
  local at = r:position()
  if n < 126 then return n end
  local length = n == 126 and r:unpack(">I2") or r:unpack(">i8")
  if length < 0 then r:fail("the highest bit of a length is set", at) end
  if length < (n == 126 and 126 or 65536) then r:fail("a length in more bytes than it needs", at) end
  return length
end

-- Of a frame: fin, rsv1, opcode, its data, and where these begin
local function take_frame(r, ctx)
  local at = r:position()
  local first, second = r:unpack("BB")
  local opcode, masked = first & 15, second & 0x80 ~= 0
  if first & 0x30 ~= 0 or (first & 0x40 ~= 0 and not ctx.deflate) then r:fail("a reserved bit is set", at) end
  if opcode ~= 0 and not names[opcode] then r:fail(format("the opcode %d is reserved", opcode), at) end
  if first & 0x40 ~= 0 and opcode ~= 1 and opcode ~= 2 then r:fail("only a message's first frame says that it is compressed", at) end
  if masked ~= (ctx.role == "server") then
    r:fail(masked and "what a server sends is not masked" or "what a client sends is masked", at + 1)
  end
  if opcode >= 8 and first & 0x80 == 0 then r:fail("a control frame is not fragmented", at) end
  if opcode >= 8 and second & 127 > 125 then r:fail("a control frame has at most 125 bytes", at + 1) end
  local length = length_of(r, second & 127)
  local mask = masked and r:bytes(4)
  local from = r:position()
  local data = r:bytes(length)
  return first & 0x80 ~= 0, first & 0x40 ~= 0, opcode, mask and xor(data, mask) or data, from
end

local function check_text(r, text, from)
  local length, wrong = utf8.len(text)
  if not length then r:fail("this is no UTF-8", from(wrong)) end
end

local function is_close_code(code)
  return (code >= 1000 and code <= 1003) or (code >= 1007 and code <= 1014) or (code >= 3000 and code <= 4999)
end

local function take_close(r, data, from)
  if #data == 0 then return "close", {} end
  if #data == 1 then r:fail("a close code has two bytes", from) end
  local code = string.unpack(">I2", data)
  if not is_close_code(code) then r:fail(format("the close code %d is not for the wire", code), from) end
  local reason = sub(data, 3)
  check_text(r, reason, function(i) return from + 1 + i end)
  return "close", {code = code, reason = reason}
end

local function inflated(r, ctx, data)
  local way = ctx.deflate.receive
  local well, text = pcall(inflate, data .. "\0\0\xff\xff", "raw", {bits = way.bits, before = way.before, sync = true, most = MOST})
  if not well then r:fail(text) end
  if way.keep then way.before = sub((way.before or "") .. text, -32768) end
  return text
end

-- p: the parts of the message, in ctx while a control frame stands between them. places: where those that came in this go begin
local function take_message(r, ctx, p, places)
  local data = concat(p.parts)
  if p.compress then data = inflated(r, ctx, data) end
  if p.opcode == opcodes.text then
    check_text(r, data, function(wrong)
      local before = 0
      for i, part in ipairs(p.parts) do
        if places[i] and not p.compress and wrong <= before + #part then return places[i] + wrong - before - 1 end
        before = before + #part
      end
      return r:position()
    end)
  end
  local sizes = {}
  for i, part in ipairs(p.parts) do sizes[i] = #part end
  return names[p.opcode], {data = data, frames = sizes, compress = p.compress}
end

local function decode_frames(r, ctx)
  local p, places = ctx.partial, {}
  while true do
    local at = r:position()
    local fin, compress, opcode, data, from = take_frame(r, ctx)
    if opcode == opcodes.close then return take_close(r, data, from) end
    if opcode >= 8 then return names[opcode], {data = data} end
    if opcode == 0 and not p then r:fail("a continuation of nothing", at) end
    if opcode ~= 0 and p then r:fail("a message within another", at) end
    p = p or {opcode = opcode, compress = compress, parts = {}, size = 0}
    p.size = p.size + #data
    if p.size > MOST then r:fail("a message of more than 64 MiB", at) end
    p.parts[#p.parts + 1] = data
    places[#p.parts] = from
    if fin then
      ctx.partial = nil
      return take_message(r, ctx, p, places)
    end
    ctx.partial = p
  end
end

return {
  messages = {
    -- What a client begins with.
    request = {
      fields = {
        target = "text?",       -- /
        host = "text?",         -- the peer
        key = "text?",          -- 16 random bytes in base64
        version = "text?",      -- 13
        protocols = "list?",    -- those that it could speak
        origin = "text?",
        extensions = "text?",   -- Sec-WebSocket-Extensions, as it is
        deflate = "json?",      -- true, or a map of parameters: permessage-deflate is offered
        headers = "pairs?",     -- others, or in place of those above
        head = "bytes?",        -- start line, headers and the empty line, as they are
      },
      encode = encode_request,
    },
    -- What a server answers; it agrees or, with another status than 101, refuses.
    response = {
      fields = {
        status = "u16?",        -- 101
        reason = "text?",
        accept = "text?",       -- made of the request's key
        protocol = "text?",     -- the one that it chooses
        extensions = "text?",   -- Sec-WebSocket-Extensions, as it is
        deflate = "json?",      -- true, or a map of parameters: permessage-deflate is agreed on
        headers = "pairs?",     -- others, or in place of those above
        body = "bytes?",        -- of a refusal
        head = "bytes?",        -- start line, headers and the empty line, as they are
      },
      encode = encode_response,
    },
    -- A message of text
    text = {
      fields = {
        data = "bytes?",
        compress = "bool?",     -- true where permessage-deflate was agreed on
        frames = "list?",       -- the bytes in each of its frames; what is left goes into a last one
        frame_size = "u32?",    -- the bytes in each frame
        masked = "bool?",       -- true for a client
        mask = "bytes?",        -- 4 random bytes
        rsv1 = "bool?",         -- as `compress`
        rsv2 = "bool?",
        rsv3 = "bool?",
      },
      encode = encode_data(opcodes.text),
    },
    -- A message of bytes
    binary = {
      fields = {
        data = "bytes?",
        compress = "bool?",     -- true where permessage-deflate was agreed on
        frames = "list?",       -- the bytes in each of its frames; what is left goes into a last one
        frame_size = "u32?",    -- the bytes in each frame
        masked = "bool?",       -- true for a client
        mask = "bytes?",        -- 4 random bytes
        rsv1 = "bool?",         -- as `compress`
        rsv2 = "bool?",
        rsv3 = "bool?",
      },
      encode = encode_data(opcodes.binary),
    },
    -- Asks for a pong with the same data.
    ping = {
      fields = {
        data = "bytes?",
        masked = "bool?",       -- true for a client
        mask = "bytes?",        -- 4 random bytes
        rsv1 = "bool?",
        rsv2 = "bool?",
        rsv3 = "bool?",
      },
      encode = encode_control(opcodes.ping),
    },
    -- Answers a ping, or comes by itself.
    pong = {
      fields = {
        data = "bytes?",
        masked = "bool?",       -- true for a client
        mask = "bytes?",        -- 4 random bytes
        rsv1 = "bool?",
        rsv2 = "bool?",
        rsv3 = "bool?",
      },
      encode = encode_control(opcodes.pong),
    },
    -- The first or the second half of the end
    close = {
      fields = {
        code = "u16?",          -- none: without a word
        reason = "text?",
        data = "bytes?",        -- in place of both
        masked = "bool?",       -- true for a client
        mask = "bytes?",        -- 4 random bytes
        rsv1 = "bool?",
        rsv2 = "bool?",
        rsv3 = "bool?",
      },
      encode = encode_close,
    },
    -- One frame, as it is said; what comes is one of the others.
    frame = {
      fields = {
        opcode = {"u8?", continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10},
        fin = "bool?",          -- true
        data = "bytes?",
        length = "u64?",        -- said whatever it is
        length_size = "u8?",    -- bytes behind the second, which say it: 0, 2 or 8
        masked = "bool?",       -- true for a client
        mask = "bytes?",        -- 4 random bytes
        rsv1 = "bool?",
        rsv2 = "bool?",
        rsv3 = "bool?",
      },
      encode = encode_frame,
    },
  },

  decode = function(r, ctx)
    -- No connection's first frame begins with one of these letters.
    if not ctx.open and not ctx.partial and r:peek(1):find("[C-Z]") then return decode_handshake(r, ctx) end
    return decode_frames(r, ctx)
  end,
}
