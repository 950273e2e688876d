-- Modbus over TCP: requests and responses with the MBAP header (Modbus Application Protocol 1.1b3, Modbus Messaging on TCP/IP 1.0b).
--
-- A server receives requests, a client responses. A request that names no transaction has the next number; what a response does not
-- name is that of the last request that came. Coils and discrete inputs are lists of 0 and 1, registers lists of numbers.
-- Of a response the values are cut to the count that was asked for.
--
-- What the data of a function mean is said by the fields that belong to it; `data` stands in place of all behind the function code,
-- `length`, `count` and `size` say what they are told to. The same over serial lines is `modbus_rtu`.

local byte, concat, format, pack = string.byte, table.concat, string.format, string.pack

local functions = {
  "u8?", read_coils = 1, read_discrete_inputs = 2, read_holding_registers = 3, read_input_registers = 4, write_single_coil = 5,
  write_single_register = 6, read_exception_status = 7, diagnostics = 8, write_multiple_coils = 15, write_multiple_registers = 16,
  report_server_id = 17, mask_write_register = 22, read_write_multiple_registers = 23, read_fifo_queue = 24, encapsulated_interface = 43,
}
local exceptions = {
  "u8?", illegal_function = 1, illegal_data_address = 2, illegal_data_value = 3, server_device_failure = 4, acknowledge = 5,
  server_device_busy = 6, memory_parity_error = 8, gateway_path_unavailable = 10, gateway_target_failed = 11,
}

-- Data of a PDU

