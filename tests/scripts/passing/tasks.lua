-- tasks, coroutines, channels and time
local sock = require "sockrun"

local function pair(t)
  local l <close> = t:listen("tcp://127.0.0.1:0")
  local a = t:connect(l.address)
  return a, t:check(l:accept(1))
end

test("join gives results", function(t)
  local task = sock.spawn("adder", function(a, b) return a + b, nil, "x" end, 1, 2)
  t:same({task:join()}, {3, nil, "x"})
  t:same({task:join()}, {3, nil, "x"})
  t:matches(tostring(task), "adder")
end)

test("join with a timeout, and cancel", function(t)
  local closed
  local task = sock.spawn("sleeper", function()
    local x <close> = setmetatable({}, {__close = function() closed = true end})
    sock.sleep(100)
  end)
  t:same({task:join(0.01)}, {nil, "timeout"})
  task:cancel()
  t:equal(closed, true)
  t:same({task:join()}, {nil, "cancelled"})
end)

test("a cancelled task gives up what it holds", function(t)
  local a, b = pair(t)
  local task = sock.spawn("reader", function()
    local mine <close> = a
    mine:receive(1)
  end)
  sock.sleep(0.01)
  task:cancel()
  t:same({b:receive(1)}, {nil, "closed", ""})
end)

