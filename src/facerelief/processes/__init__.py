"""Work spread over threads and processes."""
