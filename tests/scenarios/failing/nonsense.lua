return {
  messages = {
    a = {fields = {n = "u8", note = "text?"}, encode = function(m) return "a" .. m.n .. "\n" end},
    b = {fields = {}, encode = function() return "b\n" end},
    bad = {fields = {}, encode = function() return 5 end},
  },
  decode = function(r)
    local line = r:line()
    if line == "kind" then return "c", {} end
    if line == "number" then return 7 end
    if line == "nofields" then return "a" end
    if line == "missing" then return "a", {} end
    if line == "type" then return "a", {n = "x"} end
    if line == "extra" then return "a", {n = 1, m = 2} end
    if line == "function" then return "a", {n = type} end
    if line == "error" then return nil + 1 end
    if line == "yield" then coroutine.yield(1) end
    if line == "past" then return "a", {n = r:part(2):bytes(3)} end
    if line == "malformed" then return nil, "not today" end
    if line == "huge" then return r:bytes(1 << 40) end
    if line == "b" then return "b" end
    return "a", {n = tonumber(line) or r:fail("no number", 0)}
  end,
}
