"""The sealer as a whole: what the independent reader says of its work, and how it refuses."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import c2pa
import numpy as np
import pytest
from pictures import FACE, RELEASE, WORDS, astronaut, marking, pixels, studio, synthetic
from PIL import Image, ImageCms

from twinbook.domain.errors import InputError, StateError
from twinbook.domain.provenance import FileKind, SourceType
from twinbook.domain.twin import Box
from twinbook.keys.certificates import create_signing_certificate
from twinbook.seal import ImageSealer
from twinbook.seal.manifest import definition


def _manifest(file):
    with c2pa.Reader("image/jpeg", io.BytesIO(file)) as read:
        return read.get_active_manifest()


def test_everything_reads_back(reader, sealed):
    reading = reader.read(sealed.data)
    assert reading.media_type == "image/jpeg"
    assert (reading.width, reading.height) == (900, 1200)
    assert reading.manifest.state == "trusted"
    assert reading.manifest.signer == "Nordlight & Söner"
    assert reading.manifest.release == RELEASE.hex
    assert reading.manifest.problems == ()
    assert reading.watermark.release == RELEASE
    assert reading.watermark.confidence > 0.8
    assert reading.source_type == SourceType.COMPOSITE_SYNTHETIC.uri
    assert reading.xmp_release == RELEASE.hex
    assert reading.label == sealed.label == WORDS
    assert reading.label_contrast >= 4.5


@pytest.mark.parametrize("kind", list(FileKind))
def test_every_kind_of_file_carries_every_mark_and_one_changed_byte_breaks_its_manifest(sealer, reader, kind):
    made = sealer.seal(astronaut(600, 800), replace(marking(), file=kind))
    reading = reader.read(made.data)
    assert reading.media_type == kind.media_type
    assert (reading.manifest.state, reading.manifest.release) == ("trusted", RELEASE.hex)
    assert reading.watermark.release == RELEASE
    assert (reading.xmp_release, reading.source_type) == (RELEASE.hex, SourceType.COMPOSITE_SYNTHETIC.uri)
    assert reading.label == WORDS
    with Image.open(io.BytesIO(made.data)) as image:
        assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"])))
    changed = bytearray(made.data)
    changed[len(changed) // 2] ^= 1  # among the pixels
    try:
        assert reader.read(bytes(changed)).manifest.state not in ("trusted", "untrusted")
    except InputError as error:
        assert error.code == "image.unreadable"


@pytest.mark.parametrize("name", ["grey", "white", "black", "gradient", "noise", "studio"])
def test_empty_pictures_can_be_sealed(sealer, reader, name):
    picture = studio() if name == "studio" else synthetic(name)
    reading = reader.read(sealer.seal(picture, marking(faces=())).data)
    assert reading.manifest.state == "trusted"
    assert reading.watermark.release == RELEASE
    assert reading.label_contrast >= 4.5


def test_a_release_for_china_and_sweden_reads_back(sealer, reader):
    words = "AI合成 · AI MODIFIED"
    reading = reader.read(sealer.seal(astronaut(), marking(label=words, label_share=0.05, aigc=True)).data)
    assert reading.manifest.state == "trusted"
    assert (reading.label, reading.aigc) == (words, RELEASE.hex)
    assert reading.label_contrast >= 4.5


@pytest.mark.parametrize("name", ["grey", "white", "black", "gradient", "noise", "studio"])
@pytest.mark.parametrize("share", [0.03, 0.05])
def test_small_labels_can_be_read_too(sealer, reader, name, share):
    picture = studio(480, 640) if name == "studio" else synthetic(name, 480, 640)
    sealed = sealer.seal(picture, marking(label="AI MODIFIED", label_share=share, faces=()))
    assert reader.read(sealed.data).label_contrast >= 4.5


def test_damage_is_small(sealed):
    """All four marks and the JPEG together, outside of the label: 40 dB or better."""
    before, after = astronaut(), pixels(sealed.data)
    face = np.s_[FACE.top : FACE.bottom, FACE.left : FACE.right]
    assert 10 * np.log10(255**2 / np.mean((before[face].astype(float) - after[face]) ** 2)) > 40


def test_the_manifest_says_what_was_done(sealed):
    assertions = {each["label"]: each["data"] for each in _manifest(sealed.data)["assertions"]}
    actions = assertions["c2pa.actions.v2"]["actions"]
    assert [action["action"] for action in actions] == [
        "c2pa.created",
        "c2pa.edited",
        "c2pa.adjustedColor",
        "c2pa.addedText",
        "c2pa.watermarked.bound",
    ]
    assert actions[0]["digitalSourceType"] == SourceType.COMPOSITE_SYNTHETIC.uri
    assert assertions["c2pa.soft-binding"]["alg"] == "org.twinbook.watermark.2"
    assert assertions["c2pa.soft-binding"]["blocks"][0]["value"] == RELEASE.hex
    assert {entry["use"] for entry in assertions["cawg.training-mining"]["entries"].values()} == {"notAllowed"}
    assert len(assertions["cawg.training-mining"]["entries"]) == 4
    release = assertions["org.twinbook.release"]
    assert all(isinstance(value, str) for value in release.values())
    assert (release["license"], release["consent"]) == ("a" * 64, "b" * 64)


def test_there_is_no_thumbnail(sealed):
    assert "thumbnail" not in json.dumps(_manifest(sealed.data))


def test_an_operation_nobody_knows_is_still_stated(sealer):
    file = sealer.seal(astronaut(480, 640), marking(faces=(), operations=("levitate",))).data
    assert "levitate" in json.dumps(_manifest(file))


def test_the_picture_given_isnt_changed(sealer):
    picture = astronaut(480, 640)
    before = picture.copy()
    sealer.seal(picture, marking(faces=()))
    assert (picture == before).all()


def test_pixels_and_xmp_are_repeatable(sealer, sealed):
    again = sealer.seal(astronaut(), marking()).data
    assert (pixels(again) == pixels(sealed.data)).all()
    assert again != sealed.data  # the signature has a nonce


def test_a_hostile_title_is_sealed(sealer, reader):
    title = "\x00]]><!ENTITY \"'&\ud800" + "x" * 5000
    reading = reader.read(sealer.seal(astronaut(480, 640), marking(faces=(), title=title, credit=title)).data)
    assert reading.manifest.state == "trusted"
    assert reading.xmp_release == RELEASE.hex


@pytest.mark.parametrize(("chain", "key"), [("", ""), ("nonsense", "nonsense")])
def test_no_certificate_is_refused_at_once(chain, key):
    with pytest.raises(StateError, match=r"seal\.certificate"):
        ImageSealer(chain, key)


def test_an_unusable_certificate_is_refused(certificate):
    broken = certificate.chain_pem.replace("A", "B")
    with pytest.raises(StateError, match=r"seal\.certificate"):
        ImageSealer(broken, certificate.private_key_pem).seal(astronaut(480, 640), marking(faces=()))


def test_a_key_of_another_certificate_never_makes_a_trusted_picture(certificate, reader, tmp_path):
    """c2pa-rs signs with whatever key it is given; the reader is what notices."""
    other = create_signing_certificate(tmp_path, "Other", datetime.now(UTC))
    file = ImageSealer(certificate.chain_pem, other.private_key_pem).seal(astronaut(480, 640), marking(faces=())).data
    assert reader.read(file).manifest.state == "invalid"


@pytest.mark.parametrize(
    "picture", [np.zeros((300, 300), np.uint8), np.zeros((300, 300, 4), np.uint8), np.zeros((300, 300, 3))]
)
def test_other_arrays_are_a_programming_error(sealer, picture):
    with pytest.raises(ValueError, match="a picture is uint8"):
        sealer.seal(picture, marking())


@pytest.mark.parametrize(
    ("changes", "created"),
    [
        ({}, "Made of a consenting person's photographs."),
        ({"source_type": SourceType.COMPOSITE_TRAINED}, "Made of a consenting person's photographs, with parts that"),
        (
            {"source_type": SourceType.TRAINED, "plates": ()},
            "Made by a trained model, of a consenting person's likeness.",
        ),
        ({"nobody": True}, "Made of pictures of a person who does not exist."),
        (
            {"source_type": SourceType.TRAINED, "nobody": True},
            "Made by a trained model, of a person who does not exist.",
        ),
    ],
)
def test_the_manifest_says_how_it_came_about(changes, created):
    said = marking(operations=("generate",), **changes)
    first, *others = definition(said, "AI", Box(0, 0, 1, 1), "1", "w")["assertions"][0]["data"]["actions"]
    assert first["description"].startswith(created)
    by_model = [action for action in others if "digitalSourceType" in action]
    assert [action["digitalSourceType"] for action in by_model] == [SourceType.TRAINED.uri]
