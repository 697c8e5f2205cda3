"""The conversion half: HTTP in, the OpenAI wire out. `convert` is where to begin reading."""
