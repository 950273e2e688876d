for i = 1, 2 do
  print("line", i)
end
1 +
2
listener = sock.listen("tcp://127.0.0.1:0")
server = sock.spawn("server", function()
  local c <close> = listener:accept()
  c:send("hello\n")
  error("the server is broken")
end)
c = sock.connect(listener.address)
c:receive("l"); server:join()
c:receive("l"), {1, a = "b\0"}, c.close
c
vars.given
sock.log("logged")
function f() return error("deep") + 1 end

f()
x.y = 1
1 1
sock.fail("this failed")
sock.skip("nothing")
sock.connect("tcp://192.0.2.1:80")
sock.run({"true"})
sock.within(0.01, c.receive, c, 1)
test("x", function() end)
if x then
