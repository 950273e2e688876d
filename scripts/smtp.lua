-- SMTP commands, replies and mail (RFC 5321), with AUTH (RFC 4954), enhanced status codes (RFC 2034) and BDAT (RFC 3030).
--
-- Pipelined commands (RFC 2920) are sent as a list and expected one after the other. What a client sends behind a reply 354 is `data`,
-- behind a reply 334 `response`: a server that sends these replies as messages reads it so.
--
-- Lines end with CRLF: a bare LF, or a CR within a line, is malformed. `line` and `raw` send what no good client or server would.

local concat, find, format, gsub, match = table.concat, string.find, string.format, string.gsub, string.match
local lower, sub, upper = string.lower, string.sub, string.upper
local LINES = 1000

-- RFC 5321 2.3.8
local function take_line(r)
  local from = r:position()
  local text = r:until_("\n")
  local cr = find(text, "\r", 1, true)
  if not cr then r:fail("a line ends with CRLF, not with LF alone", from + #text) end
  if cr < #text then r:fail("a CR within a line", from + cr - 1) end
  return sub(text, 1, -2)
end

-- What base64 stands for, or nil
local function plain(text)
  local ok, bytes = pcall(unbase64, text)
  return ok and bytes or nil
end

-- Replies

local function lines_of(m)
  local lines = {}
  if m.lines then
    for i, text in ipairs(m.lines) do lines[i] = tostring(text) end
  else
    local text = m.challenge and base64(m.challenge) or m.text or ""
    for one in (text .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = one end
  end
  if m.status then
    for i = 1, #lines do lines[i] = m.status .. " " .. lines[i] end
  end
  return lines
end

local function encode_reply(m, ctx)
  local code = m.code or 250
  if code == 354 then ctx.next = "data" elseif code == 334 then ctx.next = "response" end
  if m.raw then return m.raw end
  local lines, codes, out = lines_of(m), m.codes or {}, {}
  for i = 1, #lines do
    local mark = (i < #lines or m.continues) and "-" or " "
    out[i] = format("%03d", math.tointeger(codes[i]) or code) .. mark .. lines[i] .. (m.eol or "\r\n")
  end
  return concat(out)
end

local function decode_reply(r)
  local code, mark
  local lines = {}
  repeat
    local from = r:position()
    local digits, rest
    digits, mark, rest = match(take_line(r), "^([2-5]%d%d)([ -]?)(.*)$")
    if not digits or (mark == "" and rest ~= "") then
      r:fail("a reply is a code of three digits, a blank or `-`, and text", from)
    end
    if code and digits ~= code then r:fail("the lines of a reply have different codes: " .. code .. " and " .. digits, from) end
    if #lines == LINES then r:fail("a reply of more than " .. LINES .. " lines", from) end
    code = digits
    lines[#lines + 1] = rest
  until mark ~= "-"
  local status = match(lines[1], "^([245]%.%d%d?%d?%.%d%d?%d?)%f[ \0]")
  return "reply", {
    code = tonumber(code),
    lines = lines,
    text = concat(lines, "\n"),
    status = status,
    challenge = code == "334" and plain(lines[1]) or nil,
  }
end

-- Commands

local prefix = {MAIL = "FROM:", RCPT = "TO:"}

local function encode_command(m)
  local eol = m.eol or "\r\n"
  if m.line then return m.line .. eol end
  local out = {m.verb or "NOOP"}
  if m.address then out[2] = (prefix[upper(out[1])] or "") .. "<" .. m.address .. ">" end
  if m.argument then out[#out + 1] = m.argument end
  for _, p in ipairs(m.parameters or {}) do out[#out + 1] = p[2] == "" and p[1] or p[1] .. "=" .. p[2] end
  return concat(out, " ") .. eol
end

-- RFC 5321 4.1.2: the path and the parameters of MAIL and RCPT. A path that is none gives no address.
local function add_path(m)
  local before = prefix[m.verb]
  if not before or upper(sub(m.argument or "", 1, #before)) ~= before then return end
  local address, rest = match(m.argument, "^ *<([^<>]*)>(.*)$", #before + 1)
  if not address or (rest ~= "" and sub(rest, 1, 1) ~= " ") then return end
  m.address, m.parameters = address, {}
  for word in rest:gmatch("%S+") do
    local name, value = match(word, "^([^=]+)=?(.*)$")
    if name then m.parameters[lower(name)] = value end
  end
end

local function decode_chunk(r, text, from)
  local digits, last = match(text, "^%a+ (%d+) ?(%a*)$")
  if not digits or #digits > 15 or (last ~= "" and upper(last) ~= "LAST") then
    r:fail("BDAT is followed by a size, and perhaps by LAST", from)
  end
  return "chunk", {size = tonumber(digits), last = last ~= "", body = r:bytes(tonumber(digits))}
end

local function decode_command(r)
  local from = r:position()
  local text = take_line(r)
  local verb, blank, argument = match(text, "^(%a%w*)( ?)(.*)$")
  if not verb or (blank == "" and argument ~= "") then r:fail("a command begins with its verb", from) end
  verb = upper(verb)
  if verb == "BDAT" then return decode_chunk(r, text, from) end
  local m = {verb = verb, line = text, argument = blank ~= "" and argument or nil}
  add_path(m)
  return "command", m
end

-- Mail

local function encode_data(m)
  if m.raw then return m.raw end
  local body = m.body or ""
  if m.stuffing ~= false then body = sub(gsub("\r\n" .. body, "\r\n%.", "\r\n.."), 3) end
  if m.terminator then return body .. m.terminator end
  if body ~= "" and sub(body, -2) ~= "\r\n" then body = body .. "\r\n" end
  return body .. ".\r\n"
end

-- RFC 5321 4.5.2
local function decode_data(r)
  if r:accept(".\r\n") then return "data", {body = ""} end
  local body = r:until_("\r\n.\r\n") .. "\r\n"
  return "data", {body = sub(gsub("\r\n" .. body, "\r\n%.", "\r\n"), 3)}
end

local function encode_chunk(m)
  local body = m.body or ""
  return format("BDAT %d%s\r\n", m.size or #body, m.last and " LAST" or "") .. body
end

local function encode_response(m)
  return (m.line or m.cancel and "*" or base64(m.data or "")) .. "\r\n"
end

local function decode_response(r)
  local from = r:position()
  local text = take_line(r)
  if text == "*" then return "response", {cancel = true, line = text} end
  local data = plain(text)
  if not data then r:fail("a response is base64, or `*`", from) end
  return "response", {data = data, line = text}
end

return {
  messages = {
    -- What a server says: one line, or several
    reply = {
      fields = {
        code = "u16?",          -- 250
        text = "text?",         -- what stands behind the code; several lines are separated by LF
        lines = "list?",        -- the same, line by line
        status = "text?",       -- the enhanced status code, such as 2.1.0; sent before each line
        challenge = "bytes?",   -- of a 334, what its base64 says
        continues = "bool?",    -- the last line says that another follows
        codes = "list?",        -- a code for each line that is sent, where they differ
        eol = "text?",          -- what ends a line that is sent: CRLF
        raw = "bytes?",         -- in place of all this
      },
      encode = encode_reply,
    },
    -- What a client says
    command = {
      fields = {
        verb = "text?",         -- received in upper case; NOOP
        argument = "text?",     -- what stands behind it
        address = "text?",      -- of MAIL and RCPT, what stands in <>
        parameters = "pairs?",  -- of MAIL and RCPT, such as {SIZE: 1000}, received in lower case; a name alone has an empty value
        line = "text?",         -- the whole line, as it is
        eol = "text?",          -- what ends a line that is sent: CRLF
      },
      encode = encode_command,
    },
    -- The mail behind a reply 354
    data = {
      fields = {
        body = "bytes?",        -- without the dots that are added on the way
        stuffing = "bool?",     -- false: no dot is added
        terminator = "bytes?",  -- in place of the line with a dot
        raw = "bytes?",         -- in place of all this
      },
      encode = encode_data,
    },
    -- BDAT and its bytes
    chunk = {
      fields = {
        body = "bytes?",
        last = "bool?",
        size = "u64?",          -- of the body
      },
      encode = encode_chunk,
    },
    -- The answer to a reply 334
    response = {
      fields = {
        data = "bytes?",        -- what its base64 says
        cancel = "bool?",       -- `*`
        line = "text?",         -- the whole line, as it is
      },
      encode = encode_response,
    },
  },

  decode = function(r, ctx)
    if ctx.role ~= "server" then return decode_reply(r) end
    local next_ = ctx.next
    ctx.next = nil
    if next_ == "data" then return decode_data(r) end
    if next_ == "response" then return decode_response(r) end
    return decode_command(r)
  end,
}
