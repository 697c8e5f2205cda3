def greet(name)
  "hi #{name}" # greet
end
puts greet("Zoë")
