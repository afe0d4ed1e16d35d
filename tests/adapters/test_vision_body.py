"""Her outline against her own: what is slimmer, longer, otherwise shaped is found; what can't be told is said."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from painted_figure import paint
from PIL import Image

from twinbook.domain.twin import Box
from twinbook.vision import faces
from twinbook.vision.body import NAMES, Pose, compare, shape
from twinbook.vision.matte import matte
from twinbook.vision.parametric_body import ParametricBody
from twinbook.vision.strain import strain

PHOTOS = Path(__file__).resolve().parents[2] / "examples" / "demo" / "photos"
MIRA = {"height": 177, "bust": 83, "waist": 64, "hips": 90, "shoe": 40}
SAMI = {"height": 187, "chest": 97, "waist": 78, "hips": 96}


@dataclass
class Cut:
    """A photograph, its matte and the face in it."""

    rgb: np.ndarray
    alpha: np.ndarray
    box: Box
    points: np.ndarray

    @property
    def shape(self):
        return shape(self.alpha, self.box, self.points)

    @property
    def chin(self):
        return self.box.bottom + 0.1 * self.box.height

    @property
    def middle(self):
        return self.box.left + self.box.width / 2


def cut(rgb):
    face = faces.find_faces(rgb)[0]
    return Cut(rgb, matte(rgb, face.box), face.box, face.landmarks)


@pytest.fixture(scope="module")
def full():
    return cut(np.array(Image.open(PHOTOS / "mira" / "full-front.jpg")))


@pytest.fixture(scope="module")
def half():
    return cut(np.array(Image.open(PHOTOS / "sami" / "waist-front.jpg")))


def percent(measured):
    return {m.name.removeprefix("body."): m.value for m in measured}


def notes(measured):
    return {m.name.removeprefix("body."): m.note for m in measured}


def warped(picture, source_x, source_y):
    """Each pixel from where the two functions of (x, y) say."""
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    at = [np.broadcast_to(f(x, y), x.shape).astype(np.float32) for f in (source_x, source_y)]
    return cv2.remap(picture, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def slimmed(one, picture, by):
    """Narrower below the chin, head untouched."""
    ramp = lambda y: np.clip((y - one.chin) / (0.5 * one.box.height), 0, 1)  # noqa: E731
    return warped(picture, lambda x, y: one.middle + (x - one.middle) / (1 - by * ramp(y)), lambda x, y: y)


def waist_drawn_in(one, picture, by, heads_down=3.0):
    at = one.box.bottom + heads_down * one.box.height
    around = lambda y: np.exp(-(((y - at) / (0.9 * one.box.height)) ** 2))  # noqa: E731
    return warped(picture, lambda x, y: one.middle + (x - one.middle) / (1 - by * around(y)), lambda x, y: y)


def legs_lengthened(one, picture, by, crotch):
    longer = cv2.copyMakeBorder(picture, 0, round(by * picture.shape[0]), 0, 0, cv2.BORDER_REPLICATE)
    return warped(longer, lambda x, y: x, lambda x, y: np.where(y < crotch, y, crotch + (y - crotch) / (1 + by)))


def head_enlarged(one, by):
    """The matte and the landmarks with a larger head on the same neck."""
    neck = lambda y: 1 + by * (1 - np.clip((y - one.chin) / (0.4 * one.box.height), 0, 1))  # noqa: E731
    alpha = warped(
        one.alpha,
        lambda x, y: one.middle + (x - one.middle) / neck(y),
        lambda x, y: np.where(y < one.chin, one.chin + (y - one.chin) / (1 + by), y),
    )
    centre = np.float32([one.middle, one.chin])
    return shape(alpha, one.box.grown(by / 2), centre + (one.points - centre) * (1 + by))


# --- her own pictures ---------------------------------------------------------------------------------------------


def test_a_whole_figure_is_read_from_crown_to_soles(full):
    seen = full.shape
    assert seen.pose is Pose.FRONT
    order = [seen.marks[name] for name in ("crown", "eyes", "nose", "shoulder", "armpit_left", "crotch", "sole")]
    assert order == sorted(order)
    assert not seen.unseen
    assert set(seen.widths) == {"shoulder", "chest", "waist", "hips", "thighs", "knees", "calves"}
    assert seen.widths["waist"] < seen.widths["chest"] < seen.widths["shoulder"]
    assert 1.0 < seen.lengths["legs"] / seen.lengths["trunk"] < 1.6


def test_the_same_photograph_smaller_or_cropped_or_mirrored_is_her(full, half):
    for one in (full, half):
        own = [one.shape]
        small = cv2.resize(one.alpha, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        box = Box(one.box.left // 2, one.box.top // 2, one.box.width // 2, one.box.height // 2)
        wide = one.alpha.shape[1]
        mirrored = one.points[[2, 3, 0, 1, 4]] * [-1, 1] + [wide, 0]
        for copy in (
            shape(small, box, one.points / 2),
            shape(one.alpha[20:-15, 30:-20], one.box.shifted(30, 20), one.points - [30, 20]),
            shape(one.alpha[:, ::-1], Box(wide - one.box.right, *list(vars(one.box).values())[1:]), mirrored),
        ):
            for name, value in percent(compare(copy, own)).items():
                assert value is None or abs(value) < 1, name


# --- pictures that aren't -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [0.03, 0.06, 0.10])
def test_slimmed_is_found_in_full_and_half_length(full, half, by):
    for one in (full, half):
        told = percent(compare(shape(slimmed(one, one.alpha, by), one.box, one.points), [one.shape]))
        assert told["width"] == pytest.approx(-100 * by, abs=0.7)
        assert abs(told["reshape"]) < 1


@pytest.mark.slow
def test_slimmed_and_matted_again_and_stretched_as_well(full):
    narrower = cut(slimmed(full, full.rgb, 0.06))
    assert percent(compare(narrower.shape, [full.shape]))["width"] == pytest.approx(-6, abs=1)
    squeezed = cv2.resize(full.alpha, (940, 1500), interpolation=cv2.INTER_AREA)
    box = Box(round(full.box.left * 0.94), full.box.top, round(full.box.width * 0.94), full.box.height)
    told = percent(compare(shape(squeezed, box, full.points * [0.94, 1]), [full.shape]))
    assert told["width"] == pytest.approx(-6, abs=1)  # head and all


def test_a_waist_drawn_in_is_another_shape_and_not_slimmer(full):
    told = compare(shape(waist_drawn_in(full, full.alpha, 0.06), full.box, full.points), [full.shape])
    assert percent(told)["reshape"] < -3.5
    assert "trunk" in notes(told)["reshape"]
    assert abs(percent(told)["width"]) < 1.5


def test_longer_legs_are_found(full):
    crotch = full.shape.marks["crotch"] * 1.5  # outlines are read from a copy 1000 high
    alpha = legs_lengthened(full, full.alpha, 0.06, crotch)
    told = compare(shape(alpha, full.box, full.points), [full.shape])
    assert percent(told)["length"] == pytest.approx(6, abs=1)
    assert "legs" in notes(told)["length"]
    assert abs(percent(told)["width"]) < 1


def test_a_gap_between_the_legs_that_the_matte_lost_is_not_a_longer_body(full):
    closed = full.alpha.copy()
    closed[790:930, int(full.middle) - 40 : int(full.middle) + 30] = 255
    seen = shape(closed, full.box, full.points)
    assert seen.marks["crotch"] > full.shape.marks["crotch"] + 70
    told = compare(seen, [full.shape])
    assert abs(percent(told)["length"]) < 1
    assert "shoulders to feet" in notes(told)["length"]


def test_a_larger_head_is_called_that_and_not_a_slimmer_body(full, half):
    for one in (full, half):
        told = percent(compare(head_enlarged(one, 0.06), [one.shape]))
        assert told["head"] == pytest.approx(6, abs=1)
        assert abs(told["width"]) < 1
    # With the body slimmed too, each is told by itself.
    both = head_enlarged(Cut(full.rgb, slimmed(full, full.alpha, 0.06), full.box, full.points), 0.06)
    told = percent(compare(both, [full.shape]))
    assert told["head"] == pytest.approx(6, abs=1)
    assert told["width"] == pytest.approx(-6, abs=1)


# --- what can't be told -------------------------------------------------------------------------------------------


def test_half_a_figure_says_what_it_doesnt_show(half):
    seen = half.shape
    assert "sole" in seen.unseen
    assert "thighs" not in seen.widths
    told = compare(seen, [seen])
    assert percent(told)["length"] is None
    assert "out of the picture" in notes(told)["length"]
    assert percent(told)["width"] == pytest.approx(0, abs=0.1)


def test_without_an_outline_or_a_plate_in_that_pose_nothing_is_told(full):
    for told in (compare(None, [full.shape]), compare(full.shape, [])):
        assert [m.name for m in told] == list(NAMES)
        assert all(m.value is None and m.note for m in told)
    turned = shape(full.alpha, full.box, full.points, yaw=30)
    assert turned.pose is Pose.TURNED
    told = compare(turned, [full.shape])
    assert all(m.value is None and "three-quarter" in m.note for m in told)
    assert shape(np.zeros((400, 300), np.uint8), full.box, full.points) is None


def test_other_clothes_are_not_taken_for_another_body(full):
    coat = full.alpha.copy()
    y, x = np.mgrid[0 : coat.shape[0], 0 : coat.shape[1]]
    flare = 130 + 0.12 * (y - 420)
    coat[(y > 420) & (y < 1100) & (np.abs(x - full.middle) < flare)] = 255
    told = compare(shape(coat, full.box, full.points), [full.shape])
    assert percent(told)["width"] is None
    assert "clothes" in notes(told)["width"]


def test_a_painted_figure_is_read_too():
    figure = paint(high=720)
    points = np.float32([[0.8, 0.35], [0.65, 0.35], [0.2, 0.35], [0.35, 0.35], [0.5, 0.6]])
    points = points * [figure.face.width, figure.face.height] + [figure.face.left, figure.face.top]
    seen = shape((figure.alpha * 255).astype(np.uint8), figure.face, points)
    assert {"crown", "shoulder", "sole"} <= set(seen.marks)


# --- her measurements ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("card", [MIRA, SAMI], ids=["mira", "sami"])
def test_the_fitted_body_has_her_measurements(card):
    body = ParametricBody.load().fit(card)
    assert set(body.residuals) == set(card) - {"shoe"}
    assert max(abs(r) for r in body.residuals.values()) < 0.5
    assert body.lengths["height"] == pytest.approx(card["height"], abs=0.5)
    assert 0.44 < body.ratios["inseam"] < 0.51
    assert body.ratios["waist"] < body.ratios["hips"]
    # A slice at the waist is an ellipse in the rough; its girth is hers.
    height, width, depth, _ = body.torso[np.argmin(body.torso[16:36, 1]) + 16]
    a, b = width / 2, depth / 2
    girth = np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b)))
    assert girth == pytest.approx(card["waist"], rel=0.1)
    assert body.lengths["inseam"] < height < body.lengths["shoulder_height"]


def test_measurements_that_are_nobodys_are_refused():
    table = ParametricBody.load()
    with pytest.raises(ValueError, match="height is missing"):
        table.fit({"waist": 64})
    with pytest.raises(ValueError, match=r"height is 1\.77 cm"):
        table.fit({"height": 1.77})
    slimmer, fuller = table.fit(MIRA), table.fit({**MIRA, "waist": 74, "hips": 100})
    assert fuller.ratios["waist"] > 1.05 * slimmer.ratios["waist"]
    assert table.fit({"height": 177}).spread["inseam"] > slimmer.spread["inseam"] * 0.9


def test_in_other_clothes_her_measurements_still_exclude_a_body_too_slim(full):
    body = ParametricBody.load().fit(MIRA)
    honest = compare(full.shape, [], body)
    assert percent(honest)["width"] is None
    assert percent(honest)["length"] is None
    assert "no more can be told" in notes(honest)["width"]
    # Her tee is wide: this much has to go before her own waist is too narrow.
    thin = shape(slimmed(full, full.alpha, 0.30), full.box, full.points)
    told = compare(thin, [], body)
    assert percent(told)["width"] < -8
    assert "measurements" in notes(told)["width"]
    stilts = shape(legs_lengthened(full, full.alpha, 0.25, full.shape.marks["crotch"] * 1.5), full.box, full.points)
    assert percent(compare(stilts, [], body))["length"] > 8


# --- displacements -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise(full):
    """What a good registration is off by: 0.7 pixels, smooth."""
    field = np.random.default_rng(1).normal(0, 1, (*full.alpha.shape, 2)).astype(np.float32)
    field = cv2.GaussianBlur(field, (0, 0), 6)
    return 0.7 * field / field.std()


def test_displacements_of_an_untouched_picture_are_no_strain(full, noise):
    told = strain(noise, full.alpha)
    assert abs(told.width) < 0.5
    assert abs(told.length) < 0.5
    assert abs(told.reshape) < 1.5
    assert set(told.regions) == {"torso", "hips", "legs"}


@pytest.mark.parametrize("by", [3, 6])
def test_a_squeezed_torso_strains(full, noise, by):
    y, x = np.mgrid[0 : full.alpha.shape[0], 0 : full.alpha.shape[1]].astype(np.float32)
    torso = np.clip((y - full.chin) / 50, 0, 1) * np.clip((900 - y) / 60, 0, 1)
    field = np.dstack([-by / 100 * torso * (x - full.middle), 0 * x]) + noise
    field[::7, ::5] = np.nan  # unknown here and there
    told = strain(field, full.alpha)
    assert told.regions["torso"][0] == pytest.approx(-by, abs=0.8)
    assert told.width == pytest.approx(-by, abs=0.8)
    assert abs(told.length) < 0.6


def test_a_liquified_waist_and_longer_legs_strain_where_they_are(full, noise):
    y, x = np.mgrid[0 : full.alpha.shape[0], 0 : full.alpha.shape[1]].astype(np.float32)
    waist = np.exp(-(((y - 570) / 90) ** 2))
    told = strain(np.dstack([-0.06 * waist * (x - full.middle), 0 * x]) + noise, full.alpha)
    assert told.reshape < -4
    row, _ = np.unravel_index(np.nanargmin(told.map), told.map.shape)
    assert row == pytest.approx(570, abs=80)
    longer = strain(np.dstack([0 * x, 0.06 * np.maximum(y - 800, 0)]) + noise, full.alpha)
    assert longer.length == pytest.approx(6, abs=0.8)
    assert abs(longer.width) < 0.6
    nothing = strain(np.full((*full.alpha.shape, 2), np.nan), full.alpha)
    assert nothing.width is None
    assert nothing.length is None
