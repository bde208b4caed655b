"""Files that are written as a whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write a file in place of an old one, which stays as it was if anything fails.

    The parts go to a temporary file in the same folder, which replaces the old file after they have
    reached the disk. Permissions of the old file are kept, and so are links to it. A device or a
    pipe is written to directly.
    """
    target = Path(os.path.realpath(path))
    old = target.stat() if target.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        with target.open("wb") as file:
            file.writelines(parts)
        return
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(f"{target} is read-only. Save to another path, or allow writing.")
    temporary = target.with_name(f".sksequence-{secrets.token_hex(8)}.tmp")
    try:
        _write_new(temporary, parts, old)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _write_new(path: Path, parts: Iterable[bytes | memoryview], old: os.stat_result | None) -> None:
    # nobody may read what was private before
    mode = 0o666 if old is None else 0o600
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, mode), "wb") as file:  # noqa: PTH123
        file.writelines(parts)
        file.flush()
        if old is not None and hasattr(os, "fchown"):
            with suppress(OSError):  # only root may give a file away
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Let the new name reach the disk; not every system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_whole(path: Path) -> bytes:
    """Return the bytes of a regular file; nothing else has a size that is known beforehand."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file.")
        return file.read(status.st_size)
