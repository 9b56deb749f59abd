"""The commands, a module each; what they do is one call."""
