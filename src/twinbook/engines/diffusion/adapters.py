"""Low-rank adapters (LoRA, Hu et al. 2021): put into base weights, taken out again, written and read as others do.

Between formats an adapter is a `Lora`: matrices by the name of the layer they change. Two styles are written and both are
read: ``diffusers`` (PEFT's keys, what `load_lora_weights` takes) and ``kohya`` (``lora_unet_…lora_down``, what ComfyUI and
sd-scripts take; for SDXL with the layer names of the original code). A key that belongs to no layer, or an adapter that
changes none, is refused: a picture that silently shows somebody else is worse than none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import safetensors.torch
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from ...domain.errors import EngineRefused, StateError
from ...domain.weights import Family
from .families import Base

# diffusers' own key in a file's metadata, where ranks and alphas are said.
_METADATA = "lora_adapter_metadata"
# The adapter that learns, of all that are in memory. A name mustn't be one of a module's own attributes.
TRAINED = "in-training"
_KOHYA_PARTS = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}
_KOHYA_TRANSFORMER = "lora_transformer_"


@dataclass(frozen=True)
class LoraLayer:
    """What is added to one layer's weight: ``up`` @ ``down`` × ``alpha`` / rank; down is (r, in), up (out, r)."""

    down: Tensor
    up: Tensor
    alpha: float

    @property
    def rank(self) -> int:
        return self.down.shape[0]


@dataclass(frozen=True)
class Lora:
    """``layers`` by part (a folder of the base weights) and the layer's name in it."""

    layers: Mapping[tuple[str, str], LoraLayer] = field(repr=False)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part for part, _ in self.layers))

    def of(self, part: str) -> dict[str, LoraLayer]:
        return {name: layer for (of, name), layer in self.layers.items() if of == part}


# --- in and out of memory -----------------------------------------------------------------------------------------


def grow(base: Base, rank: int, seed: int, name: str = TRAINED) -> list[nn.Parameter]:
    """Put a new adapter of no effect into the denoiser, in 32-bit numbers; returns what is to be trained."""
    ends = tuple(f".{target}" for target in base.targets)
    chosen = [layer for layer, kind in _layers(base.denoiser) if isinstance(kind, nn.Linear) and layer.endswith(ends)]
    if not chosen:
        raise EngineRefused("engine.checkpoint", f"these {base.family.value} weights have no layers to train")
    _inject(base.denoiser, chosen, {}, {}, rank, name)
    adapter = [
        (key, value)
        for key, value in base.denoiser.named_parameters()
        if f".lora_A.{name}." in key or f".lora_B.{name}." in key
    ]
    random = torch.Generator().manual_seed(seed)
    for key, value in adapter:
        value.data = value.data.float()
        if ".lora_A." in key:
            # Kaiming's uniform with a slope of √5, as PEFT does, but from a generator of its own.
            bound = (1 / value[0].numel()) ** 0.5
            value.data.copy_(torch.rand(value.shape, generator=random).mul(2).sub(1).mul(bound))
        value.requires_grad_(True)
    return [value for _, value in adapter]


def held(base: Base, name: str) -> Lora:
    """The adapter of this name as it stands in memory, in copies on the CPU."""
    layers = {}
    for part, module in base.parts.items():
        for layer_name, layer in _wrapped(module):
            if name in layer.lora_A:
                layers[part, layer_name] = LoraLayer(
                    layer.lora_A[name].weight.detach().float().cpu().clone(),
                    layer.lora_B[name].weight.detach().float().cpu().clone(),
                    float(layer.lora_alpha[name]),
                )
    return Lora(layers)


