"""From noise to a picture: one loop for all families, with several adapters in one picture, a kept part, and a pose.

Several talents: each has a region, a prompt and an adapter of her own; at every step each adapter predicts alone, and the
predictions are put together by the regions' weights (MultiDiffusion, Bar-Tal et al. 2023). So no adapter ever acts on
anybody else's face. A kept part: after every step its latents are the plate's own with the noise of that step (Blended Latent
Diffusion, Avrahami et al. 2023); its pixels are pasted back by the caller.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import adapters
from .families import Base, Framing, Words


@dataclass(frozen=True)
class Passage:
    """What one region is made by. ``against`` is the negative prompt's words, None to guide nowhere; ``weight`` float
    (1, 1, h, w) in latents, None for everywhere. ``adapters`` act while it predicts."""

    words: Words
    against: Words | None
    adapters: tuple[str, ...] = ()
    weight: Tensor | None = None


@dataclass(frozen=True)
class Kept:
    """``latents`` of the picture to start from, and ``mask`` float (1, 1, h, w): 1 where it stays, 0 where it is made anew;
    None keeps nothing of it. ``strength`` is the share of steps that are made: 1 starts from noise."""

    latents: Tensor
    mask: Tensor | None = None
    strength: float = 1.0


def sample(
    base: Base,
    passages: Sequence[Passage],
    size: tuple[int, int],
    steps: int,
    guidance: float,
    seeds: Sequence[int],
    *,
    kept: Kept | None = None,
    pictures: Sequence[Tensor] = (),
    control: Tensor | None = None,
    progress: Callable[[int, int], None] = lambda step, steps: None,
) -> Tensor:
    """Latents (b, c, h, w), one picture for each of ``seeds``. ``size`` is (width, height) in pixels. Deterministic on one
    kind of device: noise is drawn on the CPU, from a generator of each picture's own."""
    count = len(seeds)
    shape = base.shape(*size)
    noise = torch.cat([_noise(shape, seed) for seed in seeds]).to(base.device)
    scheduler = base.schedule(steps, noise)
    times = scheduler.timesteps
    first = 0
    if kept is not None and kept.strength < 1:
        first = min(len(times) - 1, round(len(times) * (1 - kept.strength)))
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(first)
        latents = _at(base, scheduler, kept.latents, noise, times[first])
    else:
        latents = base.start(noise, scheduler)
    framings = [Framing.whole(*size)] * count
    more = _arguments(scheduler, seeds)
    acting: tuple[str, ...] | None = None
    with torch.no_grad():
        for index in range(first, len(times)):
            time = times[index]
            scaled = scheduler.scale_model_input(latents, time) if hasattr(scheduler, "scale_model_input") else latents
            said = torch.zeros_like(latents)
            total = 0.0
            for passage in passages:
                if passage.adapters != acting:
                    adapters.use(base, passage.adapters)
                    acting = passage.adapters
                one = _predicted(base, passage, scaled, time, framings, guidance, pictures, control)
                weight = 1.0 if passage.weight is None else passage.weight
                said = said + weight * one
                total = total + weight
            latents = scheduler.step(said / total, time, latents, return_dict=False, **more)[0]
            if kept is not None and kept.mask is not None:
                if index + 1 < len(times):
                    own = _at(base, scheduler, kept.latents, noise, times[index + 1])
                else:
                    own = kept.latents.expand_as(latents)
                latents = kept.mask * own + (1 - kept.mask) * latents
            progress(index + 1 - first, len(times) - first)
    return latents


def _predicted(
    base: Base,
    passage: Passage,
    latents: Tensor,
    time: Tensor,
    framings: Sequence[Framing],
    guidance: float,
    pictures: Sequence[Tensor],
    control: Tensor | None,
) -> Tensor:
    count = len(latents)
    guides = passage.against is not None and guidance > 1
    # One after the other on a GPU that has little memory, together they would need twice as much.
    all_words = [passage.words, passage.against] if guides else [passage.words]
    found = []
    for words in all_words:
        many = Words.stacked([words] * count) if count > 1 else words
        drawn = None if control is None else control.expand(count, -1, -1, -1)
        found.append(base.predict(latents, time.expand(count), many, framings, pictures, drawn))
    return base.guided(found[0], found[1], guidance) if guides else found[0]


def _noise(shape: tuple[int, int, int], seed: int) -> Tensor:
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed))


def _at(base: Base, scheduler: object, latents: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """Latents with the noise of a step, scaled as this scheduler has them between steps."""
    times = time.reshape(1).expand(len(noise))
    own = latents.expand_as(noise)
    if hasattr(scheduler, "scale_noise"):  # flow matching
        return scheduler.scale_noise(own, times, noise)
    return scheduler.add_noise(own, noise, times)


def _arguments(scheduler: object, seeds: Sequence[int]) -> dict[str, object]:
    """Schedulers that add noise at every step draw it from a generator of the picture's own."""
    takes = inspect.signature(scheduler.step).parameters
    if "generator" not in takes:
        return {}
    generators = [torch.Generator().manual_seed(seed ^ 0x5EED) for seed in seeds]
    return {"generator": generators[0] if len(generators) == 1 else generators}
