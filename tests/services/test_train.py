"""From plates to a checkpoint, and from a checkpoint to a released picture."""

from dataclasses import replace

import pytest
from training_office import PARTS, PLAN, generated, open_programme

from twinbook import testing
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper
from twinbook.domain.work import Stage
from twinbook.services import copies, permit, revoke, run, train
from twinbook.services import erase as erasing
from twinbook.services import weights as shelf


@pytest.fixture
def trainer(office):
    return office.trainer


@pytest.fixture
def programme(office, people, photos, tmp_path):
    return open_programme(office, people, photos, tmp_path)


def adapter(programme, checkpoint):
    granted = permit.for_training(programme.office, "mira", programme.consent, "to look")
    with programme.office.vault.open("mira", granted) as twin:
        return twin.weights(checkpoint.id)


def test_a_training_says_exactly_what_went_in(programme, office):
    import hashlib

    made = programme.train().checkpoint
    with office.unit() as unit:
        twin, captures = unit.twins.current("mira"), unit.twins.captures("mira")
        assert unit.checkpoints.current("mira") == [made]
    assert made.plates == tuple(plate.id for plate in twin.plates)
    assert made.weights_digest == office.weights.get("base").digest
    assert hashlib.sha256(adapter(programme, made)).hexdigest() == made.sha256
    (entry,) = programme.entries("twin:trained")
    assert entry["facts"] == {
        "checkpoint": made.id,
        "captures": captures,
        "plates": ",".join(made.plates),
        "weights": made.weights_digest,
        "licence": "Apache-2.0",
        "adapter": made.sha256,
        "steps": "6",
        "step": str(made.step),
        "rank": "4",
        "consent": programme.consent,
        "permit": entry["facts"]["permit"],
    }
    assert "mira" not in str(entry).lower(), "the log names nobody"


def test_the_same_training_is_found_again(programme, trainer):
    first = programme.train()
    again = programme.train(plan=replace(PLAN, device="cuda:1"))
    assert first.new
    assert (again.checkpoint, again.new) == (first.checkpoint, False)
    assert trainer.steps == [1, 2, 3, 4, 5, 6]
    assert programme.train(plan=replace(PLAN, seed=1)).checkpoint.id != first.checkpoint.id
    assert programme.train("study").checkpoint.id != first.checkpoint.id


def test_her_pictures_are_scored_by_how_near_they_are_to_her(programme):
    made = programme.train().checkpoint
    assert sorted(made.scores) == [3, 6]
    assert all(score > 0.9 for score in made.scores.values())
    assert made.step in made.scores


def test_a_picture_without_a_face_counts_as_the_farthest(programme, office, monkeypatch):
    monkeypatch.setattr(testing.FakeMeter, "distance", lambda self, picture, plates: None)
    assert set(programme.train().checkpoint.scores.values()) == {0.0}


def test_nobody_is_recognised_without_the_part_for_it(programme, office, people, monkeypatch):
    """She withdraws the template: training goes on, and no score is taken."""
    asked = revoke.revocation(office, "mira", parts=frozenset({Part.TEMPLATE}))
    revoke.revoke(office, asked.document(), people.key("mira").sign(Paper.of(asked).message))
    monkeypatch.setattr(testing.FakeMeter, "distance", lambda *a: pytest.fail("compared"))
    made = programme.train().checkpoint
    assert not made.scores
    assert made.step == PLAN.steps


def test_a_curve_is_kept_thinned(programme):
    made = programme.train(plan=replace(PLAN, steps=501, save_every=1000, validate_every=1000)).checkpoint
    assert len(made.losses) <= 202
    assert {1, 501} <= set(made.losses)


def test_there_must_be_a_twin_and_weights(office, people, photos, tmp_path):
    programme = open_programme(office, people, photos, tmp_path)
    with pytest.raises(InputError, match=r"weights\.unknown"):
        programme.train("nothing")
    with pytest.raises(InputError, match=r"training\.twin"):
        train.train(office, "sami", programme.consent, "base", PLAN)


def test_without_the_extra_it_says_what_to_install(people, photos, tmp_path, clock, monkeypatch):
    import sys

    from twinbook import app

    monkeypatch.setitem(sys.modules, "twinbook.engines.diffusion", None)
    with testing.open_fake_office(tmp_path, clock, trainer=app._Later(app._trainer)) as office:
        programme = open_programme(office, people, photos, tmp_path)
        with pytest.raises(InputError, match=r"diffusion\.missing") as refused:
            programme.train()
    assert "twinbook[diffusion]" in refused.value.remedy


def test_an_engine_whose_extra_is_missing_is_a_reason_and_nothing_is_held(people, photos, tmp_path, clock, monkeypatch):
    import sys

    from twinbook import app
    from twinbook.settings import Settings

    monkeypatch.setitem(sys.modules, "twinbook.engines.diffusion", None)
    with testing.open_fake_office(tmp_path, clock) as office:
        programme = open_programme(office, people, photos, tmp_path, shots=[generated(engine="diffusion")])
    fakes = {"meter": testing.FakeMeter(), "sealer": testing.FakeSealer(), "reader": testing.FakeReader()}
    with app.open_office(Settings(tmp_path / "home"), clock, **fakes) as office:
        (work,) = run.run(office, programme.planned, tmp_path).works
        assert [why.code for why in work.reasons] == ["diffusion.missing"]
        with office.unit() as unit:
            assert not unit.books.transactions()