def put_in(base: Base, lora: Lora, name: str) -> int:
    """Load an adapter into memory under a name; returns how many layers it changes. Raises EngineRefused
    ``engine.checkpoint`` when a layer isn't there or has another shape, and when nothing changes."""
    matched = 0
    for part in lora.parts:
        module = base.parts.get(part)
        layers = lora.of(part)
        if module is None:
            raise EngineRefused("engine.checkpoint", f"the adapter changes {part!r}, which the weights don't have")
        linear = dict(_layers(module))
        for layer_name, layer in layers.items():
            _check(part, layer_name, layer, linear.get(layer_name))
        ranks = {layer_name: layer.rank for layer_name, layer in layers.items()}
        alphas = {layer_name: layer.alpha for layer_name, layer in layers.items()}
        _inject(module, list(layers), ranks, alphas, next(iter(ranks.values())), name)
        for layer_name, wrapped in _wrapped(module):
            if name not in wrapped.lora_A:
                continue
            layer = layers.get(layer_name)
            if layer is None:
                raise StateError("engine.failed", f"an adapter went into {part}.{layer_name}, which it doesn't change")
            weight = wrapped.get_base_layer().weight
            for side, matrix in ((wrapped.lora_A, layer.down), (wrapped.lora_B, layer.up)):
                own = side[name].weight
                own.data = matrix.reshape(own.shape).to(weight.device, weight.dtype).contiguous()
                own.requires_grad_(False)
            matched += bool(layer.up.any()) and bool(layer.down.any())
    if not matched:
        raise EngineRefused("engine.checkpoint", "the adapter changes no layer of these weights")
    return matched


def _check(part: str, name: str, layer: LoraLayer, own: nn.Module | None) -> None:
    if own is None:
        raise EngineRefused("engine.checkpoint", f"the adapter changes {part}.{name}, which the weights don't have")
    weight = own.weight
    fits = layer.down.shape[1:].numel() == weight.shape[1:].numel() and layer.up.shape[0] == weight.shape[0]
    if not fits or layer.up.shape[1] != layer.rank:
        raise EngineRefused("engine.checkpoint", f"the adapter's {part}.{name} is of another shape than the weights'")


def take_out(base: Base) -> None:
    """Put back the layers that were there before any adapter: the very same modules, not copies."""
    for module in base.parts.values():
        for name, wrapped in list(_wrapped(module)):
            owner, _, last = name.rpartition(".")
            setattr(module.get_submodule(owner), last, wrapped.get_base_layer())
        if hasattr(module, "peft_config"):
            del module.peft_config


def use(base: Base, names: Sequence[str]) -> None:
    """Let these adapters act, and no others."""
    for module in base.parts.values():
        for _, wrapped in _wrapped(module):
            mine = [name for name in names if name in wrapped.lora_A]
            wrapped.enable_adapters(bool(mine))
            if mine:
                wrapped.set_adapter(mine)
                for name in mine:  # to act is not to learn
                    for side in (wrapped.lora_A, wrapped.lora_B):
                        side[name].weight.requires_grad_(name == TRAINED)


@contextmanager
def lent(base: Base, adapters: Mapping[str, Lora]) -> Iterator[Mapping[str, int]]:
    """Adapters in memory for a while, by name; gives how many layers each changes. Afterwards the base is bit for bit what
    it was, which is checked. Raises StateError ``engine.failed`` when it isn't."""
    parts = tuple(dict.fromkeys(part for lora in adapters.values() for part in lora.parts if part in base.parts))
    before = fingerprint(base, parts)
    try:
        yield {name: put_in(base, lora, name) for name, lora in adapters.items()}
    finally:
        take_out(base)
    if fingerprint(base, parts) != before:
        raise StateError("engine.failed", "the base weights weren't the same after the adapter was taken out")


def fingerprint(base: Base, parts: Sequence[str] | None = None) -> dict[str, tuple[int, int]]:
    """Two exact sums over the bits of every tensor that isn't an adapter's, of these parts or all: cheap where the weights
    are, unlike a hash."""
    found = {}
    for part in base.parts if parts is None else parts:
        module = base.parts[part]
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            if ".lora_" in name:
                continue
            found[f"{part}.{name.replace('.base_layer.', '.')}"] = _sums(value.detach())
    return found


_CHUNK = 1 << 18


def _sums(value: Tensor) -> tuple[int, int]:
    bits = value.contiguous().view(torch.uint8).reshape(-1) if value.ndim else value.reshape(1).view(torch.uint8)
    plain, weighted = 0, 0
    for start in range(0, len(bits), _CHUNK):
        chunk = bits[start : start + _CHUNK].long()
        places = torch.arange(start, start + len(chunk), device=chunk.device) % 65521 + 1
        plain += int(chunk.sum())
        weighted += int((chunk * places).sum())
    return plain, weighted


