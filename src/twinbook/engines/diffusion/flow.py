"""The families that learn a flow from noise to picture (Lipman et al. 2022, Liu et al. 2022) with a transformer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    QwenImageEditPlusPipeline,
    QwenImageTransformer2DModel,
    ZImageTransformer2DModel,
)
from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu
from diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus import calculate_shift
from PIL import Image
from torch import Tensor
from transformers import (
    AutoModel,
    AutoTokenizer,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3ForCausalLM,
)

from ...domain.weights import Family
from .families import ATTENTION, Base, Words, _fresh

_TEXT_LENGTH = 512
# Of Qwen3's layers, those whose states are Flux2's prompt.
_FLUX2_LAYERS = (9, 18, 27)


class _Flow(Base):
    """Noisy latents are a straight line from picture to noise; the target is its direction."""

    denoiser_part = "transformer"
    targets = ATTENTION
    native = 1024
    # The classes of transformer, VAE and encoder of words.
    models: tuple[type, type, type]

    @classmethod
    def load(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> Self:
        how = {"local_files_only": True, "use_safetensors": True}
        transformer, vae, encoder = cls.models
        parts = {
            "transformer": transformer.from_pretrained(folder, subfolder="transformer", torch_dtype=dtype, **how),
            "vae": vae.from_pretrained(folder, subfolder="vae", torch_dtype=torch.float32, **how),
            "text_encoder": encoder.from_pretrained(folder, subfolder="text_encoder", dtype=dtype, **how),
        }
        return cls(parts, cls._others(folder), device)

    @staticmethod
    def _others(folder: Path) -> dict[str, object]:
        return {
            "tokenizer": AutoTokenizer.from_pretrained(folder, subfolder="tokenizer", local_files_only=True),
            "scheduler": FlowMatchEulerDiscreteScheduler.from_pretrained(
                folder, subfolder="scheduler", local_files_only=True
            ),
        }

    @property
    def multiple(self) -> int:
        return self._factor * 2

    @property
    def side(self) -> int:
        return self.native

    def drawn_times(self, count: int, random: torch.Generator) -> Tensor:
        # Logit-normal, more in the middle of the way (Esser et al. 2024).
        return torch.sigmoid(torch.randn(count, generator=random)).mul(1000).to(self.device)

    def noisy(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        share = (times / 1000).view(-1, 1, 1, 1)
        return (1 - share) * latents + share * noise

    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        return noise - latents

    def schedule(self, steps: int, latents: Tensor) -> FlowMatchEulerDiscreteScheduler:
        scheduler = _fresh(self.others["scheduler"])
        tokens = latents.shape[-1] * latents.shape[-2] // self._packed
        scheduler.set_timesteps(
            sigmas=np.linspace(1.0, 1 / steps, steps), device=self.device, mu=self._shift(tokens, steps)
        )
        return scheduler

    # Latents to a token.
    _packed = 4

    def _shift(self, tokens: int, steps: int) -> float:
        config = self.others["scheduler"].config
        return calculate_shift(
            tokens,
            config.get("base_image_seq_len", 256),
            config.get("max_image_seq_len", 4096),
            config.get("base_shift", 0.5),
            config.get("max_shift", 1.15),
        )


class ZImage(_Flow):
    """Z-Image (Tongyi 2025): one stream of caption and picture, Qwen3's last but one layer for words."""

    family = Family.Z_IMAGE
    models = ZImageTransformer2DModel, AutoencoderKL, AutoModel

    def encode(self, prompts: Sequence[str], pictures: Sequence[Tensor] = ()) -> Words:
        ids, mask = _chat(self.others["tokenizer"], prompts, thinking=True)
        with torch.no_grad():
            said = self.parts["text_encoder"](
                input_ids=ids.to(self.device), attention_mask=mask.to(self.device).bool(), output_hidden_states=True
            )
        return Words(said.hidden_states[-2], mask=mask.to(self.device).bool())

    def latents(self, pixels: Tensor) -> Tensor:
        config = self.vae.config
        with torch.no_grad():
            found = self.vae.encode(pixels.to(self.device, self.vae.dtype)).latent_dist.mode()
        return ((found - (config.shift_factor or 0.0)) * config.scaling_factor).float()

    def pixels(self, latents: Tensor) -> Tensor:
        config = self.vae.config
        with torch.no_grad():
            scaled = latents.to(self.vae.dtype) / config.scaling_factor + (config.shift_factor or 0.0)
            return self.vae.decode(scaled, return_dict=False)[0].float()

    def predict(self, latents, times, words, framings, pictures=(), control=None) -> Tensor:
        captions = [tokens[kept] for tokens, kept in zip(words.tokens.to(self.dtype), words.mask, strict=True)]
        with self._autocast():
            found = self.denoiser(
                list(latents.to(self.dtype).unsqueeze(2).unbind(0)),
                (1000 - times.to(self.dtype)) / 1000,
                captions,
                return_dict=False,
            )[0]
        # It points from noise to picture, and its time runs that way too.
        return -torch.stack([one.float() for one in found]).squeeze(2)

    def guided(self, said: Tensor, against: Tensor, scale: float) -> Tensor:
        return said + scale * (said - against)


