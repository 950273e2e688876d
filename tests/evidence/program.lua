-- needs --allow-run: what a program has said is kept when its test fails
local sock = require "sockrun"

test("fails", function(t)
  local p <close> = sock.run{"sh", "-c", "echo oops >&2; echo hello; read x"}
  for line in p:lines() do
    t:equal(line, "hallo")
  end
end)
