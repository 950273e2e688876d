test("x", {tag = "smoke"}, function() end)
