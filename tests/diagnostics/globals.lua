setmetatable(_ENV, {})
return {messages = {}}
