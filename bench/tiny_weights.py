"""Tiny base weights of each family, from configuration and a seed: the shapes of the real ones, and nothing learnt.

For tests and benches: ``tiny(Family.SDXL, folder, seed)`` writes what `from_pretrained` reads, tokenizer included.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    ControlNetModel,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    QwenImageTransformer2DModel,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers import pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLImageProcessorPil,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
)

from twinbook.domain.weights import Family, Weights

WORDS = [
    "a",
    "photo",
    "of",
    "person",
    "woman",
    "man",
    "facing",
    "the",
    "camera",
    "three-quarter",
    "view",
    "in",
    "profile",
    "head",
    "and",
    "shoulders",
    "half",
    "full",
    "length",
    "plain",
    "backdrop",
    ",",
    ".",
    "hat",
    "blue",
    "red",
    "dress",
    "on",
    "street",
    "beach",
    "studio",
    "light",
    "with",
    "two",
    "people",
    "sks",
    "mira",
    "sami",
    "zora",
    "tok",
]
LENGTH = 24


def registered(folder: Path, family: Family, name: str = "tiny") -> Weights:
    """The weights as a shelf would register them."""
    files = {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    return Weights(name, family, "CC0-1.0", True, "made here", "", files, datetime(2026, 6, 1, tzinfo=UTC))


def tiny(family: Family, folder: Path, seed: int = 0, words: tuple[str, ...] = (), **changes: object) -> Weights:
    """Write a tiny pipeline and register it. ``words`` are further ones that its tokenizer knows whole."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        {
            Family.SDXL: _sdxl,
            Family.FLUX2_KLEIN: _flux2,
            Family.QWEN_IMAGE_EDIT: _qwen,
            Family.Z_IMAGE: _zimage,
        }[family](folder, words, **changes)
    return registered(folder, family)


# --- SDXL -------------------------------------------------------------------------------------------------------


def clip_tokenizer(folder: Path, words: tuple[str, ...]) -> CLIPTokenizer:
    """A byte-pair tokenizer like CLIP's: it spells what it doesn't know, and knows a few words whole."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(c) for c in range(33, 127)]
    known = [word for word in dict.fromkeys((*WORDS, *words)) if len(word) > 1]
    vocabulary: dict[str, int] = {}
    merges: list[str] = []
    for token in (*letters, *(f"{letter}</w>" for letter in letters)):
        vocabulary.setdefault(token, len(vocabulary))
    for word in known:
        left = word[0]
        for index, letter in enumerate(word[1:], 1):
            right = letter + ("</w>" if index == len(word) - 1 else "")
            merge = f"{left} {right}"
            left += right
            if merge not in merges:
                merges.append(merge)
            vocabulary.setdefault(left, len(vocabulary))
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[token] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=LENGTH, local_files_only=True)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _sdxl(
    folder: Path,
    words: tuple[str, ...],
    *,
    width: int = 16,
    layers: int = 1,
    deep: tuple[int, ...] = (1, 1),
    sample: int = 16,
    vae_blocks: tuple[int, ...] = (16, 16, 16),
    controlnet: bool = False,
    prediction: str = "epsilon",
    scheduler: type = DDIMScheduler,
) -> None:
    tokenizer = clip_tokenizer(folder / "tokenizer", words)
    size = len(tokenizer)
    text = {
        "vocab_size": size,
        "hidden_size": 2 * width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": LENGTH,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
    }
    unet = UNet2DConditionModel(
        sample_size=sample,
        block_out_channels=(width, 2 * width),
        layers_per_block=layers,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=deep,
        projection_class_embeddings_input_dim=6 * 8 + 2 * width,
        cross_attention_dim=4 * width,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        block_out_channels=vae_blocks,
        down_block_types=("DownEncoderBlock2D",) * len(vae_blocks),
        up_block_types=("UpDecoderBlock2D",) * len(vae_blocks),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=sample * 2 ** (len(vae_blocks) - 1),
    )
    timesteps = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    if scheduler is DDIMScheduler:
        timesteps |= {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
    pipeline = StableDiffusionXLPipeline(
        vae,
        CLIPTextModel(CLIPTextConfig(**text)),
        CLIPTextModelWithProjection(CLIPTextConfig(**text, projection_dim=2 * width, hidden_act="gelu")),
        tokenizer,
        tokenizer,
        unet,
        scheduler(prediction_type=prediction, **timesteps),
        add_watermarker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    if controlnet:
        control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16, 16))
        torch.nn.init.normal_(control.controlnet_mid_block.weight, std=0.3)
        control.save_pretrained(folder / "controlnet", safe_serialization=True)


# --- the others -------------------------------------------------------------------------------------------------


_CHAT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")


def qwen_tokenizer(length: int = 64) -> PreTrainedTokenizerFast:
    """One token for every byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate(alphabet)}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], model_max_length=length)
    tokenizer.add_special_tokens({"additional_special_tokens": list(_SPECIAL[1:])})
    tokenizer.chat_template = _CHAT
    return tokenizer


def _qwen3(tokenizer: PreTrainedTokenizerFast, layers: int = 3) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
    )


def _flux2(folder: Path, words: tuple[str, ...]) -> None:
    tokenizer = qwen_tokenizer()
    pipeline = Flux2KleinPipeline(
        FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        AutoencoderKLFlux2(
            block_out_channels=(8, 8), latent_channels=4, norm_num_groups=4, layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, sample_size=32,
        ),
        Qwen3ForCausalLM(_qwen3(tokenizer)),
        tokenizer,
        Flux2Transformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=48, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
        ),
    )  # fmt: skip
    pipeline.save_pretrained(folder, safe_serialization=True)


def _zimage(folder: Path, words: tuple[str, ...]) -> None:
    tokenizer = qwen_tokenizer()
    transformer = ZImageTransformer2DModel(
        in_channels=4, dim=32, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16,
        axes_dims=[8, 4, 4], axes_lens=[256, 32, 32],
    )  # fmt: skip
    # Its padding tokens are left unset until weights are loaded.
    for name, value in transformer.named_parameters():
        if name.endswith("pad_token"):
            torch.nn.init.normal_(value, std=0.02)
    pipeline = ZImagePipeline(
        FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        AutoencoderKL(
            block_out_channels=(8, 8), latent_channels=4, norm_num_groups=4, layers_per_block=1, sample_size=32,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
            shift_factor=0.1, scaling_factor=0.4,
        ),
        Qwen3Model(_qwen3(tokenizer)),
        tokenizer,
        transformer,
    )  # fmt: skip
    pipeline.save_pretrained(folder, safe_serialization=True)


def _qwen(folder: Path, words: tuple[str, ...]) -> None:
    tokenizer = qwen_tokenizer(1024)
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "vision_start", "vision_end")}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 2048,
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6},
        },
        vision_config={
            "depth": 2, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16,
            "patch_size": 14, "window_size": 112, "fullatt_block_indexes": [1],
        },
        image_token_id=ids["image_pad"], vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
    )  # fmt: skip
    vae = AutoencoderKLQwenImage(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
    )  # fmt: skip
    transformer = QwenImageTransformer2DModel(
        in_channels=16, out_channels=4, num_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    # Part by part: a whole pipeline wants a processor, and that torchvision.
    for name, part in {
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        "vae": vae,
        "text_encoder": Qwen2_5_VLForConditionalGeneration(config),
        "tokenizer": tokenizer,
        "processor": Qwen2VLImageProcessorPil(),
        "transformer": transformer,
    }.items():
        part.save_pretrained(folder / name)
