"""Training around her consent, under somebody else's eyes, on swapped weights, and killed in the middle."""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
from dataclasses import replace

import pytest
from killing import Switch, in_child
from training_office import PLAN, open_programme, some_weights

from twinbook import app, testing
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Refused, StateError, VaultRefused
from twinbook.domain.paper import Paper
from twinbook.domain.permit import Act
from twinbook.services import permit, revoke, run, train
from twinbook.services import weights as shelf
from twinbook.settings import Settings


@pytest.fixture
def trainer(office):
    return office.trainer


@pytest.fixture
def programme(office, people, photos, tmp_path):
    return open_programme(office, people, photos, tmp_path)


def withdraw(programme, *parts):
    asked = revoke.revocation(programme.office, "mira", parts=frozenset(parts))
    signed = programme.people.key("mira").sign(Paper.of(asked).message)
    revoke.revoke(programme.office, asked.document(), signed)


def objects(programme):
    box = programme.folder / "home" / "vault" / programme.office.vault.box("mira")
    return {file for file in box.rglob("*") if file.is_file()}


def test_a_consent_without_the_part_trains_nothing(office, people, photos, tmp_path, trainer):
    programme = open_programme(office, people, photos, tmp_path, parts=(Part.CAPTURE, Part.TEMPLATE, Part.GENERATE))
    with pytest.raises(Refused, match=r"consent\.part"):
        programme.train()
    assert not trainer.steps
    assert not programme.entries("twin:trained")


def test_a_permit_to_train_writes_no_picture_and_reads_no_template(programme, office):
    granted = permit.for_training(office, "mira", programme.consent, "a training")
    with office.unit() as unit:
        plate = unit.twins.current("mira").plates[0].id
    with office.vault.open("mira", granted) as twin:
        assert granted.act is Act.TRAIN
        assert twin.plate(plate).rgb_srgb.size
        assert not twin.plate(plate).embedding.size
        with pytest.raises(VaultRefused, match=r"permit\.act"):
            twin.put_picture("work/x", twin.plate(plate).rgb_srgb)


@pytest.mark.parametrize("parts", [(Part.TRAIN,), ()], ids=["the part", "everything"])
@pytest.mark.parametrize("at", [1, 4, 6])
def test_who_withdraws_during_a_training_stops_it_and_nothing_is_left(programme, trainer, parts, at):
    before = objects(programme)
    trainer._before = lambda step: withdraw(programme, *parts) if step == at else None
    with pytest.raises(VaultRefused, match=r"permit\.revoked"):
        programme.train()
    assert trainer.steps[-1] == at, "not a step further"
    assert objects(programme) == before
    assert not programme.entries("twin:trained")


def test_who_withdraws_at_the_last_moment_is_heard(programme, office, trainer, monkeypatch):
    """After the last step was heard, before anything was stored."""
    before, train = objects(programme), trainer.train

    def train_and_withdraw(job, progress):
        done = train(job, progress)
        withdraw(programme, Part.TRAIN)
        return done

    monkeypatch.setattr(trainer, "train", train_and_withdraw)
    with pytest.raises(VaultRefused, match=r"permit\.revoked"):
        programme.train()
    assert objects(programme) == before
    with office.unit() as unit:
        assert not unit.checkpoints.all()


def test_a_busy_database_stops_no_training_and_hides_no_withdrawal(programme, office, trainer):
    """Somebody writes for minutes while a step ends; she withdraws in that time."""
    busy = []

    def unit():
        if busy:
            raise StateError("home.busy", busy.pop())
        return office.unit()

    trainer._before = lambda step: busy.append("another process is writing") if step in (2, 3) else None
    assert replace(programme, office=replace(office, unit=unit)).train(plan=replace(PLAN, validate_every=9)).new

    def withdraw_meanwhile(step):
        if step == 2:
            withdraw(programme, Part.TRAIN)
            busy.append("another process is writing")

    trainer.steps.clear()
    trainer._before = withdraw_meanwhile
    with pytest.raises(VaultRefused, match=r"permit\.revoked"):
        replace(programme, office=replace(office, unit=unit)).train(plan=replace(PLAN, seed=1, validate_every=9))
    assert trainer.steps == [1, 2, 3]


def test_another_tenant_neither_sees_nor_trains_her(programme, tmp_path, clock):
    programme.train()
    fakes = {"meter": testing.FakeMeter(), "sealer": testing.FakeSealer(), "reader": testing.FakeReader()}
    where = Settings(tmp_path / "home", tenant="other")
    with app.open_office(
        where, clock, {"composite": testing.FakeEngine()}, trainer=programme.office.trainer, **fakes
    ) as o:
        with o.unit() as unit:
            assert not unit.checkpoints.all()
        with pytest.raises(InputError, match=r"training\.twin"):
            replace(programme, office=o).train()


def test_weights_that_were_changed_train_nothing(programme, tmp_path, trainer):
    some_weights(tmp_path / "models" / "base", b"evil")
    with pytest.raises(StateError, match=r"weights\.changed"):
        programme.train()
    assert not trainer.steps


def test_other_weights_under_the_same_name_load_no_checkpoint(programme, office, tmp_path):
    """Trained, then the name is given to other files: neither found again as trained, nor rendered with."""
    made = programme.train().checkpoint
    shelf.remove(office, "base")
    shelf.add(office, some_weights(tmp_path / "models" / "other", b"othr"), "base", made.family, "MIT")
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert [why.code for why in work.reasons] == ["weights.other"]
    assert office.engines["fake"].renders == 0
    assert programme.train().new


