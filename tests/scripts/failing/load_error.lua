local sock = require "sockrun"

tset("a misspelled name", function() end)
