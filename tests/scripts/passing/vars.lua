-- sockrun --var given=yes
test("variables", function(t)
  t:equal(vars.given, "yes")
end)
