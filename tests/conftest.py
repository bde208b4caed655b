"""Shared fixtures: one torch thread per test process, small ragged problems made once."""

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # scikit-learn skips its array API check without it

import pytest
import torch

from sksequence import _kernels

collect_ignore_glob = ["benchmarks/*"]  # commands, some of them for environments of other libraries


@pytest.fixture(autouse=True, scope="session")
def without_numba():
    """Run everything through torch if SKSEQUENCE_WITHOUT_NUMBA is set, as without the extra."""
    if os.environ.get("SKSEQUENCE_WITHOUT_NUMBA"):
        _kernels._dispatch.HAS_NUMBA = False


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread():
    """Keep test processes from competing for the cores."""
    torch.set_num_threads(1)


@pytest.fixture
def plt():
    """Plot without a screen, and leave no figure behind."""
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")
