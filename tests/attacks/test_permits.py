"""No pixel without a permit: around the gate, with a used one, with a changed one, nothing opens."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from twinbook import testing
from twinbook.domain.errors import EngineRefused, InputError, StateError, VaultRefused
from twinbook.domain.paper import Paper
from twinbook.domain.permit import Act, Permit
from twinbook.ports import Plan, RenderJob
from twinbook.services import permit, revoke, run


@pytest.fixture
def programme(office, people, photos, tmp_path):
    """A released shot, so that there is a twin, and its plate's id."""
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    outcome = run.run(office, planned, tmp_path)
    with office.unit() as unit:
        plate = unit.twins.current("mira").plates[0].id
    return planned, outcome.works[0], plate


def test_a_permit_opens_the_vault_once(office, programme):
    _, work, plate = programme
    granted = permit.for_shot(office, work, Act.RENDER)["mira"]
    with office.vault.open("mira", granted) as twin:
        assert twin.plate(plate).rgb_srgb.shape == (128, 96, 3)
    with pytest.raises(VaultRefused, match=r"permit\.spent"), office.vault.open("mira", granted):
        pass


def test_what_was_lent_is_shut_after_the_loan(office, programme):
    _, work, plate = programme
    with office.vault.open("mira", permit.for_shot(office, work, Act.RENDER)["mira"]) as twin:
        pass
    with pytest.raises(VaultRefused, match=r"permit\.expired"):
        twin.plate(plate)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "0" * 32},
        {"act": Act.TRAIN},
        {"talent": "eve"},
        {"request_digest": "0" * 64},
        {"consent": "0" * 64},
        {"license": None},
        {"expires": testing.NOON + timedelta(days=365)},
        {"mac": "0" * 64},
        {"mac": ""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_permit_opens_nothing(office, programme, change):
    _, work, _ = programme
    granted = replace(permit.for_shot(office, work, Act.RENDER)["mira"], **change)
    with pytest.raises(VaultRefused, match=r"permit\.forged"), office.vault.open(granted.talent, granted):
        pass


def test_a_permit_from_another_home_opens_nothing(office, programme, tmp_path):
    _, work, _ = programme
    with testing.open_fake_office(tmp_path / "elsewhere") as other:
        granted = permit.for_shot(office, work, Act.RENDER)["mira"].sealed(other.permit_key)
    with pytest.raises(VaultRefused, match=r"permit\.forged"), office.vault.open("mira", granted):
        pass


def test_a_permit_made_by_hand_opens_nothing(office, programme):
    made = Permit("x", Act.RENDER, "mira", "0" * 64, "0" * 64, "0" * 64, testing.NOON + timedelta(minutes=5))
    for attempt in (made, made.sealed(b"guessed")):
        with pytest.raises(VaultRefused, match=r"permit\.forged"), office.vault.open("mira", attempt):
            pass


def test_a_permit_is_soon_too_old(office, programme, clock):
    _, work, _ = programme
    granted = permit.for_shot(office, work, Act.RENDER)["mira"]
    clock.at += timedelta(minutes=16)
    with pytest.raises(VaultRefused, match=r"permit\.expired"), office.vault.open("mira", granted):
        pass


def test_a_permit_for_one_twin_does_not_open_another(office, programme):
    _, work, _ = programme
    granted = permit.for_shot(office, work, Act.RENDER)["mira"]
    with pytest.raises(VaultRefused, match=r"permit\.act"), office.vault.open("eve", granted):
        pass


def test_a_permit_granted_before_a_revocation_is_worthless_after(office, programme, people):
    _, work, _ = programme
    granted = permit.for_shot(office, work, Act.RENDER)["mira"]
    document = revoke.revocation(office, "mira")
    revoke.revoke(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    with pytest.raises(VaultRefused, match=r"permit\.revoked"), office.vault.open("mira", granted):
        pass


def test_a_permit_to_render_does_not_enroll_nor_one_to_measure_paint(office, programme):
    _, work, plate = programme
    with office.vault.open("mira", permit.for_shot(office, work, Act.RENDER)["mira"]) as twin:
        stored = twin.plate(plate)
        with pytest.raises(VaultRefused, match=r"permit\.act"):
            twin.put_plate(stored)


@pytest.mark.parametrize("wrong", ["no twin", "to measure", "another request"])
def test_an_engine_refuses_a_job_that_the_gate_did_not_permit(office, programme, wrong):
    _, work, plate = programme
    engine = testing.FakeEngine()
    act = Act.MEASURE if wrong == "to measure" else Act.RENDER
    granted = permit.for_shot(office, work, act)["mira"]
    with office.vault.open("mira", granted) as twin:
        digest = "0" * 64 if wrong == "another request" else granted.request_digest
        twins = {} if wrong == "no twin" else {"mira": twin}
        job = RenderJob(work.shot, Plan(plate, ("recolor",)), {"mira": digest}, twins)
        with pytest.raises(EngineRefused, match=r"engine\.permit"):
            engine.render(job)
    assert engine.renders == 0


def test_the_disk_shows_neither_her_pixels_nor_her_name(office, programme, tmp_path):
    photograph = np.asarray(Image.open(tmp_path / "photos" / "view-0.png"))
    rows = [photograph[y].tobytes() for y in (0, 64, 105)]
    for file in (tmp_path / "home" / "vault").rglob("*"):
        assert "mira" not in str(file.relative_to(tmp_path))
        if file.is_file():
            data = file.read_bytes()
            assert not any(row in data for row in rows)
            assert b"mira" not in data.lower()


def test_an_object_moved_or_changed_on_disk_is_noticed(office, programme, tmp_path):
    _, work, plate = programme
    objects = [f for f in (tmp_path / "home" / "vault").rglob("*") if f.is_file() and f.name != "key"]
    for file in objects:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    granted = permit.for_shot(office, work, Act.RENDER)["mira"]
    with office.vault.open("mira", granted) as twin, pytest.raises(StateError, match=r"vault\.damaged"):
        twin.plate(plate)


def test_another_master_key_opens_nothing_and_says_so(office, programme, tmp_path):
    from twinbook import app
    from twinbook.settings import Settings

    _, work, _ = programme
    other = Settings(tmp_path / "home", master_key=bytes(32))
    fakes = {"meter": testing.FakeMeter(), "sealer": testing.FakeSealer(), "reader": testing.FakeReader()}
    with app.open_office(other, testing.FakeClock(), {"composite": testing.FakeEngine()}, **fakes) as stranger:
        granted = permit.for_shot(stranger, work, Act.RENDER)["mira"]
        with pytest.raises((InputError, VaultRefused)) as refused, stranger.vault.open("mira", granted):
            pass
    assert refused.value.code in ("key.master", "vault.missing")
