-- what never comes to an end, and no hook stops
test("a loop", {timeout = 0.2}, function() while true do end end)

test("a loop of pcall", {timeout = 0.2}, function()
  while true do pcall(error) end
end)

test("a loop in a handler of xpcall", {timeout = 0.2}, function()
  xpcall(error, function() while true do end end)
end)

test("a loop in __close", {timeout = 0.2}, function()
  local x <close> = setmetatable({}, {__close = function() while true do pcall(error) end end})
end)

test("a pattern that explodes", {timeout = 0.2}, function()
  string.find(string.rep("a", 40), string.rep("a?", 40) .. string.rep("a", 40) .. "b")
end)

test("the others go on", function(t) t:equal(1, 1) end)
