"""A run: its folder, what it logs and draws, and the state from which it resumes bit for bit."""
