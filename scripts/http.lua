-- HTTP/1.1 messages (RFC 9112, RFC 9110).
--
-- What a message needs is added where it is left out: method GET, target /, version 1.1, the reason of the status, Host of the
-- connection, Content-Length where RFC 9112 6.3 wants one. A header that is given is sent as it is given, so that broken messages are
-- written like good ones; `defaults: false` adds nothing, and `head` replaces the start line and all headers.
--
-- Headers are received by their lower-case names; one that comes several times has a list of its values. `head` is the start line and
-- the headers as they came. A body has been taken out of its chunks. What has both Transfer-Encoding and Content-Length is read by the
-- former; a response without either goes on until the peer closes.

local concat, find, format, lower, match, sub = table.concat, string.find, string.format, string.lower, string.match, string.sub

local reasons = {
  [100] = "Continue", [101] = "Switching Protocols", [102] = "Processing", [103] = "Early Hints",
  [200] = "OK", [201] = "Created", [202] = "Accepted", [203] = "Non-Authoritative Information", [204] = "No Content",
  [205] = "Reset Content", [206] = "Partial Content", [207] = "Multi-Status",
  [300] = "Multiple Choices", [301] = "Moved Permanently", [302] = "Found", [303] = "See Other", [304] = "Not Modified",
  [305] = "Use Proxy", [307] = "Temporary Redirect", [308] = "Permanent Redirect",
  [400] = "Bad Request", [401] = "Unauthorized", [402] = "Payment Required", [403] = "Forbidden", [404] = "Not Found",
  [405] = "Method Not Allowed", [406] = "Not Acceptable", [407] = "Proxy Authentication Required", [408] = "Request Timeout",
  [409] = "Conflict", [410] = "Gone", [411] = "Length Required", [412] = "Precondition Failed", [413] = "Content Too Large",
  [414] = "URI Too Long", [415] = "Unsupported Media Type", [416] = "Range Not Satisfiable", [417] = "Expectation Failed",
  [421] = "Misdirected Request", [422] = "Unprocessable Content", [425] = "Too Early", [426] = "Upgrade Required",
  [428] = "Precondition Required", [429] = "Too Many Requests", [431] = "Request Header Fields Too Large",
  [500] = "Internal Server Error", [501] = "Not Implemented", [502] = "Bad Gateway", [503] = "Service Unavailable",
  [504] = "Gateway Timeout", [505] = "HTTP Version Not Supported", [511] = "Network Authentication Required",
}

-- Methods of requests that have not been answered, oldest first: the first in ctx.method, the others in ctx.more.

