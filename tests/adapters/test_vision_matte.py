"""Mattes of a painted person whose alpha is known, and the judgement of backdrops."""

from dataclasses import replace
from pathlib import Path

import composite as bench
import cv2
import numpy as np
import pytest
from onnx_by_hand import model, node, shaped, whole
from painted_figure import paint
from PIL import Image
from scipy import ndimage
from skimage.data import astronaut, rocket

from twinbook.domain.errors import CaptureRefused, InputError
from twinbook.domain.twin import Box
from twinbook.engines.composite.scene import own_colours
from twinbook.vision import faces
from twinbook.vision.captures import painted_mask
from twinbook.vision.closed_form import solve
from twinbook.vision.matte import cut as cut_out
from twinbook.vision.matte import estimated_person, extent, matte
from twinbook.vision.neural_matte import NeuralMatte
from twinbook.vision.skin import lab, to_linear, to_srgb


@pytest.fixture(scope="module")
def cut():
    figure = paint()
    return figure, matte(figure.rgb_srgb, figure.face)


def test_alpha_is_near_the_true_one(cut):
    figure, alpha = cut
    error = np.abs(alpha / 255 - figure.alpha)
    edge = (figure.alpha > 0.02) & (figure.alpha < 0.98)
    assert error.mean() < 0.004
    assert error[edge].mean() < 0.15
    assert alpha.shape == figure.alpha.shape
    assert alpha.dtype == np.uint8


