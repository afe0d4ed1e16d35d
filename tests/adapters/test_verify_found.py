"""Released copies as they come back: stripped, encoded again, cut, altered, without any mark. With real marks and looks."""

import io

import cv2
import numpy as np
import pytest
from marked_office import open_marked_office
from pictures import jpeg, lightened, pixels, scaled
from PIL import Image

from twinbook.domain.alteration import Change, Place
from twinbook.domain.provenance import State
from twinbook.domain.registry import open_registry
from twinbook.domain.verdict import Finding
from twinbook.keys.signatures import verify_raw
from twinbook.services import registry, verify
from twinbook.vision.faces import find_faces


@pytest.fixture(scope="module")
def marked(tmp_path_factory, sealer, reader):
    with open_marked_office(tmp_path_factory.mktemp("marked"), sealer, reader) as opened:
        yield opened


def judged(marked, data):
    return verify.verify(marked.office, data)


def markless(picture):
    """So blurred and small that no watermark is left in it."""
    return cv2.GaussianBlur(scaled(picture, 0.3), (0, 0), 1.2)


def png(picture):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def test_untouched_it_is_intact(marked):
    found = judged(marked, marked.files["waist"])
    assert (found.state, found.verdict.finding, found.found_by) == (State.INTACT, Finding.INTACT, "its manifest")


def test_stripped_of_its_metadata_it_is_told_as_that(marked):
    found = judged(marked, png(pixels(marked.files["waist"])))
    assert found.verdict.finding is Finding.METADATA_STRIPPED
    assert found.found_by == "its watermark"


def test_with_a_changed_xmp_it_is_told_as_that(marked):
    file = marked.files["waist"]
    changed = file.replace(b"compositeSynthetic", b"digitalCapture\x20\x20\x20\x20", 1)
    assert changed != file
    assert judged(marked, changed).verdict.finding is Finding.METADATA_CHANGED


def test_encoded_again_and_cut_are_told_apart(marked):
    picture = pixels(marked.files["waist"])
    assert judged(marked, jpeg(scaled(picture, 0.6), 60)).verdict.finding is Finding.RE_ENCODED
    cut = judged(marked, jpeg(picture[: int(0.7 * picture.shape[0])], 80))
    assert cut.verdict.finding is Finding.CROPPED
    assert any("70% of the released copy" in line for line in cut.evidence)


def test_lightened_skin_is_told_with_its_place_and_drawn(marked):
    picture = pixels(marked.files["waist"])
    face = find_faces(picture)[0].box
    data = jpeg(lightened(picture, face, 7), 85)
    found = judged(marked, data)
    assert found.verdict.finding is Finding.ALTERED
    first = found.document()["alterations"][0]
    assert (first["place"], first["change"]) == (Place.FACE, Change.LIGHTER)
    assert any("the skin of the face was made lighter" in line for line in found.evidence)
    assert verify.alteration_map(marked.office, data, found).startswith(b"\x89PNG")


def test_another_picture_under_its_manifest_is_told_as_that(marked):
    file = marked.files["waist"]
    scan = file.index(b"\xff\xda")
    other = jpeg(np.roll(pixels(file), 300, axis=0)[:, ::-1], 95, subsampling=0)
    found = judged(marked, file[:scan] + other[other.index(b"\xff\xda") :])
    assert (found.verdict.finding, found.state) == (Finding.OTHER_PIXELS, State.ALTERED)


@pytest.mark.parametrize("name", ["waist", "full"])
def test_without_any_mark_it_is_found_by_its_fingerprint(marked, name):
    found = judged(marked, jpeg(markless(pixels(marked.files[name])), 60))
    assert found.reading.watermark.release is None
    assert (found.release, found.found_by) == (marked.releases[name], "its fingerprint")


def test_without_any_mark_and_cut_it_is_found_by_its_geometry(marked):
    picture = pixels(marked.files["waist"])
    height, width = picture.shape[:2]
    cut = picture[height // 20 : int(0.65 * height), width // 10 : int(0.85 * width)]
    small = cv2.GaussianBlur(scaled(np.ascontiguousarray(cut), 0.4), (0, 0), 0.9)
    found = judged(marked, jpeg(small, 70))
    assert found.reading.watermark.release is None
    assert (found.release, found.found_by) == (marked.releases["waist"], "its geometry")
    assert found.verdict.condition is Finding.CROPPED


def test_offline_the_file_names_it_and_says_what_it_cannot_tell(marked):
    office, now = marked.office, marked.office.clock.now()
    public = open_registry(registry.export(office), office.log_signer.public, verify_raw)

    def offline(data):
        return verify.verify_with(public, office.reader, office.fingerprinter, data, now).verdict.finding

    file = marked.files["full"]
    assert offline(file) is Finding.INTACT
    assert offline(png(pixels(file))) is Finding.METADATA_STRIPPED
    assert offline(jpeg(scaled(pixels(file), 0.5), 70)) is Finding.RESEMBLES
    assert offline(jpeg(markless(pixels(file)), 60)) is Finding.RESEMBLES
    noise = np.random.default_rng(5).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    assert offline(png(noise)) is Finding.NOT_OURS
