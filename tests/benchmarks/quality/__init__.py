"""Scores of the estimators on real data, and their cost: `python -m tests.benchmarks.quality`."""
