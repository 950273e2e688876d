local sock = require "sockrun"

test("a runtime error", function(t)
  local x
  x.y = 1
end)

test("error with a table", function(t)
  error({})
end)

test("in a task", function(t)
  local l = t:listen("tcp://127.0.0.1:0")
  t:spawn("server", function()
    local c <close> = l:accept()
    error("the server is broken")
  end)
  local c = t:connect(l.address)
  c:receive("l")
end)

test("expect", function(t)
  local l = t:listen("tcp://127.0.0.1:0")
  t:spawn("server", function()
    local c <close> = l:accept()
    c:send("250-mail.text\r\n")
  end)
  local c <close> = t:connect(l.address)
  c:expect("250-mail.test\r\n")
end)

test("the test's time", {timeout = 0.05}, function(t)
  local l = t:listen("tcp://127.0.0.1:0")
  t:spawn("server", function() sock.sleep(10) end)
  l:accept()
end)

test("not permitted", function(t)
  sock.connect("tcp://192.0.2.1:80")
end)

test("a bad address", function(t)
  sock.connect("tcp:/x")
end)

test("cannot listen twice", function(t)
  local l = t:listen("tcp://127.0.0.1:0")
  t:listen(l.address)
end)
