"""The whole way with real weights, a real training and a real engine, through the vault and the gate: from her photographs to
a checkpoint of hers, to pictures that were judged and released or held back."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from people_and_weights import a_plate
from training_office import ANY_EDIT, PARTS, generated

from twinbook import testing
from twinbook.domain.consent import Part
from twinbook.domain.errors import Refused
from twinbook.domain.generation import Generation
from twinbook.domain.paper import Paper
from twinbook.domain.provenance import SourceType
from twinbook.domain.weights import Family
from twinbook.domain.work import Stage
from twinbook.engines.diffusion import DiffusionEngine, LoraTrainer
from twinbook.ports import TrainingPlan
from twinbook.services import enroll, revoke, run, sign, train, weights
from twinbook.store import FileWeights

HIGH = a_plate().facts.height
PLAN = TrainingPlan(
    steps=4, rank=4, learning_rate=1e-2, resolution=64, prior=0.0, save_every=2, validate_every=2, validation_pictures=1,
    precision="fp32", device="cpu",
)  # fmt: skip


class Painted(testing.FakeMeter):
    """Plates of the painted figure, matte and regions and all, whatever the photographs show."""

    def _plate(self, file, look):
        real = a_plate(file.stem)
        plate = super()._plate(file, look)
        facts = replace(real.facts, id=plate.facts.id, photo=plate.facts.photo)
        face = self._face(real.rgb_srgb)
        return replace(real, facts=facts, embedding=face, skin_lab=face)

    def _face(self, rgb_srgb):
        """Where the painted figure has it: the fake's own place for it takes in what is beside her."""
        box = a_plate().facts.face
        inner = rgb_srgb[box.top : box.bottom, box.left : box.right] if rgb_srgb.shape[0] == HIGH else rgb_srgb
        return np.concatenate([inner.mean((0, 1)) / 255, np.zeros(125)])

    def measure(self, rgb_srgb, plates, asked):
        """Skin by the face, not by the whole picture, which another place would change."""
        lighter = float((self._face(rgb_srgb) - plates[0].embedding)[:3].mean() * 100)
        skin = {"skin.delta_e": abs(lighter), "skin.delta_l": lighter}
        found = super().measure(rgb_srgb, plates, asked)
        return [replace(each, value=skin.get(each.name, each.value)) for each in found]


@pytest.fixture
def home(tmp_path, clock, sdxl):
    shelf = FileWeights(tmp_path / "home" / "weights", clock)
    parts = {
        "weights": shelf,
        "trainer": LoraTrainer(),
        "engine": DiffusionEngine(shelf, "cpu", "fp32"),
        "meter": Painted(),
    }
    with testing.open_fake_office(tmp_path, clock, **parts) as office:
        weights.add(office, sdxl[1], "base", Family.SDXL, "Apache-2.0")
        yield office


def in_words(name="words", keep="nothing", prompt="she stands in a bright room"):
    return replace(generated(name), generate=Generation(prompt, "base", keep=keep, steps=2, seed=3), engine="fake")


@pytest.fixture
def planned(home, people, photos):
    shots = [in_words(), in_words("place", keep="person", prompt="a beach at dusk")]
    made = testing.campaign(photos, shots, parts=PARTS, edits=ANY_EDIT)
    people.sign_all(home, made)
    consent = sign.draw_papers(home, made)["mira"][0].digest
    enroll.enroll(home, "mira", consent, enroll.photographs(photos))
    return made, consent


def test_a_checkpoint_is_trained_under_her_consent_and_found_again(home, planned):
    _, consent = planned
    trained = train.train(home, "mira", consent, "base", PLAN)
    assert trained.new
    assert len(trained.checkpoint.plates) == 2
    assert set(trained.checkpoint.scores) == {2, 4}
    again = train.train(home, "mira", consent, "base", PLAN)
    assert (again.new, again.checkpoint) == (False, trained.checkpoint)


def test_nothing_of_what_was_trained_lies_open_on_the_disk(home, planned, tmp_path):
    train.train(home, "mira", planned[1], "base", PLAN)
    telling = (b"lora_A", b"lora_B", b"bright room", b"beach at dusk")
    home_files = [file for file in (tmp_path / "home" / "vault").rglob("*") if file.is_file()]
    assert len(home_files) > 3
    assert not [file for file in home_files if any(word in file.read_bytes() for word in telling)]


def test_words_alone_make_what_isnt_her_and_are_held_back_and_a_place_behind_her_is_released(home, planned, tmp_path):
    """Weights that learnt nothing draw noise: no engine's word makes her of it."""
    made, consent = planned
    train.train(home, "mira", consent, "base", PLAN)
    words, place = run.run(home, made, tmp_path).works
    assert words.stage is Stage.QUARANTINED
    assert words.made.source_type is SourceType.TRAINED
    assert place.stage is Stage.RELEASED, place.reasons
    assert place.made.source_type is SourceType.COMPOSITE_TRAINED
    with home.unit() as unit:
        assert not unit.books.open_holds(words.id), "what was held back costs nothing"


def test_without_a_checkpoint_of_hers_nobody_is_drawn_from_words(home, planned, tmp_path):
    words, place = run.run(home, planned[0], tmp_path).works
    assert {why.code for why in words.reasons} == {"engine.checkpoint"}
    assert place.stage is Stage.RELEASED, place.reasons


def test_once_she_lets_nobody_train_on_her_what_was_trained_is_gone(home, planned, people, tmp_path):
    made, consent = planned
    train.train(home, "mira", consent, "base", PLAN)
    withdrawn = Paper.of(revoke.revocation(home, "mira", parts=frozenset({Part.TRAIN})))
    revoke.revoke(home, withdrawn.document, people.key("mira").sign(withdrawn.message))
    words, _ = run.run(home, made, tmp_path).works
    assert words.stage is Stage.REFUSED
    with pytest.raises(Refused):
        train.train(home, "mira", consent, "base", PLAN)


def test_while_weights_are_hashed_nobody_waits_for_the_books(home, planned, tmp_path, monkeypatch):
    """They are gigabytes, and a transaction keeps every other writer out."""
    made, _ = planned
    open_units, seen = [], []
    unit, digest = home.unit, FileWeights._digest

    @contextmanager
    def counted():
        with unit() as one:
            open_units.append(one)
            try:
                yield one
            finally:
                open_units.pop()

    def watched(shelf, file, about, code):
        if file not in shelf._seen:
            seen.append(len(open_units))
        return digest(shelf, file, about, code)

    monkeypatch.setattr(FileWeights, "_digest", watched)
    home.weights._seen.clear()
    office = replace(home, unit=counted)
    run.run(office, made, tmp_path)
    assert seen
    assert set(seen) == {0}
