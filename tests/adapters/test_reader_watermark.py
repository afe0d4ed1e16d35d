"""Embedded by one implementation, read by the other: what survives, and that nothing is read where nothing is."""

import hashlib

import cv2
import numpy as np
import pytest
from pictures import RELEASE, astronaut, lit, recompressed, scaled, studio, synthetic
from skimage import data

from twinbook.domain.provenance import ReleaseId
from twinbook.reader import tiled_watermark
from twinbook.reader.watermark import read_watermark
from twinbook.seal.square_watermark import embed_square
from twinbook.seal.watermark import embed


def cut(picture, area):
    height, width = (round(side * area**0.5) for side in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 3, (picture.shape[1] - width) * 2 // 3
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def turned(picture, degrees):
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC)


def tilted(picture):
    height, width = picture.shape[:2]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    moved = corners + np.float32([[22, 12], [-8, 30], [-20, -18], [12, -6]])
    return cv2.warpPerspective(picture, cv2.getPerspectiveTransform(corners, moved), (width, height))


def bannered(picture):
    covered = picture.copy()
    covered[-picture.shape[0] // 6 :] = (30, 20, 60)
    return covered


DISTORTIONS = {
    "nothing": lambda p: p,
    "q75": lambda p: recompressed(p, 75),
    "q50": lambda p: recompressed(p, 50),
    "half": lambda p: scaled(p, 0.5),
    "half size q75": lambda p: recompressed(scaled(p, 0.5), 75),
    "150 %": lambda p: scaled(p, 1.5),
    "other shape": lambda p: cv2.resize(p, (700, 1000), interpolation=cv2.INTER_AREA),
    "brighter": lambda p: lit(p, 1.1),
    "darker": lambda p: lit(p, 0.9),
    "contrast": lambda p: np.clip((p.astype(float) - 128) * 1.2 + 128, 0, 255).astype(np.uint8),
    "mirrored": lambda p: p[:, ::-1],
    "crop to 75 %": lambda p: recompressed(cut(p, 0.75), 75),
    "crop to half": lambda p: recompressed(cut(p, 0.5), 75),
    "a quarter of it, smaller": lambda p: recompressed(scaled(cut(p, 0.25), 0.8), 80),
    "turned by 2 degrees": lambda p: recompressed(turned(p, 2), 75),
    "turned by 15 degrees": lambda p: recompressed(turned(p, 15), 75),
    "a photograph of a screen": lambda p: recompressed(tilted(p), 80),
    "a banner over it": lambda p: recompressed(bannered(p), 75),
    "quarter turn": lambda p: np.rot90(p),
    "upside down": lambda p: p[::-1, ::-1],
}


@pytest.fixture(scope="module")
def marked():
    return {"astronaut": embed(astronaut(), RELEASE).rgb_srgb, "studio": embed(studio(), RELEASE).rgb_srgb}


@pytest.mark.parametrize("distortion", DISTORTIONS)
@pytest.mark.parametrize("name", ["astronaut", "studio"])
def test_photographs_keep_the_mark(marked, name, distortion):
    read = read_watermark(np.ascontiguousarray(DISTORTIONS[distortion](marked[name])))
    assert read.release == RELEASE
    assert 0.4 < read.confidence <= 1


@pytest.mark.parametrize("name", ["grey", "white", "black", "gradient", "noise"])
@pytest.mark.parametrize("distortion", ["nothing", "q75", "half", "150 %"])
def test_empty_pictures_keep_the_mark(name, distortion):
    picture = embed(synthetic(name), RELEASE).rgb_srgb
    assert read_watermark(DISTORTIONS[distortion](picture)).release == RELEASE


@pytest.mark.parametrize("size", [(480, 640), (1080, 1350), (1080, 1920), (1600, 900), (2400, 3200)])
def test_every_usual_size_keeps_it_at_quality_75(size):
    picture = embed(astronaut(*size), RELEASE).rgb_srgb
    assert read_watermark(recompressed(picture, 75)).release == RELEASE


@pytest.mark.parametrize("number", [0, 1, 2**48 - 1, 0x800000000000, 0xAAAAAAAAAAAA])
def test_every_id_can_ride(number):
    release = ReleaseId.from_number(number)
    assert read_watermark(embed(astronaut(480, 640), release).rgb_srgb).release == release


@pytest.mark.slow
def test_nothing_is_read_where_nothing_is():
    """300 crops of photographs and noise fields. That none reads bounds the rate at 1 % only; the specification's
    arithmetic (32 bits must fit, twenty tiles) is what bounds it at 5e-9."""
    random = np.random.default_rng(7)
    photographs = [data.astronaut(), data.coffee(), data.chelsea()]
    for i in range(300):
        if i % 3 == 0:
            picture = random.integers(0, 256, (256, 256, 3), dtype=np.uint8)
        else:
            whole = photographs[i % len(photographs)]
            top, left = (int(random.integers(0, side - 200)) for side in whole.shape[:2])
            picture = np.ascontiguousarray(whole[top : top + 200, left : left + 200])
        assert read_watermark(picture).release is None


def test_pictures_marked_with_the_square_code_still_read():
    marked = embed_square(astronaut(), RELEASE)
    assert read_watermark(recompressed(scaled(marked, 0.5), 75)).release == RELEASE


def test_the_tiled_code_is_what_the_specification_says():
    """Numbers of docs/reference/watermark.md, counted out by hand: the frequencies, three chips a coded bit, and the
    signs, so that the two sides can't drift away from the page together."""
    rows, columns, sign, symbol = tiled_watermark._plan()
    inside = [(r, c) for r in range(22) for c in range(-21, 22) if 16 <= r * r + c * c <= 441 and (r > 0 or c > 0)]
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == sorted(inside)
    assert (np.bincount(symbol)[:352] == 3).all()
    draws = hashlib.shake_256(b"org.twinbook.watermark.2").digest(16 * len(inside))
    assert [int(s) for s in sign[:50]] == [-1 if draws[8 * i + 7] & 1 else 1 for i in range(50)]


def test_a_second_mark_never_reads_as_a_third_id():
    """Whoever marks over a mark gets theirs, the first or nothing, but no id that nobody embedded."""
    other = ReleaseId("000000000001")
    twice = embed(embed(astronaut(), RELEASE).rgb_srgb, other).rgb_srgb
    assert read_watermark(twice).release in (RELEASE, other, None)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5000, 3), (63, 63, 3), (64, 64, 3)])
def test_tiny_pictures_read_as_nothing(shape):
    assert read_watermark(np.zeros(shape, np.uint8)).release is None
