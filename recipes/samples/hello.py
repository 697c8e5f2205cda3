"""Greets."""


def greet(name: str) -> str:
    return f"hi {name}"  # greet


print(greet("Zoë"))
