"""A second watermark by a network of the user's own: what it carries, what it leads to, and what becomes of a broken one."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_by_hand import constant, model, node, shaped
from pictures import marking
from PIL import Image
from skimage import data

from twinbook.domain.errors import InputError, SealRefused
from twinbook.domain.provenance import ReleaseId, Word
from twinbook.domain.second_watermark import CHANCE, least_agreeing, likeliest, word_of
from twinbook.reader import ImageReader
from twinbook.reader.second_watermark import WordReader
from twinbook.seal import ImageSealer
from twinbook.seal.second_watermark import SecondWatermark

RELEASE = ReleaseId("9f3c01a7d24b")
SIDE, BITS = 64, 64
IDS = st.integers(0, 2**48 - 1).map(ReleaseId.from_number)


# --- the word ---------------------------------------------------------------------------------------------------


@given(IDS, st.lists(IDS, max_size=50), st.data())
def test_a_word_with_some_bits_wrong_still_leads_to_its_release(release, others, drawn):
    issued = {release, *others}
    word = word_of(release, 100)
    wrong = drawn.draw(st.sets(st.integers(0, 99), max_size=100 - least_agreeing(100, len(issued))))
    found = Word(word.bits ^ sum(1 << bit for bit in wrong), 100)
    best = likeliest(found, issued)
    assert best is not None
    assert found.agreeing(word_of(best, 100)) >= found.agreeing(word)


def test_noise_leads_nowhere():
    issued = [ReleaseId.from_number(int(n)) for n in np.random.default_rng(1).integers(0, 2**48, 100)]
    random = np.random.default_rng(2)
    found = [likeliest(Word(int.from_bytes(random.bytes(32), "big"), 256), issued) for _ in range(500)]
    assert found.count(None) == 500


def test_too_many_ids_for_too_few_bits_lead_nowhere():
    assert least_agreeing(32, 1_000_000) is None
    assert least_agreeing(32, 10_000) == 31
    assert CHANCE >= 33 * 10_000 / 2**32


def test_the_word_is_what_the_specification_says():
    assert word_of(ReleaseId("000000000000"), 16).count == 16
    whole = word_of(RELEASE, 256).bits
    assert word_of(RELEASE, 30).bits == whole >> 226


# --- the networks -----------------------------------------------------------------------------------------------


def carriers():
    """One pattern a bit, orthogonal to each other and to anything smooth: a spread-spectrum code as matrices of a network."""
    noise = np.random.default_rng(3).standard_normal((BITS, 3, SIDE, SIDE))
    rough = np.fft.fft2(noise)
    u, v = np.meshgrid(*[np.fft.fftfreq(SIDE) * SIDE] * 2)
    rough[..., np.hypot(u, v) < 10] = 0
    rough[..., np.hypot(u, v) > 22] = 0  # what enlarging by straight lines would blur
    patterns, _ = np.linalg.qr(np.fft.ifft2(rough).real.reshape(BITS, -1).T)
    return np.float32(patterns.T)


def networks(folder, strength=0.5):
    """An encoder and a decoder, and the file that describes them."""
    carrier = carriers()
    flat, square = np.int64([1, SIDE * SIDE * 3]), np.int64([1, 3, SIDE, SIDE])
    encoder = model(
        [
            node("Mul", ["message", "two"], "doubled"),
            node("Sub", ["doubled", "one"], "signs"),
            node("MatMul", ["signs", "carrier"], "flat"),
            node("Reshape", ["flat", "square"], "residual"),
        ],
        [
            constant("two", np.float32([2])),
            constant("one", np.float32([1])),
            constant("carrier", carrier * np.float32(strength)),
            constant("square", square),
        ],
        [shaped("picture", 1, 3, SIDE, SIDE), shaped("message", 1, BITS)],
        [shaped("residual", 1, 3, SIDE, SIDE)],
    )
    decoder = model(
        [node("Reshape", ["picture", "flat"], "row"), node("MatMul", ["row", "back"], "bits")],
        [constant("flat", flat), constant("back", np.ascontiguousarray(carrier.T))],
        [shaped("picture", 1, 3, SIDE, SIDE)],
        [shaped("bits", 1, BITS)],
    )
    (folder / "encoder.onnx").write_bytes(encoder)
    (folder / "decoder.onnx").write_bytes(decoder)
    said = ['name = "spread"', 'encoder = "encoder.onnx"', 'decoder = "decoder.onnx"', f"bits = {BITS}"]
    said += [f"size = {SIDE}", "residual = true", "threshold = 0.0"]
    (folder / "mark.toml").write_text("\n".join(said))
    return folder / "mark.toml"


@pytest.fixture
def described(tmp_path):
    pytest.importorskip("onnxruntime")
    return networks(tmp_path)


def picture():
    """Out of focus, since a network of two matrices hasn't learnt to tell its patterns from a photograph's."""
    return cv2.GaussianBlur(np.ascontiguousarray(data.astronaut()[:, 64:448]), (0, 0), 8)


def jpeg(rgb, quality=75):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def test_what_a_network_put_in_is_read_after_jpeg(described):
    marked = SecondWatermark(described).embed(picture(), RELEASE)
    others = [ReleaseId.from_number(n) for n in range(1000)]
    assert likeliest(WordReader(described).read(jpeg(marked)), [*others, RELEASE]) == RELEASE
    assert likeliest(WordReader(described).read(jpeg(picture())), [*others, RELEASE]) is None


def test_a_mark_that_would_be_seen_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    loud = networks(tmp_path, strength=20.0)
    with pytest.raises(SealRefused, match="would be seen"):
        SecondWatermark(loud).embed(picture(), RELEASE)


@pytest.mark.parametrize("said", ["", "name = 3", 'name = "x"\nbits = 4\nencoder = "e"\ndecoder = "d"', "\x00"])
def test_a_file_that_describes_nothing_is_told(tmp_path, said):
    (tmp_path / "mark.toml").write_text(said)
    with pytest.raises(InputError, match=r"watermark\.model"):
        SecondWatermark(tmp_path / "mark.toml").embed(picture(), RELEASE)


def test_a_network_that_is_none_is_told(described):
    for name in ("encoder.onnx", "decoder.onnx"):
        (described.parent / name).write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"watermark\.model"):
        SecondWatermark(described).embed(picture(), RELEASE)
    with pytest.raises(InputError, match=r"watermark\.model"):
        WordReader(described).read(picture())


# --- in the seal ------------------------------------------------------------------------------------------------


def test_a_sealed_copy_carries_it_and_its_manifest_says_so(described, certificate):
    sealer = ImageSealer(certificate.chain_pem, certificate.private_key_pem, second=described)
    sealed = sealer.seal(picture(), marking(release=RELEASE)).data
    reading = ImageReader(certificate.anchors_pem, second=described).read(sealed)
    assert likeliest(reading.second, [RELEASE]) == RELEASE
    assert reading.watermark.release == RELEASE
    assert reading.manifest.state == "trusted"
    assert b"org.twinbook.second-watermark.1" in sealed
    assert ImageReader(certificate.anchors_pem).read(sealed).second is None
