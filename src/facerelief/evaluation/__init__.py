"""What was learnt, measured on held-out people."""
