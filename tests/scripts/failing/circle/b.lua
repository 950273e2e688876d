return require "circle.a"
