"""`python -m noise_exp.report`: from runs to what may be said of them. Every sweep ends with it.

`methods` makes the table that any sweep ends with; the other modules ask how much of a difference
is the method and how much the seed. Their libraries are imported where they are used: most sweeps
have too few seeds to need them.
"""
