"""What a user brings to a matte, from the setting or the file beside a photograph to the plate: before a backdrop
that is too busy for colours, only that can cut her out."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx_by_hand import constant, model, node, shaped, whole
from PIL import Image

from twinbook import app
from twinbook.domain.errors import CaptureRefused, InputError
from twinbook.domain.twin import Backdrop
from twinbook.services import enroll
from twinbook.settings import settings

ROOT = Path(__file__).resolve().parents[2]
PAIRS = ROOT / "bench" / "figures" / "tryon"
SIZE = 360, 480


@pytest.fixture(scope="module")
def true():
    """Her true alpha, float32 (h, w)."""
    alpha = Image.open(PAIRS / "mira-tee-a-alpha.png").convert("L").resize(SIZE, Image.Resampling.BOX)
    return np.asarray(alpha).astype(np.float32) / 255


@pytest.fixture
def photo(true, tmp_path):
    """A photograph of her before a place full of things."""
    high, wide = true.shape
    place = np.asarray(Image.open(ROOT / "examples" / "demo" / "scenes" / "courtyard.jpg").resize((wide, high)))
    her = np.asarray(Image.open(PAIRS / "mira-tee-a.jpg").resize(SIZE, Image.Resampling.BOX)).astype(np.float32)
    mixed = her * true[..., None] + place.astype(np.float32) * (1 - true[..., None])
    file = tmp_path / "photos" / "front.png"
    file.parent.mkdir()
    Image.fromarray((mixed + 0.5).astype(np.uint8)).save(file)
    return file


def plate_of(photo, **environment):
    meter = app.meter(settings(environment).matte_model)
    (plate,) = meter.enroll([photo], lambda said: None).plates
    return plate


def network(file, rough):
    """A network that knows one picture: whatever it is shown, its answer is ``rough``, float32 (h, w)."""
    high, wide = rough.shape
    nodes = [
        node("ReduceMean", ["x"], "grey", whole("axes", [1]), whole("keepdims", 1)),
        node("Mul", ["grey", "zero"], "nothing"),
        node("Add", ["nothing", "rough"], "y"),
    ]
    constants = [constant("zero", np.zeros(1, np.float32)), constant("rough", rough[None, None])]
    file.write_bytes(model(nodes, constants, [shaped("x", 1, 3, high, wide)], [shaped("y", 1, 1, high, wide)]))
    return str(file)


@pytest.mark.slow
def test_a_network_that_the_environment_names_cuts_her_out_of_a_busy_place(photo, true, tmp_path):
    pytest.importorskip("onnxruntime")
    alone = plate_of(photo)
    assert alone.facts.backdrop is Backdrop.BUSY
    assert alone.alpha is None
    rough = np.ascontiguousarray(cv2.resize(true, (90, 120), interpolation=cv2.INTER_AREA))
    plate = plate_of(photo, TWINBOOK_MATTE_MODEL=network(tmp_path / "mine.onnx", rough))
    assert plate.facts.backdrop is Backdrop.PLAIN
    assert plate.alpha.shape == true.shape
    off = np.abs(plate.alpha / 255 - true).mean()
    coarse = cv2.resize(rough, true.shape[::-1], interpolation=cv2.INTER_LINEAR)
    assert off < np.abs(coarse - true).mean(), "the edge is solved at full size, not taken from the network"
    assert plate.regions is not None
    rows = np.flatnonzero((true > 0.5).any(axis=1))
    assert plate.facts.person.top == pytest.approx(rows[0], abs=6)
    assert plate.facts.person.bottom == true.shape[0]


def test_a_network_that_cannot_be_used_stops_the_enrolment_and_says_why(photo, tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"matte\.model") as told:
        plate_of(photo, TWINBOOK_MATTE_MODEL=str(tmp_path / "broken.onnx"))
    assert "TWINBOOK_MATTE_MODEL" in told.value.remedy


def test_a_mask_painted_beside_a_photograph_is_on_its_plate(photo, true):
    hers, never = cv2.erode(true, np.ones((9, 9))) > 0.99, cv2.dilate(true, np.ones((9, 9))) < 0.01
    painted = np.zeros((*true.shape, 4), np.uint8)
    painted[hers], painted[never] = (0, 220, 0, 255), (220, 0, 0, 255)
    half = Image.fromarray(painted).resize((true.shape[1] // 2, true.shape[0] // 2), Image.Resampling.NEAREST)
    half.save(photo.with_name("front.mask.png"))
    assert enroll.photographs(photo.parent) == [photo]
    plate = plate_of(photo)
    assert plate.facts.backdrop is Backdrop.PLAIN
    inside = cv2.erode(hers.astype(np.uint8), np.ones((5, 5))) > 0
    outside = cv2.erode(never.astype(np.uint8), np.ones((5, 5))) > 0
    assert (plate.alpha[inside] == 255).all()
    assert (plate.alpha[outside] == 0).all()
    assert np.abs(plate.alpha / 255 - true).mean() < 0.02


def test_a_mask_of_another_picture_refuses_its_photograph_by_name(photo):
    Image.fromarray(np.full((30, 30, 3), 255, np.uint8)).save(photo.with_name("front.mask.png"))
    with pytest.raises(CaptureRefused, match=r"front\.mask\.png is 30×30"):
        plate_of(photo)
