"""Work in threads and processes: maps, job graphs, isolated processes, thread counts."""
