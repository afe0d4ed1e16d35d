"""What a training learns from: crops of her plates in aspect buckets, each with a caption; and in which order.

Latents and prompts are computed once and stay in this process's memory. Pictures are cropped and scaled in memory, too:
nothing of hers is ever written to a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from ...domain.errors import InputError
from ...domain.twin import Box, PlateFacts, View
from ...domain.twin import Framing as Shown
from ...ports import Plate
from .families import Base, Framing, Words

# A head and shoulders, beside the whole plate: a face of a full-length plate is a few latents large.
_HEAD_ROOM = 0.75
# Two crops that share so much of their area are one.
_SAME = 0.6
# Width to height of the widest bucket, and of the narrowest the inverse.
_MOST_ASPECT = 2.0

_VIEWS = {View.FRONT: "facing the camera", View.THREE_QUARTER: "three-quarter view", View.PROFILE: "in profile"}
_SHOWN = {Shown.HEAD: "head and shoulders", Shown.HALF: "half length", Shown.FULL: "full length"}


@dataclass(frozen=True)
class Crop:
    """A part of a plate at a bucket's size. ``pixels`` is uint8 (h, w, 3)."""

    plate: str
    pixels: np.ndarray
    caption: str
    framing: Framing


@dataclass(frozen=True)
class Example:
    """A crop as it is trained on: ``latents`` float (1, c, h, w) on the CPU."""

    latents: Tensor
    words: Words
    framing: Framing

    @property
    def bucket(self) -> tuple[int, int]:
        return self.latents.shape[-1], self.latents.shape[-2]


def caption(facts: PlateFacts, token: str, subject: str, close: bool = False) -> str:
    """What a plate shows, as a prompt says it. What is named here isn't learnt as hers: view and framing, never her looks."""
    shown = "head and shoulders" if close else _SHOWN.get(facts.framing, "")
    said = [f"a photo of {token} {subject}", _VIEWS.get(facts.view, ""), shown, "plain backdrop"]
    if facts.backdrop.value == "busy":
        said.pop()
    return ", ".join(part for part in said if part)


