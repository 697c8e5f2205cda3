greet <- function(name) paste("hi", name) # greet
print(greet("Zoë"))
