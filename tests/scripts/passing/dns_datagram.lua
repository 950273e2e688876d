-- the DNS module where messages need no length before them
local dns = require "dns"

-- Reads from one datagram.
local function reader(bytes)
  local at = 0
  local r = {}
  function r:buffered() return #bytes - at end
  function r:position() return at end
  function r:bytes(n) at = at + n return bytes:sub(at - n + 1, at) end
  function r:fail(why, place) error(why .. " at " .. place, 0) end
  return r
end

test("a query and its answer", function(t)
  local client, server = {role = "client", datagram = true}, {role = "server", datagram = true}
  local query = dns.messages.query.encode({name = "a.test", type = "TXT"}, client)
  t:equal(#query, 12 + 8 + 4)
  t:equal(#dns.messages.query.encode({name = "a.test"}, {}), 2 + 12 + 8 + 4)
  local kind, m = dns.decode(reader(query), server)
  t:same({kind, m.id, m.name, m.type, m.rd}, {"query", 1, "a.test", "TXT", true})
  local answer = dns.messages.response.encode({tc = true, answers = {{name = "a.test", type = "TXT", text = "x"}}}, server)
  kind, m = dns.decode(reader(answer), client)
  t:same({kind, m.id, m.name, m.tc, m.answers[1].text}, {"response", 1, "a.test", true, "x"})
end)

test("what is no message", function(t)
  t:error_matches(function() dns.decode(reader("short"), {datagram = true}) end, "a message of 5 bytes, less than its header of 12 at 0")
end)