def buckets(side: int, multiple: int) -> list[tuple[int, int]]:
    """Sizes, (width, height), that have no more pixels than a square of ``side``, as large as multiples let them be."""
    if side < multiple:
        raise InputError("weights.unusable", f"pictures can't be smaller than {multiple} pixels with these weights")
    found = set()
    for width in range(multiple, int(side * _MOST_ASPECT**0.5) + multiple, multiple):
        height = side * side // width // multiple * multiple
        if height >= multiple and 1 / _MOST_ASPECT <= width / height <= _MOST_ASPECT:
            found |= {(width, height), (height, width)}
    found.add((side // multiple * multiple,) * 2)
    # Of one aspect the largest.
    best: dict[float, tuple[int, int]] = {}
    for width, height in sorted(found, key=lambda size: size[0] * size[1]):
        best[round(width / height, 2)] = (width, height)
    return sorted(best.values())


def nearest(sizes: Sequence[tuple[int, int]], width: int, height: int) -> tuple[int, int]:
    """The bucket whose aspect is the most like this one's, the larger of two."""
    aspect = np.log(width / height)
    return min(sizes, key=lambda size: (round(abs(np.log(size[0] / size[1]) - aspect), 6), -size[0] * size[1]))


def crops(plate: Plate, token: str, subject: str, sizes: Sequence[tuple[int, int]]) -> list[Crop]:
    """Her whole figure, and her head and shoulders where that is another picture."""
    facts = plate.facts
    wide, high = facts.width, facts.height
    whole = facts.person.grown(0.06).clipped(wide, high)
    head = facts.face.grown(_HEAD_ROOM).clipped(wide, high)
    found = []
    for close, box in ((False, whole), (True, head)):
        if box.width < 8 or box.height < 8:
            continue
        size = nearest(sizes, box.width, box.height)
        fitted = _of_aspect(box, size[0] / size[1], wide, high)
        found.append((close, fitted, size))
    if len(found) == 2:
        one, other = found[0][1], found[1][1]
        shared = one.overlap(other) / max(one.width * one.height, other.width * other.height)
        if shared > _SAME:
            found.pop(0)
    return [
        Crop(
            facts.id,
            _scaled(plate.rgb_srgb[box.top : box.bottom, box.left : box.right], size),
            caption(facts, token, subject, close),
            Framing((size[1] * high // box.height, size[0] * wide // box.width), _corner(box, size), size[::-1]),
        )
        for close, box, size in found
    ]


def _corner(box: Box, size: tuple[int, int]) -> tuple[int, int]:
    return round(box.top * size[1] / box.height), round(box.left * size[0] / box.width)


def _of_aspect(box: Box, aspect: float, wide: int, high: int) -> Box:
    """The box made wider or higher to have this aspect, where the picture has room; else cut, the head's end last."""
    width, height = box.width, box.height
    if width / height < aspect:
        width = min(round(height * aspect), wide)
    else:
        height = min(round(width / aspect), high)
    # There was no room: cut the other way.
    if width / height < aspect:
        height = max(round(width / aspect), 1)
    else:
        width = max(round(height * aspect), 1)
    left = min(max(round(box.left + (box.width - width) / 2), 0), wide - width)
    top = min(max(box.top - max(height - box.height, 0) // 2, 0), high - height)
    return Box(left, top, width, height)


def _scaled(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    smaller = size[0] < pixels.shape[1]
    return cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def as_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 sRGB (h, w, 3) as float (1, 3, h, w) in -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1


def as_pixels(tensor: Tensor) -> np.ndarray:
    """float (1, 3, h, w) back as uint8 sRGB (h, w, 3)."""
    found = (tensor[0].float().clamp(-1, 1) + 1) * 127.5
    return np.ascontiguousarray(found.round().byte().permute(1, 2, 0).cpu().numpy())


def cached(base: Base, found: Sequence[Crop]) -> list[Example]:
    """Latents and prompts of crops, each mirrored crop as well: faces are learnt from few pictures."""
    words: dict[str, Words] = {}
    examples = []
    for crop in found:
        if crop.caption not in words:
            words[crop.caption] = base.encode([crop.caption]).to("cpu")
        for pixels in (crop.pixels, crop.pixels[:, ::-1]):
            latents = base.latents(as_tensor(pixels)).cpu()
            examples.append(Example(latents, words[crop.caption], crop.framing))
    return examples


class Order:
    """Which examples are trained on at which step: every one once an epoch, those of one batch from one bucket. Drawn from
    (seed, epoch) alone, so that step n is the same however often the training was broken off."""

    def __init__(self, examples: Sequence[Example], batch: int, seed: int) -> None:
        self._buckets: dict[tuple[int, int], list[int]] = {}
        for index, example in enumerate(examples):
            self._buckets.setdefault(example.bucket, []).append(index)
        self._batch, self._seed = batch, seed
        self._length = sum(-(-len(members) // batch) for members in self._buckets.values())
        self._epoch: Callable[[int], list[list[int]]] = lru_cache(maxsize=2)(self._drawn)

    def at(self, step: int) -> list[int]:
        """Indices of the batch of a step, which counts from 0."""
        return self._epoch(step // self._length)[step % self._length]

    def _drawn(self, epoch: int) -> list[list[int]]:
        random = np.random.default_rng([self._seed, 0x0DE2, epoch])
        found = []
        for bucket in sorted(self._buckets):
            members = random.permutation(self._buckets[bucket]).tolist()
            for first in range(0, len(members), self._batch):
                group = members[first : first + self._batch]
                # A last group that isn't full takes from the start again, so that all batches weigh the same.
                found.append((group + members * self._batch)[: self._batch])
        return [found[index] for index in random.permutation(len(found))]
