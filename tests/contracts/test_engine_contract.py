"""What every engine must hold to, run on each of them. To add an engine, add a line to `ENGINES`: how it is made in a folder
of its own, as a context manager, and a shot that it can do."""

import importlib.util
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from comfy_server import ComfyStub
from painted_figure import paint, plate_of

from twinbook.domain.brief import Recolor, Shot
from twinbook.domain.errors import EngineRefused, StateError
from twinbook.domain.generation import Generation, Keep
from twinbook.domain.permit import Act, Permit
from twinbook.domain.provenance import SourceType
from twinbook.domain.twin import Backdrop
from twinbook.engines.comfyui import ComfyEngine, ComfySettings
from twinbook.engines.composite import CompositeEngine
from twinbook.ports import Plan, RenderJob
from twinbook.testing import FakeEngine
from twinbook.vision.regions import label_map


@cache
def diffusion():
    from tiny_training import Shelf
    from tiny_weights import tiny

    from twinbook.domain.weights import Family
    from twinbook.engines.diffusion import DiffusionEngine

    folder = Path(tempfile.mkdtemp())
    return DiffusionEngine(Shelf(tiny(Family.SDXL, folder), folder), device="cpu")


DYED = Shot("one", ("mira",), ("web-2x3",), scene="studio:sand", recolor=Recolor("top", "#884422"))
REDRESSED = Shot(
    "one",
    ("mira",),
    ("web-2x3",),
    engine="comfyui",
    generate=Generation("a green silk blouse", "base", keep="all-but-garment", region="top"),
)
REMADE = replace(
    REDRESSED,
    engine="diffusion",
    generate=Generation("a brown top", "tiny", keep=Keep.ALL_BUT_GARMENT, region="top", steps=2),
)


@contextmanager
def comfyui(folder):
    with ComfyStub(folder) as server:
        yield ComfyEngine(ComfySettings(server.url, folder / "lock", pause=0.03))


ENGINES = {
    "comfyui": (comfyui, REDRESSED),
    "composite": (lambda folder: nullcontext(CompositeEngine()), DYED),
    "fake": (lambda folder: nullcontext(FakeEngine()), DYED),
}
if all(map(importlib.util.find_spec, ("torch", "diffusers", "peft"))):
    ENGINES["diffusion"] = (lambda folder: nullcontext(diffusion()), REMADE)


@pytest.fixture(params=sorted(ENGINES))
def made(request, tmp_path):
    make, shot = ENGINES[request.param]
    with make(tmp_path) as engine:
        yield engine, shot


@pytest.fixture
def engine(made):
    return made[0]


@pytest.fixture
def shot(made):
    return made[1]


@pytest.fixture(scope="module")
def plate():
    plate = plate_of(paint(high=480))
    labels = label_map(plate.rgb_srgb, plate.alpha, plate.facts.face, plate.landmarks, plate.skin_lab)
    return replace(plate, regions=labels)


class OpenTwin:
    """A twin as the vault hands it out, with plates in memory."""

    def __init__(self, *plates, act=Act.RENDER, talent="mira", digest="d1"):
        self.permit = Permit("p", act, talent, digest, "consent", "license", datetime(2030, 1, 1, tzinfo=UTC))
        self._plates = {plate.facts.id: plate for plate in plates}

    def plate(self, plate_id):
        return self._plates[plate_id]


def a_job(engine, plate, shot, twin=None, digest="d1"):
    plan = engine.plan(shot, {"mira": [plate.facts]})
    return RenderJob(shot, plan, {"mira": digest}, {"mira": twin or OpenTwin(plate)})


def test_the_profile_says_what_it_is(engine):
    profile = engine.profile()
    assert profile.name
    assert profile.version
    assert profile.operations <= {
        "scene",
        "recolor",
        "print",
        "tryon",
        "accessories",
        "mannequin",
        "pose",
        "train",
        "generate",
    }
    assert profile.max_pixels >= 1_000_000
    assert profile.licences["code"]
    assert engine.profile() == profile


def test_a_plan_names_one_of_her_plates_and_the_operations(engine, shot, plate):
    plan = engine.plan(shot, {"mira": [plate.facts]})
    assert plan.plate == plate.facts.id
    assert plan.operations == shot.operations


def test_planning_refuses_before_anything_is_opened(engine, shot, plate):
    class Unknown(Shot):
        operations = ("levitate",)

    odd = Unknown("odd", ("mira",), ("web-2x3",))
    with pytest.raises(EngineRefused) as caught:
        engine.plan(odd, {"mira": [plate.facts]})
    assert caught.value.code == "engine.operation"
    for asked, facts in ((replace(shot, plate="elsewhere"), [plate.facts]), (shot, [])):
        with pytest.raises(EngineRefused) as caught:
            engine.plan(asked, {"mira": facts})
        assert caught.value.code == "engine.plate"


@pytest.mark.parametrize(
    "twin",
    [
        None,
        OpenTwin(act=Act.MEASURE),
        OpenTwin(talent="sami"),
        OpenTwin(digest="d2"),
    ],
)
def test_no_pixel_without_a_permit_for_this_request(engine, shot, plate, twin):
    job = RenderJob(shot, engine.plan(shot, {"mira": [plate.facts]}), {"mira": "d1"}, {"mira": twin} if twin else {})
    with pytest.raises(EngineRefused) as caught:
        engine.render(job)
    assert caught.value.code == "engine.permit"


def test_a_rendering_is_whole(engine, shot, plate):
    before = plate.rgb_srgb.copy()
    made = engine.render(a_job(engine, plate, shot))
    shape = plate.rgb_srgb.shape
    assert made.rgb_srgb.shape == shape
    assert made.rgb_srgb.dtype == np.uint8
    assert made.alpha.shape == made.altered.shape == shape[:2]
    assert made.alpha.dtype == np.uint8
    assert made.altered.dtype == bool
    assert isinstance(made.source_type, SourceType)
    if made.generated is not None:
        assert made.generated.shape == shape[:2]
        assert made.generated.dtype == bool
        assert not (made.generated & ~made.altered).any(), "what a model made isn't the plate's own"
    assert made.operations == shot.operations
    assert made.provenance["plate"] == plate.facts.id
    assert all(isinstance(value, str) for value in made.provenance.values())
    assert all(value >= 0 for value in made.seconds.values())
    assert (plate.rgb_srgb == before).all(), "an engine must not paint on the plate itself"
    kept = ~made.altered
    assert (made.rgb_srgb[kept] == plate.rgb_srgb[kept]).all()


def test_a_deterministic_engine_gives_the_same_bytes(engine, shot, plate):
    if not engine.profile().deterministic:
        pytest.skip("not deterministic by its own profile")
    one, two = (engine.render(a_job(engine, plate, shot)).rgb_srgb for _ in range(2))
    assert one.tobytes() == two.tobytes()


def test_failures_come_out_as_the_engines_own(engine, shot, plate):
    job = replace(a_job(engine, plate, shot), plan=Plan({"mira": "no such plate"}, shot.operations))
    with pytest.raises((StateError, EngineRefused)) as caught:
        engine.render(job)
    assert caught.value.code.startswith("engine.")


def test_facts_alone_are_enough_to_plan(engine, shot, plate):
    busy = replace(plate.facts, backdrop=Backdrop.BUSY)
    assert engine.plan(replace(shot, scene=None), {"mira": [busy]}).plate == plate.facts.id
