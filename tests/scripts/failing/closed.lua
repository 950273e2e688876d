local sock = require "sockrun"

local function pair(t)
  local l <close> = t:listen("tcp://127.0.0.1:0")
  local a = t:connect(l.address)
  return a, l:accept()
end

test("closed while another task reads", function(t)
  local a, b <close> = pair(t)
  local reader = t:spawn("reader", function() assert(a:receive(1)) end)
  sock.sleep(0.001)
  a:close()
  reader:join()
end)

test("closed while another task sends", function(t)
  local a, b <close> = pair(t)
  local writer = t:spawn("writer", function() assert(a:send(string.rep("x", 1 << 24))) end)
  sock.sleep(0.001)
  a:close()
  writer:join()
end)

test("closed while another task accepts", function(t)
  local l = t:listen("tcp://127.0.0.1:0")
  local accepter = t:spawn("accepter", function() assert(l:accept()) end)
  sock.sleep(0.001)
  l:close()
  accepter:join()
end)
