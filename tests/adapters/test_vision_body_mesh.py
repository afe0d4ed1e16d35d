"""The surface of a body is hers: what a tape and a ruler read off it is what she was measured at, in every size."""

import itertools

import numpy as np
import pytest

from twinbook.engines.composite.raster import rasterise, split
from twinbook.vision.body_mesh import BodyMesh
from twinbook.vision.parametric_body import ParametricBody

PEOPLE = {
    "catalogue": {"height": 177, "bust": 83, "waist": 64, "hips": 90},
    "small": {"height": 158, "bust": 88, "waist": 72, "hips": 97, "inseam": 71},
    "size 46": {"height": 165, "bust": 104, "waist": 90, "hips": 112},
    "size 56": {"height": 170, "bust": 122, "waist": 108, "hips": 128},
    "him": {"height": 187, "chest": 97, "waist": 78, "hips": 96},
    "him, large": {"height": 178, "chest": 124, "waist": 118, "hips": 120},
}


def fitted(measurements):
    body = ParametricBody.load().fit(measurements)
    return body, BodyMesh.load().fit(body, measurements)


@pytest.mark.parametrize("name", PEOPLE)
def test_a_tape_reads_her_measurements(name):
    measured = PEOPLE[name]
    _, mesh = fitted(measured)
    assert mesh.height == pytest.approx(measured["height"], abs=0.3)
    for ring in ("waist", "hips"):
        assert mesh.girth(ring) == pytest.approx(measured[ring], abs=0.3)
    assert mesh.girth("bust") == pytest.approx(measured.get("bust") or measured["chest"], abs=0.3)


@pytest.mark.parametrize("name", PEOPLE)
def test_the_drawn_outline_is_as_broad_as_her_body(name):
    """Widths in pixels against the statistical body, from hips to chest: nobody is drawn slimmer than she is."""
    body, mesh = fitted(PEOPLE[name])
    scale = 6
    xy = np.stack([mesh.vertices[:, 0] * scale + 400, 1300 - mesh.vertices[:, 2] * scale], axis=1)
    seen = rasterise(xy, -mesh.vertices[:, 1], split(mesh.faces), 800, 1310).owner >= 0
    off = []
    for height, wide, _, _ in body.torso[6:32]:
        row = seen[round(1300 - height * scale)]
        right = int(np.argmin(row[400:]))  # arms hang free of the trunk: the first gap is its edge
        off.append(2 * right / scale / wide - 1)
    assert abs(np.median(off)) < 0.015
    assert np.abs(off).max() < 0.05


def test_larger_measurements_draw_a_larger_figure():
    girths = [90, 100, 110, 120, 130]
    widths = []
    for hips in girths:
        _body, mesh = fitted({"height": 170, "bust": hips, "waist": hips - 18, "hips": hips})
        widths.append(mesh.slice(float(mesh.vertices[mesh.rings["hips"], 2].mean()))[0])
    assert all(b > a + 1 for a, b in itertools.pairwise(widths))


def test_it_stands_on_the_floor_with_its_arms_off_the_body():
    _, mesh = fitted(PEOPLE["size 56"])
    assert abs(mesh.vertices[:, 2].min()) < 0.3
    waist = float(mesh.vertices[mesh.rings["waist"], 2].mean())
    near = np.abs(mesh.vertices[:, 2] - waist) < 1
    assert np.abs(mesh.vertices[near & mesh.arm, 0]).min() > np.abs(mesh.vertices[near & ~mesh.arm, 0]).max() + 1
    mirrored = mesh.vertices * [-1, 1, 1]
    assert np.abs(np.sort(mirrored[:, 0]) - np.sort(mesh.vertices[:, 0])).max() < 1e-9
