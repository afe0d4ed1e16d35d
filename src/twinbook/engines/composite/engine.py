"""The composite engine: chooses a plate of each talent, changes the garment's colour, then what stands behind them.

Pixels of the talents come only from their own plates. Skin, faces and hair are never relit or retouched: scenes are
brought to their light, not they to the scenes'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import MappingProxyType

import numpy as np

from ...domain.brief import FORMATS, STUDIO_SCENES, Print, Recolor, Shot, frame
from ...domain.errors import EngineRefused, Refused
from ...domain.twin import Box, Framing, PlateFacts, View
from ...domain.weights import Checkpoint
from ...ports import Engine, EngineProfile, Figure, Plan, Plate, Rendering, RenderJob
from ...vision.hands import hand_boxes
from . import light
from .dressing import before_own_backdrop, cut_out, separable, wearable, worn
from .floor import feet_lost
from .mannequin import MOST_TURNED, on_mannequin
from .placement import Placed, Setting, Sitter, alone, as_framed, cut_sides, full_length, together
from .prepared import Prepared
from .scene import Layer, composite, fitted_scene
from .studio import studio_scene

_OPERATIONS = ("scene", "recolor", "print", "tryon", "accessories", "mannequin")
_MOST_PIXELS = 40_000_000
_MOST_TALENTS = 3
# How far below the chin a plate must show her, in heights of the detected face, for the garment to be in it.
_REACH = {"top": 0.9, "dress": 2.5, "bottom": 3.9, "shoes": 8.0}


class CompositeEngine(Engine):
    """`ports.Engine` for scenes, dyes, prints, garments put on, accessories, several talents and mannequins. Deterministic:
    the same job gives the same bytes."""

    def __init__(self) -> None:
        self._prepared = Prepared()

    def profile(self) -> EngineProfile:
        return EngineProfile(
            name="composite",
            version="2",
            operations=frozenset(_OPERATIONS),
            max_pixels=_MOST_PIXELS,
            deterministic=True,
            licences={
                "code": "Apache-2.0",
                "pymatting": "MIT",
                "opencv": "Apache-2.0",
                "studio scenes": "Apache-2.0",
                "body mesh": "CC0-1.0",
            },
        )

    def plan(
        self,
        shot: Shot,
        plates: Mapping[str, Sequence[PlateFacts]],
        checkpoints: Mapping[str, Sequence[Checkpoint]] = MappingProxyType({}),
    ) -> Plan:
        """Choose the plates. Raises EngineRefused: ``engine.operation``, ``engine.talents``, ``campaign.scene``,
        ``engine.plate``, ``backdrop.busy``, ``matte.unsure`` or ``engine.region``."""
        unknown = sorted(set(shot.operations) - set(_OPERATIONS))
        if unknown:
            raise EngineRefused("engine.operation", f"shot {shot.id} asks for {', '.join(unknown)}")
        if len(shot.talents) > _MOST_TALENTS:
            raise EngineRefused("engine.talents", f"shot {shot.id} has {len(shot.talents)} talents")
        if len(shot.talents) > 1 and shot.scene is None:
            raise EngineRefused(
                "engine.talents", "each of them was photographed before a backdrop of her own; name one scene for all"
            )
        _check_scene(shot)
        named = shot.plate is not None and any(
            shot.plate in (facts.photo, facts.id) for talent in shot.talents for facts in plates.get(talent, ())
        )
        if shot.plate is not None and not named:
            names = ", ".join(facts.photo for talent in shot.talents for facts in plates.get(talent, ())) or "none"
            raise EngineRefused("engine.plate", f"no plate of hers is named {shot.plate!r} (there are: {names})")
        candidates = {talent: _candidates(shot, talent, plates.get(talent, ())) for talent in shot.talents}
        if shot.mannequin:
            return _mannequin_plan(shot, candidates, plates)
        chosen = _matched(shot, candidates)
        setting = _setting(shot, [Sitter(talent, facts) for talent, facts in chosen.items()])
        return Plan(
            {talent: facts.id for talent, facts in chosen.items()},
            shot.operations,
            (setting.width, setting.height),
            _figures(setting),
        )

    def _render(self, job: RenderJob) -> Rendering:
        shot = job.shot
        _check_scene(shot)
        seconds: dict[str, float] = {}
        started = time.perf_counter()

        def lap(phase: str) -> None:
            nonlocal started
            now = time.perf_counter()
            seconds[phase] = round(seconds.get(phase, 0.0) + now - started, 3)
            started = now

        plates = {talent: job.twins[talent].plate(job.plan.plates[talent]) for talent in shot.talents}
        lap("plate")
        if shot.mannequin:
            return self._on_mannequin(job, plates[shot.talents[0]], seconds, lap)
        provenance = {
            "plate": ",".join(plate.facts.id for plate in plates.values()),
            "photo": ",".join(plate.facts.photo for plate in plates.values()),
            **worn(shot),
        }
        setting = _setting(shot, [Sitter.of(talent, plate) for talent, plate in plates.items()])
        if shot.scene is None:
            (plate,) = plates.values()
            rgb, alpha = before_own_backdrop(plate, job, self._prepared)
            altered = (rgb != plate.rgb_srgb).any(axis=2)
            alpha = _person_box(plate.facts) if alpha is None else alpha
            lap("dress")
        else:
            layers = []
            for placed in setting.placed:
                plate = plates[placed.talent]
                _check_plate(plate, placed)
                own, alpha = cut_out(plate, job, self._prepared)
                layers.append(Layer(placed, plate.rgb_srgb, alpha, own))
            lap("dress")
            _check_light(layers)
            scene, told = self._scene(job, setting, layers)
            provenance |= {"scene": shot.scene, **{f"scene.{what}": said for what, said in told.items()}}
            lap("scene")
            made = composite(setting, layers, scene, seed=job.seed)
            rgb, alpha, altered = made.rgb_srgb, made.alpha, made.altered
            lap("composite")
        figures = _figures(setting, {talent: hand_boxes(plate) for talent, plate in plates.items()})
        return Rendering(rgb, alpha, altered, None, shot.operations, provenance, seconds, figures)

    def _scene(self, job: RenderJob, setting: Setting, layers: Sequence[Layer]) -> tuple[np.ndarray, Mapping[str, str]]:
        kind, _, name = job.shot.scene.partition(":")
        if kind == "studio":
            return studio_scene(name, setting), {}
        picture = job.pictures.get(job.shot.scene)
        if picture is None:
            raise EngineRefused("campaign.scene", f"the picture of scene {job.shot.scene} was not given")
        return fitted_scene(picture[..., :3], setting, layers)

    def _on_mannequin(self, job: RenderJob, plate: Plate, seconds: dict, lap: Callable[[str], None]) -> Rendering:
        shot, talent = job.shot, job.shot.talents[0]
        ruler = job.twins[talent].plate(job.plan.ruler) if job.plan.ruler else None
        told: dict[str, str] = {}

        def scene(facts: PlateFacts) -> np.ndarray:
            setting = as_framed(Sitter(talent, facts, plate.shape.get("cm.height")))
            drawn, said = self._scene(job, setting, ())
            told.update({f"scene.{what}": words for what, words in said.items()})
            return drawn

        made = on_mannequin(plate, ruler, scene, seed=job.seed, pale=shot.scene == "studio:white")
        lap("mannequin")
        provenance = {
            "plate": plate.facts.id,
            "photo": plate.facts.photo,
            "body": "a mannequin of her own measurements, not photographed",
            "scene": shot.scene,
            **told,
        }
        return Rendering(
            made.rgb_srgb,
            made.alpha,
            made.altered,
            None,
            shot.operations,
            provenance,
            seconds,
        )


def _mannequin_plan(
    shot: Shot, candidates: Mapping[str, Sequence[PlateFacts]], plates: Mapping[str, Sequence[PlateFacts]]
) -> Plan:
    """The plate with the largest head that looks towards the camera, and a full-length one that says how large it is."""
    if len(shot.talents) > 1:
        raise EngineRefused("engine.talents", f"shot {shot.id} shows a mannequin, which bears one head")
    if shot.scene is None:
        raise EngineRefused("campaign.scene", f"shot {shot.id} shows a mannequin, which needs a scene to stand in")
    if shot.recolor is not None or shot.print is not None:
        raise EngineRefused(
            "engine.operation", f"shot {shot.id} shows a mannequin, which wears nothing to dye or print"
        )
    talent = shot.talents[0]
    facing = [
        facts for facts in candidates[talent] if facts.view is not View.PROFILE and abs(facts.yaw or 0) <= MOST_TURNED
    ]
    if not facing:
        raise EngineRefused("engine.plate", f"in no plate of {talent} that fits does the head face the camera")
    best = max(facing, key=lambda facts: (-(abs(facts.yaw or 0) // 12), facts.face.height, facts.id))
    full = [facts for facts in plates[talent] if facts.framing is Framing.FULL and facts.view is not View.PROFILE]
    ruler = min(full, key=lambda facts: (abs(facts.yaw or 0), facts.id), default=None)
    return Plan({talent: best.id}, shot.operations, ruler=ruler.id if ruler else None)


def _check_scene(shot: Shot) -> None:
    if shot.scene is None:
        return
    kind, _, name = shot.scene.partition(":")
    if kind == "image" and name:
        return
    if kind != "studio" or name not in STUDIO_SCENES:
        known = ", ".join(f"studio:{known}" for known in STUDIO_SCENES)
        raise EngineRefused("campaign.scene", f"there is no scene {shot.scene!r}; there are {known}")


# --- choosing plates ----------------------------------------------------------------------------------------------


def _candidates(shot: Shot, talent: str, hers: Sequence[PlateFacts]) -> list[PlateFacts]:
    """Her plates that can become this shot."""
    found = [facts for facts in hers if facts.width * facts.height <= _MOST_PIXELS]
    if not found:
        raise EngineRefused("engine.plate", f"{talent} has no plate of at most 40 megapixels")
    if shot.plate is not None:
        found = [facts for facts in found if shot.plate in (facts.photo, facts.id)] or found
    else:
        # Nobody can tell from a profile that the picture is her: only for whoever asks for it by name.
        found = [facts for facts in found if facts.view is not View.PROFILE] or found
    if shot.scene is not None:
        found = separable(found)
    cloth = shot.recolor or shot.print
    if cloth is not None:
        showing = [facts for facts in found if _shows(facts, cloth)]
        if not showing:
            raise EngineRefused("engine.region", f"no plate of hers that fits shows the {cloth.region}")
        found = showing
    if shot.tryon is not None or shot.accessories:
        found = wearable(shot, found)
    return found


def _matched(shot: Shot, candidates: Mapping[str, Sequence[PlateFacts]]) -> dict[str, PlateFacts]:
    """One plate each; of several talents the set that looks as if taken together, and is best to look at."""
    if len(candidates) == 1:
        ((talent, found),) = candidates.items()
        return {talent: max(found, key=lambda facts: _suitability(facts, shot))}
    best, score = None, None
    for group in product(*(_strongest(shot, found) for found in candidates.values())):
        # Side by side nobody may be cut off at a side, and all are framed alike.
        if any(map(cut_sides, group)) or len({(full_length(f), f.framing) for f in group}) > 1:
            continue
        # Whoever looks out of the picture looks away from the others.
        outward = max(-(group[0].yaw or 0.0), 0.0) + max(group[-1].yaw or 0.0, 0.0)
        apart = float(np.ptp([facts.pitch or 0.0 for facts in group]))
        fits = _suitability(group[0], shot)[0] + sum(_suitability(facts, shot)[1] for facts in group) / 1e9
        rank = (fits - 0.01 * outward - 0.01 * apart, tuple(facts.id for facts in group))
        if score is None or rank > score:
            best, score = group, rank
    if best is None:
        raise EngineRefused(
            "engine.talents", "no plates of theirs are framed alike with nobody cut off at a side: half or full figures"
        )
    return dict(zip(candidates, best, strict=True))


def _strongest(shot: Shot, found: Sequence[PlateFacts]) -> list[PlateFacts]:
    """Enough to choose from without trying thousands of groups."""
    return sorted(found, key=lambda facts: _suitability(facts, shot), reverse=True)[:12]


def _setting(shot: Shot, sitters: Sequence[Sitter]) -> Setting:
    if shot.scene is None:
        return as_framed(sitters[0])
    if len(sitters) == 1:
        return alone(sitters[0], shot.formats, _MOST_PIXELS)
    return together(sitters, shot.formats, _MOST_PIXELS)


def _figures(setting: Setting, hands: Mapping[str, Sequence[Box]] = MappingProxyType({})) -> dict[str, Figure]:
    """``hands`` are boxes in the plates, by talent: facts don't tell them, so a plan has none."""

    def inside(box: Box) -> Box:
        return box.clipped(setting.width, setting.height)

    return {
        placed.talent: Figure(
            inside(placed.face),
            inside(placed.person),
            tuple(
                hand
                for hand in map(inside, map(placed.moved, hands.get(placed.talent, ())))
                if hand.width and hand.height
            ),
        )
        for placed in setting.placed
    }


