"""What a shot asks to be put on her, in order: the garment, then what lies over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...domain.brief import Shot
from ...domain.errors import EngineRefused
from ...domain.twin import Backdrop, PlateFacts, View
from ...ports import Plate
from .accessories import laid_on
from .figure_marks import MOST_YAW
from .tryon import tried_on

# How far below the chin a plate must show her, in heights of the detected face.
_REACH = {"top": 2.0, "bottom": 5.5}


def wearable(shot: Shot, candidates: Sequence[PlateFacts]) -> list[PlateFacts]:
    """The plates in which something can be put on. Raises EngineRefused ``backdrop.busy``, ``engine.pose`` or
    ``engine.region``."""
    names = ", ".join(facts.photo for facts in candidates)
    plain = [facts for facts in candidates if facts.backdrop is Backdrop.PLAIN]
    if not plain:
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {names} with a clean edge")
    front = [f for f in plain if f.view in (View.FRONT, View.UNKNOWN) and abs(f.yaw or 0) <= MOST_YAW]
    if not front:
        raise EngineRefused("engine.pose", f"no plate of hers that fits ({names}) shows her from the front")
    if shot.tryon is None:
        return front
    reach = _REACH[shot.tryon.region]
    showing = [f for f in front if f.person.bottom >= f.face.bottom + reach * f.face.height]
    if not showing:
        raise EngineRefused("engine.region", f"no plate of hers that fits shows the {shot.tryon.region}")
    return showing


def dressed(
    plate: Plate, rgb_srgb: np.ndarray, shot: Shot, pictures: Mapping[str, np.ndarray], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The plate, or what has been made of it so far, with everything on: uint8 sRGB (h, w, 3) and her matte (h, w).

    Raises EngineRefused; see `tryon.tried_on` and `accessories.laid_on`.
    """
    if plate.alpha is None:
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {plate.facts.photo} with a clean edge")
    alpha = plate.alpha
    if shot.tryon is not None:
        made = tried_on(
            replace(plate, rgb_srgb=rgb_srgb), _picture(shot.tryon.packshot, pictures), shot.tryon.region, seed
        )
        rgb_srgb, alpha = made.rgb_srgb, made.alpha
    for accessory in shot.accessories:
        rgb_srgb = laid_on(rgb_srgb, plate, accessory, _picture(accessory.picture, pictures), seed)
    return rgb_srgb, alpha


def worn(shot: Shot) -> dict[str, str]:
    """For the provenance of the picture."""
    said = {} if shot.tryon is None else {"tryon": f"{shot.tryon.region} {shot.tryon.packshot}"}
    if shot.accessories:
        said["accessories"] = ", ".join(f"{item.kind} {item.picture} at {item.at}" for item in shot.accessories)
    return said


def _picture(name: str, pictures: Mapping[str, np.ndarray]) -> np.ndarray:
    if name not in pictures:
        raise EngineRefused("engine.packshot", f"the picture {name} was not given")
    return pictures[name]
