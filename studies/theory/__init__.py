"""`python -m studies.theory`: the theory of docs/theory.md, held against the running program.

A module holds the claims of one section of that page. A claim predicts numbers from formulas,
has the program's own network, distributions, estimators and optimizers produce them, and is judged
by the measurement's interval.
"""
