-- TLS before any cryptography (RFC 8446, RFC 5246): records, the two hellos with their extensions, alerts.
--
-- A handshake message is received whole, out of all its records, and several may share one. `client_hello` and `server_hello` have fields
-- for what their extensions say, and all of these in `extensions` with their data in hex; other messages are `handshake`. What is encrypted
-- comes as `application_data`, or as `record` where TLS 1.2 and before encrypt other records.
--
-- Versions are TLSv1.2, suites, groups and schemes are named as IANA has them; without a name here they are 0x1234.
--
-- A hello that says nothing of extensions is one that a server or client of today takes (see the fields); with `defaults: false`, and in an
-- answer, only what is given is sent. A list `extensions` says which are sent in which order: a name, whose data the field of it says, or
-- {type: .., data: hex}. Broken on request: `record` sends anything, `length` and `handshake_length` are said whatever they are, `tail`
-- stands behind the last extension, `body` in place of a whole hello.

local cursor = require "cursor"

local concat, format, pack, sub, unpack = table.concat, string.format, string.pack, string.sub, string.unpack
local PLAIN_MOST, SEALED_MOST = 1 << 14, (1 << 14) + 2048
local RETRY = unhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c") -- SHA-256 of "HelloRetryRequest"

-- Names

local versions = {["SSLv3"] = 0x300, ["TLSv1.0"] = 0x301, ["TLSv1.1"] = 0x302, ["TLSv1.2"] = 0x303, ["TLSv1.3"] = 0x304}

local suites = {
  TLS_NULL_WITH_NULL_NULL = 0x0000, TLS_RSA_WITH_RC4_128_SHA = 0x0005, TLS_RSA_WITH_3DES_EDE_CBC_SHA = 0x000A,
  TLS_RSA_WITH_AES_128_CBC_SHA = 0x002F, TLS_DHE_RSA_WITH_AES_128_CBC_SHA = 0x0033, TLS_RSA_WITH_AES_256_CBC_SHA = 0x0035,
  TLS_DHE_RSA_WITH_AES_256_CBC_SHA = 0x0039, TLS_RSA_WITH_AES_128_CBC_SHA256 = 0x003C, TLS_RSA_WITH_AES_256_CBC_SHA256 = 0x003D,
  TLS_DHE_RSA_WITH_AES_128_CBC_SHA256 = 0x0067, TLS_DHE_RSA_WITH_AES_256_CBC_SHA256 = 0x006B, TLS_RSA_WITH_AES_128_GCM_SHA256 = 0x009C,
  TLS_RSA_WITH_AES_256_GCM_SHA384 = 0x009D, TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 = 0x009E, TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 = 0x009F,
  TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00FF, TLS_FALLBACK_SCSV = 0x5600,
  TLS_AES_128_GCM_SHA256 = 0x1301, TLS_AES_256_GCM_SHA384 = 0x1302, TLS_CHACHA20_POLY1305_SHA256 = 0x1303,
  TLS_AES_128_CCM_SHA256 = 0x1304, TLS_AES_128_CCM_8_SHA256 = 0x1305,
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = 0xC009, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA = 0xC00A,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA = 0xC013, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA = 0xC014,
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 = 0xC023, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384 = 0xC024,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 = 0xC027, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 = 0xC028,
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xC02B, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xC02C,
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xC02F, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xC030,
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM = 0xC0AC, TLS_ECDHE_ECDSA_WITH_AES_256_CCM = 0xC0AD,
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCA8, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCA9,
  TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCAA,
}

local groups = {
  sect233k1 = 6, sect233r1 = 7, sect283k1 = 9, sect283r1 = 10, sect409k1 = 11, sect409r1 = 12, sect571k1 = 13, sect571r1 = 14,
  secp192r1 = 19, secp224r1 = 21, secp256k1 = 22, secp256r1 = 23, secp384r1 = 24, secp521r1 = 25, brainpoolP256r1 = 26,
  brainpoolP384r1 = 27, brainpoolP512r1 = 28, x25519 = 29, x448 = 30, ffdhe2048 = 256, ffdhe3072 = 257, ffdhe4096 = 258, ffdhe6144 = 259,
  ffdhe8192 = 260, MLKEM768 = 0x0201, SecP256r1MLKEM768 = 0x11EB, X25519MLKEM768 = 0x11EC, SecP384r1MLKEM1024 = 0x11ED,
}

