local x = require "../etc/passwd"
test("x", function() end)
