"""The diffusion engine: pictures of talents that no photograph has, by their own checkpoints on the user's own weights.

Everything happens in this process. An adapter is decrypted into memory, checked against what was trained, put into the base
weights for one picture, and taken out again; the base is then bit for bit what it was. Nothing is fetched, no prompt is logged,
and what can't be made on the weights named is refused before anything is opened.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import torch

from ...domain.brief import FORMATS, Shot
from ...domain.errors import EngineRefused, InputError, StateError, TwinbookError
from ...domain.generation import PLATE_POSE, Keep
from ...domain.twin import Backdrop, PlateFacts, View
from ...domain.weights import Checkpoint, Family, Weights
from ...ports import Engine, EngineProfile, Plan, Rendering, RenderJob, WeightsShelf
from . import families
from .memory import Memory
from .rendering import fitted, planned_figures, rendered, takes

_OPERATIONS = ("generate",)
_MOST_PIXELS = 40_000_000
_MOST_TALENTS = 3
_GARMENTS = ("top", "bottom", "dress")
# Of hers, nothing but her photograph is in these: then no checkpoint of hers is opened either.
_UNLIKE_HER = (Keep.PERSON, Keep.ALL_BUT_GARMENT)
# How far below the chin a plate must show her for a garment to be in it, in heights of the detected face.
_REACH = {"top": 0.9, "dress": 2.5, "bottom": 3.9}


class DiffusionEngine(Engine):
    """`ports.Engine` for what is made by words. ``device`` is torch's name of one, empty for the best there is.
    Deterministic on a CPU."""

    def __init__(self, shelf: WeightsShelf, device: str = "", precision: str = "bf16") -> None:
        self._shelf = shelf
        self._memory = Memory(torch.device(device) if device else families.best_device(), precision)
        # What was planned with, by id: a job names checkpoints, and what they must be was said when it was planned.
        self._checkpoints: dict[str, Checkpoint] = {}

    def profile(self) -> EngineProfile:
        return EngineProfile(
            name="diffusion",
            version=f"1, diffusers {version('diffusers')}",
            operations=frozenset(_OPERATIONS),
            max_pixels=_MOST_PIXELS,
            deterministic=self._memory.device.type == "cpu",
            licences={
                "code": "Apache-2.0",
                "diffusers": "Apache-2.0",
                "peft": "Apache-2.0",
                "transformers": "Apache-2.0",
                "torch": "BSD-3-Clause",
                "base weights": "as registered with `twinbook weights add`",
            },
        )

    def prepare(self, shot: Shot) -> None:
        """Gigabytes of weights are hashed, where they weren't yet."""
        if shot.generate:
            self._shelf.folder(shot.generate.weights)

    def plan(
        self,
        shot: Shot,
        plates: Mapping[str, Sequence[PlateFacts]],
        checkpoints: Mapping[str, Sequence[Checkpoint]] = MappingProxyType({}),
    ) -> Plan:
        """Raises EngineRefused ``engine.operation``, ``engine.talents``, ``engine.plate``, ``engine.region``,
        ``engine.checkpoint``, ``backdrop.busy``; InputError ``weights.unknown``, StateError ``weights.changed``."""
        unknown = sorted(set(shot.operations) - set(_OPERATIONS))
        if unknown:
            raise EngineRefused("engine.operation", f"shot {shot.id} asks for {', '.join(unknown)}")
        generate = shot.generate
        if generate is None:
            raise EngineRefused("engine.operation", f"shot {shot.id} doesn't say in words what is to be made")
        if len(shot.talents) > (_MOST_TALENTS if generate.keep is Keep.NOTHING else 1):
            raise EngineRefused(
                "engine.talents",
                f"shot {shot.id} has {len(shot.talents)} talents; {_MOST_TALENTS} can be painted into one picture, and of a "
                "plate that something stays of there is one",
            )
        weights = self._shelf.get(generate.weights)
        _check_pictures(shot, weights)
        chosen = {talent: _chosen(shot, talent, plates.get(talent, ())) for talent in shot.talents}
        used = {} if generate.keep in _UNLIKE_HER else _trained(shot, weights, checkpoints)
        for checkpoint in used.values():
            self._checkpoints[checkpoint.id] = checkpoint
        canvas, figures = None, {}
        if generate.keep is Keep.NOTHING:
            first = chosen[shot.talents[0]]
            aspect = first.width / first.height if generate.pose == PLATE_POSE else _aspect(shot)
            canvas = fitted(aspect, *_sizes(weights.family, self._shelf.folder(weights.name), weights.digest))
            figures = planned_figures(shot.talents, *canvas)
        return Plan(
            {talent: facts.id for talent, facts in chosen.items()},
            shot.operations,
            canvas,
            figures,
            checkpoints={talent: checkpoint.id for talent, checkpoint in used.items()},
        )

    def _render(self, job: RenderJob) -> Rendering:
        generate = job.shot.generate
        weights = self._shelf.get(generate.weights)
        used: dict[str, Checkpoint] = {}
        for talent, checkpoint_id in job.plan.checkpoints.items():
            checkpoint = self._checkpoints.get(checkpoint_id)
            if checkpoint is None or checkpoint.talent != talent or checkpoint.weights_digest != weights.digest:
                raise EngineRefused(
                    "engine.checkpoint", f"the job's checkpoint of {talent} isn't one that was planned with"
                )
            used[talent] = checkpoint
        try:
            with self._memory.base(weights, self._shelf.folder(weights.name)) as base:
                return rendered(job, base, used)
        except TwinbookError:
            raise
        except torch.OutOfMemoryError as error:
            raise EngineRefused("engine.memory", "there isn't enough memory for these weights") from error
        except Exception as error:
            # Libraries quote what they were given, and that may be a prompt: not even a traceback shows it.
            raise StateError("engine.failed", f"diffusion: {families.failure(error)}") from None


