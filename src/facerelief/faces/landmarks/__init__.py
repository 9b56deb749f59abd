"""Landmarks by the package's own networks: detection, the region around a face, the face mesh."""
