"""Files that are written whole or not at all, and are still there after the power went."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from .domain.errors import StateError

try:
    import fcntl
except ImportError:  # not a POSIX system: drafts of killed writers stay until somebody removes them
    fcntl = None


def _diagnosed(error: OSError, what: Path) -> StateError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StateError("home.disk", f"there is no room to write {what.name}")
    return StateError("home.disk", f"{what.name} can't be written: {error.strerror}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _new_draft(file: Path, mode: int) -> tuple[int, Path]:
    """An open draft beside ``file``, locked as long as its writer lives: the system lets go of it when the process
    dies, however it dies."""
    while True:
        draft = file.with_name(f".{file.name}.{uuid4().hex[:8]}.part")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        if fcntl is None:
            return descriptor, draft
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, draft
        os.close(descriptor)  # taken for an orphan in the instant before it was locked


def _remove_orphans(file: Path) -> None:
    """Drafts of this file whose writer was killed. One that is still being written is locked, and left alone."""
    for orphan in file.parent.glob(f".{glob.escape(file.name)}.*.part") if fcntl else ():
        with contextlib.suppress(OSError), orphan.open("rb") as draft:
            fcntl.flock(draft.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            orphan.unlink(missing_ok=True)


def write(file: Path, data: bytes, *, mode: int = 0o644, replace: bool = True) -> None:
    """Write ``data`` so that ``file`` is the old one or the new one, never a part.

    With ``replace=False`` an existing file is an error. Raises StateError ``home.disk``, FileExistsError.
    """
    draft = file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove_orphans(file)
        descriptor, draft = _new_draft(file, mode)
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if replace:
            os.replace(draft, file)
        else:
            os.link(draft, file)
            draft.unlink()
        _sync_folder(file.parent)
    except FileExistsError:
        draft.unlink(missing_ok=True)
        raise
    except OSError as error:
        if draft != file:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
        raise _diagnosed(error, file) from error


@contextmanager
def drafted(file: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """A file to write into for the ``with`` block, for what is too large for memory: it gets its name at the end, or is
    gone when the block raises. Raises StateError ``home.disk``."""
    draft = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove_orphans(file)
        descriptor, draft = _new_draft(file, mode)
        with os.fdopen(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, file)
        _sync_folder(file.parent)
    except BaseException as error:
        if draft is not None:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _diagnosed(error, file) from error
        raise


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock between processes for the ``with`` block, waiting for whoever has it. The system lets go of it when a
    process dies, however it dies. Raises StateError ``home.disk``."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _diagnosed(error, lock) from error
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def rename(old: Path, new: Path) -> None:
    """Give a file or folder its final name, atomically. ``new`` must not be a folder with something in it."""
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        os.replace(old, new)
        _sync_folder(new.parent)
    except OSError as error:
        raise _diagnosed(error, new) from error


def shred(file: Path) -> None:
    """Overwrite and remove. On media that remap blocks the overwriting is a courtesy; the key's absence is what counts."""
    try:
        size = file.stat().st_size
        with file.open("r+b") as out:
            out.write(os.urandom(size))
            out.flush()
            os.fsync(out.fileno())
        file.unlink()
        _sync_folder(file.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _diagnosed(error, file) from error


def drop(file: Path) -> None:
    """Overwrite and remove like `shred`, but so that ``file`` is the whole one or gone, never a spoilt one that somebody
    would read: killed halfway, what is left is a draft."""
    draft = file.with_name(f".{file.name}.{uuid4().hex[:8]}.part")
    try:
        os.replace(file, draft)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _diagnosed(error, file) from error
    shred(draft)


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it; one that isn't there is fine."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _diagnosed(error, folder) from error
