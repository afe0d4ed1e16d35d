"""Embeddings of people who don't exist: who else could a picture show?

Licence: CC0-1.0. The faces are synthetic (tools/identities), no pixel of them is stored, and ``faces.embed`` made the
numbers, so that distances to them compare with distances to a person's own references.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from ..domain.errors import StateError

LICENCE = "CC0-1.0"
GROUPS = ("light", "medium", "dark")
LENGTH = 128
_FILE = "impostors.npz"


@dataclass(frozen=True)
class Impostors:
    """``embeddings`` float64 (n, 128), read-only; ``groups`` one of GROUPS per row, by the skin's tone; ``maker`` says
    what produced them: compare it before comparing embeddings of another network."""

    embeddings: np.ndarray
    groups: tuple[str, ...]
    maker: str

    def of(self, group: str) -> np.ndarray:
        """The rows of one skin group, float64 (m, 128)."""
        if group not in GROUPS:
            raise ValueError(f"{group} is not one of {', '.join(GROUPS)}")
        return self.embeddings[[own == group for own in self.groups]]


@cache
def load_impostors() -> Impostors:
    """The pool that comes with the product. StateError ``engine.failed`` where the file is missing or damaged."""
    try:
        with (files(__package__) / _FILE).open("rb") as file:
            return read_impostors(file)
    except OSError as error:
        raise _damaged(str(error)) from error


def read_impostors(file) -> Impostors:
    """A pool from an open npz file, its shape and numbers checked."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            rows, groups, maker = archive["embeddings"], archive["groups"], str(archive["maker"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(str(error)) from error
    if rows.dtype != np.float16 or rows.ndim != 2 or rows.shape[1] != LENGTH or groups.shape != (len(rows),):
        raise _damaged(f"embeddings are {rows.dtype} {rows.shape}, groups {groups.shape}")
    embeddings = rows.astype(np.float64)
    if not len(rows) or not np.isfinite(embeddings).all() or set(groups.tolist()) - set(GROUPS):
        raise _damaged("it holds numbers or groups that no maker writes")
    embeddings.flags.writeable = False
    return Impostors(embeddings, tuple(groups.tolist()), maker)


def _damaged(what: str) -> StateError:
    return StateError("engine.failed", f"The pool of impostors can't be read: {what}", "pip install twinbook again")
