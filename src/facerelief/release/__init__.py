"""Weights to publish, in half precision and with a card, and the morphable face model learned for publication."""
