-- TLS from scripts, from the first byte and by STARTTLS
local sock = require "sockrun"

-- A server that does this with its first connection.
local function serve(t, address, options, fn)
  local l = t:listen(address, options)
  return l, t:spawn("server", function() return fn(assert(l:accept())) end)
end

local function echo(c)
  for line in c:lines() do c:send(line:upper(), "\n") end
  return c:info().tls
end

test("a connection speaks TLS from the first byte", function(t)
  local l, server = serve(t, "tls://127.0.0.1:0", {tls = {alpn = {"echo", "x"}, server_name = "mail.test"}}, echo)
  local c = t:connect(l, {tls = {server_name = "mail.test", alpn = "echo"}})
  c:send("hello\n")
  t:equal(c:receive("l"), "HELLO")
  local info = c:info().tls
  t:equal(info.version, "TLSv1.3")
  t:equal(info.alpn, "echo")
  t:contains(info.peer_subject, "CN=mail.test")
  c:close()
  t:equal(server:join().server_name, "mail.test")
end)

test("it begins later, on either side", function(t)
  local l, server = serve(t, "tcp://127.0.0.1:0", nil, function(c)
    t:equal(c:receive("l"), "STARTTLS")
    c:send("go ahead\n")
    t:check(c:starttls())
    return echo(c)
  end)
  local c = t:connect(l)
  c:send("STARTTLS\n")
  t:equal(c:receive("l"), "go ahead")
  t:check(c:starttls{server_name = "localhost", max_version = "TLSv1.2"})
  c:send("hello\n")
  t:equal(c:receive("l"), "HELLO")
  c:close()
  t:equal(server:join().version, "TLSv1.2")
end)

test("what fails comes back as a reason", function(t)
  local l, server = serve(t, "tls://127.0.0.1:0", nil, function(c) return select(2, c:receive("l")) end)
  t:same({sock.connect(l, {tls = {server_name = "other.test"}})}, {nil, "tls: certificate verify failed: hostname mismatch"})
  t:contains(server:join(), "tls: ")
  local plain, greeter = serve(t, "tcp://127.0.0.1:0", nil, function(c) c:send("220 hello\n") return c:receive("a") end)
  local c = t:connect(plain)
  t:same({c:starttls()}, {nil, "tls: plain bytes came before the handshake, the first is 0x32"})
  c:close()
  greeter:join()
end)

test("misuse is an error", function(t)
  t:error_matches(function() sock.connect("tcp://127.0.0.1:1", {tls = {}}) end, "only of tls:// and dtls:// addresses")
  t:error_matches(function() sock.listen("tls://127.0.0.1:0", {tls = {sever_name = "x"}}) end, "unknown option `sever_name`")
  t:error_matches(function() sock.listen("tls://127.0.0.1:0", {tls = {cert = "tls.lua"}}) end, "no certificate in PEM")
  t:error_matches(function() sock.listen("tls://127.0.0.1:0", {tls = {max_version = "3"}}) end, "no version")
end)

test("programs find the authority in a file", function(t)
  local l = t:listen("tls://127.0.0.1:0")
  t:matches(l.ca_file, [[^/.*\.pem$]])
end)
