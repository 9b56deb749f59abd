"""Loss terms of the compared systems that the paper's own (`training.losses`) do not have, one file a system.

Terms are raw scalars, averaged over the batch; weights meet them in `training.methods`. They have the symbols of
their papers.
"""
