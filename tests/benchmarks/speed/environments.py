"""Other libraries in environments of their own, driven line by line.

An environment is created once, in the cache of the user or in the folder `SKSEQUENCE_BENCHMARKS`.
Its script reads JSON lines, first the sizes of the work, then one line per run, and answers each
run with its seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

from .timing import Contender

FOLDER = Path(
    os.environ.get("SKSEQUENCE_BENCHMARKS", Path.home() / ".cache" / "sksequence-benchmarks")
)
REQUIREMENTS = {
    "keras": ("tensorflow-cpu==2.21.0", "keras==3.15.1"),
    "sktime": ("sktime==1.2.0", "torch==2.13.0"),
}
_VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}


class Child:
    """Script in another environment; a context manager that ends it."""

    def __init__(self, name: str, work: dict[str, Any]) -> None:
        script = Path(__file__).with_name(f"child_{name}.py")
        self._process = subprocess.Popen(
            [str(_python(name)), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | _VARIABLES,
        )
        self._send(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def run(self) -> float:
        """Run the work once and return its seconds."""
        self._send({})
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the script in the other environment has ended; run it by hand")
        return float(json.loads(line))

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()


@contextmanager
def child_epochs(
    names: tuple[str, ...], work: dict[str, Any]
) -> Iterator[tuple[dict[str, Contender], dict[str, str]]]:
    """Start the scripts; yield those that run as contenders, and the errors of the others."""
    with ExitStack() as stack:
        children: dict[str, Contender] = {}
        failures: dict[str, str] = {}
        for name in names:
            try:
                install(name)
                child = stack.enter_context(Child(name, work))
                child.run()
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                failures[name] = _reason(error)
            else:
                children[name] = partial(Child.run, child)
        yield children, failures


def install(name: str) -> None:
    """Create the environment, unless it exists with these versions."""
    done = FOLDER / f"{name}.txt"
    wanted = "\n".join(REQUIREMENTS[name])
    if done.exists() and done.read_text() == wanted:
        return
    print(f"making the environment {FOLDER / name}", file=sys.stderr, flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(FOLDER / name)], check=True)
    command = [str(_python(name)), "-m", "pip", "install", "-q", *REQUIREMENTS[name]]
    subprocess.run(command, check=True, capture_output=True, text=True)
    done.write_text(wanted)


def _python(name: str) -> Path:
    return FOLDER / name / "bin" / "python"


def _reason(error: Exception) -> str:
    text = str(getattr(error, "stderr", None) or error).strip()
    return text.splitlines()[-1] if text else type(error).__name__
