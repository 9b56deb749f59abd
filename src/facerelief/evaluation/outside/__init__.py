"""Edits of labelled photos, measured by networks that nobody of this project trained, and against true photos."""
