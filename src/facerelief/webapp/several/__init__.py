"""Several server processes behind one port: who starts and replaces them, and what they share."""
