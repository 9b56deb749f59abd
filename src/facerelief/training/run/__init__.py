"""The life of a run: its folder, what it logs and draws, and the state from which it goes on bit for bit."""
