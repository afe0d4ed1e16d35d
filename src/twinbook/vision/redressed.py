"""Where a picture in which she was dressed anew can't be held against its plate: the garment, what it covers now, and the
seam around it. The rest of her is judged as ever.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..ports import Plate
from .dressed import garment_mask_of
from .parts import skin_like
from .regions import Region
from .registration import Registration

# Around the old garment, in heights of the detected face: folds and shadow, a hem and a neckline a little elsewhere.
_AROUND = 0.35


def redressed_where(plate: Plate, laid: Registration, region: str) -> np.ndarray | None:
    """Bool (h, w) of the plate; None when its garments aren't known. ``region`` is one of `domain.brief.REGIONS`.

    Bare skin counts only where the picture shows another colour than skin of hers in any light: a sleeve over an arm,
    not an arm made lighter.
    """
    if plate.regions is None:
        return None
    high, wide = plate.rgb_srgb.shape[:2]
    labels = plate.regions
    scale = labels.shape[0] / high
    reach = max(round(_AROUND * plate.facts.face.height * scale), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    where = cv2.dilate(garment_mask_of(labels, region).astype(np.uint8), disc) > 0
    where &= labels != Region.FACE
    small = cv2.resize(laid.found, labels.shape[::-1], interpolation=cv2.INTER_AREA)
    values = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 0.8).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    covered = (labels == Region.SKIN) & ~skin_like(values, plate.skin_lab)
    covered = cv2.morphologyEx(covered.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    where |= cv2.dilate(covered.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return cv2.resize(where.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST) > 0
