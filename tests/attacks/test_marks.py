"""Nothing passes as ours that isn't: flipped bytes, stripped marks, borrowed manifests, hostile files."""

import io
import struct
import zlib
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from twinbook.domain.errors import InputError
from twinbook.domain.provenance import Marking, ReleaseId, SourceType, State
from twinbook.domain.twin import Box
from twinbook.domain.verdict import judge
from twinbook.keys.certificates import create_signing_certificate
from twinbook.reader import ImageReader
from twinbook.seal import ImageSealer

RELEASE, OTHER = ReleaseId("9f3c01a7d24b"), ReleaseId("0123456789ab")


def _marking(release):
    whole = Box(0, 0, 480, 640)
    words, source = "AI MODIFIED", SourceType.COMPOSITE_SYNTHETIC
    return Marking(
        release, "web-3x4", words, (), whole, source, ("scene",), "composite", "1.0",
        "Autumn", "Nordlight", "a" * 64, "b" * 64, "2026-11-22T12:00:00Z", 0.03,
    )  # fmt: skip


def _person(picture):
    return cv2.resize(np.ascontiguousarray(picture[:, 64:448]), (480, 640), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def ours(sealer):
    return sealer.seal(_person(data.astronaut()), _marking(RELEASE)).data


@pytest.fixture(scope="module")
def other(sealer):
    return sealer.seal(_person(data.coffee()[:, :512]), _marking(OTHER)).data


def _segments(jpeg):
    """(marker, whole segment) up to the scan, then (None, the rest)."""
    position, found = 2, []
    while jpeg[position + 1] != 0xDA:
        length = struct.unpack(">H", jpeg[position + 2 : position + 4])[0]
        found.append((jpeg[position + 1], jpeg[position : position + 2 + length]))
        position += 2 + length
    return [*found, (None, jpeg[position:])]


def _without(jpeg, *markers):
    return jpeg[:2] + b"".join(segment for marker, segment in _segments(jpeg) if marker not in markers)


def _state_or_refusal(reader, file):
    """The manifest's state, or ``refused`` for image.unreadable; anything else that is raised fails the test."""
    try:
        return reader.read(file).manifest.state
    except InputError:
        return "refused"


def _state(reader, file, issued, **facts):
    reading = reader.read(file)
    likeness = None if reading.manifest.state == "trusted" else reader.compare(file, issued)
    return judge(reading, likeness, issued=True, identical=file == issued, **facts).state


def test_untouched_is_intact(reader, ours):
    assert _state(reader, ours, ours) is State.INTACT


def test_a_flipped_bit_anywhere_is_never_trusted(reader, ours):
    """400 places over the whole file, headers, XMP, manifest and scan."""
    for i in range(400):
        position = (i * 2654435761) % len(ours) if i >= 100 else 2 + i * 60
        changed = bytearray(ours)
        changed[position] ^= 1 << (i % 8)
        # Bytes the manifest leaves out are the manifest's own padding; c2pa-rs may call that file intact.
        state = _state_or_refusal(reader, bytes(changed))
        assert state != "trusted" or _is_padding(ours, bytes(changed))


def _is_padding(before, after):
    """Nothing outside the C2PA segments differs: same picture, same XMP, same profile."""
    return _without(before, 0xEB) == _without(after, 0xEB)


def test_truncation_is_never_trusted_and_never_a_crash(reader, ours):
    for length in [0, 1, 2, 3, 10, 100, 1000, 5000, 10_000, *range(20_000, len(ours) - 1, 29_989), len(ours) - 1]:
        assert _state_or_refusal(reader, ours[:length]) != "trusted"


def test_appended_bytes_are_not_trusted(reader, ours):
    assert reader.read(ours + b"<script>").manifest.state == "invalid"


def test_stripped_of_c2pa_the_watermark_still_points_home(reader, ours):
    reading = reader.read(_without(ours, 0xEB))
    assert reading.manifest.state == "absent"
    assert reading.watermark.release == RELEASE
    assert reading.xmp_release == RELEASE.hex
    assert _state(reader, _without(ours, 0xEB), ours) is State.RE_ENCODED


def test_stripped_of_all_metadata_the_watermark_still_points_home(reader, ours):
    bare = _without(ours, 0xE1, 0xE2, 0xEB)
    reading = reader.read(bare)
    assert (reading.manifest.state, reading.source_type, reading.xmp_release) == ("absent", None, None)
    assert reading.watermark.release == RELEASE
    assert reading.label is None


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
def test_a_screenshot_points_home(reader, ours, form):
    file = io.BytesIO()
    with Image.open(io.BytesIO(ours)) as image:
        image.convert("RGB").save(file, form, quality=75)
    assert reader.read(file.getvalue()).watermark.release == RELEASE
    assert _state(reader, file.getvalue(), ours) is State.RE_ENCODED


def test_a_manifest_from_another_picture_is_invalid(reader, ours, other):
    borrowed = b"".join(segment for marker, segment in _segments(ours) if marker == 0xEB)
    bare = _without(other, 0xEB)
    reading = reader.read(bare[:2] + borrowed + bare[2:])
    assert reading.manifest.state == "invalid"
    assert reading.label is None
    assert reading.watermark.release == OTHER
    assert _state(reader, bare[:2] + borrowed + bare[2:], ours) is State.ALTERED


def test_pixels_of_another_picture_behind_our_headers_are_invalid(reader, ours, other):
    headers = b"".join(segment for marker, segment in _segments(ours) if marker is not None)
    scan = b"".join(segment for marker, segment in _segments(other) if marker is None)
    assert _state_or_refusal(reader, ours[:2] + headers + scan) in ("invalid", "refused")


def test_changed_xmp_breaks_the_manifest(reader, ours):
    changed = ours.replace(b"compositeSynthetic", b"digitalCapture\x20\x20\x20\x20", 1)
    assert changed != ours
    assert reader.read(changed).manifest.state == "invalid"


def test_another_ca_with_our_name_is_not_trusted(reader, tmp_path):
    forged = create_signing_certificate(tmp_path, "Nordlight", datetime.now(UTC))
    forger = ImageSealer(forged.chain_pem, forged.private_key_pem)
    reading = reader.read(forger.seal(_person(data.coffee()[:, :512]), _marking(RELEASE)).data)
    assert reading.manifest.state == "untrusted"
    assert "signingCredential.untrusted" in reading.manifest.problems


def test_without_anchors_nobody_is_trusted(ours):
    assert ImageReader("").read(ours).manifest.state == "untrusted"


def test_a_forged_watermark_is_caught_by_comparing(reader, sealer, ours):
    """The mark is public: anybody can put our id on their picture. The issued copy tells."""
    forged = _without(sealer.seal(_person(data.coffee()[:, :512]), _marking(RELEASE)).data, 0xEB)
    assert reader.read(forged).watermark.release == RELEASE
    assert _state(reader, forged, ours) is not State.RE_ENCODED
    assert _state(reader, forged, ours) is not State.INTACT


def test_lightened_skin_is_altered(reader, ours):
    with Image.open(io.BytesIO(ours)) as image:
        lab = cv2.cvtColor(np.asarray(image).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab[90:260, 170:290, 0] += 8
    pixels = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    assert _state(reader, file.getvalue(), ours) is State.ALTERED


# --- hostile files ----------------------------------------------------------------------------------------------


def _png(width, height, rows=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


BOMB = zlib.compress(b"\0" * 50_000_000)
HOSTILE = {
    "empty": b"",
    "text": b"hello",
    "billions of pixels": _png(2**31 - 1, 2**31 - 1),
    "a hundred and one megapixels": _png(10_100, 10_001),
    "no rows": _png(400, 400),
    "zero wide": _png(0, 400),
    "gif": b"GIF89a" + bytes(100),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "jpeg head": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "webp head": b"RIFF\xff\xff\xff\x7fWEBPVP8 ",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_a_clean_error(reader, ours, name):
    with pytest.raises(InputError, match=r"image\.unreadable"):
        reader.read(HOSTILE[name])
    with pytest.raises(InputError, match=r"image\.unreadable"):
        reader.compare(HOSTILE[name], ours)


def test_a_bomb_in_a_text_chunk_is_survived(reader):
    picture = Image.new("RGB", (64, 64))
    file = io.BytesIO()
    picture.save(file, "PNG")
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    hostile = file.getvalue()[:33] + chunk + file.getvalue()[33:]
    assert _state_or_refusal(reader, hostile) in ("absent", "refused")


def test_entities_in_a_pictures_xmp_are_not_expanded(reader):
    hostile = (
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&a;</x:xmpmeta>'
    )
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG", xmp=hostile)
    reading = reader.read(file.getvalue())
    assert (reading.source_type, reading.xmp_release) == (None, None)


def test_a_remote_manifest_is_not_fetched(reader):
    """A reader that follows the link tells its author who is looking."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
        b'dcterms:provenance="http://127.0.0.1:9/manifest.c2pa"/></rdf:RDF></x:xmpmeta>'
    )
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG", xmp=xmp)
    assert reader.read(file.getvalue()).manifest.state in ("absent", "invalid")


@pytest.mark.slow
def test_rubbish_in_the_manifest_never_crashes(reader, ours):
    """2,000 files with several bytes of the manifest changed."""
    random = np.random.default_rng(3)
    for _ in range(2000):
        changed = bytearray(ours)
        for position in random.integers(20, 6000, random.integers(1, 8)):
            changed[position] = int(random.integers(256))
        _state_or_refusal(reader, bytes(changed))