local schemes = {
  rsa_pkcs1_sha1 = 0x0201, dsa_sha1 = 0x0202, ecdsa_sha1 = 0x0203, rsa_pkcs1_sha224 = 0x0301, dsa_sha224 = 0x0302, ecdsa_sha224 = 0x0303,
  rsa_pkcs1_sha256 = 0x0401, dsa_sha256 = 0x0402, ecdsa_secp256r1_sha256 = 0x0403, rsa_pkcs1_sha384 = 0x0501, dsa_sha384 = 0x0502,
  ecdsa_secp384r1_sha384 = 0x0503, rsa_pkcs1_sha512 = 0x0601, dsa_sha512 = 0x0602, ecdsa_secp521r1_sha512 = 0x0603,
  rsa_pss_rsae_sha256 = 0x0804, rsa_pss_rsae_sha384 = 0x0805, rsa_pss_rsae_sha512 = 0x0806, ed25519 = 0x0807, ed448 = 0x0808,
  rsa_pss_pss_sha256 = 0x0809, rsa_pss_pss_sha384 = 0x080A, rsa_pss_pss_sha512 = 0x080B, ecdsa_brainpoolP256r1tls13_sha256 = 0x081A,
  ecdsa_brainpoolP384r1tls13_sha384 = 0x081B, ecdsa_brainpoolP512r1tls13_sha512 = 0x081C,
}

local extension_types = {
  server_name = 0, max_fragment_length = 1, status_request = 5, supported_groups = 10, ec_point_formats = 11, signature_algorithms = 13,
  use_srtp = 14, heartbeat = 15, application_layer_protocol_negotiation = 16, signed_certificate_timestamp = 18,
  client_certificate_type = 19, server_certificate_type = 20, padding = 21, encrypt_then_mac = 22, extended_master_secret = 23,
  compress_certificate = 27, record_size_limit = 28, session_ticket = 35, pre_shared_key = 41, early_data = 42, supported_versions = 43,
  cookie = 44, psk_key_exchange_modes = 45, certificate_authorities = 47, oid_filters = 48, post_handshake_auth = 49,
  signature_algorithms_cert = 50, key_share = 51, quic_transport_parameters = 57, encrypted_client_hello = 0xFE0D,
  renegotiation_info = 0xFF01,
}

local types = {change_cipher_spec = 20, alert = 21, handshake = 22, application_data = 23, heartbeat = 24}

local handshakes = {
  "u8?", hello_request = 0, client_hello = 1, server_hello = 2, new_session_ticket = 4, end_of_early_data = 5, encrypted_extensions = 8,
  certificate = 11, server_key_exchange = 12, certificate_request = 13, server_hello_done = 14, certificate_verify = 15,
  client_key_exchange = 16, finished = 20, certificate_status = 22, key_update = 24,
}

local descriptions = {
  "u8?", close_notify = 0, unexpected_message = 10, bad_record_mac = 20, record_overflow = 22, handshake_failure = 40, bad_certificate = 42,
  unsupported_certificate = 43, certificate_revoked = 44, certificate_expired = 45, certificate_unknown = 46, illegal_parameter = 47,
  unknown_ca = 48, access_denied = 49, decode_error = 50, decrypt_error = 51, protocol_version = 70, insufficient_security = 71,
  internal_error = 80, inappropriate_fallback = 86, user_canceled = 90, no_renegotiation = 100, missing_extension = 109,
  unsupported_extension = 110, unrecognized_name = 112, bad_certificate_status_response = 113, unknown_psk_identity = 115,
  certificate_required = 116, no_application_protocol = 120,
}

local function inverse(map)
  local names = {}
  for name, number in pairs(map) do names[number] = name end
  return names
end

local version_names, suite_names, group_names = inverse(versions), inverse(suites), inverse(groups)
local scheme_names, extension_names = inverse(schemes), inverse(extension_types)

