"""Learning the morphable face from portraits."""
