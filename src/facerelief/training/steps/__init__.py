"""Pieces of a training step that several trainings share."""
