"""Laws and figures of the estimators on a GPU, in less than ten minutes on one card.

``python -m tests.gpu`` prints them as JSON, with the name of the card, and ends with the exit
status 1 if a law does not hold. ``--device cpu --quick`` runs the same on a CPU with smaller sizes,
except what only a GPU has; ``tests/test_gpu.py`` does.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from sksequence import RNNClassifier, SequenceGenerator
from sksequence._cells import CELLS
from sksequence.persistence import load, save

TOLERANCE = 1e-5
WIDTHS = (64, 128, 256, 512, 1024)
TEXTS = ["to be or not to be", "that is the question", "whether tis nobler", "in the mind"] * 8


def is_gpu(device: str) -> bool:
    """Check whether figures of a GPU can be taken."""
    return device.startswith("cuda")


def wait(device: str) -> None:
    """Wait until the device has computed everything."""
    if is_gpu(device):
        torch.cuda.synchronize()


def ragged(n: int, n_steps: int = 40, n_features: int = 3) -> tuple[list[np.ndarray], np.ndarray]:
    """Return sequences of half to all of the steps, and their labels."""
    random = np.random.RandomState(0)
    lengths = random.randint(n_steps // 2, n_steps + 1, n)
    X = [random.randn(length, n_features).astype(np.float32) for length in lengths]
    return X, np.array([x[:, 0].sum() > 0 for x in X]).astype(int)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference between two results."""
    return float(np.abs(one - other).max())


# --- laws ----------------------------------------------------------------------------------------


def laws(device: str, quick: bool) -> dict[str, dict[str, float]]:
    """Return by how much predictions differ that should agree, for each cell."""
    X, y = ragged(24 if quick else 200)
    found = {}
    for cell in CELLS:
        parameters = {"hidden_size": 8 if quick else 64, "max_epochs": 2, "random_state": 0}
        model = RNNClassifier(cell, **parameters, device=device).fit(X, y)
        expected = model.predict_proba(X)
        alone = np.concatenate([model.predict_proba([x]) for x in X[:8]])
        found[cell] = {
            "alone": difference(alone, expected[:8]),
            "pickled": difference(pickle.loads(pickle.dumps(model)).predict_proba(X), expected),
            "on the CPU": difference(moved(model, "cpu").predict_proba(X), expected),
            "and back": difference(moved(moved(model, "cpu"), device).predict_proba(X), expected),
            "saved": difference(saved(model).predict_proba(X), expected),
            "fitted again": difference(clone(model).fit(X, y).predict_proba(X), expected),
        }
    return found


def moved(model: RNNClassifier, device: str) -> RNNClassifier:
    """Return a copy of a model on another device, by a pickle."""
    copy = pickle.loads(pickle.dumps(model)).set_params(device=device)
    return pickle.loads(pickle.dumps(copy))


def saved(model: RNNClassifier) -> RNNClassifier:
    """Return a model that was written to a file."""
    path = Path(tempfile.mkdtemp()) / "model.sksequence"
    save(model, path)
    return load(path)


def largest(differences: dict[str, dict[str, float]]) -> float:
    """Return the largest difference that is a law; a fit again may add in another order."""
    return max(v for d in differences.values() for name, v in d.items() if name != "fitted again")


def generation(device: str, quick: bool) -> dict[str, float]:
    """Return symbols per second, and the difference of scores from those on the CPU."""
    generator = SequenceGenerator(
        "lstm", 16 if quick else 512, max_epochs=2, device=device, random_state=0
    ).fit(TEXTS)
    n_steps, n_samples = (10, 2) if quick else (200, 64)
    start = time.perf_counter()
    generator.generate("to", max_steps=n_steps, n_samples=n_samples, random_state=0)
    seconds = time.perf_counter() - start
    on_cpu = pickle.loads(pickle.dumps(generator)).set_params(device="cpu")
    on_cpu = pickle.loads(pickle.dumps(on_cpu))
    scores = generator.score_samples(TEXTS), on_cpu.score_samples(TEXTS)
    return {
        "symbols per second": n_steps * n_samples / seconds,
        "relative difference of scores": float(np.abs(scores[0] / scores[1] - 1.0).max()),
    }


