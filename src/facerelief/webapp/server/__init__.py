"""The server process: connections, workers, limits, graceful shutdown."""
