"""Pictures that a producer brings: every kind of file gives its right pixels, or a refusal that says what to do."""

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from twinbook.decoding import MAX_PIXELS
from twinbook.domain.errors import InputError
from twinbook.store import FileScenes
from twinbook.vision.captures import decode

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# The same profile with red and blue exchanged: converting it exchanges the channels.
SWAPPED = SRGB.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def gradient(wide=64, high=48):
    y, x = np.mgrid[0:high, 0:wide]
    return np.stack([x * 255 // wide, y * 255 // high, np.full_like(x, 90)], axis=-1).astype(np.uint8)


@pytest.fixture
def brought(tmp_path):
    """Saves a picture as a producer would, and gives what an engine gets of it."""

    def bring(picture, name="scene.png", **options):
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        image.save(tmp_path / name, **options)
        scenes = FileScenes(tmp_path / "scenes")
        return scenes.load(scenes.keep(tmp_path / name))

    return bring


@pytest.fixture
def refused(tmp_path):
    def refuse(name, data):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError) as caught:
            FileScenes(tmp_path / "scenes").keep(tmp_path / name)
        assert caught.value.code == "campaign.scene"
        assert name in caught.value.diagnosis
        assert not (tmp_path / "scenes").exists()
        return caught.value

    return refuse


def off(picture, expected):
    assert picture.dtype == np.uint8
    assert picture.shape == expected.shape
    return int(np.abs(picture.astype(int) - expected).max())


@pytest.mark.parametrize("kind", ["png", "webp", "tiff", "bmp", "avif", "jpg"])
def test_formats_keep_their_pixels(brought, kind):
    options = {"webp": {"lossless": True}, "avif": {"quality": 95}, "jpg": {"quality": 97, "subsampling": 0}}
    assert off(brought(gradient(), f"scene.{kind}", **options.get(kind, {})), gradient()) <= (
        0 if kind in ("png", "webp", "tiff", "bmp") else 12
    )


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_scene_comes_out_upright(brought, orientation):
    undo = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(gradient()).transpose(undo[orientation])
    assert off(brought(stored, exif=exif), gradient()) == 0


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits_of_grey_are_rounded_to_eight(brought, kind):
    grey = gradient()[..., 0]
    assert off(brought(grey.astype(np.uint16) * 257, f"scene.{kind}"), np.dstack([grey] * 3)) == 0
    between = np.full((40, 40), 200 * 257 + 140, np.uint16)
    assert (brought(between) == 201).all()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(wide, bits, colour, rows, clear=b""):
    """A PNG of a depth and colour type that Pillow doesn't write; ``clear`` is its one transparent value."""
    header = struct.pack(">IIBBBBB", wide, len(rows), bits, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + (chunk(b"tRNS", clear) if clear else b"")
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def read(folder, data):
    (folder / "motif.png").write_bytes(data)
    scenes = FileScenes(folder / "scenes")
    return scenes.load(scenes.keep(folder / "motif.png"))


def test_sixteen_bits_of_colour_and_of_grey_with_alpha(tmp_path):
    colour = (gradient().astype(np.uint16) * 257).astype(">u2")
    assert off(read(tmp_path, png(64, 16, 2, [row.tobytes() for row in colour])), gradient()) == 0
    grey = np.dstack([gradient()[..., 0], gradient()[..., 1]])
    rgba = np.dstack([grey[..., :1]] * 3 + [grey[..., 1:]])
    rows = [row.tobytes() for row in (grey.astype(np.uint16) * 257).astype(">u2")]
    assert off(read(tmp_path, png(64, 16, 4, rows)), rgba) == 0


def test_sixteen_bits_with_one_clear_value(tmp_path):
    values = np.full((8, 8), 500, ">u2")
    values[2:5] = 501  # the same eight bits, and opaque
    values[5:] = 65535
    motif = read(tmp_path, png(8, 16, 0, [row.tobytes() for row in values], struct.pack(">H", 500)))
    assert motif[:, 0].tolist() == [[2, 2, 2, 0]] * 2 + [[2, 2, 2, 255]] * 3 + [[255, 255, 255, 255]] * 3


@pytest.mark.parametrize(
    ("bits", "colour", "row", "clear", "seen"),
    [
        (1, 0, [0b10000000], (1,), [(255, 255, 255, 0), (0, 0, 0, 255)]),
        (2, 0, [0b01100000], (1,), [(85, 85, 85, 0), (170, 170, 170, 255)]),
        (4, 0, [0x5A], (5,), [(85, 85, 85, 0), (170, 170, 170, 255)]),
        (8, 0, [5, 6], (5,), [(5, 5, 5, 0), (6, 6, 6, 255)]),
        (8, 2, [1, 2, 3, 1, 2, 4], (1, 2, 3), [(1, 2, 3, 0), (1, 2, 4, 255)]),
        (16, 2, [1, 9, 2, 9, 3, 9, 1, 9, 2, 9, 4, 9], (0x109, 0x209, 0x309), [(1, 2, 3, 0), (1, 2, 4, 255)]),
    ],
)
def test_one_clear_value_of_every_depth(tmp_path, bits, colour, row, clear, seen):
    made = png(2, bits, colour, [row] * 2, struct.pack(f">{len(clear)}H", *clear))
    assert read(tmp_path, made)[0].tolist() == [list(pixel) for pixel in seen]


def test_a_float_tiff_is_refused_because_nothing_says_what_is_white(tmp_path, refused):
    Image.fromarray(np.linspace(0, 3, 48 * 64, dtype=np.float32).reshape(48, 64)).save(tmp_path / "made.tiff")
    error = refused("hdr.tiff", (tmp_path / "made.tiff").read_bytes())
    assert "16 bits" in error.diagnosis
    assert "JPEG" in error.remedy


def test_grey_one_bit_and_palette(brought):
    grey = gradient()[..., 0]
    assert off(brought(grey), np.dstack([grey] * 3)) == 0
    assert off(brought(Image.fromarray(grey > 99)), np.dstack([np.where(grey > 99, 255, 0)] * 3)) == 0
    palette = Image.fromarray(gradient()).quantize(16)
    assert off(brought(palette), np.asarray(palette.convert("RGB"))) == 0


@pytest.mark.parametrize("profile", [None, SRGB], ids=["plain", "with a profile"])
def test_transparency_is_kept(brought, profile):
    options = {"icc_profile": profile} if profile else {}
    clear = np.dstack([gradient(), gradient()[..., 1]])
    assert off(brought(clear, **options), clear) <= 1
    grey = clear[..., [0, 3]]
    assert off(brought(Image.fromarray(grey, "LA"), **options), np.dstack([grey[..., :1]] * 3 + [grey[..., 1:]])) <= 1
    palette = Image.fromarray(gradient()).quantize(8)
    motif = brought(palette, transparency=0, **options)
    assert off(motif[..., :3], np.asarray(palette.convert("RGB"))) <= 1
    assert (motif[..., 3] == np.where(np.asarray(palette) == 0, 0, 255)).all()
    assert 0 < (motif[..., 3] == 0).mean() < 1


def test_profiles_are_converted_for_every_kind_of_pixel(brought):
    picture = np.full((40, 40, 3), (200, 100, 40), np.uint8)
    assert off(brought(picture, icc_profile=SWAPPED), picture[..., ::-1]) <= 2
    assert off(brought(Image.fromarray(picture).quantize(2), icc_profile=SWAPPED), picture[..., ::-1]) <= 2
    assert off(brought(picture[..., 0], icc_profile=SRGB), np.full_like(picture, 200)) <= 1
    clear = np.dstack([picture, np.full((40, 40), 77, np.uint8)])
    swapped = np.dstack([picture[..., ::-1], clear[..., 3]])
    assert off(brought(clear, icc_profile=SWAPPED), swapped) <= 2


def test_a_broken_or_foreign_profile_is_ignored_as_viewers_do(brought):
    assert off(brought(gradient(), icc_profile=b"not a profile"), gradient()) == 0
    assert off(brought(gradient(), icc_profile=SRGB[:200]), gradient()) == 0
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert off(brought(gradient(), icc_profile=lab), gradient()) == 0


def test_cmyk_and_lab(brought):
    cmyk = Image.fromarray(gradient()).convert("CMYK")
    assert off(brought(cmyk, "scene.tiff"), gradient()) <= 1
    assert off(brought(cmyk, "scene.jpg", quality=97), gradient()) <= 30
    # A profile for RGB in a CMYK file says nothing about its inks.
    assert off(brought(cmyk, "wrong.tiff", icc_profile=SWAPPED), gradient()) <= 1
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.fromarray(gradient()), to_lab)
    assert np.abs(brought(lab, "lab.tiff").astype(int) - gradient()).mean() < 3


def test_a_photograph_and_a_scene_of_one_file_are_one_picture(tmp_path):
    # The curve of this profile begins at a dark grey: only with black-point compensation does black stay black.
    at = SRGB.index(b"para") + 12
    lifted = (
        SRGB[:at] + struct.pack(">5i", *(round(65536 * value) for value in (2.4, 0.8, 0.2, 0, 0))) + SRGB[at + 20 :]
    )
    Image.fromarray(gradient(320, 300)).save(tmp_path / "one.png", icc_profile=lifted)
    scenes = FileScenes(tmp_path / "scenes")
    scene = scenes.load(scenes.keep(tmp_path / "one.png"))
    assert scene[0, 0, :2].max() <= 2
    assert (scene != gradient(320, 300)).any()
    assert (scene == decode(tmp_path / "one.png").rgb_srgb).all()


def test_a_bomb_is_not_unpacked(refused):
    for name, side in (("big.png", int(MAX_PIXELS**0.5) + 10), ("bomb.png", 60_000)):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        error = refused(name, b"\x89PNG\r\n\x1a\n" + data)
        assert "100,000,000" in error.diagnosis
        assert "scale it" in error.remedy


@pytest.mark.parametrize("kind", ["png", "webp", "gif"])
def test_an_animation_is_refused_and_a_still_of_its_kind_is_not(tmp_path, brought, refused, kind):
    still = Image.fromarray(gradient()).quantize(8)
    still.save(tmp_path / f"made.{kind}", save_all=True, append_images=[still.rotate(180)], duration=100)
    error = refused(f"moving.{kind}", (tmp_path / f"made.{kind}").read_bytes())
    assert "animated" in error.diagnosis
    assert "frame" in error.remedy
    assert off(brought(still, f"still.{kind}", lossless=True), np.asarray(still.convert("RGB"))) == 0


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tiff", "gif"])
def test_what_was_cut_off_is_refused(tmp_path, refused, kind):
    noise = np.random.default_rng(3).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"made.{kind}")
    whole = (tmp_path / f"made.{kind}").read_bytes()
    error = refused(f"half.{kind}", whole[: len(whole) // 2])
    assert error.remedy
    if kind in ("png", "jpg"):
        assert "cut off" in error.diagnosis
        assert "copy it again" in error.remedy


def test_what_is_no_picture_is_refused_by_its_name(refused):
    for name, data in (("empty.png", b""), ("notes.jpg", b"not a picture"), ("drawn.svg", b"<svg/>")):
        assert "JPEG" in refused(name, data).remedy
    # A decoder of PostScript would start a program.
    refused("page.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n%%EndComments\n")


def test_every_flip_is_refused_or_decoded(tmp_path):
    random = np.random.default_rng(1)
    scenes = FileScenes(tmp_path / "scenes")
    for kind in ("png", "tiff", "gif", "bmp"):
        Image.fromarray(gradient()).save(tmp_path / f"made.{kind}")
        whole = (tmp_path / f"made.{kind}").read_bytes()
        for _ in range(30):
            data = bytearray(whole)
            for place in random.integers(0, min(len(data), 400), 4):
                data[int(place)] = int(random.integers(0, 256))
            (tmp_path / "hostile").write_bytes(bytes(data))
            try:
                assert scenes.load(scenes.keep(tmp_path / "hostile")).dtype == np.uint8
            except InputError as error:
                assert "hostile" in error.diagnosis
                assert error.remedy


def test_heic_without_the_extra_says_so(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert "twinbook[heic]" in refused("phone.heic", b"\x00\x00\x00\x18ftypheic" + bytes(60)).remedy
