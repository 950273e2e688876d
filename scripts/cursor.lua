-- A place in bytes that are all there, for modules that read messages of known size: they go back and forth in them, or have put them
-- together of parts.
--
--   local c = cursor.new(bytes, function(why, at) r:fail(why, base + at - 1) end)
--   local kind, list = c:u8(), c:within(c:u16(), "the list", function() return c:all(c.u16) end)
--
-- What is wrong is told to the function with the byte where it shows, the first being 1; it does not return.

local byte, sub, unpack = string.byte, string.sub, string.unpack

local cursor = {}
cursor.__index = cursor

function cursor.new(bytes, fail)
  return setmetatable({bytes = bytes, at = 1, stop = #bytes, tell = fail}, cursor)
end

-- "1 byte", "2 bytes"
function cursor.count(n)
  return n == 1 and "1 byte" or n .. " bytes"
end

function cursor:fail(why, at)
  self.tell(why, at or self.at)
end

-- The next n bytes
function cursor:take(n)
  local at = self.at
  local over = at + n - 1 - self.stop
  if over > 0 then self:fail("it ends here, where " .. cursor.count(over) .. " more must come", self.stop + 1) end
  self.at = at + n
  return sub(self.bytes, at, at + n - 1)
end

function cursor:u8() return byte(self:take(1)) end
function cursor:u16() return (unpack(">I2", self:take(2))) end
function cursor:u24() return (unpack(">I3", self:take(3))) end
function cursor:u32() return (unpack(">I4", self:take(4))) end

-- All bytes up to the end
function cursor:rest() return self:take(self.stop - self.at + 1) end
function cursor:at_end() return self.at > self.stop end

-- The list of what f(self) gives, again and again up to the end
function cursor:all(f)
  local list = {}
  while self.at <= self.stop do list[#list + 1] = f(self) end
  return list
end

-- What f(self) gives; it reads the next n bytes, all of them and none behind them.
function cursor:within(n, what, f)
  local stop = self.stop
  if self.at + n - 1 > stop then self:take(n) end
  self.stop = self.at + n - 1
  local value = f(self)
  if self.at <= self.stop then self:fail(cursor.count(self.stop - self.at + 1) .. " more than " .. what .. " has") end
  self.stop = stop
  return value
end

return cursor