def _shows(facts: PlateFacts, cloth: Recolor | Print) -> bool:
    return facts.person.bottom >= facts.face.bottom + _REACH[cloth.region] * facts.face.height


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


# --- what only pixels tell ----------------------------------------------------------------------------------------


def _check_plate(plate: Plate, placed: Placed) -> None:
    if plate.alpha is None:
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {plate.facts.photo} with a clean edge")
    if feet_lost(plate.rgb_srgb, plate.alpha, placed):
        raise EngineRefused(
            "engine.figure",
            f"the shoes in {plate.facts.photo} can't be told from the floor, so she would float in another scene; take a "
            "plate that ends above the feet, or photograph them on a floor of another tone",
        )


def _check_light(layers: Sequence[Layer]) -> None:
    sides = [light.side_of_her(layer.rgb_srgb, layer.alpha) for layer in layers]
    if min(sides) < -light.SIDED and max(sides) > light.SIDED:
        raise EngineRefused("engine.talents", "one of them is lit from the left and another one from the right")


def _person_box(facts: PlateFacts) -> np.ndarray:
    """On a busy backdrop nobody was cut out: where she is, as far as it is known."""
    alpha = np.zeros((facts.height, facts.width), np.uint8)
    box = facts.person
    alpha[box.top : box.bottom, box.left : box.right] = 255
    return alpha
