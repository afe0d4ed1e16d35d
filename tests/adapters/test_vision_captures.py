"""Decoding photographs: what comes out is upright sRGB, what can't is refused by name."""

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from twinbook.decoding import MAX_PIXELS
from twinbook.domain.errors import CaptureRefused
from twinbook.vision.captures import decode


def gradient(wide=320, high=300):
    y, x = np.mgrid[0:high, 0:wide]
    return np.stack([x * 255 // wide, y * 255 // high, np.full_like(x, 90)], axis=-1).astype(np.uint8)


def refusal(path):
    with pytest.raises(CaptureRefused) as caught:
        decode(path)
    assert path.name in caught.value.diagnosis
    assert caught.value.remedy
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [("a.png", {}, 0), ("a.jpg", {"quality": 97, "subsampling": 0}, 6), ("a.webp", {"lossless": True}, 0)],
)
def test_the_three_formats(tmp_path, name, options, tolerance):
    Image.fromarray(gradient()).save(tmp_path / name, **options)
    capture = decode(tmp_path / name)
    assert capture.name == name
    assert capture.rgb_srgb.dtype == np.uint8
    assert np.abs(capture.rgb_srgb.astype(int) - gradient()).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation):
    upright = Image.fromarray(gradient())
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpose whose inverse the tag asks for
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    assert (decode(tmp_path / "turned.png").rgb_srgb == gradient()).all()


def test_an_embedded_profile_is_converted(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile with red and blue exchanged: converting it exchanges the channels.
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    picture = np.full((300, 300, 3), (200, 100, 40), np.uint8)
    for name, profile in (("srgb.png", srgb), ("swapped.png", swapped), ("broken.png", b"not a profile")):
        Image.fromarray(picture).save(tmp_path / name, icc_profile=profile)
    assert np.abs(decode(tmp_path / "srgb.png").rgb_srgb.astype(int) - picture).max() <= 1
    assert np.abs(decode(tmp_path / "swapped.png").rgb_srgb.astype(int) - picture[..., ::-1]).max() <= 2
    assert (decode(tmp_path / "broken.png").rgb_srgb == picture).all()


def test_every_kind_of_pixel(tmp_path):
    grey = gradient()[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    Image.fromarray(gradient()).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    Image.fromarray(gradient()).convert("P").save(tmp_path / "palette.png")
    see_through = np.dstack([gradient(), np.zeros((300, 320), np.uint8)])
    Image.fromarray(see_through).save(tmp_path / "alpha.png")
    assert (decode(tmp_path / "grey.png").rgb_srgb[..., 1] == grey).all()
    assert (decode(tmp_path / "sixteen.png").rgb_srgb[..., 2] == grey).all()
    assert np.abs(decode(tmp_path / "cmyk.jpg").rgb_srgb.astype(int) - gradient()).mean() < 6
    assert decode(tmp_path / "palette.png").rgb_srgb.shape == (300, 320, 3)
    assert (decode(tmp_path / "alpha.png").rgb_srgb == 255).all()


def test_what_is_not_a_photograph(tmp_path):
    (tmp_path / "notes.jpg").write_text("not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(gradient()).save(tmp_path / "whole.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:1200])
    Image.fromarray(gradient()).save(tmp_path / "anim.gif")
    for name in ("notes.jpg", "empty.png", "folder.png", "half.jpg", "anim.gif", "missing.jpg"):
        assert refusal(tmp_path / name) == "capture.unreadable"


def test_every_truncation_and_flip_is_refused_or_decoded(tmp_path):
    Image.fromarray(gradient()).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    random = np.random.default_rng(1)
    for case in range(60):
        data = bytearray(whole[: int(random.integers(8, len(whole)))] if case % 2 else whole)
        for _ in range(5):
            data[int(random.integers(0, len(data)))] = int(random.integers(0, 256))
        (tmp_path / "hostile.png").write_bytes(bytes(data))
        try:
            decode(tmp_path / "hostile.png")
        except CaptureRefused as error:
            assert "hostile.png" in error.diagnosis


def test_a_bomb_is_not_unpacked(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for name, side in (("big.png", int(MAX_PIXELS**0.5) + 10), ("bomb.png", 60_000)):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + data)
        assert refusal(tmp_path / name) == "capture.too_large"


def test_thumbnails_are_too_small(tmp_path):
    Image.fromarray(gradient(120, 160)).save(tmp_path / "thumb.png")
    assert refusal(tmp_path / "thumb.png") == "capture.too_small"


def test_heic_without_the_extra_says_so(tmp_path, monkeypatch):
    (tmp_path / "phone.heic").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(60))
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert refusal(tmp_path / "phone.heic") == "capture.heic"


def test_a_broken_heic_is_unreadable(tmp_path):
    pytest.importorskip("pi_heif")
    (tmp_path / "phone.heic").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(60))
    assert refusal(tmp_path / "phone.heic") == "capture.unreadable"
