local function greet(name) return "hi " .. name end -- greet
print(greet("Zoe"))
