-- TFTP (RFC 1350) with its options (RFC 2347; the names are those of RFC 2348, 2349 and 7440).
--
-- A packet is a datagram. In a stream, as a file or a pipe may hold one, it ends with the stream. `opcode` says another number than that
-- of the packet, `raw` stands in place of all behind it.

local concat, pack = table.concat, string.pack

local codes = {
  "u16?", not_defined = 0, file_not_found = 1, access_violation = 2, disk_full = 3, illegal_operation = 4, unknown_transfer_id = 5,
  file_already_exists = 6, no_such_user = 7, option_refused = 8,
}

local function put(m, opcode, ...)
  return pack(">I2", m.opcode or opcode) .. (m.raw or concat({...}))
end

local function put_options(options)
  local out = {}
  for _, p in ipairs(options or {}) do out[#out + 1] = pack("zz", p[1], p[2]) end
  return concat(out)
end

local function encode_request(opcode)
  return function(m) return put(m, opcode, pack("zz", m.file or "file", m.mode or "octet"), put_options(m.options)) end
end

local function take_options(r)
  local options = {}
  while not r:at_end() do
    local from = r:position()
    local name = r:until_("\0"):lower()
    if name == "" then r:fail("an option without a name", from) end
    if options[name] then r:fail("the option " .. name .. " comes a second time", from) end
    options[name] = r:until_("\0")
  end
  return options
end

local function take_request(r)
  local file = r:until_("\0")
  return {file = file, mode = r:until_("\0"):lower(), options = take_options(r)}
end

local packets = {
  {"rrq", take_request},
  {"wrq", take_request},
  {"data", function(r) return {block = r:unpack(">I2"), data = r:rest()} end},
  {"ack", function(r) return {block = r:unpack(">I2")} end},
  {"error", function(r) return {code = r:unpack(">I2"), message = r:until_("\0")} end},
  {"oack", function(r) return {options = take_options(r)} end},
}

return {
  messages = {
    -- The read request
    rrq = {
      fields = {
        file = "text?",
        mode = "text?",         -- octet; received in lower case
        options = "pairs?",     -- such as {blksize: 1024}; received in lower case
        opcode = "u16?",        -- only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_request(1),
    },
    -- The write request
    wrq = {
      fields = {
        file = "text?",
        mode = "text?",         -- octet; received in lower case
        options = "pairs?",     -- such as {tsize: 1024}; received in lower case
        opcode = "u16?",        -- only sent
        raw = "bytes?",         -- only sent
      },
      encode = encode_request(2),
    },
    -- A block; the last one is shorter than the others, 512 bytes where nothing else was agreed on
    data = {
      fields = {
        block = "u16?",         -- 1
        data = "bytes?",
        opcode = "u16?",        -- only sent
        raw = "bytes?",         -- only sent
      },
      encode = function(m) return put(m, 3, pack(">I2", m.block or 1), m.data or "") end,
    },
    ack = {
      fields = {
        block = "u16?",         -- 0
        opcode = "u16?",        -- only sent
        raw = "bytes?",         -- only sent
      },
      encode = function(m) return put(m, 4, pack(">I2", m.block or 0)) end,
    },
    error = {
      fields = {
        code = codes,           -- 0
        message = "text?",
        opcode = "u16?",        -- only sent
        raw = "bytes?",         -- only sent
      },
      encode = function(m) return put(m, 5, pack(">I2z", m.code or 0, m.message or "")) end,
    },
    -- The options that a server takes
    oack = {
      fields = {
        options = "pairs?",     -- received in lower case
        opcode = "u16?",        -- only sent
        raw = "bytes?",         -- only sent
      },
      encode = function(m) return put(m, 6, put_options(m.options)) end,
    },
  },

  decode = function(r)
    local opcode = r:unpack(">I2")
    local packet = packets[opcode]
    if not packet then r:fail("there is no packet " .. opcode, 0) end
    local m = packet[2](r)
    if not r:at_end() then r:fail("nothing more must come in this packet") end
    return packet[1], m
  end,
}
