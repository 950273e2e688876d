-- IP addresses between text and bytes, for the modules that carry them.

local byte, concat, find, format, match = string.byte, table.concat, string.find, string.format, string.match
local pack, unpack = string.pack, string.unpack

local address = {}

local function pack4(text)
  local a, b, c, d = match(text, "^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$")
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if not a or a > 255 or b > 255 or c > 255 or d > 255 then return nil end
  return pack("BBBB", a, b, c, d)
end

-- The groups of a part without `::`, as bytes
local function groups(text, last)
  if text == "" then return "" end
  local out = {}
  for group in (text .. ":"):gmatch("([^:]*):") do out[#out + 1] = group end
  for i, group in ipairs(out) do
    if find(group, "^%x%x?%x?%x?$") then
      out[i] = pack(">I2", tonumber(group, 16))
    else
      out[i] = last and i == #out and pack4(group)
      if not out[i] then return nil end
    end
  end
  return concat(out)
end

-- RFC 4291 2.2
local function pack6(text)
  local before, after = match(text, "^(.-)::(.*)$")
  if not before then
    local all = groups(text, true)
    return all and #all == 16 and all or nil
  end
  local head, tail = groups(before), groups(after, true)
  if not head or not tail or #head + #tail > 14 then return nil end
  return head .. ("\0"):rep(16 - #head - #tail) .. tail
end

-- The 4 or 16 bytes of an address, nil of what is none
function address.pack(text) return pack4(text) or pack6(text) end

-- RFC 5952: of several zero groups the longest run, the first of equals, is `::`
local function unpack6(bytes)
  local list, best, from, run = {unpack(">I2I2I2I2I2I2I2I2", bytes)}, 1, nil, 0
  for i = 1, 8 do
    run = list[i] == 0 and run + 1 or 0
    if run > best then best, from = run, i - run + 1 end
  end
  local head, tail = {}, {}
  for i = 1, 8 do
    if not from or i < from then
      head[#head + 1] = format("%x", list[i])
    elseif i >= from + best then
      tail[#tail + 1] = format("%x", list[i])
    end
  end
  return concat(head, ":") .. (from and "::" or "") .. concat(tail, ":")
end

-- The text of 4 or 16 bytes
function address.unpack(bytes)
  if #bytes == 4 then return format("%d.%d.%d.%d", byte(bytes, 1, 4)) end
  return unpack6(bytes)
end

return address
