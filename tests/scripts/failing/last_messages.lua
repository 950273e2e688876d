-- what was said before it failed
local sock = require "sockrun"

test("two messages", function(t)
  local l <close> = t:listen("tcp://127.0.0.1:0")
  local a = t:connect(l.address)
  local b = t:check(l:accept())
  a:send("hello\n")
  t:equal(b:receive(6), "hello\n")
  b:send("you\n")
  t:equal(a:receive(4), "me\n")
end)