def _check_pictures(shot: Shot, weights: Weights) -> None:
    generate = shot.generate
    family = weights.family
    if generate.pose and (family is not Family.SDXL or "controlnet/config.json" not in weights.files):
        raise EngineRefused(
            "engine.operation",
            f"{weights.name} can't follow a pose: that takes SDXL weights with a ControlNet in their folder controlnet/",
        )
    most = takes(family)
    if generate.keep is not Keep.NOTHING:
        # The plate itself is one of the pictures, and what takes only one to start from starts from that.
        most -= 1
    if len(generate.references) > most:
        raise EngineRefused(
            "engine.operation",
            f"{weights.name} ({family.value}) can follow {most} pictures here, not {len(generate.references)}",
        )


def _chosen(shot: Shot, talent: str, hers: Sequence[PlateFacts]) -> PlateFacts:
    """The plate that something stays of, or whose pose is taken; else the one that measures her best."""
    generate = shot.generate
    found = [facts for facts in hers if facts.width * facts.height <= _MOST_PIXELS]
    if shot.plate is not None and talent == shot.talents[0]:
        found = [facts for facts in found if shot.plate in (facts.photo, facts.id)]
        if not found:
            names = ", ".join(facts.photo for facts in hers) or "none"
            raise EngineRefused("engine.plate", f"no plate of hers is named {shot.plate!r} (there are: {names})")
    else:
        found = [facts for facts in found if facts.view is not View.PROFILE] or found
    if not found:
        raise EngineRefused("engine.plate", f"{talent} has no plate of at most 40 megapixels")
    if generate.keep in (Keep.PERSON, Keep.HEAD):
        cut = [facts for facts in found if facts.backdrop is not Backdrop.BUSY]
        if not cut:
            raise EngineRefused("backdrop.busy", f"no plate of {talent} that fits has a backdrop she can be cut out of")
        found = cut
    if generate.keep is Keep.ALL_BUT_GARMENT:
        if generate.region not in _GARMENTS:
            raise EngineRefused(
                "engine.region", f"{generate.region} can't be made anew by itself", f"use one of {_GARMENTS}"
            )
        reach = _REACH[generate.region]
        found = [facts for facts in found if facts.person.bottom >= facts.face.bottom + reach * facts.face.height]
        if not found:
            raise EngineRefused("engine.region", f"no plate of {talent} that fits shows the {generate.region}")
    return max(
        found, key=lambda facts: (facts.person.width * facts.person.height * min(facts.sharpness, 8.0), facts.id)
    )


def _trained(shot: Shot, weights: Weights, checkpoints: Mapping[str, Sequence[Checkpoint]]) -> dict[str, Checkpoint]:
    """Each talent's newest checkpoint that was trained on these very weights."""
    used = {}
    for talent in shot.talents:
        hers = checkpoints.get(talent, ())
        fitting = [one for one in hers if one.weights_digest == weights.digest and one.family is weights.family]
        if not fitting:
            why = "was trained on other weights" if hers else "has not been trained"
            raise EngineRefused("engine.checkpoint", f"the twin of {talent} {why}: {weights.name} doesn't know her")
        used[talent] = fitting[-1]
    tokens = [one.token for one in used.values()]
    if len(set(tokens)) < len(tokens):
        raise EngineRefused(
            "engine.checkpoint", "two talents of this shot go by the same token; train one of them anew"
        )
    return used


def _aspect(shot: Shot) -> float:
    """Width to height that wastes least on all formats: their geometric mean."""
    ratios = [float(FORMATS[name].ratio) for name in shot.formats if name in FORMATS]
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else 0.8


@cache
def _sizes(family: Family, folder: Path, digest: str) -> tuple[int, int]:
    """The side that weights were made for and the multiple of their sizes, from their configuration alone."""
    try:
        vae = json.loads((folder / "vae" / "config.json").read_text(encoding="utf-8"))
        if family is Family.SDXL:
            unet = json.loads((folder / "unet" / "config.json").read_text(encoding="utf-8"))
            factor = 2 ** (len(vae["block_out_channels"]) - 1)
            return int(unet["sample_size"]) * factor, factor * 2 ** (len(unet["block_out_channels"]) - 1)
        if family is Family.QWEN_IMAGE_EDIT:
            return 1024, 2 * 2 ** len(vae["temperal_downsample"])
        return 1024, 2 * 2 ** (len(vae["block_out_channels"]) - 1)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError("weights.unusable", "the weights have no configuration as diffusers writes it") from error
