"""A picture made on somebody else's GPU: the papers it takes, and what the office does when that machine is away."""

from dataclasses import replace

import numpy as np
import pytest
from comfy_server import ComfyStub

from twinbook import testing
from twinbook.domain.errors import StateError
from twinbook.domain.generation import Generation
from twinbook.domain.provenance import SourceType
from twinbook.domain.weights import Family
from twinbook.domain.work import Stage
from twinbook.engines.comfyui import ComfyEngine, ComfySettings
from twinbook.services import run, weights

HOUSE = "GPU house"


class CutOut(testing.FakeMeter):
    """Plates with a matte: she is nearly all of the picture, or the fake measures would take the scene for her skin."""

    def _plate(self, file, look):
        plate = super()._plate(file, look)
        alpha = np.zeros_like(plate.alpha)
        alpha[4:, 2:94] = 255
        return replace(plate, alpha=alpha)


@pytest.fixture
def server(tmp_path):
    with ComfyStub(tmp_path / "comfy") as stub:
        yield stub


@pytest.fixture
def office(tmp_path, clock, server):
    # The server lies behind a tunnel, so that it looks like this machine.
    there = ComfySettings(server.url, tmp_path / "lock", operator=HOUSE, pause=0.03)
    parts = {"meter": CutOut(), "engine": Both(ComfyEngine(there))}
    with testing.open_fake_office(tmp_path, clock, **parts) as made:
        weights.declare(made, "base", Family.SDXL, "OpenRAIL++")
        yield made


class Both:
    """The fake office names its engine: here it is this one."""

    def __init__(self, engine):
        self.profile, self.prepare, self.plan, self.render = engine.profile, engine.prepare, engine.plan, engine.render


def planned(photos, vendors=(), vendor=HOUSE):
    on_beach = Generation("a beach at dusk", "base", keep="person", seed=7)
    shot = testing.a_shot("beach", recolor=None, engine="fake", vendor=vendor, generate=on_beach)
    return testing.campaign(photos, [shot], vendors=frozenset(vendors))


def made(office, people, campaign, folder):
    people.sign_all(office, campaign)
    (work,) = run.run(office, campaign, folder).works
    return work


def test_without_a_hand_off_that_she_signed_no_pixel_leaves(office, people, photos, server, tmp_path):
    work = made(office, people, planned(photos), tmp_path)
    assert work.stage is Stage.REFUSED
    assert {why.code for why in work.reasons} == {"license.vendor"}
    assert server.log == []


def test_nor_does_one_when_the_shot_is_silent_about_where_it_is_made(office, people, photos, server, tmp_path):
    work = made(office, people, planned(photos, [HOUSE], vendor=""), tmp_path)
    assert {why.code for why in work.reasons} == {"engine.vendor"}
    assert server.log == []


def test_with_it_the_picture_is_made_judged_and_released(office, people, photos, server, tmp_path):
    work = made(office, people, planned(photos, [HOUSE]), tmp_path)
    assert work.stage is Stage.RELEASED, work.reasons
    assert work.made.source_type is SourceType.COMPOSITE_TRAINED
    assert work.made.operations == ("generate",)
    assert server.files() == []


def test_a_machine_that_is_away_loses_nothing(office, people, photos, server, tmp_path):
    campaign = planned(photos, [HOUSE])
    server.instead["/"] = lambda handler: handler.answer(502) or True
    with pytest.raises(StateError) as caught:
        made(office, people, campaign, tmp_path)
    assert caught.value.code == "engine.unreachable"
    server.instead.clear()
    (work,) = run.run(office, campaign, tmp_path).works
    assert work.stage is Stage.RELEASED, work.reasons
    assert len(server.calls("POST", "/prompt")) == 1
