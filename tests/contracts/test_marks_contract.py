"""What every sealer and its reader promise, the real pair and the fake one."""

import io

import numpy as np
import pytest
from PIL import Image

from twinbook import testing
from twinbook.domain.errors import InputError
from twinbook.domain.provenance import Marking, ReleaseId, SourceType
from twinbook.domain.twin import Box


def picture(seed=1):
    """A soft gradient with grain: the hard case for marks is a flat studio backdrop."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(90, 190, 720)[:, None, None] + np.linspace(-15, 15, 540)[None, :, None]
    return np.clip(ramp + random.normal(0, 2, (720, 540, 3)), 0, 255).astype(np.uint8)


def marking(release="00c0ffee1234"):
    return Marking(
        release=ReleaseId(release),
        format="web-3x4",
        label="AI MODIFIED",
        faces=(Box(200, 120, 140, 160),),
        person=Box(100, 60, 340, 660),
        source_type=SourceType.COMPOSITE_SYNTHETIC,
        operations=("scene", "recolor"),
        engine="Twinbook composite",
        engine_version="1",
        title='Tvaton: <autumn> & "winter"',
        credit="Digital twin, licensed to Tvaton",
        license="ab" * 32,
        consent="cd" * 32,
        created="2026-06-01T12:00:00+00:00",
    )


@pytest.fixture(params=["fake", "real"], scope="module")
def pair(request, tmp_path_factory):
    if request.param == "fake":
        return testing.FakeSealer(), testing.FakeReader()
    from datetime import UTC, datetime

    from twinbook.keys.certificates import create_signing_certificate
    from twinbook.reader import ImageReader
    from twinbook.seal import ImageSealer

    made = create_signing_certificate(tmp_path_factory.mktemp("c2pa"), "Tests", datetime.now(UTC))
    return ImageSealer(made.chain_pem, made.private_key_pem), ImageReader(made.anchors_pem)


@pytest.fixture(scope="module")
def sealed(pair):
    return pair[0].seal(picture(), marking()).data


def test_what_was_sealed_reads_back_whole(pair, sealed):
    reading = pair[1].read(sealed)
    assert (reading.width, reading.height) == (540, 720)
    assert reading.manifest.state == "trusted"
    assert reading.manifest.release == reading.xmp_release == "00c0ffee1234"
    assert reading.watermark.release == ReleaseId("00c0ffee1234")
    assert reading.source_type == SourceType.COMPOSITE_SYNTHETIC.uri
    assert reading.label == "AI MODIFIED"
    assert reading.label_contrast >= 4.5


def test_sealing_leaves_the_given_pixels_alone(pair):
    pixels = picture()
    pair[0].seal(pixels, marking())
    assert np.array_equal(pixels, picture())


def test_a_picture_without_marks_claims_nothing(pair):
    out = io.BytesIO()
    Image.fromarray(picture(2)).save(out, "PNG")
    reading = pair[1].read(out.getvalue())
    assert reading.manifest.state == "absent"
    assert reading.watermark.release is None
    assert reading.xmp_release is None


def test_the_released_copy_is_like_itself_and_a_changed_one_is_not(pair, sealed):
    assert pair[1].compare(sealed, sealed).altered_share == 0
    with Image.open(io.BytesIO(sealed)) as image:
        changed = image.convert("RGB")
    changed.paste((230, 40, 40), (200, 120, 340, 280))
    out = io.BytesIO()
    changed.save(out, "PNG")
    assert pair[1].compare(out.getvalue(), sealed).altered_share > 0


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"not an image", bytes(1000)])
def test_what_is_no_image_is_told_as_such(pair, data):
    with pytest.raises(InputError, match=r"image\.unreadable"):
        pair[1].read(data)
