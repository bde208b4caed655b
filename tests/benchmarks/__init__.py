"""Benchmarks: how good (`tests.benchmarks.quality`) and how fast (`tests.benchmarks.speed`, `.kernels`)."""
