"""Benchmarks, run by `python -m noise_exp.bench`; docs/performance.md shows what they gave."""