def synchronisations(device: str, quick: bool) -> dict[str, float | None]:
    """Return how often each further batch waits for the device, by kind of target."""
    X, y = ragged(256)
    steps = [x[:, 0] > 0 for x in X]
    kinds = {"labels": (y, {}), "steps": (steps, {}), "chunks": (steps, {"tbptt_steps": 10})}
    if not is_gpu(device):
        return dict.fromkeys(kinds)
    found = {}
    for name, (targets, parameters) in kinds.items():
        small = {"frame_length": 1} if name == "labels" else {}
        model = RNNClassifier(
            "lstm", 32, max_epochs=1, device=device, random_state=0, **small, **parameters
        )
        counts = [waits(clone(model).set_params(batch_size=size), X, targets) for size in (256, 16)]
        found[name] = (counts[1] - counts[0]) / 15
    return found


def waits(model: RNNClassifier, X: list[np.ndarray], y: object) -> int:
    """Count the operations of a fit that wait for the GPU."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in caught)


# --- figures -------------------------------------------------------------------------------------


class ByHand(nn.Module):
    """LSTM or GRU of torch with a dense layer, as one writes it without a library."""

    def __init__(self, cell: str, width: int, n_features: int) -> None:
        super().__init__()
        self.layer = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](n_features, width, batch_first=True)
        self.head = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return logits; sequences of different lengths are packed."""
        if int(lengths.min()) < x.shape[1]:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        last = self.layer(x)[1]
        return self.head((last[0] if isinstance(last, tuple) else last)[-1])


def by_hand(
    cell: str, width: int, X: list[np.ndarray], y: np.ndarray, batch_size: int, device: str
) -> float:
    """Return the seconds of one epoch of a loop written by hand."""
    model = ByHand(cell, width, X[0].shape[1]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    lengths = torch.tensor([len(x) for x in X])
    padded = nn.utils.rnn.pad_sequence([torch.from_numpy(x) for x in X], batch_first=True)
    padded, targets = padded.to(device), torch.from_numpy(y).to(device)

    def epoch() -> None:
        for rows in torch.randperm(len(X)).split(batch_size):
            n_steps = int(lengths[rows].max())
            on_device = rows.to(device)
            optimizer.zero_grad()
            outputs = model(padded[on_device, :n_steps], lengths[rows])
            nn.functional.cross_entropy(outputs, targets[on_device]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        wait(device)

    return fastest(epoch)


def ours(
    cell: str, width: int, X: list[np.ndarray], y: np.ndarray, batch_size: int, device: str
) -> float:
    """Return the seconds of one epoch of a fit."""
    parameters = {"frame_length": 1, "bidirectional": False, "pooling": "last", "dropout": 0.0}
    model = RNNClassifier(
        cell, width, **parameters, batch_size=batch_size, device=device, random_state=0
    )
    one, several = (
        fastest(clone(model).set_params(max_epochs=n).fit, X, y, n_times=2) for n in (1, 4)
    )
    return (several - one) / 3


def fastest(function: Callable[..., object], *arguments: object, n_times: int = 4) -> float:
    """Return the seconds of the fastest call."""
    seconds = []
    for _ in range(n_times):
        start = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def speed(device: str, quick: bool) -> list[dict[str, object]]:
    """Return seconds per epoch of a fit and of a loop by hand, and their ratio."""
    n, n_steps, batch_size = (32, 10, 8) if quick else (2048, 100, 128)
    random = np.random.RandomState(0)
    rows = []
    for form in ("equal", "ragged"):
        X, y = ragged(n, n_steps, 8)
        if form == "equal":
            X = list(random.randn(n, n_steps, 8).astype(np.float32))
        for cell in ("lstm", "gru"):
            for width in (8,) if quick else WIDTHS:
                fit = ours(cell, width, X, y, batch_size, device)
                loop = by_hand(cell, width, X, y, batch_size, device)
                row = {"form": form, "cell": cell, "width": width, "fit": fit, "by hand": loop}
                rows.append(row | {"ratio": fit / loop})
    return rows


def autocast(device: str, quick: bool) -> dict[str, float]:
    """Return times and outputs in bfloat16, relative to those in float32."""
    width, n_steps = (8, 5) if quick else (512, 100)
    layer = nn.LSTM(64, width, batch_first=True).to(device)
    x = torch.randn(64, n_steps, 64, device=device)

    def run(enabled: bool) -> torch.Tensor:
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=enabled):
            outputs = layer(x)[0]
        outputs.float().sum().backward()
        wait(device)
        return outputs.detach().float()

    times = [fastest(run, enabled) for enabled in (False, True)]
    return {
        "ratio of seconds": times[1] / times[0],
        "difference": float((run(True) - run(False)).abs().max()),
    }


def out_of_memory(device: str, quick: bool) -> str | None:
    """Return the error of a fit whose batch does not fit into the memory of the card."""
    if not is_gpu(device):
        return None
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.02)
    X = np.zeros((4096, 2000, 4), dtype=np.float32)
    try:
        RNNClassifier(
            "lstm", 1024, frame_length=1, batch_size=4096, max_epochs=1, device=device
        ).fit(X, np.arange(4096) % 2)
    except (MemoryError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    return "no error"


def two_processes(device: str, quick: bool) -> dict[str, object]:
    """Return the seconds of a fit alone and of two at once, and whether all have the same bits."""
    command = [sys.executable, "-m", "tests.gpu", "--child", "--device", device]
    command += ["--quick"] if quick else []

    def results(n: int) -> list[dict[str, object]]:
        children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(n)]
        return [json.loads(child.communicate()[0]) for child in children]

    together = results(1) + results(2)
    return {
        "alone": together[0]["seconds"],
        "of two": [result["seconds"] for result in together[1:]],
        "same": len({str(result["predictions"]) for result in together}) == 1,
    }


