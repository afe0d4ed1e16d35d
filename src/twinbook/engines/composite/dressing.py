"""What a shot lets her wear, in order: dye or print on what she wore, then a garment put on, then what lies over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...domain.brief import Print, Recolor, Shot
from ...domain.errors import EngineRefused
from ...domain.twin import Backdrop, PlateFacts, View
from ...ports import Plate, RenderJob
from .accessories import laid_on
from .figure_marks import MOST_YAW
from .prepared import Prepared
from .print import printed
from .recolor import recoloured
from .scene import own_colours
from .tryon import tried_on

# How far below the chin a plate must show her for a garment to be put on, in heights of the detected face.
_REACH = {"top": 2.0, "bottom": 5.5}


def separable(candidates: Sequence[PlateFacts]) -> list[PlateFacts]:
    """The plates out of which she can be cut. Raises EngineRefused ``matte.unsure`` or ``backdrop.busy``."""
    plain = [facts for facts in candidates if facts.backdrop is Backdrop.PLAIN]
    if not plain:
        names = ", ".join(facts.photo for facts in candidates)
        if any(facts.backdrop is Backdrop.UNSURE for facts in candidates):
            raise EngineRefused("matte.unsure", f"her outline in {names} can't be trusted")
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {names} with a clean edge")
    return plain


def wearable(shot: Shot, candidates: Sequence[PlateFacts]) -> list[PlateFacts]:
    """The plates in which something can be put on. Raises EngineRefused ``backdrop.busy``, ``matte.unsure``,
    ``engine.pose`` or ``engine.region``."""
    names = ", ".join(facts.photo for facts in candidates)
    plain = separable(candidates)
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


def before_own_backdrop(plate: Plate, job: RenderJob, prepared: Prepared) -> tuple[np.ndarray, np.ndarray | None]:
    """Her plate with everything on, uint8 sRGB (h, w, 3), and her matte (h, w), None where she wasn't cut out.

    Raises EngineRefused; see `garment_share`, `printed`, `tried_on` and `laid_on`.
    """
    rgb, shot = plate.rgb_srgb, job.shot
    if _cloth(shot) is not None:
        cover = 1 if plate.alpha is None else plate.alpha.astype(np.float32) / 255
        rgb = _in_new_cloth(plate, rgb, prepared.share(plate, _cloth(shot).region) * cover, job)
    return _put_on(plate, rgb, job) if _puts_on(shot) else (rgb, plate.alpha)


def cut_out(plate: Plate, job: RenderJob, prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Her own colours without the backdrop in them, uint8 sRGB (h, w, 3), everything on, and her matte (h, w)."""
    if _puts_on(job.shot):
        rgb, alpha = before_own_backdrop(plate, job, prepared)
        return own_colours(rgb, alpha), alpha
    own = prepared.own(plate)
    if _cloth(job.shot) is not None:
        # Dyed without the old backdrop in it, or the soft edge would carry it into the new scene.
        own = _in_new_cloth(plate, own, prepared.share(plate, _cloth(job.shot).region), job)
    return own, plate.alpha


def worn(shot: Shot) -> dict[str, str]:
    """For the provenance of the picture."""
    said = {}
    if shot.recolor is not None:
        said["recolor"] = f"{shot.recolor.region} {shot.recolor.to.lower()}"
    if shot.print is not None:
        said["print"] = f"{shot.print.region} {shot.print.cloth}"
    if shot.tryon is not None:
        said["tryon"] = f"{shot.tryon.region} {shot.tryon.packshot}"
    if shot.accessories:
        said["accessories"] = ", ".join(f"{item.kind} {item.picture} at {item.at}" for item in shot.accessories)
    return said


def _cloth(shot: Shot) -> Recolor | Print | None:
    return shot.recolor or shot.print


def _puts_on(shot: Shot) -> bool:
    return shot.tryon is not None or bool(shot.accessories)


def _in_new_cloth(plate: Plate, rgb_srgb: np.ndarray, share: np.ndarray, job: RenderJob) -> np.ndarray:
    shot = job.shot
    if shot.recolor is not None:
        return recoloured(rgb_srgb, share, shot.recolor.to, plate.alpha)
    return printed(rgb_srgb, share, shot.print, job.pictures.get(shot.print.cloth), plate, plate.alpha)


def _put_on(plate: Plate, rgb_srgb: np.ndarray, job: RenderJob) -> tuple[np.ndarray, np.ndarray]:
    if plate.alpha is None:
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {plate.facts.photo} with a clean edge")
    shot, alpha = job.shot, plate.alpha
    if shot.tryon is not None:
        packshot = _picture(shot.tryon.packshot, job.pictures)
        made = tried_on(replace(plate, rgb_srgb=rgb_srgb), packshot, shot.tryon.region, job.seed)
        rgb_srgb, alpha = made.rgb_srgb, made.alpha
    for accessory in shot.accessories:
        rgb_srgb = laid_on(rgb_srgb, plate, accessory, _picture(accessory.picture, job.pictures), job.seed)
    return rgb_srgb, alpha


def _picture(name: str, pictures: Mapping[str, np.ndarray]) -> np.ndarray:
    if name not in pictures:
        raise EngineRefused("engine.packshot", f"the picture {name} was not given")
    return pictures[name]
