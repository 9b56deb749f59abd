"""Datasets of RGB, depth and normals made from plain photos: sources, build, review, statistics, batches."""
