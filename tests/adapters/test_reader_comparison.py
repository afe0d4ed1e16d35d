"""Re-encoding is no alteration; a lighter skin, a pasted face and a painted-over label are."""

import cv2
import numpy as np
import pytest
from pictures import (
    FACE,
    astronaut,
    filled,
    jpeg,
    lightened,
    lit,
    marking,
    pixels,
    recompressed,
    scaled,
    studio,
    synthetic,
)
from skimage import data

from twinbook.reader.comparison import compare_pictures

CLEAN = {
    "nothing": lambda p: p,
    "q75": lambda p: recompressed(p, 75),
    "q50": lambda p: recompressed(p, 50),
    "q30": lambda p: recompressed(p, 30),
    "half": lambda p: scaled(p, 0.5),
    "half size q50": lambda p: recompressed(scaled(p, 0.5), 50),
    "third size q50": lambda p: recompressed(scaled(p, 1 / 3), 50),
    "150 %": lambda p: scaled(p, 1.5),
    "brighter": lambda p: lit(p, 1.1),
    "darker": lambda p: lit(p, 0.85),
    "contrast": lambda p: np.clip((p.astype(float) - 128) * 1.2 + 128, 0, 255).astype(np.uint8),
    "gamma": lambda p: (255 * (p / 255) ** 0.8).round().astype(np.uint8),
    "warmer": lambda p: np.clip(p * [1.1, 1.0, 0.9], 0, 255).astype(np.uint8),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "cropped": lambda p: recompressed(p[60:-90, 70:-40], 75),
}


@pytest.fixture(scope="module")
def copies(sealer, sealed):
    return {
        "astronaut": pixels(sealed.data),
        "studio": pixels(sealer.seal(studio(), marking(faces=())).data),
        "small": pixels(sealer.seal(astronaut(480, 640), marking(faces=())).data),
        "grey": pixels(sealer.seal(synthetic("grey"), marking(faces=())).data),
    }


@pytest.mark.parametrize("change", CLEAN)
@pytest.mark.parametrize("name", ["astronaut", "studio", "small"])
def test_re_encoding_and_global_tone_are_no_alteration(copies, name, change):
    likeness = compare_pictures(CLEAN[change](copies[name]), copies[name])
    assert likeness is not None
    assert likeness.altered_share == 0.0


def _paste(picture):
    changed = picture.copy()
    here = np.s_[FACE.top : FACE.bottom, FACE.left : FACE.right]
    changed[here] = filled(data.chelsea(), FACE.width, FACE.height)
    return changed


def _paint_label(picture):
    changed = picture.copy()
    changed[1020:1180, 260:880] = cv2.GaussianBlur(picture, (0, 0), 60)[1020:1180, 260:880]
    return changed


ALTERED = {
    "skin lightened by 8": lambda p: lightened(p, FACE, 8),
    "skin darkened by 8": lambda p: lightened(p, FACE, -8),
    "skin lightened by 5": lambda p: lightened(p, FACE, 5),
    "skin reddened by 6": lambda p: lightened(p, FACE, 6, channel=1),
    "another face": _paste,
    "label painted over": _paint_label,
}


@pytest.mark.parametrize(
    "afterwards",
    ["half size q50", *(pytest.param(each, marks=pytest.mark.slow) for each in ("nothing", "brighter", "cropped"))],
)
@pytest.mark.parametrize("change", ALTERED)
def test_local_changes_are_alterations(copies, change, afterwards):
    likeness = compare_pictures(CLEAN[afterwards](ALTERED[change](copies["astronaut"])), copies["astronaut"])
    assert likeness is not None
    assert 0.005 < likeness.altered_share < 0.25
    assert likeness.worst_cell > 4


def test_a_face_pasted_on_an_empty_picture_is_an_alteration(copies):
    likeness = compare_pictures(_paste(copies["grey"]), copies["grey"])
    assert likeness is not None
    assert likeness.altered_share > 0.03


@pytest.mark.parametrize("other", [data.coffee, data.chelsea, data.rocket])
def test_other_pictures_are_not_compared(copies, other):
    assert compare_pictures(filled(other(), 900, 1200), copies["astronaut"]) is None
    assert compare_pictures(other(), copies["astronaut"]) is None


def test_a_slight_turn_is_registered(copies):
    picture = copies["astronaut"]
    turn = cv2.getRotationMatrix2D((450, 600), 4, 1.12)
    likeness = compare_pictures(cv2.warpAffine(picture, turn, (900, 1200)), picture)
    assert likeness is not None
    assert likeness.altered_share < 0.005


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (8, 8, 3)])
def test_absurd_shapes_are_survived(copies, shape):
    for found, issued in [(np.zeros(shape, np.uint8), copies["small"]), (copies["small"], np.zeros(shape, np.uint8))]:
        compare_pictures(found, issued)


def test_through_the_reader(reader, sealed, copies):
    likeness = reader.compare(jpeg(copies["astronaut"], 60), sealed.data)
    assert likeness.altered_share == 0.0
