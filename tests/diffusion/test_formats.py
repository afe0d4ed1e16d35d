"""Adapters as others write them: what is saved here loads in plain diffusers and in kohya's keys, and theirs load here."""

import pytest
import safetensors.torch
import torch
from diffusers import StableDiffusionXLPipeline
from diffusers.utils import convert_state_dict_to_kohya
from peft import LoraConfig, inject_adapter_in_model

from twinbook.domain.errors import EngineRefused
from twinbook.domain.weights import Family
from twinbook.engines.diffusion import adapters, families

FAMILIES = list(Family)


def filled(base, rank=4, seed=0, alpha=None):
    """An adapter of the base's attention that changes it."""
    adapters.grow(base, rank, seed)
    lora = adapters.held(base, adapters.TRAINED)
    adapters.take_out(base)
    random = torch.Generator().manual_seed(seed)
    return adapters.Lora(
        {
            where: adapters.LoraLayer(
                layer.down, torch.randn(layer.up.shape, generator=random) * 0.3, alpha or layer.alpha
            )
            for where, layer in lora.layers.items()
        }
    )


def said_by(unet, width=64):
    """What a U-Net predicts of fixed noise."""
    random = torch.Generator().manual_seed(3)
    latents = torch.randn(1, 4, 8, 8, generator=random)
    added = {
        "text_embeds": torch.randn(1, unet.config.projection_class_embeddings_input_dim - 48, generator=random),
        "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]]),
    }
    words = torch.randn(1, 24, unet.config.cross_attention_dim, generator=random)
    with torch.no_grad():
        return unet(latents, 500, words, added_cond_kwargs=added).sample


def with_ours(base, lora):
    with adapters.lent(base, {"one": lora}):
        adapters.use(base, ["one"])
        return said_by(base.denoiser)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("style", ["diffusers", "kohya"])
def test_written_and_read_an_adapter_is_the_same(weights, family, style):
    base = families.load(family, weights(family)[1], "cpu")
    lora = filled(base, alpha=2.0)
    again = adapters.read(adapters.written(lora, base, style), base)
    assert again.layers.keys() == lora.layers.keys()
    for where, layer in lora.layers.items():
        assert torch.equal(again.layers[where].down, layer.down)
        assert torch.equal(again.layers[where].up, layer.up)
        assert again.layers[where].alpha == layer.alpha
    assert adapters.written(lora, base, style) == adapters.written(again, base, style), "the same bytes again"


@pytest.mark.parametrize("style", ["diffusers", "kohya"])
@pytest.mark.parametrize("alpha", [None, 1.5])
def test_ours_load_in_plain_diffusers(sdxl, tmp_path, style, alpha):
    folder = sdxl[1]
    base = families.load(Family.SDXL, folder, "cpu")
    lora = filled(base, alpha=alpha)
    (tmp_path / "lora.safetensors").write_bytes(adapters.written(lora, base, style))
    plain = StableDiffusionXLPipeline.from_pretrained(folder, local_files_only=True)
    before = said_by(plain.unet)
    plain.load_lora_weights(tmp_path, weight_name="lora.safetensors", local_files_only=True)
    theirs = said_by(plain.unet)
    assert (theirs - before).abs().max() > 1e-3
    assert torch.allclose(theirs, with_ours(base, lora), atol=1e-5)


def theirs(folder, encoders=False):
    """A pipeline of plain diffusers with a PEFT adapter in it, and its matrices as diffusers saves them."""
    torch.manual_seed(9)
    plain = StableDiffusionXLPipeline.from_pretrained(folder, local_files_only=True)
    config = LoraConfig(r=3, lora_alpha=3, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v", "to_out.0"])
    plain.unet.add_adapter(config)
    state = {"unet_lora_layers": _matrices(plain.unet)}
    if encoders:
        config = LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["q_proj", "out_proj"])
        for name in ("text_encoder", "text_encoder_2"):
            inject_adapter_in_model(config, getattr(plain, name))
            state[f"{name}_lora_layers"] = _matrices(getattr(plain, name))
    return plain, state


def _matrices(model):
    from peft.utils import get_peft_model_state_dict

    return get_peft_model_state_dict(model)


