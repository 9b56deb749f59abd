"""The server process: connections, workers, limits, and an end that is tidy."""
