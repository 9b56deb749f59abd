"""The web page and the HTTP API; pictures stay in memory."""
