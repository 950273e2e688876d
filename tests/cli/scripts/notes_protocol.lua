-- A protocol for notes.
--
-- It is here to be described.

local subject = "text?"

return {
  messages = {
    -- Writes a note
    note = {
      fields = {
        text = "text", -- what it says
        subject = subject,
        priority = {high = 2, low = 0, normal = 1}, -- of all
        ["end"] = "bool?", -- the last one
      },
      encode = function(m) return m.text .. "\n" end,
    },
    -- A list of notes,
    -- the newest first
    notes = {value = "list", encode = function() return "" end},
    text = {fields = {a = "u8", b = "u8"}},
  },
  decode = function(r) return "note", {text = r:line()} end,
}
