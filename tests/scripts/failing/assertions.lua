-- each assertion as it fails
local function helper(t, got)
  t:equal(got, "hello world")
end

test("equal: bytes", function(t)
  helper(t, "hello\0wOrld")
end)

test("equal: values", function(t)
  t:equal(1 + 1, 3, "sum")
end)

test("equal: tables", function(t)
  t:equal({1}, {1})
end)

test("same", function(t)
  t:same({a = {1, 2}}, {a = {1, 3}})
end)

test("matches", function(t)
  t:matches("220 ready", "^250 ")
end)

test("contains", function(t)
  t:contains("HTTP/1.1 404 Not Found", "200 OK")
end)

test("truthy", function(t)
  t:truthy(nil, "a connection")
end)

test("falsy", function(t)
  t:falsy(0)
end)

test("check shows the reason", function(t)
  local sock = require "sockrun"
  t:check(sock.connect("tcp://127.0.0.1:" .. sock.free_port()))
end)

test("error_matches: another", function(t)
  t:error_matches("closed", function() error("open") end)
end)

test("error_matches: none", function(t)
  t:error_matches("closed", function() end)
end)

test("fail", function(t)
  t:fail("not reached")
end)

test("pcall does not hide it", function(t)
  pcall(function() t:equal(1, 2) end)
end)

test("skip", function(t)
  t:skip("no reason")
end)

test("should", {level = "should"}, function(t)
  t:equal(1, 2)
end)
