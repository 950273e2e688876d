-- messages of modules: sent, received and expected, beside bytes
local sock = require "sockrun"

local function pair(t)
  local l <close> = t:listen("tcp://127.0.0.1:0")
  local a = t:connect(l.address)
  return a, t:check(l:accept(1))
end

test("a server and a client of http", function(t)
  local l = t:listen("tcp://127.0.0.1:0")
  local server = t:spawn("server", function()
    local c <close> = l:accept()
    local kind, r = c:receive("http")
    t:same({kind, r.method, r.target, r.headers["x-a"]}, {"request", "POST", "/echo", {"1", "2"}})
    c:send{["http.response"] = {status = 201, body = r.body:upper()}}
    r = c:expect{["http.request"] = {method = "HEAD", target = {starts_with = "/h"}}}
    t:equal(r.target, "/head")
    c:send{["http.response"] = {status = 200, headers = {["Content-Length"] = "1000"}}}
    t:same({c:receive("http")}, {nil, "closed", ""})
  end)
  local c <close> = t:connect(l.address)
  c:send{["http.request"] = {method = "POST", target = "/echo", headers = {{"X-A", "1"}, {"X-A", "2"}}, body = "milk"}}
  local r, kind = c:expect{["http.response"] = {status = {ge = 200, lt = 300}, body = {length = 4}}}
  t:same({kind, r.status, r.body}, {"response", 201, "MILK"})
  c:send{["http.request"] = {method = "HEAD", target = "/head"}}
  t:equal(c:ctx("http").method, "HEAD")
  kind, r = c:receive("http")
  t:same({kind, r.status, r.body}, {"response", 200, ""})
  t:equal(c:ctx("http").method, nil)
  c:close()
  server:join()
end)

test("messages in one piece, and bytes before and behind them", function(t)
  local a, b = pair(t)
  a:send("first\n", {["http.request"] = {target = "/1"}}, {["http.request"] = {target = "/2"}}, {hex = "6c 0a"}, "rest")
  a:shutdown("write")
  t:equal(b:receive("l"), "first")
  local r, kind = b:expect{http = {}}
  t:same({kind, r.target}, {"request", "/1"})
  t:equal(b:expect{["http.request"] = {}}.target, "/2")
  t:equal(b:receive("L"), "l\n")
  t:equal(b:receive("a"), "rest")
  b:send{["http.response"] = {status = 200, body = "one"}}
  b:send{["http.response"] = {status = 404, chunked = true, body = "two"}}
  local got = {}
  for i = 1, 2 do
    local _, m = a:receive("http")
    got[i] = m.status .. " " .. m.body
  end
  t:same(got, {"200 one", "404 two"})
end)

test("a message that is one value", function(t)
  local a, b = pair(t)
  a:send{["resp.command"] = {"SET", "key", "va${x}lue\0"}}
  local kind, value = b:receive("resp")
  t:same({kind, value}, {"command", {"SET", "key", "va${x}lue\0"}})
end)

test("half a message stays unread, and belongs to its module", function(t)
  local a, b = pair(t)
  a:send("GET /half HT")
  b:peek(12)
  b:settimeout(0.02)
  t:same({b:receive("http")}, {nil, "timeout", "GET /half HT"})
  t:error_matches(function() b:receive("l") end, "`http` has begun to read the message here")
  t:error_matches(function() b:receive("resp") end, "`http` has begun to read the message here")
  b:settimeout(5)
  a:send("TP/1.1\r\nHost: x\r\n\r\n")
  local _, r = b:receive("http")
  t:equal(r.target, "/half")
end)

test("cut off, and malformed", function(t)
  local a, b = pair(t)
  a:send("GET / HTTP/1.1\r\n")
  a:shutdown("write")
  t:same({b:receive("http")}, {nil, "closed", "GET / HTTP/1.1\r\n"})
  b:send("no http\r\n\r\n")
  a:peek(11)
  local kind, why, bytes = a:receive("http")
  t:equal(kind, nil)
  t:matches(why, "^protocol error at byte \\d+: ")
  t:equal(bytes, "no http\r\n\r\n")
  t:equal(a:receive("l"), "no http")
end)

test("another task closes it", function(t)
  local a, b = pair(t)
  local reader = t:spawn("reader", function()
    local kind, why = b:receive("http")
    return kind, why
  end)
  a:send("GET")
  sock.sleep(0.01)
  b:close()
  t:same({reader:join()}, {nil, "closed"})
end)

test("waits in a coroutine and under pcall", function(t)
  local a, b = pair(t)
  t:spawn("late", function()
    sock.sleep(0.01)
    a:send{["http.request"] = {target = "/1"}}
  end)
  local co = coroutine.wrap(function() return select(2, pcall(b.receive, b, "http")) end)
  t:equal(co(), "request")
end)