def test_theirs_load_here_with_text_encoders_too(sdxl, tmp_path):
    folder = sdxl[1]
    plain, state = theirs(folder, encoders=True)
    StableDiffusionXLPipeline.save_lora_weights(tmp_path, **state)
    base = families.load(Family.SDXL, folder, "cpu")
    lora = adapters.read((tmp_path / "pytorch_lora_weights.safetensors").read_bytes(), base)
    assert set(lora.parts) == {"unet", "text_encoder", "text_encoder_2"}
    assert torch.allclose(said_by(plain.unet), with_ours(base, lora), atol=1e-5)
    ids = torch.tensor([[1, 5, 9]])
    with adapters.lent(base, {"one": lora}), torch.no_grad():
        adapters.use(base, ["one"])
        ours = base.parts["text_encoder"](ids)[0]
    with torch.no_grad():
        assert torch.allclose(plain.text_encoder(ids)[0], ours, atol=1e-5)


def test_kohyas_keys_as_diffusers_itself_writes_them_load_here(sdxl):
    folder = sdxl[1]
    plain, state = theirs(folder)
    peft = {f"unet.{key}": value for key, value in state["unet_lora_layers"].items()}
    kohya = convert_state_dict_to_kohya(peft)
    assert all(key.startswith("lora_unet_") for key in kohya)
    base = families.load(Family.SDXL, folder, "cpu")
    lora = adapters.read(safetensors.torch.save({key: value.contiguous() for key, value in kohya.items()}), base)
    assert torch.allclose(said_by(plain.unet), with_ours(base, lora), atol=1e-5)


def test_layers_are_named_as_the_original_code_names_them():
    """Pairs from SDXL itself (layers_per_block 2): what sd-scripts writes for these layers."""
    pairs = {
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q": "input_blocks.4.1.transformer_blocks.0.attn1.to_q",
        "down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj": "input_blocks.8.1.transformer_blocks.9.ff.net.0.proj",
        "mid_block.attentions.0.proj_in": "middle_block.1.proj_in",
        "mid_block.resnets.1.conv1": "middle_block.2.in_layers.2",
        "up_blocks.0.attentions.2.transformer_blocks.3.attn2.to_out.0": "output_blocks.2.1.transformer_blocks.3.attn2.to_out.0",
        "up_blocks.1.attentions.0.proj_out": "output_blocks.3.1.proj_out",
        "up_blocks.1.upsamplers.0.conv": "output_blocks.5.2.conv",
        "down_blocks.0.downsamplers.0.conv": "input_blocks.3.0.op",
        "down_blocks.1.resnets.0.conv_shortcut": "input_blocks.4.0.skip_connection",
        "time_embedding.linear_1": "time_embed.0",
    }
    assert {ours: adapters._original_name(ours, 2) for ours in pairs} == pairs


def test_after_it_is_taken_out_the_base_is_bit_for_bit_the_same(sdxl):
    base = families.load(Family.SDXL, sdxl[1], "cpu")
    before = {key: value.numpy().tobytes() for key, value in base.denoiser.state_dict().items()}
    plain = said_by(base.denoiser)
    changed = with_ours(base, filled(base))
    assert (changed - plain).abs().max() > 1e-3
    after = {key: value.numpy().tobytes() for key, value in base.denoiser.state_dict().items()}
    assert after == before
    assert torch.equal(said_by(base.denoiser), plain)


@pytest.mark.parametrize("change", ["unknown", "shape", "half", "empty", "pickle"])
def test_what_does_not_fit_is_refused(sdxl, change):
    base = families.load(Family.SDXL, sdxl[1], "cpu")
    tensors = safetensors.torch.load(adapters.written(filled(base), base))
    first = next(key for key in tensors if key.endswith("lora_A.weight"))
    if change == "unknown":
        tensors["unet.no_such_layer.lora_A.weight"] = tensors[first].clone()
    elif change == "shape":
        tensors[first] = torch.zeros(4, 7)
    elif change == "half":
        del tensors[first]
    data = safetensors.torch.save(tensors if change != "empty" else {"nothing": torch.zeros(1)})
    if change == "pickle":
        data = b"\x80\x04K\x01."
    with pytest.raises(EngineRefused) as caught, adapters.lent(base, {"one": adapters.read(data, base)}):
        pass
    assert caught.value.code == "engine.checkpoint"
    assert torch.isfinite(said_by(base.denoiser)).all(), "the base is as it was"
