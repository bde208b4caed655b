"""Benchmarks of quality (`tests.benchmarks.quality`) and speed (`.speed`, `.kernels`)."""
