"""Editors measured on held-out people.

From Python, start at `evaluate.evaluate_all`, or with networks of your own at `scoring.score_edits`.
"""
