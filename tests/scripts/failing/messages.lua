local sock = require "sockrun"

local function pair(t)
  local l <close> = t:listen("tcp://127.0.0.1:0")
  local a = t:connect(l.address)
  return a, l:accept()
end

test("an unknown module", function(t)
  pair(t):receive("htp")
end)

test("one message where any is received", function(t)
  pair(t):receive("http.request")
end)

test("an unknown message", function(t)
  pair(t):send{["http.reqest"] = {}}
end)

test("an unknown field", function(t)
  pair(t):send{["http.request"] = {targt = "/"}}
end)

test("a field of the wrong type", function(t)
  pair(t):send{["http.response"] = {status = "ok"}}
end)

test("a field that is no value", function(t)
  pair(t):send{["http.response"] = {status = 200, body = tostring}}
end)

test("an unknown field of a template", function(t)
  pair(t):expect{["http.response"] = {statu = 200}}
end)

test("an unknown expectation", function(t)
  pair(t):expect{lien = "x"}
end)

test("ctx of an unknown module", function(t)
  pair(t):ctx("resq")
end)

test("another response", function(t)
  local a, b = pair(t)
  b:send{["http.response"] = {status = 404, body = "no"}}
  a:expect{["http.response"] = {status = 200}}
end)

test("another message", function(t)
  local a, b = pair(t)
  b:send{["http.response"] = {status = 200}}
  a:expect{["http.request"] = {}}
end)

test("a message that another module has begun", function(t)
  local a, b = pair(t)
  b:send("HTT")
  a:peek(3)
  a:settimeout(0.01)
  a:receive("http")
  a:receive("resp")
end)

test("two tasks", function(t)
  local a = pair(t)
  t:spawn("first", function() a:receive("http") end)
  t:spawn("second", function() a:receive("http") end)
  sock.sleep(10)
end)

test("where nothing can wait", function(t)
  local a = pair(t)
  string.gsub("a", ".", function() a:receive("http") end)
end)

test("a failure that is caught", function(t)
  local a, b = pair(t)
  b:send{["http.response"] = {status = 200}}
  pcall(a.expect, a, {["http.response"] = {status = 201}})
  collectgarbage()
  a:receive("a")
end)
