"""One job at a time on the GPU, so many a day, and what of hers lies in ComfyUI's own folder while a job lasts.

An adapter is what a server needs as a file to load it. It is lent as a link among the server's adapters to memory of this process
(Linux): no disk ever has it, and when the process is killed the link leads nowhere. Elsewhere it lies there as a file, for the time of
the job, and is overwritten before it goes; on disks that write elsewhere than they read (SSDs, copy-on-write file systems)
overwriting promises nothing, and the provenance says which of the two it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from ...domain.errors import EngineRefused, InputError, StateError
from .server import Stored

try:
    import fcntl
except ImportError:  # not a POSIX system: one process at a time is for whoever runs it to see to
    fcntl = None

_NAME = re.compile(r"twinbook-[0-9a-f]{32}\.safetensors")
_STALE = 86_400.0  # seconds after which a file that a killed process left is nobody's any more
_PAUSE = 0.1


class Turns:
    """The lock ``file`` holds how many jobs were sent on a day, for ``most`` (None: as many as asked)."""

    def __init__(
        self, file: Path, today: Callable[[], date], most: int | None = None, patience: float = 1800.0
    ) -> None:
        self._file, self._today, self._most, self._patience = file, today, most, patience

    @contextmanager
    def taken(self) -> Iterator[Callable[[], None]]:
        """Wait for the GPU and hold it for the ``with`` block. What is yielded counts one job, and raises StateError
        ``engine.budget`` when that is one too many. Raises StateError ``engine.busy``."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._wait(descriptor)
            yield lambda: self._count(descriptor)
        finally:
            os.close(descriptor)

    def _wait(self, descriptor: int) -> None:
        until = time.monotonic() + self._patience
        while fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise StateError("engine.busy", "another process makes a picture on the server") from None
                time.sleep(_PAUSE)

    def _count(self, descriptor: int) -> None:
        """Before it is sent: a job that is killed on its way counts, since somebody may have paid for it."""
        if self._most is None:
            return
        today, sent = self._today().isoformat(), 0
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            os.lseek(descriptor, 0, os.SEEK_SET)
            said = json.loads(os.read(descriptor, 200))
            sent = int(said["jobs"]) if said.get("day") == today else 0
        if sent >= self._most:
            raise StateError("engine.budget", f"{sent} jobs were sent on {today}, and no more than {self._most} may be")
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps({"day": today, "jobs": sent + 1}).encode())