def test_strands_of_hair_are_there_in_part(cut):
    figure, alpha = cut
    head = figure.face.grown(0.7)
    window = np.s_[max(head.top, 0) : figure.face.top + figure.face.height // 3, head.left : head.right]
    true, found = figure.alpha[window], alpha[window] / 255
    strands = (true > 0.15) & (true < 0.85)
    assert strands.sum() > 100
    assert np.corrcoef(true[strands], found[strands])[0, 1] > 0.6
    assert np.abs(true - found).mean() < 0.03


def test_no_holes_in_the_body_and_the_gaps_open(cut):
    figure, alpha = cut
    assert (alpha[figure.tee | figure.trousers] == 255).mean() > 0.995
    assert (alpha[figure.gap] < 8).mean() > 0.96


def test_the_shadow_on_the_floor_is_not_her(cut):
    figure, alpha = cut
    below = figure.alpha.shape[0] - 12
    assert alpha[below:].max() == 0
    off = np.abs(alpha / 255 - figure.alpha)[int(0.9 * below) :]
    assert off.mean() < 0.01


def test_a_shirt_nearly_the_colour_of_the_paper_is_cut_right_or_doubted():
    figure = paint(tee=(196, 195, 190))
    found = cut_out(figure.rgb_srgb, figure.face)
    assert found.alpha is not None
    right = (found.alpha[figure.tee] > 250).mean() > 0.97 and (found.alpha[figure.gap] < 8).mean() > 0.9
    assert right or found.code == "matte.unsure"


@pytest.mark.parametrize("paper", [(250, 250, 250), (40, 42, 46), (150, 175, 150)])
def test_other_papers(paper):
    figure = paint(high=420, paper=paper)
    alpha = matte(figure.rgb_srgb, figure.face)
    assert alpha is not None
    assert np.abs(alpha / 255 - figure.alpha).mean() < 0.012


def test_cropped_by_the_frame():
    figure = paint(high=500, full=False)
    alpha = matte(figure.rgb_srgb, figure.face)
    assert (alpha[-1] == 255).sum() > 50
    assert np.abs(alpha / 255 - figure.alpha).mean() < 0.01


def test_busy_backdrops_have_no_matte():
    photo = astronaut()
    assert matte(photo, faces.find_faces(photo)[0].box) is None
    figure = paint(high=400)
    street = np.asarray(rocket())[:400, :266]
    mixed = (figure.rgb_srgb * figure.alpha[..., None] + street * (1 - figure.alpha[..., None])).astype(np.uint8)
    stripes = figure.rgb_srgb.copy()
    stripes[(figure.alpha == 0) & (np.arange(266)[None, :] // 6 % 2 == 0)] = 90
    assert matte(mixed, figure.face) is None
    assert matte(stripes, figure.face) is None
    filling = Box(10, 5, 380, 390)
    assert matte(figure.rgb_srgb, filling) is None


@pytest.mark.slow
def test_a_sheen_along_the_outline_is_not_see_through():
    figure = paint(high=900, tee=(110, 150, 110))
    inwards = ndimage.distance_transform_edt(figure.alpha > 0.5)
    paled = 0.75 * np.clip(1 - inwards / 7, 0, 1)[..., None] * figure.tee[..., None]
    sheen = (figure.rgb_srgb * (1 - paled) + np.array([192, 194, 190]) * paled).astype(np.uint8)
    alpha = matte(sheen, figure.face)
    assert (alpha[figure.tee & (inwards > 4)] == 255).mean() > 0.99
    assert (alpha[figure.tee & (inwards > 2)] > 200).mean() > 0.97


@pytest.mark.slow
def test_specks_of_backdrop_between_hair_ends_are_open():
    figure = paint(high=900)
    face, random = figure.face, np.random.default_rng(8)
    y = np.arange(900)[:, None]
    ends = figure.hair & (y > face.top + 0.62 * face.height)
    ends &= ndimage.distance_transform_edt(figure.alpha > 0.02) < 0.12 * face.width
    specks = ends & (random.random(ends.shape) < 0.35)
    rgb = figure.rgb_srgb.copy()
    paper = np.median(rgb[face.top : face.bottom, face.right + face.width : face.right + 2 * face.width], axis=(0, 1))
    rgb[specks] = paper
    alpha = matte(rgb, face)
    assert specks.sum() > 60
    assert (alpha[specks] < 100).mean() > 0.8
    assert (alpha[ends & ~specks] > 200).mean() > 0.8


def test_same_alpha_twice():
    figure = paint(high=360)
    assert (matte(figure.rgb_srgb, figure.face) == matte(figure.rgb_srgb, figure.face)).all()


def test_boxes():
    alpha = np.zeros((50, 40), np.uint8)
    assert extent(alpha) == Box(0, 0, 40, 50)
    alpha[10:20, 5:9] = 200
    assert extent(alpha) == Box(5, 10, 4, 10)
    whole = estimated_person(Box(450, 100, 100, 100), 1000, 1500)
    assert whole.contains(Box(450, 100, 100, 100))
    assert 1000 < whole.height < 1200
    assert estimated_person(Box(0, 0, 100, 100), 200, 150) == Box(0, 0, 200, 150).clipped(214, 150).clipped(200, 150)


# --- figures with true alpha, rendered -------------------------------------------------------------------------


PHOTOS = Path(__file__).parents[2] / "examples" / "demo" / "photos"


def photographed(name, kind, paper, rough=False, high=600):
    """A rendered figure before a backdrop: the picture, its true alpha, and her face."""
    entry = next(entry for entry in bench.figures() if entry["file"].startswith(name))
    own, alpha, face = bench.opened(entry, high)
    random = np.random.default_rng(3)
    rgb = bench.photographed(own, alpha, bench.backdrop(kind, paper, alpha, random), random, rough)
    found = faces.find_faces(rgb)
    return rgb, alpha, found[0].box if found else face


@pytest.mark.parametrize(
    ("name", "kind", "paper", "bound"),
    [
        ("sami-coils-head-white", "plain", "blue", 0.004),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("mira-afro-head-white", "seamless", "blue", 0.010),
                ("mira-akimbo-waist-blue", "gradient", "green", 0.006),  # fly-aways, a hand on the hip
                ("sami-seated-full-ochre", "gradient", "grey", 0.014),
            )
        ),
    ],
)
def test_hair_of_every_kind_and_every_pose_is_cut_as_it_is(name, kind, paper, bound):
    rgb, true, face = photographed(name, kind, paper)
    found = cut_out(rgb, face)
    # The white box he sits on is as pale as grey paper: cut, or seen to be missing.
    assert found.code == "" or "seated" in name
    assert found.code or np.abs(found.alpha / 255 - true).mean() < bound


@pytest.mark.parametrize(
    ("name", "kind", "paper", "rough", "bound"),
    [
        ("mira-afro-head-white", "plain", "white", True, 0.010),
        ("mira-afro-head-white", "plain", "beige", True, 0.014),
        ("sami-coils-head-white", "plain", "white", True, 0.004),
    ],
)
@pytest.mark.slow
def test_a_pale_shirt_before_pale_paper_is_cut_without_a_bite(name, kind, paper, rough, bound):
    rgb, true, face = photographed(name, kind, paper, rough)
    found = cut_out(rgb, face)
    assert found.code == ""
    assert np.abs(found.alpha / 255 - true).mean() < bound
    assert bench.largest_hole(found.alpha / 255, true) < 0.002


@pytest.mark.parametrize(
    ("name", "kind", "paper", "rough"),
    [
        ("mira-afro-head-white", "plain", "grey", True),  # the tee in shade is as dark as the paper
        ("mira-afro-head-white", "plain", "grey", False),
        ("sami-coils-head-white", "plain", "grey", False),
        ("mira-long-waist-white", "seamless", "grey", False),
        ("mira-long-waist-white", "seamless", "grey", True),
        ("mira-long-waist-white", "gradient", "grey", False),
    ],
)
@pytest.mark.slow
def test_a_pale_shirt_that_the_paper_bites_into_is_doubted_and_not_lost(name, kind, paper, rough):
    rgb, true, face = photographed(name, kind, paper, rough)
    found = cut_out(rgb, face)
    right = bench.largest_hole(found.alpha / 255, true) < 0.002
    assert right or (found.code == "matte.unsure" and found.doubts)


def test_a_tile_that_is_solved_before_it_begins_is_no_failure():
    rgb = np.full((40, 40, 3), 200, np.uint8)
    trimap = np.full((40, 40), 128, np.uint8)
    trimap[:, :10] = 0
    assert solve(rgb, trimap).max() == 0


def test_a_close_up_that_hides_the_backdrop_is_not_called_busy():
    rgb, _, face = photographed("mira-curls-close-ochre", "gradient", "blue", rough=True)
    found = cut_out(rgb, face)
    assert found.alpha is None
    assert found.code == "matte.unsure"
    assert "too little of the backdrop" in found.doubts[0]


def test_a_second_figure_beside_her_is_named():
    figure = paint(high=420)
    (high, wide), face = figure.alpha.shape, figure.face
    left = np.full((high, wide, 3), np.median(figure.rgb_srgb[:30], axis=(0, 1)), np.uint8)
    other = left.copy()
    other[60:, wide // 4 : -wide // 4] = (150, 60, 50)
    found = cut_out(np.hstack([left[:, : wide // 2], figure.rgb_srgb, other]), face.shifted(-wide // 2, 0))
    assert found.code == "backdrop.busy"
    assert "something else stands before it" in found.doubts[0]


@pytest.mark.parametrize(("name", "paper"), [("sami-coils-head-white", "white"), ("sami-coils-waist-black", "grey")])
@pytest.mark.slow
def test_a_shadow_beside_her_is_not_handed_on_as_hers(name, paper):
    rgb, true, face = photographed(name, "seamless", paper, rough=True, high=720)
    found = cut_out(rgb, face)
    assert found.code == "matte.unsure" or np.abs(found.alpha / 255 - true).mean() < 0.004


@pytest.mark.parametrize("name", ["mira-white-on-white", "sami-black-on-black"])
@pytest.mark.slow
def test_her_clothes_in_the_colour_of_the_paper_are_cut_right_or_doubted(name):
    case = next(case for case in bench.whole_pictures() if case.name.startswith(name))
    found = cut_out(case.rgb, case.face)
    if found.code:
        assert found.code == "matte.unsure"
        assert "her outline" in found.doubts[0]
        return
    assert np.abs(found.alpha / 255 - case.alpha).mean() < 0.004
    assert bench.largest_hole(found.alpha / 255, case.alpha) < 0.002


@pytest.mark.slow
def test_sheer_sleeves_are_doubted():
    rgb, _, face = photographed("mira-sheer-waist-rose", "gradient", "dark", high=720)
    found = cut_out(rgb, face)
    assert found.code == "matte.unsure"


@pytest.mark.slow
def test_a_striped_tee_has_no_bites_taken_out():
    figure = paint(high=700, full=False)
    striped = figure.rgb_srgb.copy()
    striped[figure.tee & (np.arange(700)[:, None] // 12 % 2 == 0)] = (240, 240, 236)
    alpha = cut_out(striped, figure.face).alpha
    assert (alpha[figure.tee] > 240).mean() > 0.97


def test_a_head_cropped_by_the_frame():
    figure = paint(high=600, full=False)
    top = figure.face.top + figure.face.height // 5
    face = replace(figure.face, top=0, height=figure.face.height - figure.face.height // 5)
    found = cut_out(np.ascontiguousarray(figure.rgb_srgb[top:]), face)
    alpha = found.alpha
    assert found.code == ""
    assert (alpha[0, face.left + face.width // 4 : face.right - face.width // 4] == 255).all()
    assert np.abs(alpha / 255 - figure.alpha[top:]).mean() < 0.015


@pytest.mark.slow
def test_feet_lost_on_the_floor_are_noticed_and_a_painted_correction_brings_them_back():
    rgb = np.array(Image.open(PHOTOS / "mira" / "full-front.jpg"))
    face = faces.find_faces(rgb)[0].box
    doubted = cut_out(rgb, face)
    assert doubted.code == "matte.unsure"
    assert "feet" in " ".join(doubted.doubts)
    painted = np.full(rgb.shape[:2], 128, np.uint8)
    painted[1355:1440, 300:720] = 0
    for left, right in ((335, 440), (505, 595)):
        cv2.ellipse(painted, ((left + right) // 2, 1400), ((right - left) // 2, 32), 0, 0, 360, 255, -1)
    corrected = cut_out(rgb, face, painted)
    assert (corrected.alpha[painted == 255] == 255).all()
    assert (corrected.alpha[painted == 0] == 0).all()
    assert not any("neither backdrop" in doubt for doubt in corrected.doubts)


def test_her_colours_have_no_paper_in_them():
    figure = paint(high=600, paper=(120, 160, 120))
    own = own_colours(figure.rgb_srgb, (figure.alpha * 255 + 0.5).astype(np.uint8))
    soft = figure.hair & (figure.alpha > 0.3) & (figure.alpha < 0.9)
    soft |= (figure.alpha > 0.3) & (figure.alpha < 0.9) & (np.arange(600)[:, None] < figure.face.top)
    green = own[soft].astype(int)[:, 1] - own[soft].astype(int)[:, 0]
    before = figure.rgb_srgb[soft].astype(int)
    assert green.mean() < 0.5 * (before[:, 1] - before[:, 0]).mean() + 1


# --- the demonstration's people, whose true alpha nobody knows ----------------------------------------------------


PLATES = [
    ("sami", "waist-front"),
    *(
        pytest.param(*plate, marks=pytest.mark.slow)
        for plate in (("mira", "waist-front"), ("mira", "head-threequarter"), ("sami", "head-threequarter"))
    ),
]


@pytest.fixture(scope="module")
def demo_cut():
    made = {}

    def cut_of(talent, view):
        if (talent, view) not in made:
            rgb = np.array(Image.open(PHOTOS / talent / f"{view}.jpg"))
            face = faces.find_faces(rgb)[0].box
            made[talent, view] = rgb, face, cut_out(rgb, face)
        return made[talent, view]

    return cut_of


@pytest.mark.parametrize(("talent", "view"), PLATES)
def test_nothing_shines_through_a_face_or_a_trunk(demo_cut, talent, view):
    _, face, found = demo_cut(talent, view)
    assert found.code == ""
    # The whole face with its forehead, and what is well inside the outline below the collar.
    oval = np.zeros(found.alpha.shape, np.uint8)
    middle = face.left + face.width // 2, face.top + round(0.45 * face.height)
    cv2.ellipse(oval, middle, (round(0.34 * face.width), round(0.52 * face.height)), 0, 0, 360, 1, -1)
    inside = ndimage.binary_fill_holes(found.alpha > 127)
    deep = ndimage.distance_transform_edt(np.pad(inside, 1, mode="edge"))[1:-1, 1:-1] > 0.12 * face.width
    deep[: face.bottom + round(0.8 * face.height)] = False
    assert (oval > 0).sum() > 5000
    assert deep.sum() > 5000
    assert found.alpha[(oval > 0) | deep].min() >= 250


@pytest.mark.parametrize(("talent", "view"), PLATES)
def test_no_pale_rim_before_a_dark_backdrop(demo_cut, talent, view):
    rgb, face, found = demo_cut(talent, view)
    share = found.alpha[..., None] / 255.0
    dark = to_srgb(to_linear(own_colours(rgb, found.alpha)) * share + to_linear(np.uint8([45, 45, 48])) * (1 - share))
    light = lab(dark)[..., 0]
    hers = found.alpha > 127
    inwards = ndimage.distance_transform_edt(np.pad(hers, 1, mode="edge"))[1:-1, 1:-1]
    # Shoulders, sleeves and arms: below the hair, the band of six pixels along the outline.
    rows = np.arange(len(hers))[:, None] > face.bottom + 0.6 * face.height
    band = hers & rows & (inwards <= 6)
    inner = np.where(hers & (inwards > 6), light, -np.inf)
    beside = ndimage.maximum_filter(inner, 25)
    seen = np.isfinite(beside) & band
    assert seen.sum() > 500
    # A rim light on bare arms is hers: up to a dozen units of lightness over a few pixels.
    assert (light[seen] - beside[seen] > 12).mean() < 0.01


@pytest.mark.parametrize("talent", ["mira", "sami"])
def test_a_shoulder_has_no_bites(demo_cut, talent):
    _, face, found = demo_cut(talent, "waist-front")
    hers = found.alpha > 127
    # The outline of cloth is a calm line: closing it by a small disc changes next to nothing.
    rows = slice(face.bottom + round(0.5 * face.height), face.bottom + round(1.4 * face.height))
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    calm = cv2.morphologyEx(found.alpha, cv2.MORPH_CLOSE, ball) > 127
    bites = (calm & ~hers)[rows].sum()
    length = (hers ^ ndimage.binary_erosion(hers))[rows].sum()
    assert bites < 0.05 * length


# --- corrections and networks of the user's own ------------------------------------------------------------------


def test_a_painted_mask_is_read_by_its_colours(tmp_path):
    photo = tmp_path / "front.jpg"
    assert painted_mask(photo, (40, 60)) is None
    drawn = np.zeros((30, 20, 4), np.uint8)
    drawn[:10] = (0, 200, 30, 255)
    drawn[10:20] = (220, 0, 0, 255)
    Image.fromarray(drawn).save(tmp_path / "front.mask.png")
    read = painted_mask(photo, (40, 60))
    assert read.shape == (60, 40)
    assert [set(np.unique(part)) for part in (read[:20], read[20:40], read[40:])] == [{255}, {0}, {128}]


def test_a_painted_mask_of_other_proportions_is_refused(tmp_path):
    Image.fromarray(np.full((30, 30, 3), 255, np.uint8)).save(tmp_path / "front.mask.png")
    with pytest.raises(CaptureRefused) as refused:
        painted_mask(tmp_path / "front.jpg", (40, 60))
    assert refused.value.code == "matte.mask"


def test_a_rough_matte_decides_before_a_busy_backdrop():
    figure = paint(high=700)
    random = np.random.default_rng(1)
    wild = cv2.resize(random.integers(0, 255, (50, 33, 3), dtype=np.uint8), (466, 700), interpolation=cv2.INTER_CUBIC)
    mixed = (figure.rgb_srgb * figure.alpha[..., None] + wild * (1 - figure.alpha[..., None])).astype(np.uint8)
    assert cut_out(mixed, figure.face).code == "backdrop.busy"
    rough = cv2.GaussianBlur(figure.alpha.astype(np.float32), (0, 0), 1.5)
    found = cut_out(mixed, figure.face, likely=rough)
    assert found.code == ""
    assert np.abs(found.alpha / 255 - figure.alpha).mean() < np.abs(rough - figure.alpha).mean()


def onnx_model(size=32):
    """The mean of the three channels, 1×3×S×S to 1×1×S×S."""
    mean = node("ReduceMean", ["x"], "y", whole("axes", [1]), whole("keepdims", 1))
    said = [("mean", "0,0,0"), ("std", "1,1,1")]
    return model([mean], [], [shaped("x", 1, 3, size, size)], [shaped("y", 1, 1, size, size)], said)


def test_a_network_of_the_users_own_gives_a_rough_matte(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "m.onnx").write_bytes(onnx_model())
    picture = np.zeros((60, 40, 3), np.uint8)
    picture[:, 20:] = 255
    rough = NeuralMatte(tmp_path / "m.onnx").likely(picture)
    assert rough.shape == (32, 32)
    assert rough[:, :14].max() < 0.05
    assert rough[:, 18:].min() > 0.95


def test_a_file_that_is_no_network_is_told(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    for name in ("m.onnx", "missing.onnx"):
        with pytest.raises(InputError) as told:
            NeuralMatte(tmp_path / name).likely(np.zeros((40, 40, 3), np.uint8))
        assert told.value.code == "matte.model"
