"""One picture by words: prompts with locked tokens, adapters in their regions, what stays pasted back."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ...domain.errors import EngineRefused
from ...domain.generation import BODY_POSE, PLATE_POSE, Keep
from ...domain.twin import Box
from ...domain.weights import Checkpoint, Family
from ...ports import Figure, Plate, Rendering, RenderJob
from ...vision.faces import find_faces
from ...vision.matte import estimated_person, matte
from ..composite.depth import depth_of_body
from . import adapters, material, sampling
from .families import Base
from .kept import Remake, remake, skeleton
from .memory import climb

SUBJECT = "person"
# The share of steps that a picture to start from is changed by.
_FROM_REFERENCE = 0.7
# Of a region's width, over which two talents' regions pass into each other.
_RAMP = 0.12


@dataclass(frozen=True)
class Canvas:
    """What is to be painted: ``width`` and ``height`` as the weights paint it; ``remake`` when something of a plate stays."""

    width: int
    height: int
    remake: Remake | None = None


def rendered(
    job: RenderJob,
    base: Base,
    checkpoints: Mapping[str, Checkpoint],
) -> Rendering:
    """Make the picture. ``checkpoints`` by talent; their bytes come from the open twins and stay in memory. Raises
    EngineRefused ``engine.checkpoint``, ``engine.region``, ``engine.pose``, ``engine.memory``."""
    shot, generate = job.shot, job.shot.generate
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def lap(phase: str) -> None:
        nonlocal started
        now = time.perf_counter()
        seconds[phase] = round(now - started, 3)
        started = now

    plate = _plate(job)
    canvas = _canvas(job, base, plate)
    told = {"weights": generate.weights, "family": base.family.value, "keep": generate.keep.value}
    with ExitStack() as loan:
        loras = {talent: _adapter(job, base, checkpoint) for talent, checkpoint in checkpoints.items()}
        names = {talent: f"of-talent-{number}" for number, talent in enumerate(loras)}
        changed = loan.enter_context(adapters.lent(base, {names[talent]: lora for talent, lora in loras.items()}))
        told |= {f"adapter.{talent}": f"{changed[names[talent]]} layers" for talent in loras}
        lap("load")
        seed = job.seed if generate.seed is None else generate.seed
        told["seed"] = str(seed)

        def make() -> np.ndarray:
            return _painted(job, base, plate, canvas, checkpoints, names, seed, told)

        made, said = climb(base, make)
    lap("paint")
    if said:
        told["memory"] = said
    if canvas.remake is None:
        figures, alpha, found = _figures(job, made)
        told["faces"] = f"{found} of {len(shot.talents)} found"
        altered = np.ones(made.shape[:2], bool)
        rgb = made
    else:
        rgb, altered = canvas.remake.joined(made)
        if (altered & (canvas.remake.stays >= 1)).any():
            raise EngineRefused("engine.region", "something was changed outside of what was to be made anew")
        told["scale"] = f"{canvas.remake.window.width / made.shape[1]:.2f}"
        told["anew"] = f"{float((canvas.remake.stays < 1).mean()):.3f}"
        figures, alpha = {}, _alpha(canvas.remake, generate.keep)
    told["plate"] = job.plan.plate
    lap("join")
    return Rendering(rgb, alpha, altered, altered, shot.operations, told, seconds, figures)


def _plate(job: RenderJob) -> Plate | None:
    """Opened only when something of it is used."""
    generate = job.shot.generate
    if generate.keep is Keep.NOTHING and generate.pose not in (PLATE_POSE, BODY_POSE):
        return None
    talent = job.shot.talents[0]
    return job.twins[talent].plate(job.plan.plates[talent])


def _canvas(job: RenderJob, base: Base, plate: Plate | None) -> Canvas:
    if job.shot.generate.keep is Keep.NOTHING:
        width, height = job.plan.canvas
        return Canvas(width, height)
    again = remake(plate, job.shot)
    width, height = fitted(again.window.width / again.window.height, base.side, base.multiple)
    return Canvas(width, height, again)


def fitted(aspect: float, side: int, multiple: int) -> tuple[int, int]:
    """Width and height of about ``side``² pixels and this aspect, both multiples."""
    width = max(round(side * aspect**0.5 / multiple), 1) * multiple
    height = max(round(side / aspect**0.5 / multiple), 1) * multiple
    return width, height


def _adapter(job: RenderJob, base: Base, checkpoint: Checkpoint) -> adapters.Lora:
    data = job.twins[checkpoint.talent].weights(checkpoint.id)
    if hashlib.sha256(data).hexdigest() != checkpoint.sha256:
        raise EngineRefused(
            "engine.checkpoint", f"the checkpoint of {checkpoint.talent} isn't the one that was trained"
        )
    return adapters.read(data, base)


# --- painting -----------------------------------------------------------------------------------------------------


def _painted(
    job: RenderJob,
    base: Base,
    plate: Plate | None,
    canvas: Canvas,
    checkpoints: Mapping[str, Checkpoint],
    names: Mapping[str, str],
    seed: int,
    told: dict[str, str],
) -> np.ndarray:
    generate = job.shot.generate
    size = canvas.width, canvas.height
    _, high, wide = base.shape(*size)
    kept, seen = None, []
    if canvas.remake is not None:
        start = material.as_tensor(_resized(canvas.remake.seen(), size))
        mask = torch.from_numpy(canvas.remake.mask(wide, high))[None, None].to(base.device)
        kept = sampling.Kept(base.latents(start), mask)
        seen.append(start)
    for name in generate.references:
        seen.append(material.as_tensor(_filled(_given(job, name), size)))
    if base.most_pictures:
        pictures = [base.latents(picture) for picture in seen]
    else:
        pictures = []
        if kept is None and seen:  # the families that take no pictures start from one
            kept = sampling.Kept(base.latents(seen[0]), strength=_FROM_REFERENCE)
            told["reference"] = f"started from, changed by {_FROM_REFERENCE:.0%} of the steps"
    passages = _passages(job, base, checkpoints, names, seen if base.most_pictures else [], wide, high, told)
    latents = sampling.sample(
        base,
        passages,
        size,
        generate.steps,
        generate.guidance / 10,
        [seed],
        kept=kept,
        pictures=pictures,
        control=_control(job, base, plate, canvas),
        progress=job.progress,
    )
    return material.as_pixels(base.pixels(latents))


def _passages(
    job: RenderJob,
    base: Base,
    checkpoints: Mapping[str, Checkpoint],
    names: Mapping[str, str],
    seen: Sequence[Tensor],
    wide: int,
    high: int,
    told: dict[str, str],
) -> list[sampling.Passage]:
    """One for each talent who is painted, in a region of her own; one for all where nobody is."""
    generate = job.shot.generate
    never = job.never
    guides = generate.guidance > 10
    if any(never.values()) and not guides:
        told["never"] = "not in the prompt: without guidance nothing can be told not to be shown"

    def words(talent: str | None) -> tuple[object, object]:
        checkpoint = checkpoints.get(talent)
        prompt = f"{checkpoint.token} {SUBJECT}, {generate.prompt}" if checkpoint else generate.prompt
        unwanted = never.values() if talent is None else [never.get(talent, ())]
        against = ", ".join(word for said in unwanted for word in ([said] if isinstance(said, str) else said))
        return base.encode([prompt], seen), base.encode([against], seen) if guides else None

    painted = [talent for talent in job.shot.talents if talent in checkpoints]
    if not painted:
        return [sampling.Passage(*words(None))]
    weights = regions(len(painted), wide, high)
    return [
        sampling.Passage(*words(talent), (names[talent],), None if len(painted) == 1 else weight.to(base.device))
        for talent, weight in zip(painted, weights, strict=True)
    ]


def regions(count: int, wide: int, high: int) -> list[Tensor]:
    """Side by side from left to right, each (1, 1, high, wide); they add up to 1 everywhere."""
    x = (torch.arange(wide) + 0.5) / wide * count
    found = []
    for index in range(count):
        rising = torch.ones(wide) if index == 0 else ((x - index) / (2 * _RAMP) + 0.5).clamp(0, 1)
        falling = torch.ones(wide) if index == count - 1 else ((index + 1 - x) / (2 * _RAMP) + 0.5).clamp(0, 1)
        found.append((rising * falling).expand(1, 1, high, wide))
    return found


def _control(job: RenderJob, base: Base, plate: Plate | None, canvas: Canvas) -> Tensor | None:
    pose = job.shot.generate.pose
    if not pose:
        return None
    if pose == PLATE_POSE:
        window = canvas.remake.window if canvas.remake else Box(0, 0, plate.facts.width, plate.facts.height)
        drawn = skeleton(plate, window, canvas.width, canvas.height)
    elif pose == BODY_POSE:
        drawn = depth_of_body(plate, canvas.width, canvas.height)
    else:
        drawn = _filled(_given(job, pose), (canvas.width, canvas.height))
    return (material.as_tensor(drawn) / 2 + 0.5).to(base.device)


def _given(job: RenderJob, name: str) -> np.ndarray:
    picture = job.pictures.get(name)
    if picture is None:
        raise EngineRefused("campaign.scene", f"the picture {name} was not given")
    if picture.shape[2] == 4:
        alpha = picture[..., 3:].astype(np.float32) / 255
        return np.rint(picture[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return picture


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    method = cv2.INTER_AREA if size[0] < pixels.shape[1] else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(pixels), size, interpolation=method)


def _filled(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture's middle at this size, nothing stretched."""
    high, wide = pixels.shape[:2]
    cut_w, cut_h = min(wide, round(high * size[0] / size[1])), min(high, round(wide * size[1] / size[0]))
    left, top = (wide - cut_w) // 2, (high - cut_h) // 2
    return _resized(pixels[top : top + max(cut_h, 1), left : left + max(cut_w, 1)], size)