test("waits in pcall, metamethods, iterators and __close", function(t)
  local a, b = pair(t)
  local echo = sock.spawn("echo", function()
    for line in b:lines() do sock.sleep(0.001); b:send(line, "\n") end
  end)
  local function ask(x) a:send(x, "\n"); return a:receive("l") end
  local m = setmetatable({}, {
    __index = function(_, k) return ask(k) end,
    __lt = function() return ask("x") == "x" end,
    __concat = function() return ask("joined") end,
    __close = function() t:equal(ask("bye"), "bye") end,
  })
  t:equal(select(2, pcall(ask, "one")), "one")
  t:equal(select(2, xpcall(ask, debug and print or error, "two")), "two")
  t:equal(m.three, "three")
  t:equal(m < {}, true)
  t:equal(m .. "", "joined")
  do local x <close> = m end
  for i, v in function(_, i) if i < 3 then return i + 1, ask("n") end end, nil, 0 do t:equal(v, "n") end
  a:close()
  t:equal(#{echo:join()}, 0)
end)

test("waits in the script's own coroutines", function(t)
  local a, b = pair(t)
  local co = coroutine.wrap(function(x)
    local y = coroutine.yield(x + 1)
    local inner = coroutine.wrap(function() return a:receive(1) .. coroutine.yield("!") end)
    local first = inner()
    local second = inner("?")
    return first, second, y
  end)
  t:equal(co(1), 2)
  sock.spawn("sender", function() sock.sleep(0.005); b:send("x") end)
  t:same({co("y")}, {"!", "x?", "y"})
end)

test("a coroutine that waits belongs to its task", function(t)
  local a, b = pair(t)
  local co = coroutine.create(function() return a:receive(1) end)
  local waiter = sock.spawn("waiter", function() return coroutine.resume(co) end)
  sock.sleep(0.005)
  t:same({coroutine.resume(co)}, {false, "this coroutine waits for something in a task"})
  t:error_matches("waits for something", function() coroutine.close(co) end)
  b:send("z")
  t:same({waiter:join()}, {true, "z"})
end)

test("a coroutine that waits goes with its task", function(t)
  local a, b = pair(t)
  local closed = 0
  local waiter = sock.spawn("waiter", function()
    coroutine.wrap(function()
      local x <close> = setmetatable({}, {__close = function() closed = closed + 1 end})
      a:receive(1)
    end)()
  end)
  sock.sleep(0.005)
  waiter:cancel()
  t:equal(closed, 1)
  b:send("z")
  t:equal(a:receive(1), "z")
end)

test("within", function(t)
  local a = pair(t)
  local began = sock.now()
  t:same({sock.within(0.02, function() return a:receive(1) end)}, {nil, "timeout"})
  t:same({sock.within(1, function(x) return x, 2 end, 1)}, {1, 2})
  t:same({sock.within(5, function()
    return "outer", sock.within(0.01, function() sock.sleep(100) end)
  end)}, {"outer", nil, "timeout"})
  t:same({sock.within(0.01, function()
    return "outer", sock.within(5, function() sock.sleep(100) end)
  end)}, {nil, "timeout"})
  t:error_matches("broken", function() sock.within(1, error, "broken") end)
  t:truthy(sock.now() - began < 4)
end)

test("channels", function(t)
  local jobs, results = sock.channel(2), sock.channel()
  for i = 1, 3 do
    t:spawn("worker", function()
      while true do
        local a, b = jobs:get()
        if not a then return results:put("done") end
        results:put(a * b, nil)
      end
    end)
  end
  for i = 1, 10 do jobs:put(i, i) end
  jobs:close()
  local sum, done = 0, 0
  while done < 3 do
    local x = results:get(1)
    if x == "done" then done = done + 1 else sum = sum + x end
  end
  t:equal(sum, 385)
  t:same({jobs:get()}, {nil, "closed"})
  t:same({jobs:put(1)}, {nil, "closed"})
  t:same({results:get(0.01)}, {nil, "timeout"})
end)

test("sync", function(t)
  local order = {}
  local other = t:spawn("other", function()
    for i = 1, 3 do sock.sync("meet", 2); order[#order + 1] = i end
  end)
  for i = 1, 3 do t:equal(#order <= i, true); sock.sync("meet", 2) end
  other:join()
  t:equal(#order, 3)
end)

test("select", function(t)
  local a, b = pair(t)
  local c, d = pair(t)
  local l = t:listen("tcp://127.0.0.1:0")
  local task = t:spawn("short", function() sock.sleep(0.005) end)
  t:same({sock.select{a, c, l, timeout = 0}}, {nil, "timeout"})
  b:send("x")
  t:equal(sock.select{c, a, l, timeout = 1}[1], a)
  t:equal(a:receive(1), "x")
  t:equal(sock.select{c, a, l, task, timeout = 1}[1], task)
  local e = t:connect(l.address)
  t:equal(sock.select{c, l, timeout = 1}[1], l)
  d:close()
  t:equal(sock.select{a, c, timeout = 1}[1], c)
end)

test("resolve", function(t)
  t:contains(t:check(sock.resolve("localhost")), "127.0.0.1")
end)

test("helpers", function(t)
  t:equal(sock.hex(sock.sha256("")):sub(1, 8), "e3b0c442")
  t:equal(sock.json.decode('{"a":[1,2]}').a[2], 2)
end)

test("programs", function(t)
  local p = t:run({"sh", "-c", "read x; echo \"got $x\"; echo oops >&2; exit 3"}, {env = {A = "b"}})
  p:send("hello\n")
  t:equal(p:receive("l"), "got hello")
  t:equal(p:wait(), 3)
  t:equal(p:receive("a"), "")
  sock.sleep(0.01)
  t:equal(p:errors(), "oops\n")
  local q = t:run{"cat"}
  q:send("x")
  t:equal(q:receive(1), "x")
  t:truthy(q:signal("TERM"))
  t:same({q:wait()}, {nil, "TERM"})
  t:same({sock.run{"no-such-program-here"}}, {nil, "there is no such program"})
end)

local log = {}
before(function(t) log[#log + 1] = "before " .. t.name end)
after(function(t) log[#log + 1] = "after " .. t.name end)

test("before and after: first", {tags = {"a", "b"}, ref = "RFC 1", timeout = "2s"}, function() log = {"first"} end)
test("before and after: second", function(t)
  t:same(log, {"first", "after before and after: first", "before before and after: second"})
end)

each({{n = 1, s = "x"}, {n = 2, s = "x"}, 3, {{}}}, "rows", function(t, row)
  t:truthy(row)
end)
