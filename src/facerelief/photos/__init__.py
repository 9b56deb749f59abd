"""Image files: their pixels, colours and metadata, read within limits and written whole."""
