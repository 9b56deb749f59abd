"""Weights to hand on: half precision, with a card that says what they are."""