local function put_bits(values)
  local out = {}
  for at = 1, #values, 8 do
    local x = 0
    for i = 0, 7 do
      local v = values[at + i]
      if v and v ~= 0 then x = x | 1 << i end
    end
    out[#out + 1] = string.char(x)
  end
  return concat(out)
end

local function put_registers(values)
  local out = {}
  for i, v in ipairs(values) do out[i] = pack(">I2", v & 0xffff) end
  return concat(out)
end

local function take_bits(r, bytes, count)
  local values = {}
  for _ = 1, bytes do
    local x = byte(r:bytes(1))
    for i = 0, 7 do
      if not count or #values < count then values[#values + 1] = x >> i & 1 end
    end
  end
  return values
end

local function take_registers(r, bytes)
  if bytes % 2 ~= 0 then r:fail("registers of " .. bytes .. " bytes", r:position() - 1) end
  local values = {}
  for i = 1, bytes // 2 do values[i] = r:unpack(">I2") end
  return values
end

local function counted(bytes, size) return pack("B", size or #bytes & 255) .. bytes end

local is_bits = {[1] = true, [2] = true, [15] = true}

local function check_size(r, size, want, count)
  if size ~= want then r:fail(format("%d bytes for %d values", size, count), r:position() - 1) end
end

-- Requests: what stands behind the function code

local function put_range(m) return pack(">I2I2", m.address or 0, m.count or 1) end
local function put_value(m) return pack(">I2I2", m.address or 0, m.value or 0) end
local function put_coil(m) return pack(">I2I2", m.address or 0, m.value == 1 and 0xff00 or m.value or 0) end
local function put_nothing() return "" end
local function put_diagnostics(m) return pack(">I2", m.value or 0) .. (m.data or "\0\0") end
local function put_mask(m) return pack(">I2I2I2", m.address or 0, m.and_mask or 0xffff, m.or_mask or 0) end
local function put_written(m, code)
  local values = m.values or {}
  local bytes = is_bits[code] and put_bits(values) or put_registers(values)
  return pack(">I2I2", m.address or 0, m.count or #values) .. counted(bytes, m.size)
end

local requests = {
  [1] = put_range, [2] = put_range, [3] = put_range, [4] = put_range, [5] = put_coil, [6] = put_value, [7] = put_nothing,
  [8] = put_diagnostics, [15] = put_written, [16] = put_written, [17] = put_nothing, [22] = put_mask,
  [23] = function(m)
    local values = m.values or {}
    return pack(">I2I2I2I2", m.address or 0, m.count or 1, m.write_address or 0, #values) .. counted(put_registers(values), m.size)
  end,
  [24] = function(m) return pack(">I2", m.address or 0) end,
}

local function take_range(r, m) m.address, m.count = r:unpack(">I2I2") end
local function take_value(r, m) m.address, m.value = r:unpack(">I2I2") end
local function take_coil(r, m)
  take_value(r, m)
  if m.value ~= 0 and m.value ~= 0xff00 then r:fail("a coil is 0x0000 or 0xff00", r:position() - 2) end
  m.value = m.value == 0xff00 and 1 or 0
end
local function take_written(r, m)
  take_range(r, m)
  local size, bits = byte(r:bytes(1)), is_bits[m.code]
  check_size(r, size, bits and (m.count + 7) // 8 or 2 * m.count, m.count)
  m.values = bits and take_bits(r, size, m.count) or take_registers(r, size)
end
local function take_nothing() end
local function take_mask(r, m) m.address, m.and_mask, m.or_mask = r:unpack(">I2I2I2") end
local function take_diagnostics(r, m, _, rest) m.value, m.data = r:unpack(">I2"), rest(m) end

local request_takers = {
  [1] = take_range, [2] = take_range, [3] = take_range, [4] = take_range, [5] = take_coil, [6] = take_value, [7] = take_nothing,
  [8] = take_diagnostics, [15] = take_written, [16] = take_written, [17] = take_nothing, [22] = take_mask,
  [23] = function(r, m)
    local writes
    m.address, m.count, m.write_address, writes = r:unpack(">I2I2I2I2")
    local size = byte(r:bytes(1))
    check_size(r, size, 2 * writes, writes)
    m.values = take_registers(r, size)
  end,
  [24] = function(r, m) m.address = r:unpack(">I2") end,
}

-- Responses

local function put_values(m, code)
  local values = m.values or {}
  return counted(is_bits[code] and put_bits(values) or put_registers(values), m.size)
end

local responses = {
  [1] = put_values, [2] = put_values, [3] = put_values, [4] = put_values, [5] = put_coil, [6] = put_value,
  [7] = function(m) return pack("B", m.value or 0) end,
  [8] = put_diagnostics, [15] = put_range, [16] = put_range, [17] = function(m) return counted(m.data or "", m.size) end,
  [22] = put_mask, [23] = put_values,
  [24] = function(m)
    local values = m.values or {}
    return pack(">I2I2", m.size or 2 * #values + 2, m.count or #values) .. put_registers(values)
  end,
}

local function take_values(r, m, asked)
  local size = byte(r:bytes(1))
  if is_bits[m.code] then
    if asked then check_size(r, size, (asked + 7) // 8, asked) end
    m.values = take_bits(r, size, asked)
  else
    if asked then check_size(r, size, 2 * asked, asked) end
    m.values = take_registers(r, size)
  end
end

local response_takers = {
  [1] = take_values, [2] = take_values, [3] = take_values, [4] = take_values, [5] = take_coil, [6] = take_value,
  [7] = function(r, m) m.value = r:unpack("B") end,
  [8] = take_diagnostics, [15] = take_range, [16] = take_range, [17] = function(r, m) m.data = r:prefixed("u8") end,
  [22] = take_mask, [23] = take_values,
  [24] = function(r, m)
    local size
    size, m.count = r:unpack(">I2I2")
    if size ~= 2 * m.count + 2 then r:fail(format("%d bytes for %d registers", size, m.count), r:position() - 4) end
    m.values = take_registers(r, size - 2)
  end,
}

-- PDUs, as TCP and serial lines have them

local pdu = {}

-- m.data is in place of what the function wants, if it is one that has no data of its own
local function put_data(m, code, makers)
  local make = makers[code]
  if m.data and code ~= 8 and code ~= 17 or not make then return m.data or "" end
  return make(m, code)
end

-- Also what is known of the response
function pdu.put_request(m)
  local code = m.code or 3
  if m.raw then return m.raw end
  return pack("B", code) .. put_data(m, code, requests), not m.data and {code = code, count = m.count or 1} or nil
end

-- What a response to a request may need of it
function pdu.asked(m, unit, transaction)
  return {
    code = m.code, address = m.address, count = m.count, value = m.value, data = m.data, and_mask = m.and_mask, or_mask = m.or_mask,
    unit = unit, transaction = transaction,
  }
end

-- Writing is answered by what was asked
local echoed = {
  [5] = {"address", "value"}, [6] = {"address", "value"}, [8] = {"value", "data"}, [15] = {"address", "count"},
  [16] = {"address", "count"}, [22] = {"address", "and_mask", "or_mask"},
}

function pdu.put_response(m, asked)
  if m.raw then return m.raw end
  local code = m.code or asked and asked.code or 3
  for _, name in ipairs(asked and asked.code == code and echoed[code] or {}) do
    if m[name] == nil then m[name] = asked[name] end
  end
  if m.exception then return pack("BB", code & 127 | 128, m.exception) end
  return pack("B", code) .. put_data(m, code, responses)
end

-- rest(m) takes data whose length the function does not say
function pdu.take_request(r, rest)
  local m = {code = byte(r:bytes(1))}
  local take = request_takers[m.code]
  if take then take(r, m, nil, rest) else m.data = rest(m) end
  return m
end

function pdu.take_response(r, asked, rest)
  local code = byte(r:bytes(1))
  local m = {code = code & 127}
  if asked and m.code ~= asked.code then r:fail(format("function %d answers function %d", m.code, asked.code), r:position() - 1) end
  local take = response_takers[code]
  if code >= 128 then
    m.exception = r:unpack("B")
  elseif take then
    take(r, m, asked and asked.count, rest)
  else
    m.data = rest(m)
  end
  return m
end

-- MBAP

local function put_header(m, transaction, unit, body)
  return pack(">I2I2I2B", m.transaction or transaction, m.protocol or 0, m.length or #body + 1, m.unit or unit) .. body
end

local function encode_request(m, ctx)
  local transaction = m.transaction or (ctx.last or 0) + 1 & 0xffff
  local body, asked = pdu.put_request(m)
  ctx.last = transaction
  ctx.asked = ctx.asked or {}
  ctx.asked[transaction] = asked
  return put_header(m, transaction, 1, body)
end

local function encode_response(m, ctx)
  local asked = ctx.request or {}
  return put_header(m, asked.transaction or 0, asked.unit or 1, pdu.put_response(m, ctx.request))
end

local function decode(r, ctx)
  local transaction, protocol, length, unit = r:unpack(">I2I2I2B")
  if protocol ~= 0 then r:fail("the protocol of Modbus is 0, not " .. protocol, 2) end
  if length < 2 or length > 254 then r:fail("a length of " .. length .. ", where 2 to 254 can be", 4) end
  local part = r:part(length - 1)
  local function rest() return part:bytes(length - 1 - part:position()) end
  local kind, m
  if ctx.role == "server" then
    kind, m = "request", pdu.take_request(part, rest)
    ctx.request = pdu.asked(m, unit, transaction)
  else
    local asked = ctx.asked and ctx.asked[transaction]
    kind, m = "response", pdu.take_response(part, asked, rest)
    if asked then ctx.asked[transaction] = nil end
  end
  if part:position() < length - 1 then part:fail("nothing more must come for function " .. m.code) end
  m.transaction, m.protocol, m.length, m.unit = transaction, protocol, length, unit
  return kind, m
end

return {
  messages = {
    -- What a client asks
    request = {
      fields = {
        code = functions,           -- the function; 3
        unit = "u8?",               -- 1
        address = "u16?",           -- the first one; 0
        count = "u16?",             -- how many; 1, or that of `values`
        value = "u16?",             -- of functions 5 (0 or 1) and 6; the sub-function of 8
        values = "list?",           -- what is written
        write_address = "u16?",     -- of function 23
        and_mask = "u16?",          -- of function 22
        or_mask = "u16?",           -- of function 22
        transaction = "u16?",
        protocol = "u16?",          -- 0
        length = "u16?",            -- of what follows it
        size = "u8?",               -- the count of bytes before `values`; only sent
        data = "bytes?",            -- all behind the function code; of function 8 what stands behind the sub-function
        raw = "bytes?",             -- the function code and all behind it; only sent
      },
      encode = encode_request,
    },
    -- What a server answers
    response = {
      fields = {
        code = functions,           -- the function, that of the request
        exception = exceptions,     -- the request failed, for this reason
        unit = "u8?",               -- of the request
        address = "u16?",           -- of functions that write
        count = "u16?",             -- of functions that write several
        value = "u16?",             -- of functions 5, 6, 7 and 8
        values = "list?",           -- what was read
        and_mask = "u16?",          -- of function 22
        or_mask = "u16?",           -- of function 22
        transaction = "u16?",       -- of the request
        protocol = "u16?",          -- 0
        length = "u16?",            -- of what follows it
        size = "u16?",              -- the count of bytes before `values`; only sent
        data = "bytes?",            -- all behind the function code; of functions 8 and 17 what follows in it
        raw = "bytes?",             -- the function code and all behind it; only sent
      },
      encode = encode_response,
    },
  },
  decode = decode,
  pdu = pdu,
  functions = functions,
  exceptions = exceptions,
}
