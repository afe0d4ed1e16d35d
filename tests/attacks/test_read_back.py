"""No release without its marks: each of them is broken in turn, on real seals, and the reader that shares nothing with the
sealer stops the release every time."""

from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from twinbook import testing
from twinbook.domain.errors import StateError
from twinbook.domain.provenance import FileKind, ReleaseId, SourceType
from twinbook.domain.work import Stage
from twinbook.keys.certificates import create_signing_certificate
from twinbook.reader import ImageReader
from twinbook.seal import ImageSealer, sealer
from twinbook.services import run

OTHER = ReleaseId("0123456789ab")


def two_photographs(folder):
    folder.mkdir()
    picture = cv2.resize(np.ascontiguousarray(data.astronaut()[:, 64:448]), (360, 480), interpolation=cv2.INTER_CUBIC)
    for number in range(2):
        picture[0, number] = 0  # no two files alike
        Image.fromarray(picture).save(folder / f"view-{number}.png")
    return folder


@pytest.fixture
def play(tmp_path, people, certificate):
    """Run one shot with real seals, and return it as it then stands."""
    planned = testing.campaign(
        two_photographs(tmp_path / "faces"),
        [testing.a_shot("one", formats=("web-3x4",))],
        territories=("CN",),
        consent_territories=("CN",),
    )
    ours = ImageSealer(certificate.chain_pem, certificate.private_key_pem)

    def played(seal=ours):
        with testing.open_fake_office(tmp_path, sealer=seal, reader=ImageReader(certificate.anchors_pem)) as office:
            people.sign_all(office, planned)
            try:
                run.run(office, planned, tmp_path)
            finally:
                with office.unit() as unit:
                    played.work = unit.works.of_talent("mira")[0]
                played.published = office.outbox.released(played.work.release)
        return played.work

    return played


def test_with_every_mark_in_place_it_is_released(play):
    assert play().stage is Stage.RELEASED
    assert play.published


# Each takes the place of a step of the sealer's, and is given the step itself first.
BROKEN = {
    "no label": ("put_label", lambda step, rgb, *rest: replace(step(rgb, *rest), rgb_srgb=rgb)),
    "a label of other words": ("put_label", lambda step, rgb, text, *rest: step(rgb, "MADE BY HAND", *rest)),
    "no watermark": ("embed", lambda step, rgb, release: replace(step(rgb, release), rgb_srgb=rgb)),
    "another release's watermark": ("embed", lambda step, rgb, release: step(rgb, OTHER)),
    "no code of its own": ("mark_copy", lambda step, rgb, secret, name: rgb),
    "another copy's code": ("mark_copy", lambda step, rgb, secret, name: step(rgb, secret, name + "/somebody")),
    "a code of another secret": ("mark_copy", lambda step, rgb, secret, name: step(rgb, bytes(32), name)),
    "no XMP": ("xmp_packet", lambda step, *rest: b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"),
    "XMP of another release": ("xmp_packet", lambda step, marking, *rest: step(replace(marking, release=OTHER), *rest)),
    "XMP that hides how it was made": (
        "xmp_packet",
        lambda step, marking, *rest: step(marking, *rest).replace(b"compositeSynthetic", b"digitalCapture"),
    ),
    "XMP of another kind of picture": (
        "xmp_packet",
        lambda step, marking, *rest: step(replace(marking, source_type=SourceType.TRAINED), *rest),
    ),
    "no entry for China": ("xmp_packet", lambda step, marking, *rest: step(replace(marking, aigc=False), *rest)),
    "no manifest": ("sign", lambda step, file, *rest: file),
    "a manifest of another release": (
        "definition",
        lambda step, marking, *rest: step(replace(marking, release=OTHER), *rest),
    ),
    "a byte changed after signing": ("sign", lambda step, *rest: flipped(step(*rest))),
    "metadata cut off after signing": ("sign", lambda step, *rest: step(*rest)[:-1]),
    "sealed as another kind of file": ("encode", lambda step, rgb, xmp, kind: step(rgb, b"", FileKind.JPEG)),
    "pixels that are not the marked ones": (
        "encode",
        lambda step, rgb, xmp, kind: step(cv2.GaussianBlur(rgb, (0, 0), 9), xmp, kind),
    ),
}


def flipped(file):
    middle = len(file) // 2
    return file[:middle] + bytes([file[middle] ^ 1]) + file[middle + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("what", BROKEN)
def test_without_one_of_its_marks_nothing_is_released(play, monkeypatch, what):
    name, broken = BROKEN[what]
    step = getattr(sealer, name)
    monkeypatch.setattr(sealer, name, lambda *given: broken(step, *given))
    with pytest.raises(StateError, match=r"seal\.readback"):
        play()
    assert play.work.stage is Stage.JUDGED
    assert not play.published


def test_what_a_stranger_signed_is_not_released(play, tmp_path):
    stranger = create_signing_certificate(tmp_path / "stranger", "Stranger", datetime.now(UTC))
    with pytest.raises(StateError, match=r"the manifest is trusted"):
        play(ImageSealer(stranger.chain_pem, stranger.private_key_pem))
    assert play.work.stage is Stage.JUDGED
    assert not play.published


def test_once_the_mark_is_back_the_same_shot_is_released(play, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(sealer, "embed", lambda rgb, release: replace(sealer_embed(rgb, release), rgb_srgb=rgb))
        with pytest.raises(StateError, match="the watermark names the release"):
            play()
    assert play().stage is Stage.RELEASED


sealer_embed = sealer.embed
