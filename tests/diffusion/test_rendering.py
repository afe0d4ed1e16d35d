"""Pictures by words: planned from facts, painted by her adapter alone, and what stays of a plate stays bit for bit."""

import hashlib
import traceback
from dataclasses import replace

import numpy as np
import pytest
import torch
from people_and_weights import a_plate, plates
from tiny_training import A_PLAN, OpenTwin, Shelf, a_training, checkpoint_of

from twinbook.domain.brief import Shot
from twinbook.domain.errors import EngineRefused, InputError, StateError
from twinbook.domain.generation import Generation, Keep
from twinbook.domain.permit import Act
from twinbook.domain.provenance import SourceType
from twinbook.domain.twin import Backdrop
from twinbook.domain.weights import Family
from twinbook.engines.diffusion import (
    DiffusionEngine,
    LoraTrainer,
    PictureInventor,
    adapters,
    families,
    rendering,
    sampling,
)
from twinbook.ports import RenderJob

IMAGE = "image:" + "a" * 64


@pytest.fixture(scope="module")
def plate():
    return a_plate()


@pytest.fixture(scope="module")
def trained(weights):
    """Mira's checkpoint and Sami's, on tiny SDXL weights."""
    registered, folder = weights(Family.SDXL, controlnet=True)
    found = {}
    for talent, token, seed in (("mira", "sks", 1), ("sami", "sami", 2)):
        twin = OpenTwin({"p": a_plate("p")}, act=Act.TRAIN, talent=talent)
        plan = replace(A_PLAN, steps=8, seed=seed, learning_rate=0.05)
        made = LoraTrainer().train(
            a_training(registered, folder, twin, plan, token=token), lambda step, steps, loss: None
        )
        found[talent] = made, checkpoint_of(made, registered, talent, token)
    return registered, folder, found


@pytest.fixture
def home(trained, plate):
    return Home(*trained, plate)


class Home:
    """An engine, and what it needs to make a shot of Mira, or of Mira and Sami."""

    def __init__(self, registered, folder, found, plate):
        self.engine = DiffusionEngine(Shelf(registered, folder), device="cpu")
        self.checkpoints = {talent: [checkpoint] for talent, (_, checkpoint) in found.items()}
        self.plate = plate
        self.twins = {
            talent: OpenTwin({plate.facts.id: plate}, {checkpoint.id: made.adapter}, talent=talent)
            for talent, (made, checkpoint) in found.items()
        }

    def plan(self, shot):
        return self.engine.plan(shot, {talent: [self.plate.facts] for talent in shot.talents}, self.checkpoints)

    def job(self, shot, **changes):
        digests = dict.fromkeys(shot.talents, "d1")
        twins = {talent: self.twins[talent] for talent in shot.talents}
        return RenderJob(shot, self.plan(shot), digests, twins, **changes)

    def render(self, shot, **changes):
        return self.engine.render(self.job(shot, **changes))


def a_shot(talents=("mira",), **changes):
    values = {"prompt": "a photo on the street", "weights": "tiny", "steps": 3, "guidance": 30}
    return Shot("one", talents, ("web-3x4",), generate=Generation(**{**values, **changes}))


def test_a_picture_of_nothing_but_words(home):
    made = home.render(a_shot())
    assert made.rgb_srgb.shape == (*home.plan(a_shot()).canvas[::-1], 3)
    assert made.rgb_srgb.std() > 1
    assert made.altered.all()
    assert made.source_type is SourceType.TRAINED
    assert "layers" in made.provenance["adapter.mira"]
    assert made.provenance["faces"] == "0 of 1 found", "tiny weights paint no faces, and nobody says they do"