def child(device: str, quick: bool) -> dict[str, object]:
    """Return the seconds and the first predictions of a fit."""
    X, y = ragged(32 if quick else 1024)
    model = RNNClassifier(
        "lstm", 8 if quick else 256, max_epochs=3, frame_length=1, device=device, random_state=0
    )
    start = time.perf_counter()
    model.fit(X, y)
    return {
        "seconds": time.perf_counter() - start,
        "predictions": model.predict_proba(X[:4]).tolist(),
    }


# --- report --------------------------------------------------------------------------------------

PARTS: dict[str, Callable[[str, bool], object]] = {
    "laws": laws,
    "generation": generation,
    "synchronisations per batch": synchronisations,
    "out of memory": out_of_memory,
    "two processes": two_processes,
    "autocast": autocast,
    "speed": speed,
}


def report(device: str, *, quick: bool) -> dict[str, object]:
    """Return all figures by part; a part that fails has its error."""
    name = torch.cuda.get_device_name() if is_gpu(device) else device
    found: dict[str, object] = {"device": name, "torch": torch.__version__}
    for part, function in PARTS.items():
        start = time.perf_counter()
        try:
            found[part] = function(device, quick)
        except Exception:  # noqa: BLE001 - other parts are run all the same
            found[part] = {"error": traceback.format_exc()}
        found[f"{part}, seconds"] = round(time.perf_counter() - start, 1)
    return found | {"broken": broken(found)}


def broken(found: dict[str, object]) -> list[str]:
    """Return the laws that do not hold."""
    failed = [
        f"{part}: {figures['error'].splitlines()[-1]}"
        for part, figures in found.items()
        if isinstance(figures, dict) and "error" in figures
    ]
    if failed:
        return failed
    checks = {
        "predictions differ": largest(found["laws"]) < TOLERANCE,
        "scores differ": found["generation"]["relative difference of scores"] < 1e-4,
        "batches wait": not any((found["synchronisations per batch"] or {}).values()),
        "no advice on memory": "batch_size" in (found["out of memory"] or "batch_size"),
        "processes differ": found["two processes"]["same"],
    }
    return [name for name, holds in checks.items() if not holds]


def main() -> int:
    """Print the report; return 1 if a law does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        sys.stdout.write(json.dumps(child(options.device, options.quick)))
        return 0
    found = report(options.device, quick=options.quick)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
