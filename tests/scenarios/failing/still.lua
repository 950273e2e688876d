return {messages = {a = {fields = {}}}, decode = function(r) r:peek(1) return "a", {} end}
