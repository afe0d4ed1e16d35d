"""Locks between processes, on files that hold nothing. The system lets go of them when a process dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twinbook.domain.errors import StateError

try:
    import fcntl
except ImportError:  # not a POSIX system: one process at a time is for whoever runs it to see to
    fcntl = None

_PAUSE = 0.02  # seconds between two attempts


@contextmanager
def held(file: Path, *, alone: bool, patience: float) -> Iterator[None]:
    """Hold the lock ``file`` for the ``with`` block: together with others, or ``alone``.

    Raises StateError ``vault.busy`` when others don't let go of it within ``patience`` seconds.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = _taken(file, alone, time.monotonic() + patience)
    try:
        yield
    finally:
        os.close(descriptor)


def remove(file: Path) -> None:
    """Remove a lock that the caller holds alone. Whoever waits for it makes it anew."""
    with contextlib.suppress(FileNotFoundError):
        file.unlink()


def _taken(file: Path, alone: bool, until: float) -> int:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait(descriptor, alone, until)
            if os.fstat(descriptor).st_nlink:  # otherwise it was removed while we waited, and guards nothing
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait(descriptor: int, alone: bool, until: float) -> None:
    if fcntl is None:
        return
    how = (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB
    while True:
        try:
            fcntl.flock(descriptor, how)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise StateError("vault.busy", "another process works with this twin") from None
            time.sleep(_PAUSE)
