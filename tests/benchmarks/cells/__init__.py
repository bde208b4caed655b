"""All cells compared, in speed and on nine tasks: `python -m tests.benchmarks.cells`."""