class Flux2Klein(_Flow):
    """FLUX.2 klein (Black Forest Labs 2026): two streams, then one; three layers of Qwen3 for words; pictures beside them."""

    family = Family.FLUX2_KLEIN
    models = Flux2Transformer2DModel, AutoencoderKLFlux2, Qwen3ForCausalLM
    targets = (*ATTENTION, "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "to_qkv_mlp_proj", "attn.to_out")
    most_pictures = 4
    _packed = 1  # the VAE's latents are put four to one before

    @property
    def _factor(self) -> int:
        return 2 ** len(self.vae.config.block_out_channels)

    @property
    def _channels(self) -> int:
        return self.vae.config.latent_channels * 4

    @property
    def multiple(self) -> int:
        return self._factor

    def encode(self, prompts: Sequence[str], pictures: Sequence[Tensor] = ()) -> Words:
        ids, mask = _chat(self.others["tokenizer"], prompts, thinking=False)
        encoder = self.parts["text_encoder"]
        with torch.no_grad():
            said = encoder(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                output_hidden_states=True,
                use_cache=False,
            )
        layers = [min(layer, len(said.hidden_states) - 1) for layer in _FLUX2_LAYERS]
        return Words(torch.cat([said.hidden_states[layer] for layer in layers], dim=-1))

    def latents(self, pixels: Tensor) -> Tensor:
        with torch.no_grad():
            found = self.vae.encode(pixels.to(self.device, self.vae.dtype)).latent_dist.mode()
        mean, deviation = self._statistics(found)
        return ((Flux2KleinPipeline._patchify_latents(found) - mean) / deviation).float()

    def pixels(self, latents: Tensor) -> Tensor:
        mean, deviation = self._statistics(latents)
        with torch.no_grad():
            whole = Flux2KleinPipeline._unpatchify_latents(latents.to(self.vae.dtype) * deviation + mean)
            return self.vae.decode(whole, return_dict=False)[0].float()

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        norm = self.vae.bn
        deviation = torch.sqrt(norm.running_var + self.vae.config.batch_norm_eps)
        return tuple(values.to(like.device).view(1, -1, 1, 1) for values in (norm.running_mean, deviation))

    def predict(self, latents, times, words, framings, pictures=(), control=None) -> Tensor:
        pipeline = Flux2KleinPipeline
        tokens = pipeline._pack_latents(latents)
        places = pipeline._prepare_latent_ids(latents).to(self.device)
        if pictures:
            beside = torch.cat([pipeline._pack_latents(picture) for picture in pictures], dim=1)
            tokens = torch.cat([tokens, beside.expand(len(latents), -1, -1)], dim=1)
            where = pipeline._prepare_image_ids(list(pictures)).to(self.device)
            places = torch.cat([places, where.expand(len(latents), -1, -1)], dim=1)
        with self._autocast():
            found = self.denoiser(
                hidden_states=tokens.to(self.dtype),
                timestep=times.to(self.dtype) / 1000,
                guidance=None,
                encoder_hidden_states=words.tokens.to(self.dtype),
                txt_ids=pipeline._prepare_text_ids(words.tokens).to(self.device),
                img_ids=places,
                return_dict=False,
            )[0]
        high, wide = latents.shape[-2:]
        return found[:, : high * wide].float().transpose(1, 2).reshape(latents.shape)

    def _shift(self, tokens: int, steps: int) -> float:
        return compute_empirical_mu(image_seq_len=tokens, num_steps=steps)


class QwenImageEdit(_Flow):
    """Qwen-Image-Edit (Wu et al. 2025): its encoder reads words and sees pictures, which the transformer gets as well."""

    family = Family.QWEN_IMAGE_EDIT
    models = QwenImageTransformer2DModel, AutoencoderKLQwenImage, Qwen2_5_VLForConditionalGeneration
    targets = (*ATTENTION, "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
    most_pictures = 3
    # What the encoder sees a picture at, in pixels of a square's side.
    seen = 384

    @staticmethod
    def _others(folder: Path) -> dict[str, object]:
        # The whole processor would need torchvision for videos.
        eye = Qwen2VLImageProcessorPil.from_pretrained(folder, subfolder="processor", local_files_only=True)
        return _Flow._others(folder) | {"eye": eye}

    @property
    def _factor(self) -> int:
        return 2 ** len(self.vae.temperal_downsample)

    @property
    def _channels(self) -> int:
        return self.vae.config.z_dim

    def encode(self, prompts: Sequence[str], pictures: Sequence[Tensor] = ()) -> Words:
        seen = []
        for picture in pictures:
            array = ((picture[0].permute(1, 2, 0).cpu().numpy() + 1) * 127.5).clip(0, 255).round().astype(np.uint8)
            image = Image.fromarray(array)
            scale = self.seen / (image.width * image.height) ** 0.5
            seen.append(image.resize((max(32, round(image.width * scale)), max(32, round(image.height * scale)))))
        looked = self.others["eye"](images=seen, return_tensors="pt") if seen else {}
        patches = [int(grid.prod()) // self.others["eye"].merge_size ** 2 for grid in looked.get("image_grid_thw", ())]
        prefix = "".join(
            f"Picture {number}: <|vision_start|>{'<|image_pad|>' * count}<|vision_end|>"
            for number, count in enumerate(patches, 1)
        )
        text = [_QWEN_TEMPLATE.format(prefix + prompt) for prompt in prompts]
        found = self.others["tokenizer"](text, padding=True, padding_side="right", return_tensors="pt").to(self.device)
        arguments = {"input_ids": found["input_ids"], "attention_mask": found["attention_mask"]}
        if seen:
            pad = self.parts["text_encoder"].config.image_token_id
            arguments |= {
                "pixel_values": torch.cat([looked["pixel_values"]] * len(prompts)).to(self.device, self.dtype),
                "image_grid_thw": torch.cat([looked["image_grid_thw"]] * len(prompts)).to(self.device),
                "mm_token_type_ids": (found["input_ids"] == pad).long(),
            }
        with torch.no_grad():
            hidden = self.parts["text_encoder"](**arguments, output_hidden_states=True).hidden_states[-1]
        # The template's own words before the user's are left out.
        drop = min(_QWEN_DROP, hidden.shape[1] - 1)
        return Words(hidden[:, drop:], mask=found["attention_mask"][:, drop:].bool())

    def latents(self, pixels: Tensor) -> Tensor:
        with torch.no_grad():
            found = self.vae.encode(pixels.to(self.device, self.vae.dtype).unsqueeze(2)).latent_dist.mode()
        mean, deviation = self._statistics()
        return ((found - mean) / deviation).squeeze(2).float()

    def pixels(self, latents: Tensor) -> Tensor:
        mean, deviation = self._statistics()
        with torch.no_grad():
            whole = latents.to(self.vae.dtype).unsqueeze(2) * deviation + mean
            return self.vae.decode(whole, return_dict=False)[0][:, :, 0].float()

    def _statistics(self) -> tuple[Tensor, Tensor]:
        config = self.vae.config
        return tuple(
            torch.tensor(values, device=self.device).view(1, -1, 1, 1, 1)
            for values in (config.latents_mean, config.latents_std)
        )

    def predict(self, latents, times, words, framings, pictures=(), control=None) -> Tensor:
        count, channels, high, wide = latents.shape
        tokens = _qwen_packed(latents)
        shapes = [(1, high // 2, wide // 2)]
        for picture in pictures:
            tokens = torch.cat([tokens, _qwen_packed(picture).expand(count, -1, -1)], dim=1)
            shapes.append((1, picture.shape[-2] // 2, picture.shape[-1] // 2))
        mask = None if words.mask is None or bool(words.mask.all()) else words.mask
        with self._autocast():
            found = self.denoiser(
                hidden_states=tokens.to(self.dtype),
                timestep=times.to(self.dtype) / 1000,
                guidance=None,
                encoder_hidden_states=words.tokens.to(self.dtype),
                encoder_hidden_states_mask=mask,
                img_shapes=[shapes] * count,
                return_dict=False,
            )[0]
        own = found[:, : high * wide // 4].float().view(count, high // 2, wide // 2, channels, 2, 2)
        return own.permute(0, 3, 1, 4, 2, 5).reshape(latents.shape)

    def guided(self, said: Tensor, against: Tensor, scale: float) -> Tensor:
        """Guidance that keeps the length of what was said, token by token, as these weights want it."""
        mixed = against + scale * (said - against)
        lengths = [_qwen_packed(one).norm(dim=-1) for one in (said, mixed)]
        high, wide = said.shape[-2:]
        ratio = (lengths[0] / lengths[1].clamp_min(1e-8)).view(len(said), 1, high // 2, wide // 2)
        return mixed * ratio.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


# The words that these weights were trained to be spoken to with, and how many tokens of them come before the user's.
_QWEN_TEMPLATE = (
    "<|im_start|>system\nDescribe the key features of the input image (color, shape, size, texture, objects, background), "
    "then explain how the user's text instruction should alter or modify the image. Generate a new image that meets the "
    "user's requirements while maintaining consistency with the original input where appropriate.<|im_end|>\n"
    "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)
_QWEN_DROP = 64


def _qwen_packed(latents: Tensor) -> Tensor:
    count, channels, high, wide = latents.shape
    return QwenImageEditPlusPipeline._pack_latents(latents.contiguous(), count, channels, high, wide)


def _chat(tokenizer, prompts: Sequence[str], *, thinking: bool) -> tuple[Tensor, Tensor]:
    """Prompts as a user's turn of a chat: ids and mask, (b, `_TEXT_LENGTH`)."""
    text = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=thinking,
        )
        for prompt in prompts
    ]
    length = min(_TEXT_LENGTH, tokenizer.model_max_length)
    found = tokenizer(text, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    return found.input_ids, found.attention_mask
