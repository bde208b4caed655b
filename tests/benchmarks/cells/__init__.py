"""All cells compared, in speed and on eight tasks: `python -m tests.benchmarks.cells`."""
