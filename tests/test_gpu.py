"""The script for GPUs, ``python -m tests.gpu``, on a CPU: its laws, its figures, its verdict."""

import copy
import json

import pytest

from sksequence._cells import CELLS
from tests import gpu


@pytest.fixture(scope="module")
def report():
    """Return the report of the CPU, with small sizes."""
    return gpu.report("cpu", quick=True)


@pytest.mark.scale
def test_all_laws_hold_on_the_cpu(report):
    """All parts run, for all cells, and can be printed."""
    assert report["broken"] == []
    assert report["laws"].keys() == CELLS.keys()
    assert {row["form"] for row in report["speed"]} == {"equal", "ragged"}
    assert json.loads(json.dumps(report)) == report


@pytest.mark.scale
@pytest.mark.parametrize(
    ("part", "figures", "verdict"),
    [
        ("laws", {"gru": {"alone": 1e-3}}, "predictions differ"),
        ("generation", {"relative difference of scores": 0.1}, "scores differ"),
        ("synchronisations per batch", {"labels": 0.0, "steps": 1.0}, "batches wait"),
        ("out of memory", "RuntimeError: CUDA out of memory", "no advice on memory"),
        ("two processes", {"same": False}, "processes differ"),
        ("autocast", {"error": "Traceback\nValueError: no"}, "autocast: ValueError: no"),
    ],
)
def test_what_fails_is_named(part, figures, verdict, report):
    """Each law that does not hold, and each part that fails, is in the verdict."""
    assert gpu.broken(copy.copy(report) | {part: figures}) == [verdict]
