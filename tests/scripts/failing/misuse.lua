local sock = require "sockrun"

local function pair(t)
  local l <close> = t:listen("tcp://127.0.0.1:0")
  local a = t:connect(l.address)
  return a, l:accept()
end

test("two tasks read one connection", function(t)
  local a = pair(t)
  t:spawn("first", function() a:receive(1) end)
  t:spawn("second", function() a:receive(1) end)
  sock.sleep(10)
end)

test("sending on a closed one", function(t)
  local a = pair(t)
  a:close()
  a:send("x")
end)

test("sending after shutdown", function(t)
  local a = pair(t)
  a:shutdown("write")
  a:send("x")
end)

test("two tasks accept", function(t)
  local l = t:listen("tcp://127.0.0.1:0")
  t:spawn("first", function() l:accept() end)
  t:spawn("second", function() l:accept() end)
  sock.sleep(10)
end)

test("waiting in a comparator", function(t)
  local a = pair(t)
  table.sort({3, 1, 2}, function(x, y)
    a:receive(1)
    return x < y
  end)
end)

test("waiting in gsub", function(t)
  local a = pair(t)
  string.gsub("abc", ".", function() a:receive(1) end)
end)

test("waiting in tostring", function(t)
  local a = pair(t)
  tostring(setmetatable({}, {__tostring = function() a:receive(1) end}))
end)

test("waiting in a coroutine of a comparator", function(t)
  local a = pair(t)
  table.sort({3, 1, 2}, function(x, y)
    coroutine.wrap(function() a:receive(1) end)()
    return x < y
  end)
end)

test("waiting in __close of a cancelled task", function(t)
  local a = pair(t)
  local task = t:spawn("waiter", function()
    local x <close> = setmetatable({}, {__close = function() a:receive(1) end})
    sock.sleep(10)
  end)
  sock.sleep(0.01)
  task:cancel()
end)

test("waiting in coroutine.close", function(t)
  local a = pair(t)
  local co = coroutine.create(function()
    local x <close> = setmetatable({}, {__close = function() a:receive(1) end})
    coroutine.yield()
  end)
  coroutine.resume(co)
  local ok, why = coroutine.close(co)
  t:equal(why, "")
end)

test("yield outside", function(t)
  coroutine.yield()
end)

test("a wrong argument", function(t)
  local a = pair(t)
  a:receive("x")
end)

test("called with a dot", function(t)
  local a = pair(t)
  a.send("x")
end)

test("__close that raises", function(t)
  local x <close> = setmetatable({}, {__close = function() error("in __close") end})
end)

test("__close that raises at the end", function(t)
  t:spawn("waiter", function()
    local x <close> = setmetatable({}, {__close = function() error("in __close") end})
    sock.sleep(10)
  end)
  sock.sleep(0.01)
end)

test("__gc", function(t)
  setmetatable({}, {__gc = function() end})
end)

test("setmetatable of the globals", function(t)
  setmetatable(_G or _ENV, {})
end)

test("bytecode", function(t)
  t:check(load("\27Lua"))
end)

test("string.dump", function(t)
  string.dump(pair)
end)

test("naming a test in a test", function(t)
  test("x", function() end)
end)
