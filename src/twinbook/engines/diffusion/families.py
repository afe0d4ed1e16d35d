"""What is one way in one family of base weights and another way in the next: loading, prompts, latents, prediction, target.

Everything above works on one kind of array: latents as a picture, float (b, c, h, w), whatever a transformer wants them
packed into. Loading reads safetensors from the folder and nothing else: no pickle, no hub, no code that came with the weights.
"""

from __future__ import annotations

import json
import os
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Before diffusers is imported: what it would ask of a hub, it then says it can't.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import diffusers
import torch
from diffusers import AutoencoderKL, ControlNetModel, SchedulerMixin, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from ...domain.errors import InputError
from ...domain.weights import Family

# diffusers repeats the part of a prompt that it cut off in a warning; prompts are nobody's to log.
diffusers_logging.set_verbosity(diffusers_logging.CRITICAL)
transformers_logging.set_verbosity(transformers_logging.CRITICAL)
diffusers_logging.disable_progress_bar()
transformers_logging.disable_progress_bar()

# Layers that an adapter is trained on, by the ends of their names.
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


@dataclass(frozen=True)
class Words:
    """A prompt as its family's encoders give it. Every tensor has the batch in front; ``tokens`` is float (b, n, d)."""

    tokens: Tensor
    pooled: Tensor | None = None
    mask: Tensor | None = None

    def to(self, device: torch.device | str) -> Words:
        return self._each(lambda tensor: tensor.to(device))

    def rows(self, chosen: Sequence[int]) -> Words:
        return self._each(lambda tensor: tensor[list(chosen)])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Words:
        return Words(*(None if part is None else change(part) for part in (self.tokens, self.pooled, self.mask)))

    @staticmethod
    def stacked(all_words: Sequence[Words]) -> Words:
        """One batch of several; what is shorter is padded and masked."""
        longest = max(words.tokens.shape[1] for words in all_words)

        def padded(tensor: Tensor) -> Tensor:
            more = longest - tensor.shape[1]
            return nn.functional.pad(tensor, (0, 0) * (tensor.ndim - 2) + (0, more)) if more else tensor

        first = all_words[0]
        return Words(
            torch.cat([padded(words.tokens) for words in all_words]),
            None if first.pooled is None else torch.cat([words.pooled for words in all_words]),
            None if first.mask is None else torch.cat([padded(words.mask) for words in all_words]),
        )


@dataclass(frozen=True)
class Framing:
    """What SDXL is told of a picture besides words, in pixels: its size before it was scaled, the corner of the crop, and
    the size it has now; each (height, width) or (top, left)."""

    original: tuple[int, int]
    corner: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def whole(cls, width: int, height: int) -> Framing:
        return cls((height, width), (0, 0), (height, width))


