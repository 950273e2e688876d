-- A message that ends with its datagram: to whom, a line; then words to the end. An empty datagram is a ping.
return {
  messages = {
    ping = {fields = {}, encode = function() return "" end},
    text = {fields = {to = "text", words = "text"}, encode = function(m) return m.to .. "\n" .. m.words end},
  },
  decode = function(r, ctx)
    assert(ctx.datagram)
    if r:at_end() then return "ping", {} end
    return "text", {to = r:line(), words = r:rest()}
  end,
}
