"""Batches of edits: what is named, what is done, where it goes, and what is left after an interruption."""
