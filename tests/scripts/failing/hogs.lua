local function hog(n)
  local all = {}
  for i = 1, n do all[i] = string.rep("x", 1 << 20) .. i end
  return all
end

test("memory", function(t) hog(10000) end)

test("memory behind pcall", function(t)
  t:equal(pcall(hog, 10000), false)
end)

test("a huge string.rep", function(t) string.rep("x", 1 << 40) end)

test("a huge string.rep within the cap of a number", function(t) string.rep("x", 1 << 30) end)

test("deep recursion", function(t)
  local function f() return 1 + f() end
  f()
end)

test("deep recursion through C", function(t)
  local function f() return pcall(f) end
  t:equal(f(), true)
end)

test("many coroutines in one another", function(t)
  local function f() return coroutine.wrap(f)() end
  f()
end)

test("many tasks", function(t)
  for i = 1, 1000 do t:spawn("task", function() require("sockrun").sleep(100) end) end
end)

test("the others go on", function(t) t:equal(1, 1) end)
