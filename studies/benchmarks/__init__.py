"""Benchmarks, run by `python -m studies.benchmarks`; docs/performance.md shows what they gave."""
