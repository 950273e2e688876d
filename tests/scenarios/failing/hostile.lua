local kept
local function deep() return 1 + deep() end
local function raising() return setmetatable({}, {__close = function() error("in __close") end}) end

return {
  messages = {
    a = {fields = {n = "u8"}},
    close = {fields = {}, encode = function() local x <close> = raising() return "x" end},
    yield = {fields = {}, encode = function() coroutine.yield() end},
    deep = {fields = {}, encode = deep},
    gc = {fields = {}, encode = function() setmetatable({}, {__gc = error}) end},
    globals = {fields = {}, encode = function() setmetatable(_ENV, {}) end},
    reader = {fields = {}, encode = function() return kept:bytes(1) end},
  },
  decode = function(r)
    local line = r:line()
    kept = r
    if line == "close" then local x <close> = raising() return "a", {n = 1} end
    if line == "deep" then deep() end
    if line == "rep" then string.rep("x", 1 << 40) end
    if line == "sort" then table.sort({3, 2, 1}, function() r:bytes(100) end) end
    if line == "loop" then while true do pcall(error) end end
    return "a", {n = 1}
  end,
}
