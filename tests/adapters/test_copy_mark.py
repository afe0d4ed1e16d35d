"""A copy leaks, and the secret tells which one it was: marked by one implementation, traced by the other."""

import cv2
import numpy as np
import pytest
from pictures import RELEASE, astronaut, lit, recompressed, scaled, studio

from twinbook.reader import copy_mark
from twinbook.reader.copy_mark import trace_copies
from twinbook.reader.watermark import read_watermark
from twinbook.seal.copy_mark import CopyHost, mark_copy
from twinbook.seal.watermark import embed

SECRET = bytes(range(32))
COPIES = [f"copy-{i:03}" for i in range(400)]


@pytest.fixture(scope="module", params=["astronaut", "studio"])
def original(request):
    return astronaut(640, 853) if request.param == "astronaut" else studio(640, 853)


@pytest.fixture(scope="module")
def host(original):
    return CopyHost(original)


LEAKS = {
    "as delivered": lambda p: p,
    "quality 50": lambda p: recompressed(p, 50),
    "540 pixels, quality 50": lambda p: recompressed(scaled(p, 540 / 640), 50),
    "mirrored": lambda p: recompressed(p[:, ::-1], 75),
    "half of it": lambda p: recompressed(p[100:703, 90:542], 75),
    "warmer and darker": lambda p: recompressed(lit(p, np.array([0.95, 0.9, 0.75])), 75),
    "a bar over it": lambda p: recompressed(np.vstack([p[:700], np.zeros_like(p[700:])]), 75),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_names_its_copy(original, host, leak):
    found = np.ascontiguousarray(LEAKS[leak](host.mark(SECRET, "copy-123")))
    trace = trace_copies(found, original, SECRET, COPIES)
    assert [each.copy for each in trace.above] == ["copy-123"]
    assert trace.ranked[0].score > 2 * trace.threshold


def test_a_rotated_leak_names_its_copy():
    original = astronaut(640, 853)
    matrix = cv2.getRotationMatrix2D((320, 426), 5, 1.05)
    turned = cv2.warpAffine(mark_copy(original, SECRET, "copy-007"), matrix, (640, 853), flags=cv2.INTER_CUBIC)
    trace = trace_copies(recompressed(turned, 75), original, SECRET, COPIES)
    assert [each.copy for each in trace.above] == ["copy-007"]
    assert trace.overlap < 1


def test_eight_who_mix_their_copies_are_all_named(original, host):
    crew = COPIES[40:48]
    mixed = np.rint(np.mean([host.mark(SECRET, copy).astype(float) for copy in crew], axis=0)).astype(np.uint8)
    trace = trace_copies(recompressed(mixed, 75), original, SECRET, COPIES)
    assert sorted(each.copy for each in trace.above) == crew


def test_nobody_is_named_by_a_picture_that_no_copy_was_made_of(original):
    for found in (original, recompressed(original, 60)):
        assert trace_copies(found, original, SECRET, COPIES).above == ()


def test_another_secret_names_nobody(original, host):
    assert trace_copies(host.mark(SECRET, "copy-001"), original, bytes(32), COPIES).above == ()


def test_the_innocent_stay_below_the_threshold_whatever_the_picture_holds(original, host):
    """20,000 innocent codes scatter as a normal distribution does, around 0 with a deviation of 1, although the
    picture is full of somebody's code."""
    evidence = copy_mark.examine(recompressed(host.mark(SECRET, "guilty"), 75), original)
    scores = copy_mark.correlate(evidence, (copy_mark.copy_key(SECRET, f"innocent {i}") for i in range(20_000)))
    assert abs(scores.mean()) < 0.03
    assert abs(scores.std() - 1) < 0.02
    assert scores.max() < copy_mark.threshold(20_000)


def test_the_threshold_is_hoeffdings():
    assert copy_mark.threshold(10_000, 1e-6) == pytest.approx(6.786, abs=0.001)
    assert copy_mark.threshold(1, 1.0) == 0


def test_another_picture_cannot_be_laid_over_it():
    found = np.random.default_rng(1).integers(0, 256, (500, 900, 3), dtype=np.uint8)
    assert trace_copies(found, astronaut(640, 853), SECRET, COPIES) is None


def test_the_mark_is_faint(original, host):
    """Flat spots move by at most one level, and the whole stays above 46 dB."""
    moved = host.mark(SECRET, "copy-001").astype(int) - original
    assert 10 * np.log10(255**2 / np.mean(np.square(moved))) > 46
    flat = np.full((480, 360, 3), 128, np.uint8)
    assert np.abs(mark_copy(flat, SECRET, "copy-001").astype(int) - 128).max() <= 1


def test_the_blind_watermark_is_read_through_it():
    released = embed(astronaut(640, 853), RELEASE).rgb_srgb
    assert read_watermark(recompressed(mark_copy(released, SECRET, "copy-009"), 75)).release == RELEASE


def test_the_same_copy_has_the_same_pixels_and_another_has_others(host):
    assert (host.mark(SECRET, "copy-001") == host.mark(SECRET, "copy-001")).all()
    assert (host.mark(SECRET, "copy-001") != host.mark(SECRET, "copy-002")).any()


def test_a_short_secret_is_refused(host):
    with pytest.raises(ValueError, match="at least 16 bytes"):
        host.mark(b"short", "copy-001")
