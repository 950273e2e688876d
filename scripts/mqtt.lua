-- MQTT 3.1.1 and 5 (the OASIS standards), and 3.1.
--
-- The version is that of the CONNECT which the connection has seen, sent or received; 3.1.1 before there was one. Properties are a map
-- by the names of the standard, such as {session_expiry_interval: 60}; `user_property` is a list of [name, value], and any property that
-- is given a list is sent once for each of its elements. The key `raw` in it is bytes behind the last one.
--
-- Every packet can be sent broken: `flags` are the low bits of its first byte, `length` is the length that it says, `raw` stands in place
-- of all behind that.

local byte, concat, find, format, pack = string.byte, table.concat, string.find, string.format, string.pack

local names = {
  "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback", "unsubscribe", "unsuback", "pingreq",
  "pingresp", "disconnect", "auth",
}
local codes = {}
for code, name in ipairs(names) do codes[name] = code end

-- Properties (MQTT 5, 2.2.2.2)

local property_names = {
  [1] = "payload_format_indicator", [2] = "message_expiry_interval", [3] = "content_type", [8] = "response_topic",
  [9] = "correlation_data", [11] = "subscription_identifier", [17] = "session_expiry_interval", [18] = "assigned_client_identifier",
  [19] = "server_keep_alive", [21] = "authentication_method", [22] = "authentication_data", [23] = "request_problem_information",
  [24] = "will_delay_interval", [25] = "request_response_information", [26] = "response_information", [28] = "server_reference",
  [31] = "reason_string", [33] = "receive_maximum", [34] = "topic_alias_maximum", [35] = "topic_alias", [36] = "maximum_qos",
  [37] = "retain_available", [38] = "user_property", [39] = "maximum_packet_size", [40] = "wildcard_subscription_available",
  [41] = "subscription_identifier_available", [42] = "shared_subscription_available",
}
local property_ids = {}
for id, name in pairs(property_names) do property_ids[name] = id end
local property_types = {
  [1] = "B", [2] = ">I4", [3] = "text", [8] = "text", [9] = "bytes", [11] = "varint", [17] = ">I4", [18] = "text", [19] = ">I2",
  [21] = "text", [22] = "bytes", [23] = "B", [24] = ">I4", [25] = "B", [26] = "text", [28] = "text", [31] = "text", [33] = ">I2",
  [34] = ">I2", [35] = ">I2", [36] = "B", [37] = "B", [38] = "pair", [39] = ">I4", [40] = "B", [41] = "B", [42] = "B",
}

-- Sending

