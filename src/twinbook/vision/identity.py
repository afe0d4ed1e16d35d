"""How near a face is to a talent's plates, and which impostors would come as near.

A face is described by an embedder behind `ports.FaceEmbedder`. Its score against a set of plates is a distance: the
mean of the nearest and of what is nearest on average, so that one lucky plate doesn't carry a stranger and one odd
plate doesn't throw her out. Her own plates, held out one by one, and a pool of people who don't exist are scored in the
same way: that is what her bound is made from (`domain.fidelity.identity_bound`).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..domain.fidelity import Calibration
from ..ports import Face, Plate
from .faces import EMBEDDING, chip, embed

# Of a set of plates, the nearest so many speak for the rest: she is photographed from several sides.
_NEAREST = 3
# How much of the score the single nearest plate is.
_WEIGHT = 0.5


class DlibEmbedder:
    """Implements `ports.FaceEmbedder` with dlib's CC0 ResNet: see `faces.embed`."""

    version = EMBEDDING
    licence = "CC0-1.0"

    def embed(self, rgb_srgb: np.ndarray, face: Face) -> np.ndarray:
        return embed(rgb_srgb, face)


def score(vector: np.ndarray, others: np.ndarray) -> float:
    """The distance of an embedding (d,) to a set of them (n, d), n at least 1."""
    distances = np.sort(np.linalg.norm(others - vector, axis=1))[:_NEAREST]
    return float(_WEIGHT * distances[0] + (1 - _WEIGHT) * distances.mean())


def embedded(plates: Sequence[Plate]) -> np.ndarray:
    """The embeddings of the plates that have one (n, d): a profile has none."""
    vectors = [plate.embedding for plate in plates if plate.recognisable]
    return np.stack(vectors) if vectors else np.empty((0, 128))


def calibration(plates: Sequence[Plate], impostors: np.ndarray) -> Calibration:
    """Scores of her plates held out one by one, and of impostors (m, d) against all of them."""
    own = embedded(plates)
    if not len(own):
        return Calibration()
    held_out = (
        [score(vector, np.delete(own, index, axis=0)) for index, vector in enumerate(own)] if len(own) > 1 else []
    )
    return Calibration(tuple(held_out), tuple(score(vector, own) for vector in impostors))


def copied(rgb_srgb: np.ndarray, face: Face, plate: Plate) -> float:
    """How much of a face is the very pixels of a capture's: the correlation of both faces' fine structure, 0 to 1.

    Two photographs of one person in one session stay below 0.6; a face pasted from a capture, relit, resized and
    encoded again, stays above 0.9. For generated pictures only: a composite is made of her captures.
    """
    landmarks = plate.landmarks
    own = Face(plate.facts.face, landmarks, 1.0)
    one, other = _structure(chip(rgb_srgb, face)), _structure(chip(plate.rgb_srgb, own))
    return max(max(_best_correlation(one, shape) for shape in (other, other[:, ::-1])), 0.0)


def _structure(cut: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = cv2.GaussianBlur(grey, (0, 0), 1.0)
    return fine - cv2.GaussianBlur(grey, (0, 0), 6.0)


def _best_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Over small shifts: landmarks of one face in two sizes lie a pixel or two apart."""
    margin = 10
    piece = np.ascontiguousarray(other[margin:-margin, margin:-margin])
    return float(cv2.matchTemplate(np.ascontiguousarray(one), piece, cv2.TM_CCOEFF_NORMED).max())