def test_a_licence_that_somebody_states_later_frees_no_checkpoint(office, people, photos, tmp_path):
    from training_office import generated

    programme = open_programme(office, people, photos, tmp_path, shots=[generated(weights="study")])
    made = programme.train("study").checkpoint
    shelf.remove(office, "study")
    shelf.add(office, tmp_path / "models" / "study", "study", made.family, "our own contract", commercial=True)
    (work,) = run.run(office, programme.planned, tmp_path).works
    assert [why.code for why in work.reasons] == ["weights.licence"]
    assert [entry["facts"]["commercial"] for entry in programme.entries("weights:added")][-1] == "stated"


@pytest.mark.parametrize("used", [(), ("somebody-elses",)])
def test_a_trainer_that_used_other_plates_is_not_believed(programme, trainer, monkeypatch, used):
    train = trainer.train
    monkeypatch.setattr(trainer, "train", lambda job, heard: replace(train(job, heard), used=used))
    before = objects(programme)
    with pytest.raises(StateError, match=r"training\.failed"):
        programme.train()
    assert objects(programme) == before


def _train_until(folder, consent, at):
    def kill(step):
        if step == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with testing.open_fake_office(folder, trainer=testing.FakeTrainer(kill)) as office:
        train.train(office, "mira", consent, "base", PLAN)


@pytest.mark.parametrize("at", [1, 4, 6])
def test_a_killed_training_goes_on_and_ends_as_if_nothing_had_been(programme, trainer, people, photos, tmp_path, at):
    child = multiprocessing.get_context("fork").Process(target=_train_until, args=(tmp_path, programme.consent, at))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    with programme.office.unit() as unit:
        assert not unit.checkpoints.all(), "nothing of it counts before its end"
    made = programme.train().checkpoint
    assert trainer.steps[0] == at - (at - 1) % PLAN.save_every, "from the last saved step on"
    with testing.open_fake_office(tmp_path / "elsewhere", testing.FakeClock()) as other:
        people = testing.People(tmp_path / "elsewhere" / "keys")
        whole = open_programme(other, people, photos, tmp_path / "elsewhere").train().checkpoint
    assert (made.sha256, made.losses, made.scores) == (whole.sha256, whole.losses, whole.scores)


def test_a_process_that_dies_before_the_adapter_is_stored_has_lost_no_step(programme, trainer, monkeypatch):
    before, done = objects(programme), trainer.train

    def train_and_die(job, heard):
        done(job, heard)
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "train", train_and_die)
    with pytest.raises(KeyboardInterrupt):
        programme.train()
    monkeypatch.setattr(trainer, "train", done)
    programme.train()
    assert trainer.steps == [1, 2, 3, 4, 5, 6]
    assert len(objects(programme) - before) == 1, "the adapter alone"


def _play(folder, consent, deadly=0):
    switch = Switch(deadly)
    with testing.open_fake_office(folder) as office:
        for patch in switch.armed():
            patch.start()
        train.train(office, "mira", consent, "base", PLAN)
    return switch.passed


def test_killed_on_either_side_of_any_effect_it_ends_the_same(people, photos, tmp_path):
    """Every commit, rename and removal of a training, one after another."""
    start = tmp_path / "start"
    with testing.open_fake_office(start) as office:
        consent = open_programme(office, people, photos, start).consent
    ends = set()
    shutil.copytree(start, tmp_path / "whole")
    points = int(in_child(_play, tmp_path / "whole", consent)[1])
    assert points >= 20
    for deadly in [0, *range(1, points + 1)]:
        folder = tmp_path / f"at-{deadly}"
        shutil.copytree(start, folder)
        if deadly:
            status, said = in_child(_play, folder, consent, deadly)
            assert os.WIFSIGNALED(status), said
        with testing.open_fake_office(folder) as office:
            done = train.train(office, "mira", consent, "base", PLAN).checkpoint
            with office.unit() as unit:
                assert unit.checkpoints.all() == [done]
                told = [body for body in map(json.loads, unit.log.bodies()) if body["act"] == "twin:trained"]
            assert len(told) == 1
            with office.vault.open("mira", permit.for_training(office, "mira", consent, "look")) as twin:
                assert hashlib.sha256(twin.weights(done.id)).hexdigest() == done.sha256 == told[0]["facts"]["adapter"]
            ends.add((done.id, done.sha256, str(done.losses), str(done.scores)))
        shutil.rmtree(folder)
    assert len(ends) == 1


def test_two_who_train_the_same_keep_one_adapter(programme, office, trainer, monkeypatch):
    """The second one comes to its end while the first one is done: the adapter that the books tell of stays."""
    train = trainer.train

    def train_beside_another(job, heard):
        monkeypatch.setattr(trainer, "train", train)
        done = train(job, heard)
        programme.train()
        return replace(done, adapter=b"of another machine")

    monkeypatch.setattr(trainer, "train", train_beside_another)
    ours = programme.train()
    assert not ours.new
    with office.vault.open("mira", permit.for_training(office, "mira", programme.consent, "look")) as twin:
        assert twin.weights(ours.checkpoint.id) != b"of another machine"
    assert len(programme.entries("twin:trained")) == 1


def test_the_disk_shows_no_adapter_and_no_name(programme, tmp_path, trainer):
    trainer._before = lambda step: None
    programme.train()
    for file in (tmp_path / "home" / "vault").rglob("*"):
        assert "mira" not in str(file.relative_to(tmp_path))
        if file.is_file():
            assert b"__metadata__" not in file.read_bytes()