local function asked(ctx, method)
  if not ctx.method then
    ctx.method = method
    return
  end
  local more = ctx.more or {}
  more[#more + 1] = method
  ctx.more = more
end

local function answered(ctx)
  local method, more = ctx.method, ctx.more
  ctx.method = nil
  if more then
    ctx.method = table.remove(more, 1)
    if #more == 0 then ctx.more = nil end
  end
  return method
end

local function has_no_body(status, method)
  return method == "HEAD" or status < 200 or status == 204 or status == 304 or (method == "CONNECT" and status < 300)
end

-- Sending

local function add_headers(out, n, headers)
  local framed, host = false, false
  for i = 1, #headers do
    local h = headers[i]
    local name, value = h[1], h[2]
    out[n + 1], out[n + 2], out[n + 3], out[n + 4] = name, ": ", value, "\r\n"
    n = n + 4
    local low = lower(name)
    if low == "host" then
      host = true
    elseif low == "content-length" or low == "transfer-encoding" then
      framed = low
    end
  end
  return n, framed, host
end

local function chunks_of(body, size, extension)
  local out, n = {}, 0
  for at = 1, #body, size do
    local chunk = sub(body, at, at + size - 1)
    out[n + 1] = format("%x%s\r\n", #chunk, extension)
    out[n + 2] = chunk
    out[n + 3] = "\r\n"
    n = n + 3
  end
  return concat(out)
end

local function end_of_chunks(trailers)
  local out = {"0\r\n"}
  add_headers(out, 1, trailers or {})
  out[#out + 1] = "\r\n"
  return concat(out)
end

-- wants: whether an empty body is said to be empty; bare: there is no body, whatever is given
local function put(m, first, host, wants, bare)
  local out, n, framed, has_host = {first}, 1, false, false
  local body, headers = m.body or "", m.headers
  if m.head then
    out[1] = m.head
  else
    if headers then n, framed, has_host = add_headers(out, n, headers) end
    if m.defaults ~= false then
      if host and not has_host then
        table.insert(out, 2, "Host: " .. host .. "\r\n")
        n = n + 1
      end
      if m.chunked and framed ~= "transfer-encoding" then
        n = n + 1
        out[n] = "Transfer-Encoding: chunked\r\n"
      elseif not framed and (wants or body ~= "") and not m.chunked then
        n = n + 1
        out[n] = "Content-Length: " .. #body .. "\r\n"
      end
    end
    n = n + 1
    out[n] = "\r\n"
  end
  if bare then return concat(out) end
  if m.chunked then
    n = n + 1
    out[n] = chunks_of(body, math.max(m.chunk_size or #body, 1), m.chunk_extension or "") .. end_of_chunks(m.trailers)
  elseif body ~= "" then
    n = n + 1
    out[n] = body
  end
  return concat(out)
end

local wants_length = {POST = true, PUT = true, PATCH = true}

local function encode_request(m, ctx)
  local method, version = m.method or "GET", m.version or "1.1"
  asked(ctx, method)
  local first = method .. " " .. (m.target or "/") .. " HTTP/" .. version .. "\r\n"
  return put(m, first, version ~= "1.0" and ctx.peer, wants_length[method] or m.body)
end

local function encode_response(m, ctx)
  local status = m.status or 200
  local method = ctx.method
  if status >= 200 or status == 101 then answered(ctx) end
  local reason = m.reason or reasons[status] or ""
  local first = "HTTP/" .. (m.version or "1.1") .. " " .. format("%03d", status) .. " " .. reason .. "\r\n"
  if status < 200 or status == 204 or (method == "CONNECT" and status < 300) then return put(m, first, false, false) end
  if status == 304 then return put(m, first, false, false, m.body == nil) end
  if method == "HEAD" then return put(m, first, false, m.body, true) end
  return put(m, first, false, true)
end

-- Receiving

-- Wrong is a header, and there it shows.
local function fail_at(r, m, name, why)
  r:fail(why, find(lower(m.head), "\n" .. name .. ":", 1, true))
end

local function length_of(r, m, value)
  if type(value) == "table" then value = concat(value, ",") end
  local first
  for one in value:gmatch("[^,]+") do
    local digits = match(one, "^[ \t]*(%d+)[ \t]*$")
    if not digits or #digits > 18 then
      first = nil
      break
    end
    if first and tonumber(digits) ~= first then
      fail_at(r, m, "content-length", "Content-Length says different things: " .. value)
    end
    first = tonumber(digits)
  end
  if not first then fail_at(r, m, "content-length", "Content-Length is no number: " .. value) end
  return first
end

local function chunked_body(r)
  local parts, n = {}, 0
  while true do
    local size = r:number(16)
    local extension = r:line()
    if extension ~= "" and not find(extension, "^[ \t]*;") then r:fail("a chunk's size is followed by `;` or the end of the line") end
    if size == 0 then break end
    n = n + 1
    parts[n] = r:bytes(size)
    r:need("\r\n")
  end
  return concat(parts), r:headers()
end

-- RFC 9112 6.3. to_end: what has no length goes on until the peer closes
local function receive_body(r, m, to_end)
  local headers = m.headers
  local coding = headers["transfer-encoding"]
  if coding then
    if type(coding) == "table" then coding = concat(coding, ",") end
    if match(lower(coding), "([^,%s]+)[,%s]*$") == "chunked" then
      m.chunked = true
      m.body, m.trailers = chunked_body(r)
    elseif to_end then
      m.body = r:rest()
    else
      fail_at(r, m, "transfer-encoding", "the length of a request with Transfer-Encoding: " .. coding .. " is not known")
    end
    return
  end
  local length = headers["content-length"]
  if length then
    m.body = r:bytes(length_of(r, m, length))
  elseif to_end then
    m.body = r:rest()
  else
    m.body = ""
  end
end

local function decode_response(r, ctx, version, status, reason)
  if not find(version, "^HTTP/%d%.%d$") then r:fail("a status line is HTTP/1.1 STATUS REASON", 0) end
  local code = tonumber(status)
  if not status or #status ~= 3 or not find(status, "^%d%d%d$") then r:fail("a status is three digits", #version + 1) end
  local m = {version = sub(version, 6), status = code, reason = reason or "", headers = r:headers()}
  m.head = r:taken()
  local method = ctx.method
  if code >= 200 or code == 101 then answered(ctx) end
  if has_no_body(code, method) then
    m.body = ""
  else
    receive_body(r, m, true)
  end
  return "response", m
end

local function decode_request(r, ctx, method, target, version)
  if not version or not find(version, "^HTTP/%d%.%d$") then r:fail("a request line is METHOD TARGET HTTP/1.1", 0) end
  if method == "" or find(method, "[^%w!#$%%&'*+%-.^_`|~]") then r:fail("this is no method", 0) end
  local m = {method = method, target = target, version = sub(version, 6), headers = r:headers()}
  m.head = r:taken()
  asked(ctx, method)
  receive_body(r, m, false)
  return "request", m
end

return {
  messages = {
    -- What a client says. Its method is remembered: the answer's length depends on it.
    request = {
      fields = {
        method = "text?",       -- GET
        target = "text?",       -- /
        version = "text?",      -- 1.1
        headers = "pairs?",
        body = "bytes?",
        chunked = "bool?",      -- the body goes, or came, in chunks
        chunk_size = "u32?",    -- bytes in each chunk that is sent; all in one
        chunk_extension = "text?", -- behind the size of each chunk that is sent, with its `;`
        trailers = "pairs?",    -- behind the last chunk
        head = "bytes?",        -- start line, headers and the empty line, as they are
        defaults = "bool?",     -- false: no header is added by itself
      },
      encode = encode_request,
    },
    -- What a server says; those below 200 come before the answer to the same request.
    response = {
      fields = {
        status = "u16?",        -- 200
        reason = "text?",       -- as RFC 9110 15 has it for the status
        version = "text?",      -- 1.1
        headers = "pairs?",
        body = "bytes?",        -- to HEAD only its length is sent
        chunked = "bool?",      -- the body goes, or came, in chunks
        chunk_size = "u32?",    -- bytes in each chunk that is sent; all in one
        chunk_extension = "text?", -- behind the size of each chunk that is sent, with its `;`
        trailers = "pairs?",    -- behind the last chunk
        head = "bytes?",        -- start line, headers and the empty line, as they are
        defaults = "bool?",     -- false: no header is added by itself
      },
      encode = encode_response,
    },
  },

  decode = function(r, ctx)
    local a, b, c = r:words(3)
    while a == "" and not b do a, b, c = r:words(3) end -- RFC 9112 2.2
    if sub(a, 1, 5) == "HTTP/" then return decode_response(r, ctx, a, b, c) end
    return decode_request(r, ctx, a, b, c)
  end,
}
