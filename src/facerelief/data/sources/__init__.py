"""Folders of labelled photos, in the layouts they are published in."""
