"""The inside of a mouth: its geometry, how it is lit and drawn."""
