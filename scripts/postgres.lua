-- The protocol of PostgreSQL, version 3 (https://www.postgresql.org/docs/15/protocol.html), of clients and servers.
--
-- Passwords are sent as the server has asked for them: `password` hashes for MD5, `sasl_initial` and `sasl_response` make the messages of
-- SCRAM-SHA-256 (RFC 5802, RFC 7677), and so does `authentication` on the side of the server, if it is given the password.
-- In lists of values, null is NULL.
--
-- Every message can be sent broken: `length` is the length that it says, `raw` stands in place of all behind it.

local concat, format, match, pack, sub = table.concat, string.format, string.match, string.pack, string.sub
local null = json.null

local STARTUP_MOST = 10000
local ITERATIONS_MOST = 100000
local CANCEL, SSL, GSSENC = 80877102, 80877103, 80877104
local kinds = {
  "u32?", ok = 0, kerberos = 2, cleartext_password = 3, md5_password = 5, gss = 7, gss_continue = 8, sspi = 9, sasl = 10,
  sasl_continue = 11, sasl_final = 12,
}

-- SCRAM

local function hi(password, salt, iterations)
  local u = hmac(password, salt .. "\0\0\0\1")
  local sum = u
  for _ = 2, iterations do
    u = hmac(password, u)
    sum = xor(sum, u)
  end
  return sum
end

-- The proof of the client and the signature of the server, in base64
local function scram_proofs(s, password, without_proof)
  local salt, iterations = match(s.server_first, "s=([^,]*),i=(%d+)")
  iterations = #iterations < 10 and math.tointeger(tonumber(iterations)) or 0
  if iterations < 1 or iterations > ITERATIONS_MOST then error("SCRAM iterates 1 to " .. ITERATIONS_MOST .. " times", 0) end
  local salted = hi(password, unbase64(salt), iterations)
  local client_key = hmac(salted, "Client Key")
  local said = concat({s.client_first, s.server_first, without_proof}, ",")
  local proof = xor(client_key, hmac(sha256(client_key), said))
  return base64(proof), base64(hmac(hmac(salted, "Server Key"), said))
end

local function client_first(m, ctx)
  local nonce = m.nonce or base64(random(18))
  ctx.scram = {client_first = "n=" .. (m.user or "") .. ",r=" .. nonce, nonce = nonce}
  return "n,," .. ctx.scram.client_first
end

local function client_final(m, ctx)
  local s = ctx.scram
  if not s or not s.server_first then error("a SCRAM response without what it answers: give `data`", 0) end
  local without = "c=biws,r=" .. match(s.server_first, "^r=([^,]*)")
  local proof
  proof, s.signature = scram_proofs(s, m.password or "", without)
  return without .. ",p=" .. proof
end

local function server_first(m, ctx)
  local s = ctx.scram
  if not s then error("a SCRAM challenge without what it answers: give `data`", 0) end
  local nonce, salt = s.nonce .. (m.nonce or base64(random(18))), base64(m.salt or random(16))
  s.server_first = format("r=%s,s=%s,i=%d", nonce, salt, m.iterations or 4096)
  s.password = m.password
  return s.server_first
end

local function server_final(ctx)
  if not ctx.scram or not ctx.scram.signature then error("a SCRAM signature without what it answers: give `data`", 0) end
  return "v=" .. ctx.scram.signature
end

-- Fields of messages, one after the other: text to its NUL, numbers, the rest, lists with their count

local function put_values(list)
  local out = {pack(">I2", #list)}
  for _, v in ipairs(list) do out[#out + 1] = (v == null or v == nil) and "\xff\xff\xff\xff" or pack(">s4", tostring(v)) end
  return concat(out)
end

local function take_values(r)
  local list = {}
  for i = 1, r:unpack(">I2") do
    local n = r:unpack(">i4")
    if n < -1 then r:fail("a value of " .. n .. " bytes", r:position() - 4) end
    list[i] = n == -1 and null or r:bytes(n)
  end
  return list
end

local function numbers(layout)
  return {
    function(list)
      local out = {pack(">I2", #list)}
      for _, x in ipairs(list) do out[#out + 1] = pack(layout, math.tointeger(x)) end
      return concat(out)
    end,
    function(r)
      local list = {}
      for i = 1, r:unpack(">I2") do list[i] = r:unpack(layout) end
      return list
    end,
    {},
  }
end

local function put_column(c)
  if type(c) ~= "table" then c = {name = c} end
  local name = tostring(c.name or "?column?")
  return pack(">zI4I2I4i2i4I2", name, c.table or 0, c.column or 0, c.type or 25, c.size or -1, c.modifier or -1, c.format or 0)
end

local function take_column(r)
  local c = {name = r:until_("\0")}
  c.table, c.column, c.type, c.size, c.modifier, c.format = r:unpack(">I4I2I4i2i4I2")
  return c
end

local columns = {
  function(list)
    local out = {pack(">I2", #list)}
    for _, c in ipairs(list) do out[#out + 1] = put_column(c) end
    return concat(out)
  end,
  function(r)
    local list = {}
    for i = 1, r:unpack(">I2") do list[i] = take_column(r) end
    return list
  end,
  {},
}

local function whole(layout, default)
  return {function(v) return pack(layout, v) end, function(r) return (r:unpack(layout)) end, default}
end

-- How a field is written and read, and what it is where it is left out
local text = {function(v) return v .. "\0" end, function(r) return r:until_("\0") end, ""}
local letter = {function(v) return sub(v .. "\0", 1, 1) end, function(r) return r:bytes(1) end, "I"}
local i4, u4 = whole(">i4", 0), whole(">I4", 0)
local u1 = whole("B", 0)
local rest = {function(v) return v end, function(r, left) return r:bytes(left) end, ""}
local values = {put_values, take_values, {}}
local formats, oids = numbers(">I2"), numbers(">I4")

local layouts = {
  bind = {{"portal", text}, {"statement", text}, {"formats", formats}, {"values", values}, {"result_formats", formats}},
  close = {{"kind", letter}, {"name", text}},
  copy_data = {{"data", rest}},
  copy_fail = {{"message", text}},
  describe = {{"kind", letter}, {"name", text}},
  execute = {{"portal", text}, {"rows", i4}},
  parse = {{"name", text}, {"sql", text}, {"types", oids}},
  query = {{"sql", text}},
  backend_key_data = {{"pid", u4}, {"key", u4}},
  command_complete = {{"tag", text}},
  copy_in_response = {{"format", u1}, {"formats", formats}},
  copy_out_response = {{"format", u1}, {"formats", formats}},
  data_row = {{"values", values}},
  notification_response = {{"pid", u4}, {"channel", text}, {"payload", text}},
  parameter_description = {{"types", oids}},
  parameter_status = {{"name", text}, {"value", text}},
  ready_for_query = {{"status", letter}},
  row_description = {{"columns", columns}},
}

local client_types = {
  bind = "B", close = "C", copy_data = "d", copy_done = "c", copy_fail = "f", describe = "D", execute = "E", flush = "H", parse = "P",
  password = "p", query = "Q", sasl_initial = "p", sasl_response = "p", sync = "S", terminate = "X",
}
local server_types = {
  authentication = "R", backend_key_data = "K", bind_complete = "2", close_complete = "3", command_complete = "C", copy_data = "d",
  copy_done = "c", copy_in_response = "G", copy_out_response = "H", data_row = "D", empty_query_response = "I", error_response = "E",
  no_data = "n", notice_response = "N", notification_response = "A", parameter_description = "t", parameter_status = "S",
  parse_complete = "1", portal_suspended = "s", ready_for_query = "Z", row_description = "T",
}
local client_names, server_names = {}, {}
for name, letter_ in pairs(client_types) do client_names[letter_] = name end
for name, letter_ in pairs(server_types) do server_names[letter_] = name end

-- Sending

local function put(m, letter_, body)
  body = m.raw or body
  return letter_ .. pack(">I4", m.length or #body + 4) .. body
end

local function encode(name)
  local layout, letter_ = layouts[name] or {}, client_types[name] or server_types[name]
  return function(m)
    local out = {}
    for i, f in ipairs(layout) do
      local v = m[f[1]]
      if v == nil then v = f[2][3] end
      out[i] = f[2][1](v)
    end
    return put(m, letter_, concat(out))
  end
end

local function put_texts(list)
  local out = {}
  for i, p in ipairs(list) do out[i] = type(p) == "table" and pack("zz", p[1], p[2]) or pack("z", p) end
  return concat(out) .. "\0"
end

local function encode_startup(m, ctx)
  local parameters = m.parameters or {}
  if m.user then parameters = {{"user", m.user}, {"database", m.database or m.user}, table.unpack(parameters)} end
  ctx.user, ctx.started = m.user, true
  return put(m, "", pack(">I4", m.protocol or 0x30000) .. put_texts(parameters))
end

local function encode_password(m, ctx)
  local password = m.password or ""
  if ctx.auth == kinds.md5_password and m.hashed ~= false then
    password = "md5" .. hex(md5(hex(md5(password .. (m.user or ctx.user or ""))) .. (ctx.salt or "")))
  end
  return put(m, "p", password .. "\0")
end

local function encode_sasl_initial(m, ctx)
  return put(m, "p", pack(">zs4", m.mechanism or "SCRAM-SHA-256", m.data or client_first(m, ctx)))
end

local function encode_sasl_response(m, ctx) return put(m, "p", m.data or m.raw or client_final(m, ctx)) end

local function encode_authentication(m, ctx)
  local kind, data = m.kind or 0, m.data
  ctx.auth = kind
  if not data and kind == kinds.md5_password then
    data = m.salt or random(4)
  elseif not data and kind == kinds.sasl then
    data = put_texts(m.mechanisms or {"SCRAM-SHA-256"})
  elseif not data and not m.raw and kind == kinds.sasl_continue then
    data = server_first(m, ctx)
  elseif not data and not m.raw and kind == kinds.sasl_final then
    data = server_final(ctx)
  end
  return put(m, "R", pack(">I4", kind) .. (data or ""))
end

local said = {severity = "S", code = "C", message = "M", detail = "D", hint = "H", position = "P"}

local function encode_said(letter_, severity)
  return function(m)
    local out = {"S", m.severity or severity, "\0"}
    for _, name in ipairs {"code", "message", "detail", "hint", "position"} do
      local v = m[name] or name == "code" and "XX000" or name == "message" and "" or nil
      if v then out[#out + 1] = said[name] .. v .. "\0" end
    end
    for _, p in ipairs(m.fields or {}) do out[#out + 1] = p[1] .. p[2] .. "\0" end
    return put(m, letter_, concat(out) .. "\0")
  end
end

-- Receiving

local function take_body(r, ctx, name, length)
  local m = {}
  for _, f in ipairs(layouts[name] or {}) do m[f[1]] = f[2][2](r, length - r:position()) end
  return m
end

-- Texts in pairs to an empty one
local function take_pairs(r)
  local map = {}
  while true do
    local name = r:until_("\0")
    if name == "" then return map end
    map[name:lower()] = r:until_("\0")
  end
end

local decoders = {}

function decoders.password(r) return {password = r:until_("\0")} end

function decoders.sasl_initial(r, ctx)
  local m = {mechanism = r:until_("\0")}
  m.data = r:prefixed("u32be")
  local bare, nonce = match(m.data, "^[ny],[^,]*,(n=[^,]*,r=([^,]+).*)$")
  if bare then ctx.scram = {client_first = bare, nonce = nonce, header = sub(m.data, 1, #m.data - #bare)} end
  return m
end

-- Who has given the password learns whether the client knew it
function decoders.sasl_response(r, ctx, _, length)
  local m = {data = r:bytes(length)}
  local without, proof = match(m.data, "^(.*),p=([^,]*)$")
  local s = ctx.scram
  if without and s and s.password then
    local want
    want, s.signature = scram_proofs(s, s.password, without)
    m.verified = proof == want and without == "c=" .. base64(s.header) .. ",r=" .. match(s.server_first, "^r=([^,]*)")
  end
  return m
end

local auth_takers = {
  [kinds.md5_password] = function(r, m, ctx)
    m.salt = r:bytes(4)
    ctx.salt = m.salt
  end,
  [kinds.sasl] = function(r, m)
    m.mechanisms = {}
    repeat
      local name = r:until_("\0")
      if name ~= "" then m.mechanisms[#m.mechanisms + 1] = name end
    until name == ""
  end,
  [kinds.sasl_continue] = function(r, m, ctx, left)
    local from = r:position()
    m.data = r:bytes(left)
    local s = ctx.scram
    if not s then return end
    local nonce = match(m.data, "^r=([^,]+),s=[%w+/=]+,i=%d+")
    if not nonce or sub(nonce, 1, #s.nonce) ~= s.nonce then
      r:fail("a SCRAM challenge has the nonce of the client, a salt and a count", from)
    end
    s.server_first = m.data
  end,
  [kinds.sasl_final] = function(r, m, ctx, left)
    m.data = r:bytes(left)
    if ctx.scram and ctx.scram.signature then m.verified = m.data == "v=" .. ctx.scram.signature end
  end,
}

function decoders.authentication(r, ctx, _, length)
  local m = {kind = r:unpack(">I4")}
  local take = auth_takers[m.kind]
  ctx.auth = m.kind
  if take then
    take(r, m, ctx, length - r:position())
  elseif r:position() < length then
    m.data = r:bytes(length - r:position())
  end
  return m
end

local function decode_said(r)
  local m, names = {fields = {}}, {}
  for name, letter_ in pairs(said) do names[letter_] = name end
  while true do
    local field = r:until_("\0")
    if field == "" then return m end
    local letter_, value = sub(field, 1, 1), sub(field, 2)
    if names[letter_] then m[names[letter_]] = value else m.fields[letter_:lower()] = value end
  end
end
decoders.error_response, decoders.notice_response = decode_said, decode_said

local function decode_startup(r, ctx)
  local length = r:unpack(">I4")
  if length < 8 or length > STARTUP_MOST then r:fail("a start-up message of " .. length .. " bytes", 0) end
  local part = r:part(length - 4)
  local protocol = part:unpack(">I4")
  local kind, m
  if protocol == SSL or protocol == GSSENC then
    kind, m = protocol == SSL and "ssl_request" or "gssenc_request", {}
  elseif protocol == CANCEL then
    kind, m = "cancel_request", {}
    m.pid, m.key = part:unpack(">I4I4")
  else
    kind, m = "startup", {protocol = protocol, parameters = take_pairs(part)}
    m.user, m.database = m.parameters.user, m.parameters.database
    ctx.user, ctx.started = m.user, true
  end
  if part:position() < length - 4 then part:fail("nothing more must come in this message") end
  return kind, m
end

local function password_name(ctx)
  if ctx.auth == kinds.sasl then return "sasl_initial" end
  return ctx.auth == kinds.sasl_continue and "sasl_response" or "password"
end

local function decode(r, ctx)
  local server = ctx.role == "server"
  if server and not ctx.started then return decode_startup(r, ctx) end
  local letter_ = r:bytes(1)
  if not server and ctx.asked_ssl then
    ctx.asked_ssl = nil
    if letter_ == "S" or letter_ == "N" then return "ssl_response", {accepted = letter_ == "S"} end
  end
  local name = (server and client_names or server_names)[letter_]
  if not name then r:fail(format("there is no message of the type 0x%02x", letter_:byte()), 0) end
  if letter_ == "p" then name = password_name(ctx) end
  local length = r:unpack(">I4")
  if length < 4 then r:fail("a length of " .. length .. ", which is less than its own", 1) end
  local part = r:part(length - 4)
  local m = (decoders[name] or take_body)(part, ctx, name, length - 4)
  if part:position() < length - 4 then part:fail("nothing more must come in this message") end
  return name, m
end

return {
  messages = {
    -- What a client begins with
    startup = {
      fields = {
        user = "text?",
        database = "text?",       -- the user
        parameters = "pairs?",    -- those and others; received in lower case
        protocol = "u32?",        -- 0x30000
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode_startup,
    },
    -- In place of `startup`, which follows it
    ssl_request = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = function(m, ctx)
        ctx.asked_ssl = true
        return put(m, "", pack(">I4", SSL))
      end,
    },
    gssenc_request = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = function(m, ctx)
        ctx.asked_ssl = true
        return put(m, "", pack(">I4", GSSENC))
      end,
    },
    -- The only message of its connection
    cancel_request = {
      fields = {
        pid = "u32?",
        key = "u32?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = function(m) return put(m, "", pack(">I4I4I4", CANCEL, m.pid or 0, m.key or 0)) end,
    },
    password = {
      fields = {
        password = "text?",
        user = "text?",           -- for MD5: that of `startup`; only sent
        hashed = "bool?",         -- false: the text as it is, whatever was asked for; only sent
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode_password,
    },
    sasl_initial = {
      fields = {
        mechanism = "text?",      -- SCRAM-SHA-256
        data = "bytes?",          -- made for SCRAM
        user = "text?",           -- empty, as PostgreSQL wants it; only sent
        nonce = "text?",          -- random; only sent
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode_sasl_initial,
    },
    sasl_response = {
      fields = {
        password = "text?",       -- only sent
        data = "bytes?",          -- made for SCRAM
        verified = "bool?",       -- whether the client knew the password that `authentication` was given
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode_sasl_response,
    },
    -- Simple query
    query = {
      fields = {
        sql = "text?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("query"),
    },
    parse = {
      fields = {
        name = "text?",
        sql = "text?",
        types = "list?",          -- object ids of the parameters
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("parse"),
    },
    bind = {
      fields = {
        portal = "text?",
        statement = "text?",
        formats = "list?",        -- 0: text, 1: binary
        values = "list?",
        result_formats = "list?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("bind"),
    },
    describe = {
      fields = {
        kind = "text?",           -- S: a statement, P: a portal
        name = "text?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("describe"),
    },
    execute = {
      fields = {
        portal = "text?",
        rows = "i32?",            -- at most; 0: all
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("execute"),
    },
    close = {
      fields = {
        kind = "text?",           -- S: a statement, P: a portal
        name = "text?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("close"),
    },
    flush = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("flush"),
    },
    sync = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("sync"),
    },
    terminate = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("terminate"),
    },
    -- Of both sides
    copy_data = {
      fields = {
        data = "bytes?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("copy_data"),
    },
    -- Of both sides
    copy_done = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("copy_done"),
    },
    copy_fail = {
      fields = {
        message = "text?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("copy_fail"),
    },
    -- One byte, the answer to `ssl_request` and `gssenc_request`
    ssl_response = {
      fields = {
        accepted = "bool?",
        raw = "bytes?",           -- only sent
      },
      encode = function(m) return m.raw or m.accepted and "S" or "N" end,
    },
    -- What a server asks for, or that it asks no more
    authentication = {
      fields = {
        kind = kinds,             -- ok
        salt = "bytes?",          -- of md5_password, and sent with sasl_continue; random
        mechanisms = "list?",     -- of sasl; [SCRAM-SHA-256]
        data = "bytes?",          -- made for SCRAM
        password = "text?",       -- for SCRAM, with sasl_continue: what the client has to know; only sent
        iterations = "u32?",      -- for SCRAM; 4096; only sent
        nonce = "text?",          -- for SCRAM, behind that of the client; random; only sent
        verified = "bool?",       -- of sasl_final, whether the server knew the password
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode_authentication,
    },
    backend_key_data = {
      fields = {
        pid = "u32?",
        key = "u32?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("backend_key_data"),
    },
    parameter_status = {
      fields = {
        name = "text?",
        value = "text?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("parameter_status"),
    },
    ready_for_query = {
      fields = {
        status = "text?",         -- I: idle, T: in a transaction, E: in one that has failed
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("ready_for_query"),
    },
    row_description = {
      fields = {
        columns = "list?",        -- {name, type, size, table, column, modifier, format}, or a name alone: text
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("row_description"),
    },
    data_row = {
      fields = {
        values = "list?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("data_row"),
    },
    command_complete = {
      fields = {
        tag = "text?",            -- such as SELECT 1
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("command_complete"),
    },
    empty_query_response = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("empty_query_response"),
    },
    error_response = {
      fields = {
        severity = "text?",       -- ERROR
        code = "text?",           -- the SQLSTATE; XX000
        message = "text?",
        detail = "text?",
        hint = "text?",
        position = "text?",
        fields = "pairs?",        -- others, by their letter; received in lower case
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode_said("E", "ERROR"),
    },
    notice_response = {
      fields = {
        severity = "text?",       -- NOTICE
        code = "text?",           -- the SQLSTATE; XX000
        message = "text?",
        detail = "text?",
        hint = "text?",
        position = "text?",
        fields = "pairs?",        -- others, by their letter; received in lower case
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode_said("N", "NOTICE"),
    },
    notification_response = {
      fields = {
        pid = "u32?",
        channel = "text?",
        payload = "text?",
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("notification_response"),
    },
    parse_complete = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("parse_complete"),
    },
    bind_complete = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("bind_complete"),
    },
    close_complete = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("close_complete"),
    },
    no_data = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("no_data"),
    },
    portal_suspended = {
      fields = {
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("portal_suspended"),
    },
    parameter_description = {
      fields = {
        types = "list?",          -- object ids
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("parameter_description"),
    },
    copy_in_response = {
      fields = {
        format = "u8?",           -- 0: text, 1: binary
        formats = "list?",        -- of the columns
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("copy_in_response"),
    },
    copy_out_response = {
      fields = {
        format = "u8?",           -- 0: text, 1: binary
        formats = "list?",        -- of the columns
        length = "u32?",          -- only sent
        raw = "bytes?",           -- only sent
      },
      encode = encode("copy_out_response"),
    },
  },
  decode = decode,
}
