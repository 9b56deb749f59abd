"""The metrics: distances between sets of features, image quality, geometry, identity."""
