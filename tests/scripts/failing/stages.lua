local sock = require "sockrun"
local n = 0
before(function(t) n = n + 1; if n == 2 then t:fail("before is broken") end end)
after(function(t) sock.log("after", t.name); if n == 3 then error("after is broken") end end)
test("one", function(t) end)
test("two", function(t) sock.log("not reached") end)
test("three", function(t) end)
test("four", function(t) t:equal(1, 2) end)
test("five", function(t) t:skip("no") end)
test("six, after a timeout", {timeout = 0.05}, function(t) sock.sleep(5) end)
