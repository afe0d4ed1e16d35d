"""Base weights on this machine, and what trains a twin's checkpoint on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from ..domain.weights import Family, Weights
from .vault import OpenTwin


class WeightsShelf(Protocol):
    """Weights on this machine. Nothing is ever fetched but by `pull`, when somebody asks for it."""

    def add(
        self,
        folder: Path,
        name: str,
        family: Family,
        licence: str,
        commercial: bool,
        source: str = "",
        revision: str = "",
    ) -> Weights:
        """Register a folder of weights, hashing every file. Raises InputError ``weights.unreadable``, ``weights.taken``."""

    def declare(self, name: str, family: Family, licence: str, commercial: bool) -> Weights:
        """Register weights that another machine has, by their licence alone: nothing vouches for what they are. Raises
        InputError ``weights.taken``, ``weights.licence``."""

    def get(self, name: str) -> Weights:
        """Raises InputError ``weights.unknown``."""

    def all(self) -> Sequence[Weights]: ...

    def folder(self, name: str) -> Path:
        """Where they lie, every file checked against its SHA-256 (once a process while its size and time of change
        stay). Raises StateError ``weights.changed``, InputError ``weights.unknown``, ``weights.elsewhere``."""

    def pull(
        self, repo: str, revision: str, name: str, family: Family, licence: str = "", commercial: bool = False
    ) -> Weights:
        """Fetch a repository at a pinned commit (40 hex digits) and register it: the one place where anything is fetched.
        ``commercial`` is the user's own word, for a licence that isn't known (`domain.weights.for_sale`). Without
        ``licence`` that of the model card counts.

        Raises InputError ``weights.revision``, ``weights.pull``, ``weights.taken``, ``weights.unreadable``,
        ``weights.licence``, ``diffusion.missing``."""

    def remove(self, name: str) -> None:
        """Forget them; the folder of weights that were added stays, of those that were pulled it goes."""


@dataclass(frozen=True)
class TrainingPlan:
    """How a checkpoint is trained. ``resolution`` is the side of a square whose area every bucket has, in pixels;
    ``prior`` the weight of the prior-preservation loss, 0 for none; ``save_every`` and ``validate_every`` count steps;
    ``device`` is torch's name of one, empty for the best there is; ``precision`` is ``bf16`` or ``fp32``."""

    steps: int = 1500
    rank: int = 16
    learning_rate: float = 1e-4
    resolution: int = 1024
    batch: int = 1
    prior: float = 1.0
    prior_pictures: int = 50
    save_every: int = 100
    validate_every: int = 250
    validation_pictures: int = 4
    seed: int = 0
    device: str = ""
    precision: str = "bf16"
    eight_bit: bool = False
    gradient_checkpointing: bool = True


@dataclass(frozen=True)
class TrainingJob:
    """``twin`` is open under a permit to train. ``plates`` are the ids of those that may go in. Everything that is kept
    between steps (state to resume from, cached latents) goes into the vault through ``twin``, under names that begin with
    ``name``; nothing of hers is written anywhere else. ``score`` tells how much like her pictures are (higher is more), None when nobody can tell."""

    name: str
    twin: OpenTwin
    plates: Sequence[str]
    weights: Weights
    folder: Path
    plan: TrainingPlan
    token: str
    subject: str = "person"
    score: Callable[[Sequence[np.ndarray]], float | None] = lambda pictures: None


@dataclass(frozen=True)
class Trained:
    """``adapter`` is the best step's, as a safetensors file; ``losses`` by step since training began, whatever was resumed;
    ``scores`` by step; ``used`` the plates that went in; ``leftovers`` the names of what was kept between steps, which is
    dropped once the adapter is stored: a process killed before that has lost nothing."""

    adapter: bytes = field(repr=False)
    step: int
    losses: Mapping[int, float]
    scores: Mapping[int, float]
    used: tuple[str, ...]
    seconds: float
    peak_bytes: int
    leftovers: tuple[str, ...] = ()


class Inventor(Protocol):
    """Makes pictures of people who do not exist, on base weights alone."""

    def invent(
        self, folder: Path, weights: Weights, prompts: Sequence[str], against: str, seed: int, side: int, steps: int
    ) -> Iterator[np.ndarray]:
        """A picture for each prompt, from the same noise: uint8 sRGB (h, w, 3), three wide to four high, with about
        ``side`` squared pixels. ``against`` is what none of them shows. The same on one kind of device. Raises InputError
        ``weights.unusable``, EngineRefused ``engine.memory``."""


class Trainer(Protocol):
    def train(self, job: TrainingJob, progress: Callable[[int, int, float], None]) -> Trained:
        """Train, or go on where a killed run left off. ``progress`` hears step, steps and loss after each step; what it
        raises ends the training and is raised on (VaultRefused ``permit.revoked``: she withdrew). Raises InputError
        ``weights.unusable``, EngineRefused ``engine.memory``, StateError ``engine.failed``."""
