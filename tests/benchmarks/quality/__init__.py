"""What the estimators reach on real data, and at what cost: `python -m tests.benchmarks.quality`."""
