"""`python -m noise_exp`."""

from noise_exp.cli import main

main()
