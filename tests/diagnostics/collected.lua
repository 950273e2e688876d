setmetatable({}, {__gc = error})
return {messages = {}}