class Base(ABC):
    """Base weights in memory, frozen. ``denoiser`` is the part that an adapter changes; ``parts`` are all by folder name."""

    family: Family
    denoiser_part: str
    targets: tuple[str, ...]
    # How many pictures it takes as such, beside the words.
    most_pictures = 0
    # Weights can be asked not to show something.
    negatives = True

    def __init__(self, parts: Mapping[str, nn.Module], others: Mapping[str, object], device: torch.device) -> None:
        self.parts = dict(parts)
        self.others = dict(others)
        self.device = device
        for part in self.parts.values():
            part.requires_grad_(False).eval()

    @property
    def denoiser(self) -> nn.Module:
        return self.parts[self.denoiser_part]

    @property
    def vae(self) -> nn.Module:
        return self.parts["vae"]

    @property
    def dtype(self) -> torch.dtype:
        return next(self.denoiser.parameters()).dtype

    def forget(self, pixels: bool) -> None:
        """Give back the memory of what only prompts need, and with ``pixels`` False of what only pixels need. A part that is
        gone can't be used again."""
        for name in [name for name in self.parts if name.startswith("text_encoder") or (name == "vae" and not pixels)]:
            del self.parts[name]

    @property
    @abstractmethod
    def multiple(self) -> int:
        """What width and height must be multiples of, in pixels."""

    @property
    @abstractmethod
    def side(self) -> int:
        """The side of a square that has as many pixels as the weights were made for."""

    @abstractmethod
    def encode(self, prompts: Sequence[str], pictures: Sequence[Tensor] = ()) -> Words:
        """``pictures`` are float (1, 3, h, w) in -1 to 1, for families whose encoder sees them."""

    @abstractmethod
    def latents(self, pixels: Tensor) -> Tensor:
        """Pixels, float (b, 3, h, w) in -1 to 1, as latents of about unit variance. Deterministic: the distribution's mode."""

    @abstractmethod
    def pixels(self, latents: Tensor) -> Tensor:
        """Back to float (b, 3, h, w), about -1 to 1."""

    @abstractmethod
    def predict(
        self,
        latents: Tensor,
        times: Tensor,
        words: Words,
        framings: Sequence[Framing],
        pictures: Sequence[Tensor] = (),
        control: Tensor | None = None,
    ) -> Tensor:
        """What the denoiser says of noisy latents at ``times`` (b,), 0 to 1000. ``pictures`` are latents, ``control`` a
        picture of a pose, float (b, 3, h, w) in 0 to 1."""

    @abstractmethod
    def drawn_times(self, count: int, random: torch.Generator) -> Tensor:
        """Times to train at, float (count,)."""

    @abstractmethod
    def noisy(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Latents with the noise that they have at ``times``."""

    @abstractmethod
    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """What `predict` should have said."""

    @abstractmethod
    def schedule(self, steps: int, latents: Tensor) -> SchedulerMixin:
        """A scheduler of its own with its timesteps set."""

    def guided(self, said: Tensor, against: Tensor, scale: float) -> Tensor:
        """Classifier-free guidance (Ho and Salimans 2022)."""
        return against + scale * (said - against)

    def start(self, noise: Tensor, scheduler: SchedulerMixin) -> Tensor:
        """Pure noise as the scheduler's first latents."""
        return noise * getattr(scheduler, "init_noise_sigma", 1.0)

    def shape(self, width: int, height: int) -> tuple[int, int, int]:
        """Latents of a picture of this size: channels, height, width."""
        factor = self._factor
        return self._channels, height // factor, width // factor

    @property
    def _factor(self) -> int:
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def _channels(self) -> int:
        return self.vae.config.latent_channels

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype is torch.bfloat16)


