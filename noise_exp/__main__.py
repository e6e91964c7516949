"""`python -m noise_exp`."""

from noise_exp.app import main

main()