local function name_of(names, number)
  return names[number] or format("0x%04x", number)
end

local function number_of(names, name, what)
  local number = names[name] or math.tointeger(tonumber(name))
  if not number or number < 0 or number > 65535 then error(format("tls_record: `%s` is no %s", tostring(name), what), 0) end
  return number
end

local function version_number(name) return number_of(versions, name, "version") end
local function suite_number(name) return number_of(suites, name, "cipher suite") end
local function group_number(name) return number_of(groups, name, "group") end
local function scheme_number(name) return number_of(schemes, name, "signature scheme") end

-- Sending

local function u16_list(list, number)
  local out = {}
  for i, one in ipairs(list) do out[i] = pack(">I2", number(one)) end
  return concat(out)
end

local function u8_list(list)
  local out = {}
  for i, one in ipairs(list) do out[i] = pack("B", one) end
  return concat(out)
end

local key_sizes = {x25519 = 32, x448 = 56, secp256r1 = 65, secp384r1 = 97, secp521r1 = 133}

-- Any 32 bytes are a point of x25519: without a key, one is made up.
local function share_bytes(share)
  local key = share.key and unhex(share.key) or random(key_sizes[share.group] or 32)
  return pack(">I2 s2", group_number(share.group), key)
end

local function shares_bytes(list)
  local out = {}
  for i, share in ipairs(list) do out[i] = share_bytes(share) end
  return pack(">s2", concat(out))
end

local function alpn_bytes(list)
  local out = {}
  for i, name in ipairs(list) do out[i] = pack("s1", name) end
  return pack(">s2", concat(out))
end

local function nothing() return "" end

-- The field of a hello, the extension that carries it, and how, in the order in which they go out
local client_extensions = {
  {"server_name", "server_name", function(name) return pack(">s2", pack(">B s2", 0, name)) end},
  {"extended_master_secret", "extended_master_secret", nothing},
  {"renegotiation_info", "renegotiation_info", function(data) return pack("s1", data) end},
  {"groups", "supported_groups", function(list) return pack(">s2", u16_list(list, group_number)) end},
  {"point_formats", "ec_point_formats", function(list) return pack("s1", u8_list(list)) end},
  {"session_ticket", "session_ticket", tostring},
  {"alpn", "application_layer_protocol_negotiation", alpn_bytes},
  {"signature_algorithms", "signature_algorithms", function(list) return pack(">s2", u16_list(list, scheme_number)) end},
  {"supported_versions", "supported_versions", function(list) return pack("s1", u16_list(list, version_number)) end},
  {"psk_modes", "psk_key_exchange_modes", function(list) return pack("s1", u8_list(list)) end},
  {"key_shares", "key_share", shares_bytes},
}

local server_extensions = {
  {"extended_master_secret", "extended_master_secret", nothing},
  {"renegotiation_info", "renegotiation_info", function(data) return pack("s1", data) end},
  {"point_formats", "ec_point_formats", function(list) return pack("s1", u8_list(list)) end},
  {"alpn", "application_layer_protocol_negotiation", alpn_bytes},
  {"supported_version", "supported_versions", function(name) return pack(">I2", version_number(name)) end},
  {"key_share", "key_share", function(share)
    if share.key == nil and share.selected then return pack(">I2", group_number(share.selected)) end
    return share_bytes(share)
  end},
}

local function extension(kind, data)
  return pack(">I2 s2", number_of(extension_types, kind, "extension"), data)
end

