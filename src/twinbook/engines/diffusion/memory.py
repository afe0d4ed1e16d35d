"""Base weights in memory, one at a time, and what is done when there isn't enough of it.

Each rung of the ladder is slower and takes less: first the picture is decoded in tiles and attention computed in slices, then
only the part that is at work is on the GPU, at last only the layer. Which rung a picture was made on is told with it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from ...domain.errors import EngineRefused
from ...domain.weights import Weights
from . import families
from .families import Base

T = TypeVar("T")

RUNGS = (
    "",
    "decoded in tiles, attention in slices",
    "decoded in tiles, attention in slices, only the part at work on the GPU",
    "decoded in tiles, only the layer at work on the GPU",
)


class Memory:
    """Keeps the base weights that were used last; never two, never an adapter."""

    def __init__(self, device: torch.device, precision: str) -> None:
        self.device, self._precision = device, precision
        self._lock = threading.RLock()
        self._held: tuple[str, Base] | None = None

    @contextmanager
    def base(self, weights: Weights, folder: Path) -> Iterator[Base]:
        """The weights, for one render at a time: an adapter must never act on somebody else's picture."""
        with self._lock:
            if self._held is None or self._held[0] != weights.digest:
                self._held = None
                free(self.device)
                self._held = (weights.digest, families.load(weights.family, folder, self.device, self._dtype()))
            try:
                yield self._held[1]
            except BaseException:
                # Whatever state it was left in, nobody else gets it.
                self._held = None
                free(self.device)
                raise

    def _dtype(self) -> torch.dtype:
        fits = self._precision == "bf16" and self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fits else torch.float32


def climb(base: Base, make: Callable[[], T]) -> tuple[T, str]:
    """Make something, with ever less memory until it can be made; what it took is told, empty when nothing. Raises
    EngineRefused ``engine.memory`` on the last rung."""
    rungs = RUNGS if base.device.type != "cpu" else RUNGS[:2]
    for number, said in enumerate(rungs):
        try:
            with _rung(base, number):
                return make(), said
        except torch.OutOfMemoryError:
            free(base.device)
    raise EngineRefused("engine.memory", "there isn't enough memory to make this picture, whatever is put aside")


@contextmanager
def _rung(base: Base, number: int) -> Iterator[None]:
    undo: list[Callable[[], None]] = []
    try:
        if number >= 1:
            for on, off in (("enable_tiling", "disable_tiling"), ("enable_slicing", "disable_slicing")):
                if hasattr(base.vae, on):
                    getattr(base.vae, on)()
                    undo.append(getattr(base.vae, off))
        if number in (1, 2) and hasattr(base.denoiser, "set_attention_slice"):
            processors = base.denoiser.attn_processors
            base.denoiser.set_attention_slice("auto")
            undo.append(lambda: base.denoiser.set_attn_processor(processors))
        if number == 2:
            undo += _part_by_part(base)
        if number == 3:
            from accelerate import cpu_offload
            from accelerate.hooks import remove_hook_from_module

            for part in base.parts.values():
                part.to("cpu")
                cpu_offload(part, base.device)
                undo.append(lambda part=part: remove_hook_from_module(part, recurse=True))
        yield
    finally:
        for one in reversed(undo):
            one()
        if number >= 2:
            for part in base.parts.values():
                part.to("cpu")  # the next render begins with the first rung again, and puts them back
            free(base.device)
            for part in base.parts.values():
                part.to(base.device)


def _part_by_part(base: Base) -> list[Callable[[], None]]:
    """Each part comes to the GPU when it is called, and the one before goes."""
    parts = list(base.parts.values())
    for part in parts:
        part.to("cpu")

    def come(part: torch.nn.Module) -> None:
        for other in parts:
            if other is not part and not _together(base, part, other):
                other.to("cpu")
        part.to(base.device)

    handles = [part.register_forward_pre_hook(lambda module, _: come(module)) for part in parts]
    # A VAE is called by its methods.
    vae, encode, decode = base.vae, base.vae.encode, base.vae.decode
    vae.encode = lambda *args, **more: (come(vae), encode(*args, **more))[1]
    vae.decode = lambda *args, **more: (come(vae), decode(*args, **more))[1]

    def back() -> None:
        del vae.encode, vae.decode

    return [*(handle.remove for handle in handles), back]


def _together(base: Base, one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """A ControlNet and its denoiser take turns at every step."""
    pair = {id(base.denoiser), id(base.parts.get("controlnet"))}
    return id(one) in pair and id(other) in pair


def free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
