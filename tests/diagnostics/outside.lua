local x = require "../secret"
