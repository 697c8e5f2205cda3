"""What the `recast` command does, one module a verb; the only code that knows both halves and the settings."""