class Premises:
    """The folder of a ComfyUI on this machine. Raises InputError ``engine.folder``."""

    def __init__(self, folder: Path) -> None:
        if not all((folder / part).is_dir() for part in ("models", "input", "output")):
            raise InputError("engine.folder", f"{folder} has no folders models, input and output")
        self._folder = folder.resolve()

    @contextmanager
    def lent(self, name: str, data: bytes) -> Iterator[str]:
        """The adapter among the server's, as ``name``, for the ``with`` block; yields ``memory`` or ``file``.

        Raises EngineRefused ``engine.adapter`` for one that ComfyUI wouldn't load, StateError ``engine.failed``."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for an adapter")
        data = in_comfy_keys(data)
        place = self._folder / "models" / "loras" / name
        try:
            place.parent.mkdir(exist_ok=True)
            self._sweep(place.parent)
            place.unlink(missing_ok=True)
        except OSError as error:
            raise StateError("engine.failed", f"{place.parent} can't be written: {error.strerror}") from error
        descriptor = _in_memory(data)
        try:
            if descriptor is None:
                _write(place, data)
            else:
                place.symlink_to(f"/proc/{os.getpid()}/fd/{descriptor}")
            yield "file" if descriptor is None else "memory"
        finally:
            if descriptor is None:
                shred(place)
            else:
                place.unlink(missing_ok=True)
                # Zeros also where the server has it mapped. Never shorter: touching what is gone would kill the server.
                _overwrite(descriptor)
                os.close(descriptor)

    def remove(self, file: Stored) -> bool:
        """Overwrite and remove an upload or output; whether it is gone."""
        place = self._folder / file.kind / file.subfolder / file.name
        if not place.parent.resolve().is_relative_to(self._folder / file.kind):
            return False
        try:
            shred(place)
        except OSError:
            return False
        return not place.exists()

    def _sweep(self, folder: Path) -> None:
        """What killed processes left: links that lead nowhere, and files of yesterday."""
        for entry in folder.iterdir():
            if not _NAME.fullmatch(entry.name):
                continue
            if entry.is_symlink():
                if not entry.exists():
                    entry.unlink(missing_ok=True)
            elif entry.stat().st_mtime < time.time() - _STALE:
                shred(entry)


def shred(file: Path) -> None:
    """Overwrite a file with zeros and remove it; a link is only removed. Idempotent. Raises OSError."""
    try:
        descriptor = os.open(file, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return
    except OSError:
        if file.is_symlink():
            file.unlink(missing_ok=True)
            return
        raise
    try:
        _overwrite(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    file.unlink(missing_ok=True)


def _overwrite(descriptor: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    left = os.fstat(descriptor).st_size
    while left > 0:
        left -= os.write(descriptor, bytes(min(left, 1 << 20)))


def in_comfy_keys(data: bytes) -> bytes:
    """An adapter with the names of its tensors as ComfyUI takes them: PEFT's ``unet.a.b.lora_A.weight`` becomes kohya's
    ``lora_unet_a_b.lora_down.weight``. Only the header of the safetensors file is rewritten; others stay as they are.

    Raises EngineRefused ``engine.adapter`` when no layer of it would take effect: ComfyUI itself only notes that in its log."""
    try:
        size = int.from_bytes(data[:8], "little")
        if not 2 <= size <= min(len(data) - 8, 100_000_000):
            raise ValueError("its header isn't whole")
        header = json.loads(data[8 : 8 + size])
        tensors = {name: about for name, about in header.items() if name != "__metadata__"}
    except (ValueError, AttributeError, RecursionError) as error:
        raise EngineRefused("engine.adapter", "her checkpoint is no safetensors file") from error
    renamed = {_in_kohyas(name): about for name, about in tensors.items()}
    ups = {name.removesuffix(".lora_up.weight") for name in renamed if name.endswith(".lora_up.weight")}
    downs = {name.removesuffix(".lora_down.weight") for name in renamed if name.endswith(".lora_down.weight")}
    if not ups or ups != downs or len(renamed) != len(tensors):
        raise EngineRefused("engine.adapter", "her checkpoint has no layers that ComfyUI would load")
    # What was noted in it says more of her than a server must know.
    text = json.dumps({"__metadata__": {"format": "pt"}, **renamed}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def _in_kohyas(name: str) -> str:
    for ours, theirs in ((".lora_A.weight", ".lora_down.weight"), (".lora_B.weight", ".lora_up.weight")):
        if name.endswith(ours):
            layer = name.removesuffix(ours).removesuffix(".default").removeprefix("base_model.model.")
            for part, prefix in (
                ("unet.", "lora_unet_"),
                ("text_encoder.", "lora_te1_"),
                ("text_encoder_2.", "lora_te2_"),
            ):
                if layer.startswith(part):
                    return prefix + layer.removeprefix(part).replace(".", "_") + theirs
            return "lora_unet_" + layer.replace(".", "_") + theirs
    return name


def _in_memory(data: bytes) -> int | None:
    """A file that no disk has; None where the system knows no such thing, or the server couldn't reach it."""
    if not hasattr(os, "memfd_create") or not Path(f"/proc/{os.getpid()}/fd").is_dir():
        return None
    descriptor = os.memfd_create("twinbook", os.MFD_CLOEXEC)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    return descriptor


def _write(place: Path, data: bytes) -> None:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
