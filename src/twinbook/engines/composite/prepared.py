"""What every shot from one plate starts with, worked out once: her own colours, and how much of her each garment is.

Kept in memory for the plates last used, never on disk, and gone with the process; whoever reaches it has just been given
the plate under a permit. Entries are found by the plate's content, so that a plate made anew is never mistaken for the old one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import numpy as np

from ...ports import Plate
from ...vision.cloth import garment_share
from .scene import own_colours

_MOST_BYTES = 256_000_000  # a plate of 24 megapixels with one garment


class Prepared:
    """Safe for several threads; two that ask at once may both work it out."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[bytes, str], np.ndarray] = OrderedDict()
        self._lock = Lock()

    def own(self, plate: Plate) -> np.ndarray:
        """`own_colours` of the plate, uint8 sRGB (h, w, 3), not to be written to."""
        return self._once(plate, "", lambda: own_colours(plate.rgb_srgb, plate.alpha))

    def share(self, plate: Plate, region: str) -> np.ndarray:
        """`garment_share` of the plate, float32 (h, w), not to be written to. Raises what that raises."""
        return self._once(plate, region, lambda: garment_share(plate, region))

    def _once(self, plate: Plate, what: str, work_out: Callable[[], np.ndarray]) -> np.ndarray:
        key = (_content(plate), what)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = work_out()
        made.setflags(write=False)
        with self._lock:
            self._kept[key] = made
            while sum(array.nbytes for array in self._kept.values()) > self._most and self._kept:
                self._kept.popitem(last=False)
        return made


def _content(plate: Plate) -> bytes:
    found = hashlib.blake2b(repr((plate.facts, plate.shape)).encode(), digest_size=16)
    for array in (plate.rgb_srgb, plate.alpha, plate.landmarks, plate.skin_lab, plate.regions):
        found.update(b"-" if array is None else np.ascontiguousarray(array).data)
    return found.digest()
