"""Pictures of somebody who does not exist, from base weights alone: no adapter, nobody's photograph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from ...domain.weights import Weights
from . import families, material, sampling
from .memory import climb

_GUIDANCE = 5.0


class PictureInventor:
    """Implements `ports.Inventor`. ``device`` is torch's name of one, empty for the best there is."""

    def __init__(self, device: str = "", precision: str = "bf16") -> None:
        self._device = torch.device(device) if device else families.best_device()
        bf16 = precision == "bf16" and self._device.type == "cuda" and torch.cuda.is_bf16_supported()
        self._dtype = torch.bfloat16 if bf16 else torch.float32

    def invent(
        self, folder: Path, weights: Weights, prompts: Sequence[str], against: str, seed: int, side: int, steps: int
    ) -> Iterator[np.ndarray]:
        base = families.load(weights.family, folder, self._device, self._dtype)
        # Portraits: three to four, as large as the side's square.
        width, height = (round(side * share / base.multiple) * base.multiple for share in (0.866, 1.155))
        no = base.encode([against]).to(self._device) if base.negatives else None
        for prompt in prompts:
            passage = sampling.Passage(base.encode([prompt]).to(self._device), no)

            def make(passage: sampling.Passage = passage) -> np.ndarray:
                # The same noise for every view: what the weights make of one seed is the likeliest to stay one person.
                latents = sampling.sample(base, [passage], (width, height), steps, _GUIDANCE, [seed])
                return material.as_pixels(base.pixels(latents))

            yield climb(base, make)[0]
