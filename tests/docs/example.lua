local sock = require "sockrun"

-- What an example of docs/lua.md may take for given.
test("an example", {timeout = 10}, function(t)
  local l = t:listen("tcp://127.0.0.1:0")
  local address, server = l.address, l
  t:spawn("server", function()
    local s <close> = l:accept()
    s:send("220 ready\r\nONE\r\n\r\n", string.rep("x", 16384))
    s:shutdown("write")
    while s:receiveany() do end
  end)
  local c, spare = t:connect(address), t:connect(address)
  local a, b = c, l
  local d = sock.datagram("udp://127.0.0.1:0")
  d:sendto("ping", d["local"])
  local p = t:run{"cat"}
  local jobs = sock.channel()
  jobs:put(1)
  t:spawn("other", function() sock.sync("ready", 2) end)
  local task = t:spawn("worker", function() return 7 end)
  local n, data, has_ipv6 = 1, "abc", true
