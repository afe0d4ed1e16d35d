"""Embedded by one implementation, read by the other: what survives, and that nothing is read where nothing is."""

import cv2
import numpy as np
import pytest
from pictures import RELEASE, astronaut, lit, recompressed, scaled, studio, synthetic
from skimage import data

from twinbook.domain.provenance import ReleaseId
from twinbook.reader.watermark import read_watermark
from twinbook.seal.watermark import embed

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
    assert 0.5 < read.confidence <= 1


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


def test_nothing_is_read_where_nothing_is():
    """300 crops of photographs and noise fields. That none reads bounds the rate at 1 % only; the specification's
    arithmetic (40 bits must fit, eight views) is what bounds it at 1e-11."""
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


def test_a_second_mark_never_reads_as_a_third_id():
    """Whoever marks over a mark gets theirs, the first or nothing, but no id that nobody embedded."""
    other = ReleaseId("000000000001")
    twice = embed(embed(astronaut(), RELEASE).rgb_srgb, other).rgb_srgb
    assert read_watermark(twice).release in (RELEASE, other, None)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5000, 3), (63, 63, 3), (64, 64, 3)])
def test_tiny_pictures_read_as_nothing(shape):
    assert read_watermark(np.zeros(shape, np.uint8)).release is None
