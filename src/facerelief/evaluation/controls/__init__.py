"""Measures whether an editor does what its controls say: units, expressions by strength, another photo's expression."""
