local b = require "circle_b"
return {messages = {a = {fields = {}}}, decode = function(r) return "a", {} end}
