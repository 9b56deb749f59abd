"""Studies: grids of trainings, their tables and figures."""