def test_the_same_job_gives_the_same_bytes_and_another_seed_others(home):
    one, two = (home.render(a_shot(seed=4)).rgb_srgb for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert (home.render(a_shot(seed=5)).rgb_srgb != one).any()


@pytest.mark.parametrize(
    ("keep", "region"),
    [(Keep.PERSON, ""), (Keep.HEAD, ""), (Keep.ALL_BUT_GARMENT, "top"), (Keep.ALL_BUT_GARMENT, "dress")],
)
def test_what_stays_stays_bit_for_bit(home, plate, keep, region):
    made = home.render(a_shot(keep=keep, region=region))
    assert made.source_type is SourceType.COMPOSITE_TRAINED
    assert made.rgb_srgb.shape == plate.rgb_srgb.shape
    changed = (made.rgb_srgb != plate.rgb_srgb).any(axis=2)
    assert (made.altered == changed).all()
    assert 0.02 < changed.mean() < 0.99
    box = plate.facts.face
    middle = np.s_[box.top + box.height // 4 : box.bottom - box.height // 4, box.left + 4 : box.right - 4]
    assert not changed[middle].any(), "a face that stays isn't touched"
    if keep is Keep.PERSON:
        assert not changed[plate.alpha == 255].any()
        assert changed[plate.alpha == 0].mean() > 0.95


def test_what_shows_nothing_new_of_her_opens_no_checkpoint(home):
    assert home.plan(a_shot(keep=Keep.PERSON)).checkpoints == {}
    assert home.plan(a_shot(keep=Keep.HEAD)).checkpoints == {"mira": "checkpoint-mira"}


def test_each_of_two_talents_is_painted_by_her_own_adapter(home, monkeypatch):
    asked = []
    real = adapters.use
    monkeypatch.setattr(adapters, "use", lambda base, names: (asked.append(tuple(names)), real(base, names)))
    both = home.render(a_shot(("mira", "sami"), seed=3))
    assert set(asked) == {("of-talent-0",), ("of-talent-1",)}, "never both at once"
    assert list(both.figures) == ["mira", "sami"]
    weights = rendering.regions(2, 40, 4)
    assert torch.allclose(sum(weights), torch.ones(1, 1, 4, 40))


def test_the_base_is_bit_for_bit_the_same_after_a_picture(home, trained):
    _registered, folder, _ = trained
    fresh = families.load(Family.SDXL, folder, "cpu")
    home.render(a_shot())
    used = home.engine._memory._held[1]
    assert list(fresh.denoiser.state_dict()) == list(used.denoiser.state_dict()), "no layer of the adapter is left"
    for name, part in fresh.parts.items():
        for key, value in part.state_dict().items():
            assert value.numpy().tobytes() == used.parts[name].state_dict()[key].numpy().tobytes(), (name, key)


def test_a_pose_is_followed_by_a_controlnet(home):
    posed, free = (home.render(a_shot(seed=4, pose=pose)).rgb_srgb for pose in ("plate", ""))
    assert posed.shape != free.shape or (posed != free).any()
    picture = np.zeros((90, 60, 3), np.uint8)
    picture[20:70, 28:32] = 255
    given = home.render(a_shot(seed=4, pose=IMAGE), pictures={IMAGE: picture}).rgb_srgb
    assert (given != free).any()


def test_her_body_by_her_measurements_is_followed_and_never_guessed(home):
    with pytest.raises(EngineRefused, match=r"engine\.measurements"):
        home.render(a_shot(seed=4, pose="body"))
    hers = {"cm.height": 172.0, "cm.bust": 82.0, "cm.waist": 60.0, "cm.hips": 88.0}
    twin = home.twins["mira"]
    twin.plates = {name: replace(plate, shape=hers) for name, plate in twin.plates.items()}
    posed, free = (home.render(a_shot(seed=4, pose=pose)).rgb_srgb for pose in ("body", ""))
    assert (posed != free).any()


def test_a_reference_is_followed(home):
    shot = a_shot(references=(IMAGE,), steps=6)
    red, blue = (np.full((80, 60, 3), colour, np.uint8) for colour in ((200, 30, 30), (30, 30, 200)))
    one, other = (home.render(shot, pictures={IMAGE: picture}).rgb_srgb for picture in (red, blue))
    assert (one != other).any()


@pytest.mark.parametrize("family", [Family.FLUX2_KLEIN, Family.QWEN_IMAGE_EDIT, Family.Z_IMAGE])
def test_the_other_families_paint_and_edit(weights, plate, family, monkeypatch):
    registered, folder = weights(family)
    # Tiny transformers at their true size would take an hour.
    monkeypatch.setattr(families.Base, "side", 64, raising=False)
    monkeypatch.setattr("twinbook.engines.diffusion.flow._Flow.native", 64)
    monkeypatch.setattr("twinbook.engines.diffusion.engine._sizes", lambda *weights: (64, 16))
    plan = replace(A_PLAN, steps=2, learning_rate=0.05)
    made = LoraTrainer().train(
        a_training(registered, folder, OpenTwin(plates(), act=Act.TRAIN), plan), lambda *said: None
    )
    checkpoint = checkpoint_of(made, registered, family=family)
    engine = DiffusionEngine(Shelf(registered, folder), device="cpu")
    twin = OpenTwin({plate.facts.id: plate}, {checkpoint.id: made.adapter})
    references = () if family is Family.Z_IMAGE else (IMAGE,)
    for shot in (a_shot(references=(IMAGE,)), a_shot(keep=Keep.PERSON, references=references)):
        planned = engine.plan(shot, {"mira": [plate.facts]}, {"mira": [checkpoint]})
        pictures = {IMAGE: np.full((40, 60, 3), 120, np.uint8)}
        picture = engine.render(RenderJob(shot, planned, {"mira": "d1"}, {"mira": twin}, pictures))
        assert picture.rgb_srgb.std() > 1
        assert np.isfinite(picture.rgb_srgb).all()


# --- refusals -----------------------------------------------------------------------------------------------------


def test_planning_says_why_not(home, plate, trained):

    def refused(shot, code, facts=(plate.facts,), checkpoints=None):
        with pytest.raises((EngineRefused, InputError)) as caught:
            home.engine.plan(shot, {"mira": facts}, home.checkpoints if checkpoints is None else checkpoints)
        assert caught.value.code == code

    refused(Shot("one", ("mira",), ("web-3x4",), scene="studio:sand"), "engine.operation")
    refused(Shot("one", ("mira",), ("web-3x4",)), "engine.operation")
    refused(a_shot(weights="others"), "weights.unknown")
    refused(a_shot(), "engine.plate", facts=())
    refused(a_shot(), "engine.checkpoint", checkpoints={})
    older = replace(home.checkpoints["mira"][0], weights_digest="0" * 64)
    refused(a_shot(), "engine.checkpoint", checkpoints={"mira": [older]})
    refused(a_shot(keep=Keep.PERSON), "backdrop.busy", facts=[replace(plate.facts, backdrop=Backdrop.BUSY)])
    refused(a_shot(keep=Keep.ALL_BUT_GARMENT, region="shoes"), "engine.region")
    refused(a_shot(references=(IMAGE, "image:" + "b" * 64)), "engine.operation")
    refused(a_shot(("mira", "sami"), keep=Keep.HEAD), "engine.talents")


def test_a_pose_takes_a_controlnet(weights, plate):
    engine = DiffusionEngine(Shelf(*weights(Family.SDXL)), device="cpu")
    with pytest.raises(EngineRefused) as caught:
        engine.plan(a_shot(pose="plate", keep=Keep.PERSON), {"mira": [plate.facts]})
    assert "ControlNet" in caught.value.diagnosis


def test_a_checkpoint_that_was_swapped_is_not_loaded(home):
    job = home.job(a_shot())
    home.twins["mira"].stored["checkpoint-mira"] = home.twins["sami"].stored["checkpoint-sami"]
    with pytest.raises(EngineRefused) as caught:
        home.engine.render(job)
    assert caught.value.code == "engine.checkpoint"


def test_an_adapter_that_changes_nothing_is_refused(home, trained):
    _registered, folder, _ = trained
    base = families.load(Family.SDXL, folder, "cpu")
    adapters.grow(base, 4, 0)
    empty = adapters.written(adapters.held(base, adapters.TRAINED), base)
    checkpoint = replace(home.checkpoints["mira"][0], sha256=hashlib.sha256(empty).hexdigest())
    home.checkpoints["mira"] = [checkpoint]
    home.twins["mira"].stored["checkpoint-mira"] = empty
    with pytest.raises(EngineRefused) as caught:
        home.render(a_shot())
    assert "no layer" in caught.value.diagnosis


def test_running_out_of_memory_is_said(home, monkeypatch):
    plain = home.render(a_shot(seed=1))
    assert "memory" not in plain.provenance
    real, failures = sampling.sample, iter([True, False])

    def short(*args, **more):
        if next(failures):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*args, **more)

    monkeypatch.setattr(sampling, "sample", short)
    made = home.render(a_shot(seed=1))
    assert "tiles" in made.provenance["memory"]
    monkeypatch.setattr(sampling, "sample", lambda *args, **more: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(EngineRefused) as caught:
        home.render(a_shot(seed=1))
    assert caught.value.code == "engine.memory"


def test_what_she_never_shows_is_told_to_the_weights(home, monkeypatch):
    heard = []
    real = families.Sdxl.encode
    monkeypatch.setattr(
        families.Sdxl, "encode", lambda self, prompts, *more: (heard.extend(prompts), real(self, prompts, *more))[1]
    )
    job = home.job(a_shot())
    object.__setattr__(job, "never", {"mira": ("fur", "alcohol")})
    home.engine.render(job)
    assert heard == ["sks person, a photo on the street", "fur, alcohol"]


def test_what_a_library_says_when_it_fails_is_not_repeated(home, monkeypatch):
    def fail(self, prompts, *more):
        raise ValueError(f"can't encode {prompts}")

    monkeypatch.setattr(families.Sdxl, "encode", fail)
    words = " ".join(["zebra", "crossing"])  # a traceback shows this file's lines as well
    with pytest.raises(StateError) as caught:
        home.render(a_shot(prompt=words))
    assert "ValueError at test_rendering.py" in caught.value.diagnosis
    assert words not in "".join(traceback.format_exception(caught.value))


def test_progress_is_told(trained, plate):
    heard = []
    Home(*trained, plate).render(a_shot(steps=4), progress=lambda *said: heard.append(said))
    assert heard == [(step, 4) for step in (1, 2, 3, 4)]


def test_somebody_who_does_not_exist_is_drawn_from_words_and_a_seed(sdxl):
    registered, folder = sdxl
    prompts = ["a woman of 31, facing the camera", "a woman of 31, full length"]

    def drawn(seed):
        made = PictureInventor("cpu").invent(folder, registered, prompts, "text", seed, 64, 2)
        return [picture.tobytes() for picture in made]

    first = drawn(1)
    assert first == drawn(1)
    assert len({*first, *drawn(2)}) == 4
