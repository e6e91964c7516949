"""What made the numbers of the docs: benchmarks, learning, theory. Used from a checkout alone."""