local function varint(n)
  local out = {}
  repeat
    local low = n & 127
    n = n >> 7
    out[#out + 1] = string.char(n > 0 and low | 128 or low)
  until n == 0
  return concat(out)
end

local function text(s) return pack(">s2", tostring(s)) end

local function put_property(id, value)
  local kind = property_types[id]
  if kind == "text" or kind == "bytes" then return varint(id) .. text(value) end
  if kind == "varint" then return varint(id) .. varint(value) end
  if kind == "pair" and type(value) ~= "table" then error("a user_property is a list of [name, value]", 0) end
  if kind == "pair" then return varint(id) .. text(value[1]) .. text(value[2]) end
  return varint(id) .. pack(kind, value)
end

local function put_properties(map)
  local order, out = {}, {}
  for name in pairs(map or {}) do
    if name ~= "raw" then
      order[#order + 1] = property_ids[name] or error("there is no property `" .. tostring(name) .. "`", 0)
    end
  end
  table.sort(order)
  for _, id in ipairs(order) do
    local value = map[property_names[id]]
    if type(value) ~= "table" then value = {value} end
    if next(value) ~= nil and value[1] == nil then error("a property is a text, a number or a list: " .. property_names[id], 0) end
    for _, one in ipairs(value) do out[#out + 1] = put_property(id, one) end
  end
  out[#out + 1] = map and map.raw
  local all = concat(out)
  return varint(#all) .. all
end

local function put_packet(name, m, flags, body)
  body = m.raw or body
  return string.char(codes[name] << 4 | (m.flags or flags)) .. varint(m.length or #body) .. body
end

local function put_will(m)
  if not m.will_topic then return "", 0 end
  local bits = 4 | (m.will_qos or 0) << 3 | (m.will_retain and 32 or 0)
  return text(m.will_topic) .. text(m.will_payload or ""), bits
end

local function encode_connect(m, ctx)
  local version = m.version or 4
  ctx.version = version
  local will, bits = put_will(m)
  if version == 5 and will ~= "" then will = put_properties(m.will_properties) .. will end
  bits = bits | (m.clean ~= false and 2 or 0) | (m.user and 128 or 0) | (m.password and 64 or 0)
  return put_packet("connect", m, 0, concat({
    text(m.protocol or (version == 3 and "MQIsdp" or "MQTT")),
    pack(">BBI2", version, m.connect_flags or bits, m.keep_alive or 60),
    version == 5 and put_properties(m.properties) or "",
    text(m.client or ""),
    will,
    m.user and text(m.user) or "",
    m.password and text(m.password) or "",
  }))
end

local function encode_connack(m, ctx)
  local body = pack("BB", m.session_present and 1 or 0, m.reason or 0)
  if ctx.version == 5 then body = body .. put_properties(m.properties) end
  return put_packet("connack", m, 0, body)
end

local function encode_publish(m, ctx)
  local qos = m.qos or 0
  local flags = (m.dup and 8 or 0) | qos << 1 | (m.retain and 1 or 0)
  return put_packet("publish", m, flags, concat({
    text(m.topic or ""),
    qos > 0 and pack(">I2", m.id or 1) or "",
    ctx.version == 5 and put_properties(m.properties) or "",
    m.payload or "",
  }))
end

-- PUBACK, PUBREC, PUBREL and PUBCOMP
local function encode_answer(name, flags)
  return function(m, ctx)
    local body = pack(">I2", m.id or 1)
    if ctx.version == 5 and (m.reason or m.properties) then
      body = body .. pack("B", m.reason or 0) .. (m.properties and put_properties(m.properties) or "")
    end
    return put_packet(name, m, flags, body)
  end
end

local function put_filter(f)
  if type(f) ~= "table" then return text(f) .. "\0" end
  local options = (f.qos or 0) | (f.no_local and 4 or 0) | (f.retain_as_published and 8 or 0) | (f.retain_handling or 0) << 4
  return text(f.filter or "") .. string.char(f.options or options)
end

local function encode_subscribe(m, ctx)
  local out = {pack(">I2", m.id or 1), ctx.version == 5 and put_properties(m.properties) or ""}
  for _, f in ipairs(m.filters or {}) do out[#out + 1] = put_filter(f) end
  return put_packet("subscribe", m, 2, concat(out))
end

local function encode_unsubscribe(m, ctx)
  local out = {pack(">I2", m.id or 1), ctx.version == 5 and put_properties(m.properties) or ""}
  for _, f in ipairs(m.filters or {}) do out[#out + 1] = text(f) end
  return put_packet("unsubscribe", m, 2, concat(out))
end

-- SUBACK and UNSUBACK, which has no reasons before MQTT 5
local function encode_suback(name)
  return function(m, ctx)
    local out = {pack(">I2", m.id or 1), ctx.version == 5 and put_properties(m.properties) or ""}
    for _, reason in ipairs(m.reasons or {}) do out[#out + 1] = string.char(reason) end
    return put_packet(name, m, 0, concat(out))
  end
end

-- DISCONNECT and AUTH
local function encode_reason(name)
  return function(m, ctx)
    local body = ""
    if ctx.version == 5 and (m.reason or m.properties) then
      body = pack("B", m.reason or 0) .. (m.properties and put_properties(m.properties) or "")
    end
    return put_packet(name, m, 0, body)
  end
end

local function encode_ping(name)
  return function(m) return put_packet(name, m, 0, "") end
end

-- Receiving

-- 1.5.5: at most four bytes, at most this one in two of them
local function take_varint(r)
  local n, shift = 0, 0
  repeat
    local at = r:position()
    local x = byte(r:bytes(1))
    if shift == 21 and x >= 128 then r:fail("a length of more than four bytes", at) end
    n, shift = n | (x & 127) << shift, shift + 7
  until x < 128
  return n
end

local function take_text(r)
  local s = r:prefixed("u16be")
  local _, wrong = utf8.len(s)
  wrong = wrong or find(s, "\0", 1, true)
  if wrong then r:fail("this is no text in UTF-8", r:position() - #s + wrong - 1) end
  return s
end

local function take_property(r, kind)
  if kind == "text" then return take_text(r) end
  if kind == "bytes" then return r:prefixed("u16be") end
  if kind == "varint" then return take_varint(r) end
  if kind == "pair" then return {take_text(r), take_text(r)} end
  return (r:unpack(kind))
end

local repeated = {user_property = true, subscription_identifier = true}

local function take_properties(r)
  local map = {}
  local length = take_varint(r)
  local part = r:part(length)
  while part:position() < length do
    local id = take_varint(part)
    local name = property_names[id]
    if not name then part:fail("there is no property " .. id, part:position() - 1) end
    if map[name] and not repeated[name] then part:fail(name .. " comes a second time", part:position() - 1) end
    local value = take_property(part, property_types[id])
    if repeated[name] then
      local list = map[name] or {}
      list[#list + 1] = value
      value = list
    end
    map[name] = value
  end
  return map
end

local function properties_of(r, ctx)
  if ctx.version == 5 then return take_properties(r) end
end

local function take_id(r)
  local id = r:unpack(">I2")
  if id == 0 then r:fail("a packet identifier is not 0", r:position() - 2) end
  return id
end

local function take_will(r, ctx, m, bits)
  m.will_qos, m.will_retain = bits >> 3 & 3, bits & 32 ~= 0
  m.will_properties = properties_of(r, ctx)
  m.will_topic = take_text(r)
  m.will_payload = r:prefixed("u16be")
end

local decoders = {}

function decoders.connect(r, ctx)
  local m = {protocol = take_text(r)}
  m.version = r:unpack("B")
  if m.protocol ~= (m.version == 3 and "MQIsdp" or "MQTT") then
    r:fail("the protocol of version " .. m.version .. " has another name", 2)
  end
  local bits = r:unpack("B")
  if bits & 1 ~= 0 then r:fail("the reserved bit of the flags is set", r:position() - 1) end
  if bits & 24 == 24 then r:fail("a QoS of 3", r:position() - 1) end
  if bits & 4 == 0 and bits & 56 ~= 0 then r:fail("QoS or retain of a will that is not there", r:position() - 1) end
  ctx.version = m.version
  m.clean, m.keep_alive = bits & 2 ~= 0, r:unpack(">I2")
  m.properties = properties_of(r, ctx)
  m.client = take_text(r)
  if bits & 4 ~= 0 then take_will(r, ctx, m, bits) end
  if bits & 128 ~= 0 then m.user = take_text(r) end
  if bits & 64 ~= 0 then m.password = r:prefixed("u16be") end
  return m
end

function decoders.connack(r, ctx)
  local bits, reason = r:unpack("BB")
  if bits > 1 then r:fail("reserved bits are set", 0) end
  return {session_present = bits == 1, reason = reason, properties = properties_of(r, ctx)}
end

function decoders.publish(r, ctx, flags, length)
  local m = {dup = flags & 8 ~= 0, qos = flags >> 1 & 3, retain = flags & 1 ~= 0, topic = take_text(r)}
  local wild = find(m.topic, "[+#]")
  if wild then r:fail("a wildcard in the topic of a message", 1 + wild) end
  if m.qos > 0 then m.id = take_id(r) end
  m.properties = properties_of(r, ctx)
  m.payload = r:bytes(length - r:position())
  return m
end

local function decode_answer(r, ctx, _, length)
  local m = {id = take_id(r), reason = 0}
  if ctx.version == 5 and length > 2 then m.reason = r:unpack("B") end
  if ctx.version == 5 and length > 3 then m.properties = take_properties(r) end
  return m
end
decoders.puback, decoders.pubrec, decoders.pubrel, decoders.pubcomp = decode_answer, decode_answer, decode_answer, decode_answer

local function take_filter(r, ctx)
  local f = {filter = take_text(r)}
  local bits = r:unpack("B")
  f.qos = bits & 3
  if f.qos == 3 or bits & 0xc0 ~= 0 or (ctx.version ~= 5 and bits > 2) then r:fail("reserved bits are set", r:position() - 1) end
  if ctx.version == 5 then
    f.no_local, f.retain_as_published, f.retain_handling = bits & 4 ~= 0, bits & 8 ~= 0, bits >> 4 & 3
  end
  return f
end

local function filters_of(one)
  return function(r, ctx, _, length)
    local m = {id = take_id(r), properties = properties_of(r, ctx), filters = {}}
    if r:position() == length then r:fail("a filter must come here") end
    while r:position() < length do m.filters[#m.filters + 1] = one(r, ctx) end
    return m
  end
end
decoders.subscribe, decoders.unsubscribe = filters_of(take_filter), filters_of(take_text)

local function decode_suback(r, ctx, _, length)
  local m = {id = take_id(r), properties = properties_of(r, ctx), reasons = {}}
  while r:position() < length do m.reasons[#m.reasons + 1] = r:unpack("B") end
  return m
end
decoders.suback, decoders.unsuback = decode_suback, decode_suback

local function decode_ping() return {} end
decoders.pingreq, decoders.pingresp = decode_ping, decode_ping

local function decode_reason(r, ctx, _, length)
  if ctx.version ~= 5 then return {} end
  local m = {reason = 0}
  if length > 0 then m.reason = r:unpack("B") end
  if length > 1 then m.properties = take_properties(r) end
  return m
end
decoders.disconnect, decoders.auth = decode_reason, decode_reason

-- 2.1.3: of the other packets the flags are 0
local fixed_flags = {pubrel = 2, subscribe = 2, unsubscribe = 2}

local function check_flags(r, name, flags)
  if name == "publish" then
    if flags & 6 == 6 then r:fail("a QoS of 3", 0) end
  elseif flags ~= (fixed_flags[name] or 0) then
    r:fail(format("the flags of a %s are %d, not %d", name, fixed_flags[name] or 0, flags), 0)
  end
end

return {
  messages = {
    -- What a client begins with; the connection has its version from then on
    connect = {
      fields = {
        client = "text?",             -- the client identifier
        version = "u8?",              -- 4 is MQTT 3.1.1; 5; 3 is 3.1
        clean = "bool?",              -- clean session, or clean start; true
        keep_alive = "u16?",          -- seconds; 60
        user = "text?",
        password = "bytes?",
        will_topic = "text?",         -- there is a will if it is there
        will_payload = "bytes?",
        will_qos = "u8?",
        will_retain = "bool?",
        will_properties = "map?",     -- MQTT 5
        properties = "map?",          -- MQTT 5
        protocol = "text?",           -- MQTT
        connect_flags = "u8?",        -- all of them, in place of what the other fields say; only sent
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_connect,
    },
    connack = {
      fields = {
        reason = {                    -- 0; other codes as numbers
          "u8?", success = 0, unacceptable_protocol_version = 1, identifier_rejected = 2, server_unavailable = 3,
          bad_user_name_or_password = 4, not_authorized = 5,
        },
        session_present = "bool?",
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_connack,
    },
    publish = {
      fields = {
        topic = "text?",
        payload = "bytes?",
        qos = "u8?",
        id = "u16?",                  -- of a message whose qos is not 0; 1
        retain = "bool?",
        dup = "bool?",
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_publish,
    },
    puback = {
      fields = {
        id = "u16?",                  -- 1
        reason = "u8?",               -- MQTT 5
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_answer("puback", 0),
    },
    pubrec = {
      fields = {
        id = "u16?",                  -- 1
        reason = "u8?",               -- MQTT 5
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_answer("pubrec", 0),
    },
    pubrel = {
      fields = {
        id = "u16?",                  -- 1
        reason = "u8?",               -- MQTT 5
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_answer("pubrel", 2),
    },
    pubcomp = {
      fields = {
        id = "u16?",                  -- 1
        reason = "u8?",               -- MQTT 5
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_answer("pubcomp", 0),
    },
    subscribe = {
      fields = {
        id = "u16?",                  -- 1
        filters = "list?",            -- {filter: a/b, qos: 1}, in MQTT 5 with no_local, retain_as_published, retain_handling; or a text
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_subscribe,
    },
    suback = {
      fields = {
        id = "u16?",                  -- 1
        reasons = "list?",            -- a number for each filter: the qos that was granted, or 128 and more
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_suback("suback"),
    },
    unsubscribe = {
      fields = {
        id = "u16?",                  -- 1
        filters = "list?",            -- texts
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_unsubscribe,
    },
    unsuback = {
      fields = {
        id = "u16?",                  -- 1
        reasons = "list?",            -- MQTT 5: a number for each filter
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_suback("unsuback"),
    },
    pingreq = {
      fields = {
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_ping("pingreq"),
    },
    pingresp = {
      fields = {
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_ping("pingresp"),
    },
    disconnect = {
      fields = {
        reason = "u8?",               -- MQTT 5
        properties = "map?",          -- MQTT 5
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_reason("disconnect"),
    },
    -- MQTT 5
    auth = {
      fields = {
        reason = "u8?",
        properties = "map?",
        flags = "u8?",                -- only sent
        length = "u32?",              -- only sent
        raw = "bytes?",               -- only sent
      },
      encode = encode_reason("auth"),
    },
  },

  decode = function(r, ctx)
    local first = byte(r:bytes(1))
    local name = names[first >> 4]
    if not name or (name == "auth" and ctx.version ~= 5) then r:fail("there is no packet of the type " .. (first >> 4), 0) end
    check_flags(r, name, first & 15)
    local length = take_varint(r)
    local part = r:part(length)
    local m = decoders[name](part, ctx, first & 15, length)
    if part:position() < length then part:fail("nothing more must come in a " .. name) end
    return name, m
  end,
}