def _inject(
    module: nn.Module, targets: list[str], ranks: dict[str, int], alphas: dict[str, float], rank: int, name: str
) -> None:
    config = LoraConfig(
        r=rank,
        lora_alpha=rank,
        target_modules=targets,
        rank_pattern={f"^{layer.replace('.', chr(92) + '.')}$": r for layer, r in ranks.items() if r != rank},
        alpha_pattern={f"^{layer.replace('.', chr(92) + '.')}$": a for layer, a in alphas.items() if a != rank},
        init_lora_weights=True,
    )
    inject_adapter_in_model(config, module, adapter_name=name, low_cpu_mem_usage=False)


def _wrapped(module: nn.Module) -> Iterator[tuple[str, BaseTunerLayer]]:
    for name, found in module.named_modules():
        if isinstance(found, BaseTunerLayer):
            yield name, found


def _layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Layers that can be changed, by the name that they have without any adapter."""
    for name, found in module.named_modules():
        if isinstance(found, (nn.Linear, nn.Conv2d)) and ".lora_" not in name and "lora_" not in name.split(".")[0]:
            yield name.removesuffix(".base_layer"), found


# --- written and read ---------------------------------------------------------------------------------------------


def written(lora: Lora, base: Base, style: str = "diffusers") -> bytes:
    """A safetensors file. ``style`` is ``diffusers`` or ``kohya``."""
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {"format": "pt"}
    if style == "diffusers":
        said: dict[str, object] = {}
        for part in lora.parts:
            layers = lora.of(part)
            layers = {_spoken(part, name): layer for name, layer in layers.items()}
            for name, layer in layers.items():
                tensors[f"{part}.{name}.lora_A.weight"] = layer.down
                tensors[f"{part}.{name}.lora_B.weight"] = layer.up
            said |= {f"{part}.{key}": value for key, value in _config(layers).items()}
        metadata[_METADATA] = json.dumps(said, sort_keys=True)
    elif style == "kohya":
        for part in lora.parts:
            flat = _flat_names(base, part)
            for name, layer in lora.of(part).items():
                key = flat[name]
                tensors[f"{key}.lora_down.weight"] = layer.down
                tensors[f"{key}.lora_up.weight"] = layer.up
                tensors[f"{key}.alpha"] = torch.tensor(layer.alpha)
    else:
        raise ValueError(f"there is no style {style!r}")
    return canonical_file(tensors, metadata)


def canonical_file(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file whose bytes depend on what is in it alone: the library writes metadata in any order."""
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    parts, end = [], 0
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        data = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        header[key] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [end, end + len(data)],
        }
        parts.append(data)
        end += len(data)
    said = json.dumps(header, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)
    return b"".join([len(said).to_bytes(8, "little"), said, *parts])


_DTYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.bool: "BOOL",
}


def _config(layers: Mapping[str, LoraLayer]) -> dict[str, object]:
    """PEFT's configuration, as far as it takes one to load the same layers."""
    first = next(iter(layers.values()))
    return {
        "r": first.rank,
        "lora_alpha": first.alpha,
        "target_modules": sorted(layers),
        "rank_pattern": {name: layer.rank for name, layer in layers.items() if layer.rank != first.rank},
        "alpha_pattern": {name: layer.alpha for name, layer in layers.items() if layer.alpha != first.alpha},
    }


def read(data: bytes, base: Base) -> Lora:
    """An adapter of either style, or PEFT's own. Raises EngineRefused ``engine.checkpoint`` for a key that belongs to no
    layer of the weights, and for a file that holds none."""
    try:
        tensors = safetensors.torch.load(data)
        metadata = json.loads(_metadata(data).get(_METADATA, "{}"))
    except Exception as error:  # safetensors has one class for all, and it isn't a ValueError
        raise EngineRefused("engine.checkpoint", "the adapter is no safetensors file") from error
    names: dict[str, tuple[str, str]] = {}
    for part, module in base.parts.items():
        names |= {f"{part}.{name}": (part, name) for name, _ in _layers(module)}
        names |= {f"{part}.{_spoken(part, name)}": (part, name) for name, _ in _layers(module)}
        for style in (False, True):
            names |= {key: (part, name) for name, key in _flat_names(base, part, original=style).items()}
    # PEFT's own files, and those of trainers that leave out the part.
    bare = {name: (base.denoiser_part, name) for name, _ in _layers(base.denoiser)}
    found: dict[tuple[str, str], dict[str, Tensor]] = {}
    unknown = []
    for key, tensor in tensors.items():
        stem, role = _split(key)
        where = names.get(stem) or bare.get(stem)
        if where is None or role is None:
            unknown.append(key)
            continue
        found.setdefault(where, {})[role] = tensor
    if unknown:
        shown = ", ".join(sorted(unknown)[:3])
        raise EngineRefused(
            "engine.checkpoint", f"{len(unknown)} of {len(tensors)} keys belong to no layer of these weights: {shown}"
        )
    layers = {}
    for (part, name), roles in found.items():
        if not {"down", "up"} <= roles.keys():
            raise EngineRefused("engine.checkpoint", f"the adapter holds only a half of {part}.{name}")
        rank = roles["down"].shape[0]
        alpha = float(roles["alpha"]) if "alpha" in roles else _said_alpha(metadata, part, name, rank)
        layers[part, name] = LoraLayer(roles["down"].float(), roles["up"].float(), alpha)
    if not layers:
        raise EngineRefused("engine.checkpoint", "the adapter changes no layer")
    return Lora(layers)