# --- where everybody is -------------------------------------------------------------------------------------------


def planned_figures(talents: Sequence[str], width: int, height: int) -> dict[str, Figure]:
    """Where talents will be, left to right, as far as that can be told before anything is painted."""
    found = {}
    band = width / len(talents)
    side = round(min(0.36 * band, 0.18 * height))
    for index, talent in enumerate(talents):
        face = Box(round((index + 0.5) * band - side / 2), round(0.16 * height), side, side)
        person = Box(round(index * band), round(0.05 * height), round(band), height - round(0.05 * height))
        found[talent] = Figure(face, person.clipped(width, height))
    return found


def _figures(job: RenderJob, made: np.ndarray) -> tuple[dict[str, Figure], np.ndarray, int]:
    """Where the talents were painted, her alpha, and how many faces were found. Faces are told apart by where they are: the
    fidelity checks find out whose they are."""
    high, wide = made.shape[:2]
    talents = job.shot.talents
    faces = sorted((face.box for face in find_faces(made)), key=lambda box: -box.height)[: len(talents)]
    planned = planned_figures(talents, wide, high)
    if len(faces) == len(talents):
        ordered = sorted(faces, key=lambda box: box.left)
        figures = {
            talent: Figure(face, estimated_person(face, wide, high))
            for talent, face in zip(talents, ordered, strict=True)
        }
    else:
        figures = planned
    alpha = np.zeros((high, wide), np.uint8)
    for figure in figures.values():
        cut = matte(made, figure.face) if len(faces) == len(talents) else None
        if cut is None:
            box = figure.person
            alpha[box.top : box.bottom, box.left : box.right] = 255
        else:
            alpha = np.maximum(alpha, cut)
    return figures, alpha, len(faces)


def _alpha(again: Remake, keep: Keep) -> np.ndarray:
    """Her in the new picture. Around a kept head the body is new: where somebody with this face most likely stands."""
    plate = again.plate
    if keep is Keep.HEAD:
        box = estimated_person(plate.facts.face, plate.facts.width, plate.facts.height)
        alpha = (again.stays * 255).astype(np.uint8)
        below = plate.facts.face.bottom
        alpha[below : box.bottom, box.left : box.right] = 255
        return alpha
    if plate.alpha is not None:
        return plate.alpha
    alpha = np.zeros(plate.rgb_srgb.shape[:2], np.uint8)
    box = plate.facts.person
    alpha[box.top : box.bottom, box.left : box.right] = 255
    return alpha


def takes(family: Family) -> int:
    """How many pictures a family can follow: as such, or one to start from."""
    return {Family.FLUX2_KLEIN: 4, Family.QWEN_IMAGE_EDIT: 3}.get(family, 1)