class Sdxl(Base):
    """Stable Diffusion XL (Podell et al. 2023): a U-Net on epsilon or v, two CLIP encoders, sizes as further conditions."""

    family = Family.SDXL
    denoiser_part = "unet"
    targets = ATTENTION

    @classmethod
    def load(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> Sdxl:
        how = {"local_files_only": True, "use_safetensors": True}
        parts: dict[str, nn.Module] = {
            "unet": UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=dtype, **how),
            # The VAE of SDXL overflows in half precision.
            "vae": AutoencoderKL.from_pretrained(folder, subfolder="vae", torch_dtype=torch.float32, **how),
            "text_encoder": CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=dtype, **how),
            "text_encoder_2": CLIPTextModelWithProjection.from_pretrained(
                folder, subfolder="text_encoder_2", dtype=dtype, **how
            ),
        }
        if (folder / "controlnet").is_dir():
            parts["controlnet"] = ControlNetModel.from_pretrained(
                folder, subfolder="controlnet", torch_dtype=dtype, **how
            )
        others = {
            "tokenizer": CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer", local_files_only=True),
            "tokenizer_2": CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer_2", local_files_only=True),
            "scheduler": _scheduler(folder),
        }
        return cls(parts, others, device)

    @property
    def multiple(self) -> int:
        return self._factor * 2 ** (len(self.denoiser.config.block_out_channels) - 1)

    @property
    def side(self) -> int:
        return int(self.denoiser.config.sample_size) * self._factor

    def encode(self, prompts: Sequence[str], pictures: Sequence[Tensor] = ()) -> Words:
        with torch.no_grad():
            return self.words(prompts)

    def words(self, prompts: Sequence[str]) -> Words:
        """As `encode` gives them, with gradients: for whoever teaches encoders, which nothing here does to real ones."""
        hidden, pooled = [], None
        for name in ("", "_2"):
            tokenizer, encoder = self.others[f"tokenizer{name}"], self.parts[f"text_encoder{name}"]
            ids = tokenizer(
                list(prompts),
                padding="max_length",
                max_length=tokenizer.model_max_length,
                truncation=True,
                return_tensors="pt",
            ).input_ids
            said = encoder(ids.to(self.device), output_hidden_states=True)
            # The penultimate layer of both, and the second one's summary.
            hidden.append(said.hidden_states[-2])
            pooled = said[0]
        return Words(torch.cat(hidden, dim=-1), pooled)

    def latents(self, pixels: Tensor) -> Tensor:
        with torch.no_grad():
            found = self.vae.encode(pixels.to(self.device, self.vae.dtype)).latent_dist.mode()
        mean, deviation = self._statistics(found)
        return ((found - mean) / deviation * self.vae.config.scaling_factor).float()

    def pixels(self, latents: Tensor) -> Tensor:
        mean, deviation = self._statistics(latents)
        with torch.no_grad():
            scaled = latents.float() / self.vae.config.scaling_factor * deviation + mean
            return self.vae.decode(scaled.to(self.vae.dtype), return_dict=False)[0].float()

    def _statistics(self, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """Playground's weights give a mean and a deviation for each channel; SDXL's own none."""
        config = self.vae.config
        if not config.get("latents_mean") or not config.get("latents_std"):
            return 0.0, 1.0
        return tuple(
            torch.tensor(config[name], device=like.device).view(1, -1, 1, 1) for name in ("latents_mean", "latents_std")
        )

    def predict(self, latents, times, words, framings, pictures=(), control=None) -> Tensor:
        ids = [[*framing.original, *framing.corner, *framing.size] for framing in framings]
        added = {
            "text_embeds": words.pooled.to(self.dtype),
            "time_ids": torch.tensor(ids, device=self.device, dtype=self.dtype),
        }
        latents, tokens = latents.to(self.dtype), words.tokens.to(self.dtype)
        residuals = {}
        with self._autocast():
            if control is not None:
                down, middle = self.parts["controlnet"](
                    latents,
                    times,
                    encoder_hidden_states=tokens,
                    controlnet_cond=control.to(self.dtype),
                    added_cond_kwargs=added,
                    return_dict=False,
                )
                residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
            return self.denoiser(
                latents,
                times,
                encoder_hidden_states=tokens,
                added_cond_kwargs=added,
                return_dict=False,
                **residuals,
            )[0].float()

    def drawn_times(self, count: int, random: torch.Generator) -> Tensor:
        most = self.others["scheduler"].config.num_train_timesteps
        return torch.randint(0, most, (count,), generator=random).to(self.device)

    def noisy(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        clean, spread = self._signal(times)
        return clean * latents + spread * noise

    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        kind = self.others["scheduler"].config.prediction_type
        if kind == "epsilon":
            return noise
        if kind == "v_prediction":  # Salimans and Ho 2022
            clean, spread = self._signal(times)
            return clean * noise - spread * latents
        raise InputError("weights.unusable", f"nothing here trains weights that predict {kind!r}")

    def schedule(self, steps: int, latents: Tensor) -> SchedulerMixin:
        scheduler = _fresh(self.others["scheduler"])
        scheduler.set_timesteps(steps, device=self.device)
        return scheduler

    def _signal(self, times: Tensor) -> tuple[Tensor, Tensor]:
        kept = self.others["scheduler"].alphas_cumprod.to(times.device)[times.long()].view(-1, 1, 1, 1)
        return kept.sqrt(), (1 - kept).sqrt()


def _fresh(scheduler: SchedulerMixin) -> SchedulerMixin:
    return type(scheduler).from_config(scheduler.config)


def _scheduler(folder: Path) -> SchedulerMixin:
    """The class that the folder names, if it is one of diffusers' own schedulers."""
    name = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))["_class_name"]
    kind = getattr(diffusers, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, SchedulerMixin)):
        raise InputError("weights.unusable", f"the weights name a scheduler {name!r}, which diffusers doesn't have")
    return kind.from_pretrained(folder, subfolder="scheduler", local_files_only=True)


def load(family: Family, folder: Path, device: torch.device | str, dtype: torch.dtype = torch.float32) -> Base:
    """Read base weights into memory. Raises InputError ``weights.unusable`` for what isn't there or isn't safetensors."""
    from . import flow  # it needs this module

    kinds: dict[Family, type[Base]] = {
        Family.SDXL: Sdxl,
        Family.FLUX2_KLEIN: flow.Flux2Klein,
        Family.QWEN_IMAGE_EDIT: flow.QwenImageEdit,
        Family.Z_IMAGE: flow.ZImage,
    }
    try:
        base = kinds[family].load(Path(folder), torch.device(device), dtype)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise InputError(
            "weights.unusable", f"these are no {family.value} weights as diffusers saves them: {type(error).__name__}"
        ) from error
    for part in base.parts.values():
        part.to(base.device)
    return base


def best_device() -> torch.device:
    """A GPU if there is one."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def failure(error: BaseException) -> str:
    """What may be told of an error that isn't Twinbook's: its kind and the line it came from, never its words."""
    found = traceback.extract_tb(error.__traceback__)
    return (
        f"{type(error).__name__} at {Path(found[-1].filename).name}:{found[-1].lineno}"
        if found
        else type(error).__name__
    )
