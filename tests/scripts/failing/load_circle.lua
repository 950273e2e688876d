local a = require "circle.a"
test("x", function() end)
