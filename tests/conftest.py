"""Shared fixtures: one torch thread per test process, small ragged problems made once."""

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # scikit-learn skips its array API check without it

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread():
    """Keep test processes from competing for the cores."""
    torch.set_num_threads(1)