local function extensions_bytes(m, table_of)
  local out, made = {}, {}
  for _, one in ipairs(table_of) do
    local value = m[one[1]]
    if value ~= nil and value ~= false then
      made[one[2]] = one[3](value)
      out[#out + 1] = extension(one[2], made[one[2]])
    end
  end
  if not m.extensions then return out end
  out = {}
  for i, one in ipairs(m.extensions) do
    if type(one) == "table" then
      out[i] = extension(one.type, one.data and unhex(one.data) or made[one.type] or "")
    else
      out[i] = extension(one, made[one] or "")
    end
  end
  return out
end

local function records(kind, bytes, version, m)
  local out, size = {}, math.max(m.record_size or PLAIN_MOST, 1)
  for at = 1, math.max(#bytes, 1), size do
    local part = sub(bytes, at, at + size - 1)
    out[#out + 1] = pack(">B I2 I2", kind, version_number(m.record_version or version), m.length or #part) .. part
  end
  return concat(out)
end

local function handshake(kind, body, version, m)
  return records(types.handshake, pack(">B I3", kind, m.handshake_length or #body) .. body, version, m)
end

-- The list of extensions, which is left out if there is none
local function hello_end(m, table_of)
  local list = extensions_bytes(m, table_of)
  if #list == 0 and not m.extensions then return m.tail or "" end
  return pack(">s2", concat(list)) .. (m.tail or "")
end

local modern = {
  cipher_suites = {
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  },
  extended_master_secret = true,
  renegotiation_info = "",
  groups = {"x25519", "secp256r1", "secp384r1"},
  point_formats = {0},
  signature_algorithms = {
    "ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "rsa_pkcs1_sha256", "ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384",
    "rsa_pkcs1_sha384", "rsa_pss_rsae_sha512", "rsa_pkcs1_sha512", "ed25519",
  },
  supported_versions = {"TLSv1.3", "TLSv1.2"},
  psk_modes = {1},
  key_shares = {{group = "x25519"}},
}

local function encode_client_hello(m)
  if m.defaults ~= false then
    for field, value in pairs(modern) do
      if m[field] == nil then m[field] = value end
    end
  end
  local body = m.body or pack(">I2", version_number(m.version or "TLSv1.2")) .. (m.random or random(32)) ..
    pack("s1", m.session_id or (m.defaults == false and "" or random(32))) ..
    pack(">s2", u16_list(m.cipher_suites or {}, suite_number)) .. pack("s1", u8_list(m.compression_methods or {0})) ..
    hello_end(m, client_extensions)
  return handshake(1, body, "TLSv1.0", m)
end

local function encode_server_hello(m, ctx)
  local asked = ctx.asked or {}
  local suite = m.cipher_suite or (asked.cipher_suites or {})[1] or "TLS_AES_128_GCM_SHA256"
  local body = m.body or pack(">I2", version_number(m.version or "TLSv1.2")) .. (m.retry and RETRY or m.random or random(32)) ..
    pack("s1", m.session_id or asked.session_id or "") .. pack(">I2 B", suite_number(suite), m.compression_method or 0) ..
    hello_end(m, server_extensions)
  return handshake(2, body, "TLSv1.2", m)
end

local function encode_alert(m)
  local description = m.description or 0
  local level = m.level or (description == 0 and 1 or 2)
  return records(types.alert, pack("BB", level, description), "TLSv1.2", m)
end

-- Receiving

-- The header of a record, which is looked at before its bytes have come: type, version, length
local function take_header(r)
  local at = r:position()
  local kind = r:unpack("B")
  if kind < types.change_cipher_spec or kind > types.heartbeat then r:fail(format("%d is no type of a TLS record", kind), at) end
  local version = r:unpack(">I2")
  if version >> 8 ~= 3 then r:fail(format("0x%04x is no version of a TLS record", version), at + 1) end
  local length = r:unpack(">I2")
  if length > SEALED_MOST then r:fail(format("a record of %d bytes, more than %d", length, SEALED_MOST), at + 3) end
  return kind, version, length
end

-- n bytes of handshake messages, out of as many records as it takes. s: what is left of the one that is read (left), and where the bytes
-- come from (from), as a list of their number and their place
local function take_handshake(r, s, n)
  local parts = {}
  while n > 0 do
    while s.left == 0 do
      local at = r:position()
      local kind, _, length = take_header(r)
      if kind ~= types.handshake then r:fail("a handshake message is not whole", at) end
      if length == 0 then r:fail("a handshake record without a byte", at) end
      if length > PLAIN_MOST then r:fail(format("a record of %d bytes, more than %d", length, PLAIN_MOST), at + 3) end
      s.left = length
    end
    local size = math.min(n, s.left)
    s.from[#s.from + 1] = {s.n, r:position()}
    parts[#parts + 1] = r:bytes(size)
    s.n = s.n + size
    s.left = s.left - size
    n = n - size
  end
  return concat(parts)
end

local function list_of_u16(names)
  return function(c)
    return c:all(function() return name_of(names, c:u16()) end)
  end
end

local list_of_u8 = function(c) return c:all(cursor.u8) end

-- The list behind its length, which is all that an extension has
local function listed(size, f, what)
  return function(c)
    local at = c.at
    local n = c[size](c)
    if n == 0 then c:fail("the list of " .. what .. " is empty", at) end
    return c:within(n, "the list of " .. what, f)
  end
end

local function take_share(c)
  local group = name_of(group_names, c:u16())
  return {group = group, key = hex(c:take(c:u16()))}
end

local function take_name(c)
  local kind, at = c:u8(), c.at
  local name = c:take(c:u16())
  if kind == 0 and name == "" then c:fail("a host's name is empty", at) end
  return {kind = kind, name = name}
end

local function take_protocol(c)
  local n = c:u8()
  if n == 0 then c:fail("a protocol's name is empty", c.at - 1) end
  return c:take(n)
end

local take_alpn = listed("u16", function(c) return c:all(take_protocol) end, "protocols")

-- What an extension says: the field and its value
local take_client = {
  server_name = function(c)
    for _, one in ipairs(listed("u16", function() return c:all(take_name) end, "names")(c)) do
      if one.kind == 0 then return "server_name", one.name end
    end
  end,
  extended_master_secret = function() return "extended_master_secret", true end,
  renegotiation_info = function(c) return "renegotiation_info", c:take(c:u8()) end,
  supported_groups = function(c) return "groups", listed("u16", list_of_u16(group_names), "groups")(c) end,
  ec_point_formats = function(c) return "point_formats", listed("u8", list_of_u8, "point formats")(c) end,
  session_ticket = function(c) return "session_ticket", c:rest() end,
  application_layer_protocol_negotiation = function(c) return "alpn", take_alpn(c) end,
  signature_algorithms = function(c) return "signature_algorithms", listed("u16", list_of_u16(scheme_names), "schemes")(c) end,
  supported_versions = function(c) return "supported_versions", listed("u8", list_of_u16(version_names), "versions")(c) end,
  psk_key_exchange_modes = function(c) return "psk_modes", listed("u8", list_of_u8, "modes")(c) end,
  key_share = function(c)
    return "key_shares", c:within(c:u16(), "the list of key shares", function() return c:all(take_share) end)
  end,
}

local take_server = {
  extended_master_secret = take_client.extended_master_secret,
  renegotiation_info = take_client.renegotiation_info,
  ec_point_formats = take_client.ec_point_formats,
  application_layer_protocol_negotiation = take_client.application_layer_protocol_negotiation,
  supported_versions = function(c) return "supported_version", name_of(version_names, c:u16()) end,
  key_share = function(c, m)
    if m.retry then return "key_share", {selected = name_of(group_names, c:u16())} end
    return "key_share", take_share(c)
  end,
}

local function take_extensions(c, m, known)
  m.extensions = {}
  if c:at_end() then return end
  local seen = {}
  c:within(c:u16(), "the list of extensions", function()
    while not c:at_end() do
      local at = c.at
      local kind, size = c:u16(), c:u16()
      local name = name_of(extension_names, kind)
      if seen[kind] then c:fail(name .. " comes twice", at) end
      seen[kind] = true
      local from = c.at
      c:within(size, name, function()
        if not known[name] then return c:rest() end
        local field, value = known[name](c, m)
        if field then m[field] = value end
      end)
      m.extensions[#m.extensions + 1] = {type = name, data = hex(sub(c.bytes, from, c.at - 1))}
    end
  end)
end

local function take_session_id(c)
  local n = c:u8()
  if n > 32 then c:fail("a session's id of more than 32 bytes", c.at - 1) end
  return c:take(n)
end

local function take_client_hello(c, ctx, m)
  m.version, m.random, m.session_id = name_of(version_names, c:u16()), c:take(32), take_session_id(c)
  m.cipher_suites = listed("u16", list_of_u16(suite_names), "cipher suites")(c)
  m.compression_methods = listed("u8", list_of_u8, "compression methods")(c)
  take_extensions(c, m, take_client)
  ctx.asked = {session_id = m.session_id, cipher_suites = m.cipher_suites}
  return "client_hello", m
end

local function take_server_hello(c, _, m)
  m.version, m.random = name_of(version_names, c:u16()), c:take(32)
  m.retry = m.random == RETRY
  m.session_id = take_session_id(c)
  m.cipher_suite, m.compression_method = name_of(suite_names, c:u16()), c:u8()
  take_extensions(c, m, take_server)
  return "server_hello", m
end

-- Where the byte of a handshake message stands in what is read now; s.from has at least one place that begins before it.
local function place_of(s, n)
  local last = s.from[1]
  for _, one in ipairs(s.from) do
    if one[1] <= n then last = one end
  end
  return last[2] + n - last[1]
end

local function take_message(r, ctx, left, version)
  local s = {left = left, n = 0, from = {}}
  local kind, length = unpack(">B I3", take_handshake(r, s, 4))
  local body = take_handshake(r, s, length)
  ctx.left, ctx.version = s.left > 0 and s.left or nil, version
  local m = {record_version = name_of(version_names, version)}
  local c = cursor.new(body, function(why, at) r:fail(why, place_of(s, at + 3)) end)
  local take = kind == 1 and take_client_hello or kind == 2 and take_server_hello
  if not take then
    m.type, m.data = kind, body
    return "handshake", m
  end
  local name = take(c, ctx, m)
  if not c:at_end() then c:fail(cursor.count(c.stop - c.at + 1) .. " behind the last extension") end
  return name, m
end

-- Behind ChangeCipherSpec a record may be encrypted; a hello is not, as a client's second one (RFC 8446 D.4), and what is encrypted has
-- more than the two bytes of an alert.
local function is_hello(r, length)
  local head = length >= 42 and r:peek(4)
  return head and #head == 4 and (head:byte(1) == 1 or head:byte(1) == 2) and unpack(">I3", head, 2) == length - 4
end

local function decode(r, ctx)
  if ctx.left then return take_message(r, ctx, ctx.left, ctx.version) end
  local at = r:position()
  local kind, version, length = take_header(r)
  local name = name_of(version_names, version)
  if kind == types.application_data then return "application_data", {record_version = name, data = r:bytes(length)} end
  local plain = kind == types.change_cipher_spec or not ctx.changed or (kind == types.handshake and is_hello(r, length)) or
    (kind == types.alert and length == 2)
  if kind == types.heartbeat or not plain then
    return "record", {type = kind, record_version = name, data = r:bytes(length)}
  end
  if length == 0 then r:fail("a record without a byte", at + 3) end
  if length > PLAIN_MOST then r:fail(format("a record of %d bytes, more than %d", length, PLAIN_MOST), at + 3) end
  if kind == types.handshake then return take_message(r, ctx, length, version) end
  if kind == types.alert then
    if length ~= 2 then r:fail("an alert has two bytes", at + 3) end
    local level, description = r:unpack("BB")
    return "alert", {record_version = name, level = level, description = description}
  end
  if length ~= 1 then r:fail("ChangeCipherSpec has one byte", at + 3) end
  r:need("\1")
  ctx.changed = true
  return "change_cipher_spec", {record_version = name}
end

return {
  messages = {
    -- What a client begins with.
    client_hello = {
      fields = {
        version = "text?",              -- TLSv1.2
        random = "bytes?",              -- 32 random bytes
        session_id = "bytes?",          -- 32 random bytes
        cipher_suites = "list?",        -- those of TLS 1.3, and of TLS 1.2 with ECDHE and GCM
        compression_methods = "list?",  -- [0]
        server_name = "text?",
        alpn = "list?",                 -- names of protocols
        supported_versions = "list?",   -- [TLSv1.3, TLSv1.2]
        groups = "list?",               -- [x25519, secp256r1, secp384r1]
        signature_algorithms = "list?", -- ECDSA, RSA with PSS and PKCS 1, Ed25519
        key_shares = "list?",           -- maps of group and key in hex: one of x25519
        psk_modes = "list?",            -- [1]
        point_formats = "list?",        -- [0]
        session_ticket = "bytes?",
        extended_master_secret = "bool?", -- true
        renegotiation_info = "bytes?",  -- empty
        extensions = "list?",           -- all of them in their order: names, or maps of type and data in hex
        defaults = "bool?",             -- false: nothing is added by itself
        body = "bytes?",                -- in place of all of the above
        tail = "bytes?",                -- behind the extensions
        handshake_length = "u24?",      -- said whatever it is
        record_version = "text?",       -- TLSv1.0
        record_size = "u16?",           -- bytes in each record
        length = "u16?",                -- of the record, said whatever it is
      },
      encode = encode_client_hello,
    },
    -- What a server answers.
    server_hello = {
      fields = {
        version = "text?",              -- TLSv1.2
        random = "bytes?",              -- 32 random bytes
        retry = "bool?",                -- it is a HelloRetryRequest, which its random bytes say
        session_id = "bytes?",          -- the client's
        cipher_suite = "text?",         -- the client's first
        compression_method = "u8?",     -- 0
        supported_version = "text?",
        key_share = "map?",             -- group and key in hex; in a retry `selected`, a group
        alpn = "list?",                 -- the name of a protocol
        point_formats = "list?",
        extended_master_secret = "bool?",
        renegotiation_info = "bytes?",
        extensions = "list?",           -- all of them in their order: names, or maps of type and data in hex
        body = "bytes?",                -- in place of all of the above
        tail = "bytes?",                -- behind the extensions
        handshake_length = "u24?",      -- said whatever it is
        record_version = "text?",       -- TLSv1.2
        record_size = "u16?",           -- bytes in each record
        length = "u16?",                -- of the record, said whatever it is
      },
      encode = encode_server_hello,
    },
    -- Another handshake message
    handshake = {
      fields = {
        type = handshakes,
        data = "bytes?",
        handshake_length = "u24?",      -- said whatever it is
        record_version = "text?",       -- TLSv1.2
        record_size = "u16?",           -- bytes in each record
        length = "u16?",                -- of the record, said whatever it is
      },
      encode = function(m) return handshake(m.type or 0, m.data or "", "TLSv1.2", m) end,
    },
    -- What is wrong, or close_notify
    alert = {
      fields = {
        level = {"u8?", warning = 1, fatal = 2}, -- fatal, but for close_notify
        description = descriptions,     -- close_notify
        record_version = "text?",       -- TLSv1.2
        length = "u16?",                -- of the record, said whatever it is
      },
      encode = encode_alert,
    },
    -- What comes behind it is encrypted in TLS 1.2 and before; in TLS 1.3 it means nothing.
    change_cipher_spec = {
      fields = {
        record_version = "text?",       -- TLSv1.2
        length = "u16?",                -- of the record, said whatever it is
      },
      encode = function(m) return records(types.change_cipher_spec, "\1", "TLSv1.2", m) end,
    },
    -- Encrypted, for who knows the keys
    application_data = {
      fields = {
        data = "bytes?",
        record_version = "text?",       -- TLSv1.2
        record_size = "u16?",           -- bytes in each record
        length = "u16?",                -- of the record, said whatever it is
      },
      encode = function(m) return records(types.application_data, m.data or "", "TLSv1.2", m) end,
    },
    -- A record as it is: sent with anything, received where it is encrypted
    record = {
      fields = {
        type = {"u8?", change_cipher_spec = 20, alert = 21, handshake = 22, application_data = 23, heartbeat = 24}, -- handshake
        data = "bytes?",
        record_version = "text?",       -- TLSv1.2
        length = "u16?",                -- said whatever it is
      },
      encode = function(m)
        m.record_size = 65535
        return records(m.type or types.handshake, m.data or "", "TLSv1.2", m)
      end,
    },
  },
  decode = decode,
}
