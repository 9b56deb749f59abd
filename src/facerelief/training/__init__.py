"""Training: stage 1 (depth network), stage 2 (guided expression editing), the classifier and the identity encoder.

From Python, start at `launch`: `run_depth`, `run_expression`, `run_classifier`, `run_identity`.
"""
