test("never ends", {timeout = 0.05}, function()
  string.find(string.rep("a", 40), string.rep("a?", 40) .. string.rep("a", 40) .. "b")
end)

test("takes all memory", function()
  local all = {}
  for i = 1, 10000 do all[i] = string.rep("x", 1 << 20) .. i end
end)

test("calls itself", function()
  local function f() return 1 + f() end
  f()
end)
