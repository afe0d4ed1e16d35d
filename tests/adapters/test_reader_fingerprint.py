"""PDQ against vectors that its authors published, and features against what fingerprints lose."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import astronaut, jpeg, pixels, recompressed, scaled, studio
from PIL import Image
from skimage import data

from twinbook.domain.errors import InputError
from twinbook.domain.fingerprint import SAME, Fingerprint, nearest
from twinbook.domain.provenance import ReleaseId
from twinbook.reader import PictureFingerprinter
from twinbook.reader.features import LEAST_INLIERS, count_inliers, pack_features
from twinbook.reader.manifest_store import active_manifest, manifest_id, manifest_store
from twinbook.reader.pdq import dihedral

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "pdq"
# ThreatExchange, pdq/python/README.md, and for the turned ones pdq/python/pdqhashing/tests/pdq_test.py
PUBLISHED = {
    "shrink-a-lot": "d0f8f1ccc0f4a84d0a370a3a228f67f0b36e2ed5b6623e1d33e6339c4e9c9b22",
    "square-128x128": "d8f8f1eec0f4a84f0e37022a078f63f0b36e2ed596621e1d33e6239c4e9c9b22",
    "square-256x256": "d8f8f0cec4f4a84f0637022a078f67f0b36e2ee5b6621e1d33e6239c4e9c9b22",
}
TURNED = (
    "d8f8f0cce0f4a84f0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22",
    "38a50efd71c83f429013d68d0ffffc52e34e0e15ada952a9d29684214aa9e5af",
    "2dadda64b5a142e5d362209057da895ae63b8c7fc277b4b766b319361f893188",
    "a5f0a457248995e8c9065c275aaa54d8b61ba4bdf8fcfc0387c32f8b0bfc4f05",
    "d8f80f31e0f417b00e37f5dd028f980fb36ed12a9662c1e233e64c634e9c64dd",
    "0dad259bb1a1bd18d362576556da32a1e63b7380c2374b4866b3c6c91b89ce77",
    "f0a5e10271dcc0bd9c5309720fff018de34ef1e8ada9a956d2967ade1ea91a50",
    "69f05aa8a4996a17c146a2da5aaaab07b61b5b60f8fc07fc83c3d0740bfcb0fa",
)
PUBLISHED_TOLERANCE = 16  # bits; what PDQ's own test allows between implementations and decoders


def opened(name):
    with Image.open(VECTORS / f"{name}.jpg") as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def fingerprinter():
    return PictureFingerprinter()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_fingerprints_come_out(name):
    found = dihedral(opened(name))[0]
    assert found.distance(Fingerprint(PUBLISHED[name], 100)) <= 2
    assert found.quality == 100


def test_the_eight_versions_are_the_published_ones():
    for found, expected in zip(dihedral(opened("square-256x256")), TURNED, strict=True):
        assert found.distance(Fingerprint(expected, 100)) <= PUBLISHED_TOLERANCE + 10  # another size, and squeezed


def test_a_turned_picture_has_the_fingerprint_that_was_foretold():
    picture = astronaut(300, 400)
    turned = [np.rot90(picture, quarter) for quarter in range(4)]
    turned += [picture[::-1], picture[:, ::-1], picture.transpose(1, 0, 2), np.rot90(picture, 2).transpose(1, 0, 2)]
    for version, way in zip(dihedral(picture), turned, strict=True):
        assert dihedral(np.ascontiguousarray(way))[0].distance(version) <= PUBLISHED_TOLERANCE


@pytest.mark.parametrize(
    "change",
    [
        lambda p: recompressed(p, 30),
        lambda p: scaled(p, 0.3),
        lambda p: np.ascontiguousarray(p[:, ::-1]),
        lambda p: np.ascontiguousarray(np.rot90(p)),
        lambda p: np.clip((p.astype(float) - 128) * 1.3 + 140, 0, 255).astype(np.uint8),
        lambda p: cv2.GaussianBlur(p, (0, 0), 3),
    ],
    ids=["q30", "small", "mirrored", "turned", "contrast", "blurred"],
)
def test_a_changed_picture_is_found_by_its_fingerprint(fingerprinter, change):
    kept = fingerprinter.copy_traits(jpeg(astronaut(), 95), ReleaseId("9f3c01a7d24b"), "web-3x4")
    found = fingerprinter.traits(jpeg(change(astronaut()), 90))
    assert [match.copy for match in nearest(found, [kept], SAME)] == [kept]


def test_another_picture_is_not_found(fingerprinter):
    kept = fingerprinter.copy_traits(jpeg(astronaut(), 95), ReleaseId("9f3c01a7d24b"), "web-3x4")
    for other in (data.coffee(), data.chelsea(), data.rocket()):
        found = fingerprinter.traits(jpeg(other, 90))
        assert nearest(found, [kept], SAME) == []
        assert fingerprinter.fits(found, kept) == 0


def test_a_blank_picture_matches_nothing(fingerprinter):
    blank = jpeg(np.full((300, 200, 3), 200, np.uint8), 95)
    kept = fingerprinter.copy_traits(blank, ReleaseId("9f3c01a7d24b"), "web-3x4")
    assert nearest(fingerprinter.traits(blank), [kept]) == []
    assert fingerprinter.fits(fingerprinter.traits(blank), kept) == 0


@pytest.mark.parametrize("make", [astronaut, studio])
@pytest.mark.parametrize("mirror", [False, True])
def test_what_is_left_of_a_crop_is_found_by_its_features(fingerprinter, make, mirror):
    whole = make()
    kept = fingerprinter.copy_traits(jpeg(whole, 95), ReleaseId("9f3c01a7d24b"), "web-3x4")
    cut = np.ascontiguousarray(whole[150:850, 200:725])  # 34 % of the area
    found = fingerprinter.traits(jpeg(cut[:, ::-1] if mirror else cut, 75))
    assert nearest(found, [kept], SAME) == []
    assert fingerprinter.fits(found, kept) >= LEAST_INLIERS


def test_features_that_were_damaged_are_none():
    packed = pack_features(astronaut())
    assert count_inliers(packed, packed) > 100
    for damaged in (b"", b"SIF1", packed[:-1], b"SIF2" + packed[4:], b"SIF1\xff\xff" + packed[6:]):
        assert count_inliers(packed, damaged) == 0


def test_what_cannot_be_decoded_is_a_clean_error(fingerprinter):
    for ask in (fingerprinter.traits, fingerprinter.pixels, lambda d: fingerprinter.copy_traits(d, None, "")):
        with pytest.raises(InputError, match=r"image\.unreadable"):
            ask(b"\xff\xd8\xff")


def test_the_manifest_store_is_taken_out_of_the_file(sealed):
    store = manifest_store(sealed.data)
    assert store[4:8] == b"jumb"
    assert manifest_id(sealed.data).startswith("urn:c2pa:")
    # One manifest in it, so that the active one alone is the store again.
    assert active_manifest(store) == store


@pytest.mark.parametrize("keep", [0, 3, 20, 2000, 6000])
def test_a_file_cut_short_has_no_store_or_a_whole_one(sealed, keep):
    store = manifest_store(sealed.data[:keep])
    assert store is None or len(store) == int.from_bytes(store[:4], "big")


def test_the_store_is_read_from_every_kind_of_file(sealer):
    from dataclasses import replace

    from pictures import marking

    from twinbook.domain.provenance import FileKind

    for kind in FileKind:
        file = sealer.seal(astronaut(480, 640), replace(marking(faces=()), file=kind)).data
        assert manifest_id(file).startswith("urn:c2pa:"), kind
        assert pixels(file).shape == (640, 480, 3)