def _said_alpha(metadata: Mapping[str, object], part: str, name: str, rank: int) -> float:
    pattern = metadata.get(f"{part}.alpha_pattern") or {}
    return float(pattern.get(_spoken(part, name), metadata.get(f"{part}.lora_alpha", rank)))


_ROLES = {
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora_A.default.weight": "down",
    ".lora_B.default.weight": "up",
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    ".alpha": "alpha",
}


def _split(key: str) -> tuple[str, str | None]:
    for ending, role in _ROLES.items():
        if key.endswith(ending):
            stem = key.removesuffix(ending)
            return stem.removeprefix("base_model.model.").removeprefix("diffusion_model."), role
    return key, None


def _metadata(data: bytes) -> dict[str, str]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]).get("__metadata__", {})


def _flat_names(base: Base, part: str, *, original: bool = True) -> dict[str, str]:
    """kohya's key of each layer of a part, by the layer's name. ``original`` names SDXL's U-Net as its first code did, which
    sd-scripts writes; without it, by diffusers' names, which some trainers write and ComfyUI reads as well."""
    module = base.parts[part]
    prefix = _KOHYA_PARTS.get(part, _KOHYA_TRANSFORMER if part == base.denoiser_part else f"lora_{part}_")
    names = [name for name, _ in _layers(module)]
    if original and base.family is Family.SDXL and part == "unet":
        blocks = module.config.layers_per_block
        flat = {name: _original_name(name, int(blocks)) for name in names}
    else:
        flat = {name: _spoken(part, name) for name in names}
    return {name: prefix + flat[name].replace(".", "_") for name in names}


def _spoken(part: str, name: str) -> str:
    """What files call a layer: CLIP's first encoder has lost a level of its names in transformers, not in adapters."""
    lost = part.startswith("text_encoder") and name.startswith("encoder.")
    return f"text_model.{name}" if lost else name


_IN_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_OUTSIDE = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
}


def _original_name(name: str, layers: int) -> str:
    """A layer of diffusers' U-Net as Stability's code names it: blocks are counted through, and each holds a residual block
    at 0 and its attention at 1."""
    steps = name.split(".")
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    if steps[0] == "mid_block":
        kind, index, *rest = steps[1:]
        place = f"middle_block.{1 if kind == 'attentions' else 2 * int(index)}"
        return ".".join([place, *_inner(kind, rest)])
    if steps[0] not in ("down_blocks", "up_blocks"):
        return name
    block, kind, index, *rest = int(steps[1]), *steps[2:]
    if steps[0] == "down_blocks":
        if kind == "downsamplers":
            return f"input_blocks.{(block + 1) * (layers + 1)}.0.op"
        place = f"input_blocks.{block * (layers + 1) + int(index) + 1}"
    else:
        if kind == "upsamplers":
            # After the attention where there is one, which in SDXL is all but the last block.
            return f"output_blocks.{block * (layers + 1) + layers}.2.conv"
        place = f"output_blocks.{block * (layers + 1) + int(index)}"
    return ".".join([place, "1" if kind == "attentions" else "0", *_inner(kind, rest)])


def _inner(kind: str, rest: Sequence[str]) -> list[str]:
    return list(rest) if kind == "attentions" else [_IN_RESNET.get(rest[0], rest[0]), *rest[1:]]
