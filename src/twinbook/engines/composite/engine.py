"""The composite engine: chooses a plate, then changes the garment's colour, then what stands behind her.

Pixels of the talent come only from her own plate. Her skin, face and hair are never relit or retouched: scenes are
brought to her light, not she to theirs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from ...domain.brief import FORMATS, STUDIO_SCENES, Recolor, Shot, frame
from ...domain.errors import EngineRefused, Refused
from ...domain.provenance import SourceType
from ...domain.twin import Backdrop, PlateFacts, View
from ...ports import Engine, EngineProfile, Plan, Plate, Rendering, RenderJob
from ...vision.cloth import garment_share
from .recolor import recoloured
from .scene import composite, fitted_scene, own_colours
from .studio import studio_scene

_OPERATIONS = ("scene", "recolor")
# How far below the chin a plate must show her, in heights of the detected face, for the garment to be in it.
_REACH = {"top": 0.9, "dress": 2.5, "bottom": 3.9}


class CompositeEngine(Engine):
    """`ports.Engine` for ``scene`` and ``recolor``. Deterministic: the same job gives the same bytes."""

    def profile(self) -> EngineProfile:
        return EngineProfile(
            name="composite",
            version="1",
            operations=frozenset(_OPERATIONS),
            max_pixels=40_000_000,
            deterministic=True,
            licences={"code": "Apache-2.0", "pymatting": "MIT", "opencv": "Apache-2.0", "studio scenes": "Apache-2.0"},
        )

    def plan(self, shot: Shot, plates: Mapping[str, Sequence[PlateFacts]]) -> Plan:
        """Choose the plate. Raises EngineRefused: ``engine.operation``, ``engine.talents``, ``campaign.scene``,
        ``engine.plate``, ``backdrop.busy``, ``matte.unsure`` or ``engine.region``."""
        unknown = sorted(set(shot.operations) - set(_OPERATIONS))
        if unknown:
            raise EngineRefused("engine.operation", f"shot {shot.id} asks for {', '.join(unknown)}")
        if len(shot.talents) != 1:
            raise EngineRefused("engine.talents", f"shot {shot.id} has {len(shot.talents)} talents")
        _check_scene(shot)
        hers = list(plates.get(shot.talents[0], ()))
        candidates = [facts for facts in hers if facts.width * facts.height <= self.profile().max_pixels]
        if shot.plate is not None:
            candidates = [facts for facts in candidates if shot.plate in (facts.photo, facts.id)]
            if not candidates:
                names = ", ".join(facts.photo for facts in hers) or "none"
                raise EngineRefused("engine.plate", f"no plate of hers is named {shot.plate!r} (there are: {names})")
        if not candidates:
            raise EngineRefused("engine.plate", f"{shot.talents[0]} has no plate of at most 40 megapixels")
        if shot.plate is None:
            # Nobody can tell from a profile that the picture is her: only for whoever asks for it by name.
            candidates = [facts for facts in candidates if facts.view is not View.PROFILE] or candidates
        if shot.scene is not None:
            plain = [facts for facts in candidates if facts.backdrop is Backdrop.PLAIN]
            if not plain:
                names = ", ".join(facts.photo for facts in candidates)
                if any(facts.backdrop is Backdrop.UNSURE for facts in candidates):
                    raise EngineRefused("matte.unsure", f"her outline in {names} can't be trusted")
                raise EngineRefused("backdrop.busy", f"she can't be cut out of {names} with a clean edge")
            candidates = plain
        if shot.recolor is not None:
            showing = [facts for facts in candidates if _shows(facts, shot.recolor)]
            if not showing:
                raise EngineRefused("engine.region", f"no plate of hers that fits shows the {shot.recolor.region}")
            candidates = showing
        best = max(candidates, key=lambda facts: _suitability(facts, shot))
        return Plan(best.id, shot.operations)

    def _render(self, job: RenderJob) -> Rendering:
        shot = job.shot
        _check_scene(shot)
        seconds: dict[str, float] = {}
        started = time.perf_counter()

        def lap(phase: str) -> None:
            nonlocal started
            now = time.perf_counter()
            seconds[phase] = round(now - started, 3)
            started = now

        plate = job.twins[shot.talents[0]].plate(job.plan.plate)
        lap("plate")
        rgb, alpha = plate.rgb_srgb, plate.alpha
        provenance = {"plate": plate.facts.id, "photo": plate.facts.photo}
        own = None
        if shot.recolor is not None:
            share = garment_share(plate, shot.recolor.region)
            if shot.scene is not None and alpha is not None:
                # Dyed without the old backdrop in it, or the soft edge would carry it into the new scene.
                own = recoloured(own_colours(rgb, alpha), share, shot.recolor.to, alpha)
            else:
                cover = 1 if alpha is None else alpha.astype(np.float32) / 255
                rgb = recoloured(rgb, share * cover, shot.recolor.to, alpha)
            provenance["recolor"] = f"{shot.recolor.region} {shot.recolor.to.lower()}"
            lap("recolor")
        if shot.scene is not None:
            if alpha is None:
                raise EngineRefused("backdrop.busy", f"she can't be cut out of {plate.facts.photo} with a clean edge")
            scene = self._scene(job, plate)
            lap("scene")
            rgb = composite(rgb, alpha, plate.facts, scene, seed=job.seed, own_srgb=own)
            provenance["scene"] = shot.scene
            lap("composite")
        if alpha is None:
            alpha = _person_box(plate.facts)
        altered = (rgb != plate.rgb_srgb).any(axis=2)
        return Rendering(rgb, alpha, altered, SourceType.COMPOSITE_SYNTHETIC, shot.operations, provenance, seconds)

    def _scene(self, job: RenderJob, plate: Plate) -> np.ndarray:
        kind, _, name = job.shot.scene.partition(":")
        if kind == "studio":
            return studio_scene(name, plate.facts)
        if job.scene_rgb_srgb is None:
            raise EngineRefused("campaign.scene", f"the picture of scene {job.shot.scene} was not given")
        return fitted_scene(job.scene_rgb_srgb, plate.facts)


def _check_scene(shot: Shot) -> None:
    if shot.scene is None:
        return
    kind, _, name = shot.scene.partition(":")
    if kind == "image" and name:
        return
    if kind != "studio" or name not in STUDIO_SCENES:
        known = ", ".join(f"studio:{known}" for known in STUDIO_SCENES)
        raise EngineRefused("campaign.scene", f"there is no scene {shot.scene!r}; there are {known}")


def _shows(facts: PlateFacts, recolor: Recolor) -> bool:
    return facts.person.bottom >= facts.face.bottom + _REACH[recolor.region] * facts.face.height


def _suitability(facts: PlateFacts, shot: Shot) -> tuple[int, float, float, str]:
    """More formats that don't cut the face first; then the larger person, as long as she is sharp."""
    fitting = 0
    for name in shot.formats:
        try:
            frame(facts.width, facts.height, facts.face, facts.person, FORMATS[name])
        except (Refused, KeyError):
            continue
        fitting += 1
    return fitting, facts.person.width * facts.person.height * min(facts.sharpness, 8.0), facts.sharpness, facts.id


def _person_box(facts: PlateFacts) -> np.ndarray:
    """On a busy backdrop nobody was cut out: where she is, as far as it is known."""
    alpha = np.zeros((facts.height, facts.width), np.uint8)
    box = facts.person
    alpha[box.top : box.bottom, box.left : box.right] = 255
    return alpha
