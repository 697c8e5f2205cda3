let name = "Zoë" // greet
print("hi \(name)")
