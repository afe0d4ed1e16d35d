"""Her head on a mannequin: refused without her measurements, hers in every centimetre, and never her skin."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from painted_figure import paint, plate_of

from twinbook.domain.brief import Recolor, Shot
from twinbook.domain.errors import EngineRefused
from twinbook.domain.permit import Act, Permit
from twinbook.domain.twin import View
from twinbook.engines.composite import CompositeEngine, mannequin
from twinbook.engines.composite.plaster import Key, lit
from twinbook.engines.composite.raster import rasterise
from twinbook.ports import Asked, RenderJob
from twinbook.vision import DlibMeter
from twinbook.vision.skin import lab

ENGINE = CompositeEngine()
SHOT = Shot("one", ("mira",), ("web-2x3",), scene="studio:warm-grey", mannequin=True)
PHOTOS = Path(__file__).parents[2] / "examples" / "demo" / "photos" / "mira"
HERS = {"cm.height": 177.0, "cm.bust": 83.0, "cm.waist": 64.0, "cm.hips": 90.0}


def render(shot, plates):
    class Twin:
        permit = Permit("p", Act.RENDER, "mira", "d", "c", "l", datetime(2030, 1, 1, tzinfo=UTC))

        def plate(self, wanted):
            return next(plate for plate in plates if plate.facts.id == wanted)

    plan = ENGINE.plan(shot, {"mira": [plate.facts for plate in plates]})
    return plan, ENGINE.render(RenderJob(shot, plan, {"mira": "d"}, {"mira": Twin()}))


def refusal(shot, *plates):
    with pytest.raises(EngineRefused) as caught:
        render(shot, plates)
    assert caught.value.remedy
    return caught.value


def test_without_measurements_there_is_no_mannequin():
    plate = plate_of(paint(high=480))
    assert refusal(SHOT, plate).code == "engine.measurements"
    partly = replace(plate, shape={"cm.height": 177.0, "cm.waist": 64.0})
    found = refusal(SHOT, partly)
    assert found.code == "engine.measurements"
    assert "hips" in found.diagnosis
    assert "bust" in found.diagnosis
    absurd = replace(plate, shape={**HERS, "cm.waist": 12.0})
    assert refusal(SHOT, absurd).code == "engine.measurements"


def test_what_a_mannequin_cannot_be_asked():
    plate = replace(plate_of(paint(high=480)), shape=HERS)
    assert refusal(replace(SHOT, scene=None), plate).code == "campaign.scene"
    assert refusal(replace(SHOT, recolor=Recolor("top", "#224488")), plate).code == "engine.operation"
    aside = replace(plate, facts=replace(plate.facts, view=View.PROFILE, yaw=85.0))
    assert refusal(SHOT, aside).code == "engine.plate"


def test_what_is_nearer_hides_what_is_behind():
    square = np.array([[1.0, 1], [9, 1], [9, 9], [1, 9]])
    xy, near = np.concatenate([square, square + 4]), np.repeat([1.0, 2.0], 4)
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    seen = rasterise(xy, near, triangles, 14, 14)
    assert (seen.owner[5:13, 5:13] >= 2).all()
    assert (seen.owner[1:5, 1:9] < 2).all()
    assert seen.owner[0, 0] == -1
    assert seen.interpolated(triangles, xy)[0] == pytest.approx([1.5, 1.5])
    turned = rasterise(xy, near, triangles[[2, 3, 0, 1]], 14, 14)
    assert (turned.nearness == seen.nearness).all()


def test_light_comes_from_where_it_came_and_a_figure_throws_a_shadow():
    ring = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    low, high = (np.stack([15 * np.cos(ring), 15 * np.sin(ring), np.full(24, z)], axis=1) for z in (0.0, 120.0))
    i, j = np.arange(24), (np.arange(24) + 1) % 24
    column = np.concatenate([np.stack([i, j, j + 24], axis=1), np.stack([i, j + 24, i + 24], axis=1)])
    nothing = np.zeros((0, 3)), np.zeros((0, 3), int)
    light = lit(np.concatenate([low, high]), column, nothing, Key(-50, 35, 0.6))
    assert light.vertices[24 + 12] > 1.5 * light.vertices[24]  # the left of the picture, where the key stands
    beside = light.floor[np.abs(light.floor_y) < 8]
    assert beside[:, np.abs(light.floor_x - 40) < 8].mean() < beside[:, np.abs(light.floor_x + 60) < 8].mean() - 0.05


@pytest.fixture(scope="module")
def plates():
    files = [PHOTOS / f"{name}.jpg" for name in ("waist-front", "full-front")]
    made = DlibMeter().enroll(files, lambda said: None, named=[file.stem for file in files]).plates
    return [replace(plate, shape={**plate.shape, **HERS}) for plate in made]


@pytest.fixture(scope="module")
def small():
    before, mannequin.MOST_HIGH = mannequin.MOST_HIGH, 1500
    yield
    mannequin.MOST_HIGH = before


@pytest.mark.slow
def test_her_head_is_hers_and_the_rest_is_plaster(plates, small):
    plan, made = render(SHOT, plates)
    assert made.provenance["photo"] == "waist-front"
    assert plan.ruler == plates[1].facts.id
    assert "mannequin" in made.provenance["body"]
    assert made.operations == ("scene", "mannequin")
    _, again = render(SHOT, plates)
    assert (made.rgb_srgb == again.rgb_srgb).all()
    high, wide = made.rgb_srgb.shape[:2]
    chest = lab(made.rgb_srgb[round(0.36 * high) : round(0.45 * high), wide // 2 - 60 : wide // 2 + 60])
    assert np.hypot(chest[..., 1], chest[..., 2]).max() < 8  # no skin has so little colour
    found = {m.name: m for m in DlibMeter().measure(made.rgb_srgb, plates, Asked(plan.plate, mannequin=True))}
    assert found["identity.distance"].value < 0.2
    assert found["skin.delta_e"].value < 3
    assert found["face.geometry"].value < 2
    assert abs(found["body.width"].value) < 1.5
    assert abs(found["body.length"].value) < 4
    assert abs(found["body.head"].value) < 5


@pytest.mark.slow
def test_a_slimmer_mannequin_than_she_is_found_out(plates, small):
    slimmer = {"cm.bust": 83.0 - 6, "cm.waist": 64.0 - 6, "cm.hips": 90.0 - 7}
    plan, made = render(SHOT, [replace(plate, shape={**plate.shape, **slimmer}) for plate in plates])
    found = {m.name: m for m in DlibMeter().measure(made.rgb_srgb, plates, Asked(plan.plate, mannequin=True))}
    assert found["body.width"].value < -3
