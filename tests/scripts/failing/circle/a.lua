return require "circle.b"
