setmetatable(_ENV, {__index = error})
test("x", function() end)
