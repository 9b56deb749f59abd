"""A statistical face: shape and texture learned from photos, drawn, and fitted to photos."""