# --- what becomes of it -----------------------------------------------------------------------------------------


def test_a_picture_is_made_with_her_checkpoint(programme, office, tmp_path):
    made = programme.train().checkpoint
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert work.stage is Stage.RELEASED, work.reasons
    engine = office.engines["fake"]
    assert engine.never == {"mira": frozenset({"fur", "tobacco"})}
    with office.unit() as unit:
        assert copies.made_as(unit, work).value == "generated"
        assert unit.checkpoints.current("mira") == [made]


def test_without_a_checkpoint_the_engine_refuses(programme, office, tmp_path):
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert [why.code for why in work.reasons] == ["engine.checkpoint"]
    programme.train()
    assert run.run(office, programme.planned, tmp_path).works[0].stage is Stage.RELEASED


def test_a_paid_picture_on_weights_that_may_not_be_sold_is_refused_before_anything_is_held(
    office, people, photos, tmp_path
):
    programme = open_programme(office, people, photos, tmp_path, shots=[generated(weights="study")])
    programme.train("study")
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert [why.code for why in work.reasons] == ["weights.licence"] * 2
    with office.unit() as unit:
        assert not unit.books.transactions()
    assert office.engines["fake"].renders == 0


def test_without_a_fee_such_weights_will_do(office, people, photos, tmp_path):
    free = {"fee": Money.parse("0 EUR"), "min_fee": Money.parse("0 EUR")}
    programme = open_programme(office, people, photos, tmp_path, shots=[generated(weights="study")], **free)
    programme.train("study")
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert work.stage is Stage.RELEASED, work.reasons


def test_unknown_weights_are_a_reason(office, people, photos, tmp_path):
    programme = open_programme(office, people, photos, tmp_path)
    programme.train()
    shelf.remove(office, "base")
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert [why.code for why in work.reasons] == ["weights.unknown"]


@pytest.mark.parametrize("prompt", ["she wears a fur coat", "Furs, and nothing else", "no FUR please"])
def test_a_prompt_that_asks_for_what_she_never_allows_is_refused(office, people, photos, tmp_path, prompt):
    programme = open_programme(office, people, photos, tmp_path, shots=[generated(prompt=prompt)])
    programme.train()
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert "consent.never" in [why.code for why in work.reasons]


def test_withdrawing_the_part_destroys_what_was_trained(programme, office, people, tmp_path):
    made = programme.train().checkpoint
    box = tmp_path / "home" / "vault" / office.vault.box("mira")
    before = {file for file in box.rglob("*") if file.is_file()}
    asked = revoke.revocation(office, "mira", parts=frozenset({Part.TRAIN}))
    revoke.revoke(office, asked.document(), people.key("mira").sign(Paper.of(asked).message))
    gone = before - {file for file in box.rglob("*") if file.is_file()}
    assert len(gone) == 1, "the adapter, and nothing else of hers"
    with office.unit() as unit:
        assert unit.checkpoints.get(made.id) is None
    assert programme.entries("twin:untrained")[0]["facts"] == {"checkpoints": "1"}
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert [why.code for why in work.reasons] == ["engine.checkpoint"]
    with pytest.raises(Refused, match=r"consent\.part"):
        programme.train()


def test_withdrawing_something_else_leaves_it(programme, office, people):
    made = programme.train().checkpoint
    asked = revoke.revocation(office, "mira", parts=frozenset({Part.GENERATE}))
    revoke.revoke(office, asked.document(), people.key("mira").sign(Paper.of(asked).message))
    with office.unit() as unit:
        assert unit.checkpoints.get(made.id) == made
    assert adapter(programme, made)


def test_a_consent_in_place_of_another_that_lets_train_leaves_it(programme, office, people, photos):
    from twinbook.services import sign

    made = programme.train().checkpoint
    kept = testing.campaign(photos, [generated()], parts=PARTS, replaces=programme.consent, purpose="more images")
    people.sign_all(office, kept)
    with office.unit() as unit:
        assert unit.papers.get(programme.consent).revoked_at is not None
        assert unit.checkpoints.get(made.id) == made
    consent = sign.draw_papers(office, kept)["mira"][0].digest
    less = testing.campaign(photos, [generated()], purpose="fewer images", replaces=consent)
    people.sign_all(office, less)
    with office.unit() as unit:
        assert unit.checkpoints.get(made.id) is None


def test_what_was_trained_is_in_her_copy_of_everything(programme, office, people, tmp_path):
    import zipfile

    from twinbook.domain.access import Scope
    from twinbook.services import access

    made = programme.train().checkpoint
    asked = access.request(office, "mira", Scope.EVERYTHING)
    signed = people.key("mira").sign(Paper.of(asked).message)
    sections = access.disclose(office, asked.document(), signed, tmp_path / "copy.zip")
    assert sections["trained"] == [f"trained/{made.id}.{ending}" for ending in ("json", "pdf", "safetensors")]
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        assert archive.read(f"trained/{made.id}.safetensors") == adapter(programme, made)


def test_erasing_leaves_nothing_of_it(programme, office, people):
    programme.train()
    asked = erasing.erasure(office, "mira")
    erasing.erase(office, asked.document(), people.key("mira").sign(Paper.of(asked).message))
    with office.unit() as unit:
        assert not unit.checkpoints.all()
