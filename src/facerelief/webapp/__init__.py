"""A page in the browser and an HTTP API, both served from this machine; pictures stay in memory."""
