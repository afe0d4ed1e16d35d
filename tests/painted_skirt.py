"""A long skirt painted over the trousers of a photographed plate: flared, with folds and a hem, behind her hands.

No plate of a skirt is at hand, so one is made of a plate whose face, arms and light are a renderer's. The truth about it
is known: its outline, its folds, its waist and its hem.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from twinbook.domain.twin import Box
from twinbook.ports import Plate
from twinbook.vision.regions import Region, label_map
from twinbook.vision.skin import to_linear, to_srgb

_SUPER = 3


@dataclass(frozen=True)
class Skirted:
    """The ``plate`` of her in a skirt; ``waist`` and ``hem`` are rows, ``edges`` x by row (h, 2), NaN where it isn't;
    ``folds`` is the light on the cloth (float32 (h, w), 1 in the mean), ``hands`` bool (h, w)."""

    plate: Plate
    waist: int
    hem: int
    edges: np.ndarray
    folds: np.ndarray
    hands: np.ndarray


def in_skirt(plate: Plate, colour=(122, 44, 52), length=0.93, hips=1.0, flare=1.5) -> Skirted:
    """``length`` is the share of the way from waist to soles; ``hips`` its width there over the trousers', ``flare``
    the hem's."""
    high, wide = plate.alpha.shape
    regions = cv2.resize(plate.regions, (wide, high), interpolation=cv2.INTER_NEAREST)
    trousers = regions == Region.BOTTOM
    rows = np.flatnonzero(trousers.any(axis=1))
    waist = int(rows[0])
    hem = round(waist + length * (plate.facts.person.bottom - waist))
    # Her hips are as wide as the trousers are there.
    upper = np.flatnonzero(trousers[waist + round(0.12 * (hem - waist))])
    middle, half = (upper[0] + upper[-1] + 1) / 2, (upper[-1] + 1 - upper[0]) / 2
    y, x = np.mgrid[0 : high * _SUPER, 0 : wide * _SUPER].astype(np.float32)
    y, x = (y + 0.5) / _SUPER, (x + 0.5) / _SUPER
    down = np.clip((y - waist) / (hem - waist), 0, 1)
    reach = half * (1.0 + (hips + 0.12 - 1) * np.minimum(down / 0.15, 1) + (flare - hips - 0.12) * down**1.2)
    across = (x - middle) / reach
    sag = 0.016 * (hem - waist) * (1 - across**2)  # the hem is a circle seen from above
    mask = (np.abs(across) < 1) & (y >= waist - 4) & (y < hem - 0.016 * (hem - waist) + sag)
    turns = 5.3 * np.arcsin(np.clip(across, -1, 1))
    depth = 0.34 * np.clip(down * 2.4, 0.15, 1)
    folds = (1 + depth * (0.7 * np.sin(turns + 0.7 * np.sin(3 * down)) + 0.3 * np.sin(2.3 * turns + 1.3))) * (
        0.72 + 0.28 * np.sqrt(np.clip(1 - across**2, 0, 1))
    )
    near_hem = (hem - 0.016 * (hem - waist) + sag - y) / (hem - waist)
    folds *= 1 - 0.18 * np.exp(-(((near_hem - 0.012) / 0.0022) ** 2))  # its stitching
    folds *= 1 - 0.30 * np.exp(-np.maximum(y - waist, 0) / (0.008 * (hem - waist)))  # in the top's shade

    def small(values):
        return cv2.resize(values.astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA)

    cover, light = small(mask), small(folds)
    hands = (regions == Region.SKIN) & (np.arange(high)[:, None] > waist - 0.3 * (hem - waist))
    before = cv2.GaussianBlur(hands.astype(np.float32), (0, 0), 1.0)
    cover *= 1 - before
    cloth = to_linear(np.uint8(colour)) * light[..., None]
    # The trousers beside and between which the skirt hangs are gone; its own edge is what a lens makes of it.
    linear = to_linear(plate.rgb_srgb) * (1 - cover[..., None]) + cloth * cover[..., None]
    rgb = np.clip(to_srgb(linear) + np.random.default_rng(6).normal(0, 0.8, linear.shape), 0, 255).round()
    rgb = np.where((cover > 0.004)[..., None], rgb, plate.rgb_srgb).astype(np.uint8)
    alpha = np.maximum(plate.alpha, (cover * 255 + 0.5).astype(np.uint8))
    rows, columns = np.flatnonzero((alpha >= 64).any(axis=1)), np.flatnonzero((alpha >= 64).any(axis=0))
    person = Box(int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    facts = replace(plate.facts, person=person)
    labels = label_map(rgb, alpha, facts.face, plate.landmarks, plate.skin_lab)
    reach = small(reach)[:, :1]
    edges = np.concatenate([middle - reach, middle + reach], axis=1)
    edges[: waist + 1], edges[hem - round(0.02 * (hem - waist)) :] = np.nan, np.nan
    made = replace(plate, facts=facts, rgb_srgb=rgb, alpha=alpha, regions=labels)
    return Skirted(made, waist, hem, edges, light, hands)
