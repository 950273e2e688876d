-- what the sandbox refuses, and __close that does what it should not
test("the globals by their name", function() setmetatable(_G, {}) end)

test("a library's metatable", function() setmetatable(string, {}) end)

test("the metatable of strings", function() getmetatable("").__index = nil end)

test("the metatable of a connection", function(t)
  local l <close> = t:listen("tcp://127.0.0.1:0")
  getmetatable(l).__close = nil
end)

test("__gc put in later is never called", function(t)
  local called = false
  local mt = {}
  setmetatable({}, mt)
  mt.__gc = function() called = true end
  collectgarbage()
  t:equal(called, true)
end)

test("__gc by setmetatable again", function()
  local mt = {}
  local x = setmetatable({}, mt)
  mt.__gc = error
  setmetatable(x, mt)
end)

test("__close that yields", function()
  local x <close> = setmetatable({}, {__close = function() coroutine.yield() end})
end)

test("__close that raises after an error", function()
  local x <close> = setmetatable({}, {__close = function() error("in __close") end})
  error("first")
end)

test("a circle", function() require "circle.a" end)

test("outside", function() require "../misuse" end)

test("outside, from the root", function() require "/etc/passwd" end)

test("outside, by a folder", function() require "circle...misuse" end)

test("the others go on", function(t) t:equal(string.format("%d", 1), "1") end)
