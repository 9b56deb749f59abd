"""Training: stage 1 (depth network), stage 2 (guided expression editing), the judge, and the gate between them."""
