test("one", function(t)
  t:equal(1 1)
end)
