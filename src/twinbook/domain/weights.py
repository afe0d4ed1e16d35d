"""Base weights that a user brings, and the checkpoints that are trained on them: what is known of each without opening it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .canonical import digest


class Family(StrEnum):
    """How weights are built, which decides how they are loaded, trained and prompted."""

    SDXL = "sdxl"
    FLUX2_KLEIN = "flux2-klein"
    QWEN_IMAGE_EDIT = "qwen-image-edit"
    Z_IMAGE = "z-image"


@dataclass(frozen=True)
class Weights:
    """Base weights under a name of the user's choice. ``licence`` is an SPDX identifier or the licence's own name, and
    ``commercial`` whether it lets pictures be made for money. ``source`` is the repository they were pulled from with its
    ``revision``, or the folder they were added from. ``files`` maps each file's path in the folder to its SHA-256."""

    name: str
    family: Family
    licence: str
    commercial: bool
    source: str
    revision: str
    files: Mapping[str, str]
    added_at: datetime

    @property
    def digest(self) -> str:
        """What the weights are, whatever they are called: SHA-256 over every file's name and digest."""
        return digest(dict(self.files))


@dataclass(frozen=True)
class Checkpoint:
    """An adapter (LoRA) that was trained on one version of a twin; its bytes lie in the vault under ``id``.

    ``weights`` names the base and ``weights_digest`` what that was; ``token`` is the word that stands for her in prompts.
    ``plates`` are the ids of exactly those plates that went in. ``scores`` are validation scores (higher is more like her)
    by step, and ``step`` the one that was kept. ``sha256`` is over the adapter's bytes.
    """

    id: str
    talent: str
    twin: str
    weights: str
    weights_digest: str
    family: Family
    token: str
    step: int
    rank: int
    plates: tuple[str, ...]
    sha256: str
    made_at: datetime
    scores: Mapping[int, float] = field(default_factory=dict)
