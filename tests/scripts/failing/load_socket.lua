-- sockets are for tests
local server = require("sockrun").listen("tcp://127.0.0.1:0")
test("x", function() end)
