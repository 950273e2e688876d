-- Modbus RTU: requests and responses as they go over serial lines, with their CRC (Modbus over Serial Line 1.02).
--
-- A frame has no length. It ends where its function says, so that frames of other functions can be sent and not received. The fields are
-- those of `modbus`; a checksum that is wrong is malformed, and `crc` sends one.

local modbus = require "modbus"
local format, pack = string.format, string.pack
local functions, exceptions, pdu = modbus.functions, modbus.exceptions, modbus.pdu

local function put(m, unit, body)
  local frame = pack("B", m.unit or unit) .. body
  return frame .. pack("<I2", m.crc or crc16(frame))
end

local function encode_request(m, ctx)
  local body
  body, ctx.asked = pdu.put_request(m)
  return put(m, 1, body)
end

local function encode_response(m, ctx)
  return put(m, ctx.request and ctx.request.unit or 1, pdu.put_response(m, ctx.request))
end

local function take_crc(r)
  local want = crc16(r:taken())
  local got = r:unpack("<I2")
  if got ~= want then r:fail(format("the CRC is %04x, and not %04x", want, got), r:position() - 2) end
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
        size = "u8?",               -- the count of bytes before `values`; only sent
        data = "bytes?",            -- all behind the function code; of function 8 what stands behind the sub-function
        raw = "bytes?",             -- the function code and all behind it; only sent
        crc = "u16?",               -- only sent
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
        size = "u16?",              -- the count of bytes before `values`; only sent
        data = "bytes?",            -- all behind the function code; of functions 8 and 17 what follows in it
        raw = "bytes?",             -- the function code and all behind it; only sent
        crc = "u16?",               -- only sent
      },
      encode = encode_response,
    },
  },

  decode = function(r, ctx)
    local unit = r:unpack("B")
    local function rest(m)
      if m.code == 8 then return r:bytes(2) end
      r:fail("where a message of function " .. m.code .. " ends is not known", 1)
    end
    local kind, m
    if ctx.role == "server" then
      kind, m = "request", pdu.take_request(r, rest)
      ctx.request = pdu.asked(m, unit)
    else
      kind, m = "response", pdu.take_response(r, ctx.asked, rest)
      ctx.asked = nil
    end
    take_crc(r)
    m.unit = unit
    return kind, m
  end,
}
