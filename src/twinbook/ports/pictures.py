"""Photographs, plates, and how pictures are measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from ..domain.brief import Recolor
from ..domain.capture import Verdict
from ..domain.errors import TwinbookError
from ..domain.fidelity import Calibration, Finding, Measurement
from ..domain.twin import Box, PlateFacts


@dataclass(frozen=True)
class Capture:
    """A decoded photograph: upright, sRGB. ``name`` is the file's name, for messages; ``width`` and ``height`` are those
    of the file, which may have been decoded smaller."""

    name: str
    rgb_srgb: np.ndarray
    width: int = 0
    height: int = 0

    @property
    def enlarge(self) -> float:
        """What coordinates in ``rgb_srgb`` are multiplied with to be the file's."""
        return self.width / self.rgb_srgb.shape[1] if self.width else 1.0


@dataclass(frozen=True)
class Plate:
    """A usable capture and what was measured on it once, at enrolment.

    ``landmarks`` are dlib's five points (float32, (5, 2), x then y); ``embedding`` is 128 float64; ``skin_lab`` the
    median CIELAB (D65) of lit face skin, float64 (3,); ``alpha`` is None on a busy backdrop. A plate of view ``profile``
    has no landmarks and no embedding (arrays of length 0): nobody can be recognised by it.

    ``body_skin_lab`` is the same colour of lit skin below the chin (neck, arms), None where none shows; ``regions`` a
    label map, uint8 (h, w); ``shape`` measurements of her body by name.
    """

    facts: PlateFacts
    rgb_srgb: np.ndarray
    alpha: np.ndarray | None
    landmarks: np.ndarray
    embedding: np.ndarray
    skin_lab: np.ndarray
    body_skin_lab: np.ndarray | None = None
    regions: np.ndarray | None = None
    shape: Mapping[str, float] = field(default_factory=dict)

    @property
    def recognisable(self) -> bool:
        return self.embedding.size > 0


@dataclass(frozen=True)
class Enrolled:
    """What an enrolment made: the facts of its plates, why each photograph that can't be used was refused (file name,
    reason), and the verdict on every photograph, in the order given. ``plates`` is empty when a sink took them."""

    facts: tuple[PlateFacts, ...]
    plates: tuple[Plate, ...]
    refused: tuple[tuple[str, TwinbookError], ...]
    verdicts: tuple[Verdict, ...] = ()


class CaptureSession(Protocol):
    """Judges photographs one by one, as they are taken, and keeps no pixels."""

    def add(self, photo: Path) -> Verdict:
        """The verdict on a photograph, as far as it can be told from those before it."""

    def verdicts(self) -> Sequence[Verdict]:
        """The verdicts on all photographs so far, each judged against all others, in the order added."""


@dataclass(frozen=True)
class Asked:
    """What was asked of a picture, as far as measuring it must know. ``plate`` is the id of the plate that it was made
    from, None for one that was generated; ``recolor`` the garment that was to get another colour; ``redressed`` the
    region (`domain.brief.REGIONS`) that was to show other cloth or another garment; ``mannequin`` when the body was to be one
    of her measurements, so that it is held to these and not to the plate's."""

    plate: str | None = None
    recolor: Recolor | None = None
    redressed: str | None = None
    mannequin: bool = False


@dataclass(frozen=True)
class Face:
    """A detected face: ``box`` and ``landmarks`` (float32 (5, 2), x then y) in pixels; ``score`` as the detector gives it.

    Points 0 and 1 are the outer and inner corner of the eye on the right of the picture, 2 and 3 those of the other
    eye, 4 the base of the nose.
    """

    box: Box
    landmarks: np.ndarray
    score: float


class FaceEmbedder(Protocol):
    """Tells one person from another. ``version`` names what it computes: plates of another version aren't comparable.
    ``licence`` is that of its weights."""

    version: str
    licence: str

    def embed(self, rgb_srgb: np.ndarray, face: Face) -> np.ndarray:
        """float64 (d,) whose Euclidean distance is small for one person. Deterministic."""


class Meter(Protocol):
    """Reads people from pixels. Never decides: `domain.capture` and `domain.fidelity` do. ``maker`` is the version of the
    code that makes plates."""

    maker: str

    def session(self, *, compare: bool = True) -> CaptureSession:
        """A new capture session. Without ``compare`` no face is compared with another, and no template computed."""

    def enroll(
        self,
        captures: Sequence[Path],
        progress: Callable[[str], None],
        keep: Callable[[Plate], None] | None = None,
        *,
        tell: Callable[[Verdict], None] = lambda verdict: None,
        named: Collection[str] = (),
    ) -> Enrolled:
        """Make plates of the best photographs of each view, and of all usable ones ``named`` (file stems).

        Each plate goes to ``keep`` as soon as it is made, so that one at a time is in memory; without it they are
        collected. ``tell`` hears a verdict after each photograph. Raises CaptureRefused ``capture.none`` when nothing is
        usable, before anything was kept; every single refusal is told.
        """

    def measure(self, rgb_srgb: np.ndarray, plates: Sequence[Plate], asked: Asked) -> Sequence[Measurement]:
        """The measures of `fidelity.MEASURES` that can be taken of this talent in the picture, those that can't with the
        reason."""

    def calibrate(self, plates: Sequence[Plate]) -> Calibration:
        """What her identity bound is made from: her plates held out one by one, and other people against them."""

    def distance(self, rgb_srgb: np.ndarray, plates: Sequence[Plate]) -> float | None:
        """How far the face in a picture that is nearest to these plates is from them, as ``identity.distance`` has it; None
        when no face is found or none of the plates shows one. Of the plates nothing but the embeddings is looked at."""

    def apart(self, plates: Sequence[Plate], others: Sequence[Plate]) -> float | None:
        """The least distance of any of these plates to the others, as ``identity.distance`` has it; None when either shows
        no face. Nothing but the embeddings is looked at."""

    def templates(self, picture: Path | np.ndarray) -> Sequence[Plate]:
        """Every face of a photograph or a picture (uint8 sRGB) as a plate with its place and embedding and nothing else.
        Nothing is kept on disk. Raises CaptureRefused for a file that is no photograph."""

    def annotate(self, rgb_srgb: np.ndarray, findings: Sequence[Finding]) -> tuple[np.ndarray, Box]:
        """The picture with what was found marked in it and told beside it, for people: uint8 (h, w, 3), and where in that
        the picture is."""

    def faces(self, rgb_srgb: np.ndarray) -> Sequence[Box]:
        """Where faces are in a picture, largest first."""
