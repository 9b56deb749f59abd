"""What works on this machine, how fast it is, and how much a video flickers."""
