test("the same name", function() end)
test("the same name", function() end)
