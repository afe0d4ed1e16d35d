"""Enrolment and measurement on a real photograph, and every reason to refuse one."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from twinbook.domain.errors import CaptureRefused
from twinbook.domain.fidelity import DEFAULT_BOUNDS, DEFAULT_IDENTITY_LIMIT, Bound, Outcome, judge
from twinbook.domain.twin import Backdrop
from twinbook.vision import DlibMeter, faces, skin

METER = DlibMeter()


def quiet(_):
    pass


@pytest.fixture(scope="module")
def photo():
    return astronaut()


@pytest.fixture(scope="module")
def plate(photo, tmp_path_factory):
    path = tmp_path_factory.mktemp("captures") / "eileen.png"
    Image.fromarray(photo).save(path)
    enrolled = METER.enroll([path], quiet)
    assert not enrolled.refused
    return enrolled.plates[0]


def jpeg(rgb, quality):
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def lightened(rgb, by):
    values = skin.lab(rgb)
    values[..., 0] += by
    return skin.to_srgb(skin.lab_to_linear(values))


def enrolled_with(tmp_path, *pictures, names=None):
    paths = []
    for index, picture in enumerate(pictures):
        paths.append(tmp_path / (names[index] if names else f"{index}.png"))
        Image.fromarray(picture).save(paths[-1])
    return METER.enroll(paths, quiet)


def only_reason(tmp_path, picture):
    with pytest.raises(CaptureRefused) as caught:
        enrolled_with(tmp_path, picture)
    assert caught.value.code == "capture.none"
    assert "0.png" in caught.value.diagnosis
    return caught.value.reasons[1].code


def verdict(measurements):
    bounds = (Bound("identity.distance", DEFAULT_IDENTITY_LIMIT), *DEFAULT_BOUNDS)
    return judge(measurements, bounds, calibrated=False).outcome


def test_a_plate_of_a_real_portrait(plate, photo):
    facts = plate.facts
    assert facts.photo == "eileen"
    assert (facts.width, facts.height) == (512, 512)
    assert facts.backdrop is Backdrop.BUSY
    assert plate.alpha is None
    assert facts.face.contains(replace(facts.face.grown(-0.2)))
    assert 200 < facts.face.left + facts.face.width / 2 < 245
    assert facts.person.contains(facts.face)
    assert plate.landmarks.shape == (5, 2)
    assert plate.landmarks.dtype == np.float32
    assert plate.embedding.shape == (128,)
    assert plate.embedding.dtype == np.float64
    assert 65 < plate.skin_lab[0] < 90
    assert (plate.rgb_srgb == photo).all()


def test_the_id_depends_on_pixels_and_name(tmp_path, plate, photo):
    other = enrolled_with(tmp_path, photo, names=["other.png"]).plates[0]
    assert other.facts.id != plate.facts.id
    assert len(other.facts.id) == 16


def test_an_untouched_picture_passes(plate, photo):
    for picture in (photo, jpeg(photo, 75), cv2.resize(photo, (1024, 1024), interpolation=cv2.INTER_CUBIC)):
        measured = METER.measure(picture, [plate])
        assert [m.name for m in measured] == ["identity.distance", "skin.delta_e", "skin.delta_l"]
        assert measured[0].value < 0.2
        assert measured[1].value < 1
        assert verdict(measured) is Outcome.PASS


def test_lightened_and_darkened_skin_is_found_with_its_sign(plate, photo):
    lighter, darker = METER.measure(lightened(photo, 8), [plate]), METER.measure(lightened(photo, -8), [plate])
    assert lighter[2].value > 4
    assert darker[2].value < -4
    assert verdict(lighter) is verdict(darker) is Outcome.QUARANTINE


def test_no_face_is_told_not_guessed(plate):
    measured = METER.measure(np.full((500, 400, 3), 180, np.uint8), [plate])
    assert [m.value for m in measured] == [None] * 3
    assert all("no face" in m.note for m in measured)
    assert verdict(measured) is Outcome.QUARANTINE


def test_the_nearest_plate_counts(plate, photo):
    stranger = replace(plate, embedding=plate.embedding + 0.1, facts=replace(plate.facts, photo="stranger"))
    assert METER.measure(photo, [stranger, plate])[0].note.endswith("eileen")
    assert METER.own_distances([plate]) == ()
    assert METER.own_distances([plate, stranger])[0] == pytest.approx(0.1 * 128**0.5)


def test_a_mission_patch_is_not_a_face(photo):
    assert len(METER.faces(photo)) == 1


def test_refusals_of_single_photographs(tmp_path, photo):
    face = faces.find_faces(photo)[0].box
    assert only_reason(tmp_path, np.full((400, 400, 3), 128, np.uint8)) == "capture.no_face"
    assert only_reason(tmp_path, np.hstack([photo, photo[:, ::-1]])) == "capture.several_faces"
    assert only_reason(tmp_path, cv2.resize(photo, (280, 280), interpolation=cv2.INTER_AREA)) == "capture.too_small"
    assert only_reason(tmp_path, cv2.GaussianBlur(photo, (0, 0), face.width * 0.03)) == "capture.blurred"
    assert only_reason(tmp_path, (photo * 0.17).astype(np.uint8)) == "capture.dark"
    bright = skin.to_srgb(np.clip(skin.to_linear(photo) * 2.2, 0, 1))
    assert only_reason(tmp_path, bright) == "capture.bright"


def test_the_same_photograph_twice(tmp_path, photo):
    found = enrolled_with(tmp_path, photo, jpeg(photo, 60), cv2.resize(photo, (700, 700)))
    assert [plate.facts.photo for plate in found.plates] == ["0"]
    assert [(name, error.code) for name, error in found.refused] == [
        ("1.png", "capture.duplicate"),
        ("2.png", "capture.duplicate"),
    ]


def test_somebody_else_is_refused(tmp_path, photo, monkeypatch):
    """With one real face at hand the others are made by turning embeddings away."""
    from twinbook.vision import meter

    away = {"1.png": 0.01, "2.png": 0.08}
    read = meter._read

    def turned(path):
        reading = read(path)
        thumbnail = np.roll(reading.thumbnail, 7 * int(path.stem), axis=1)
        return replace(reading, embedding=reading.embedding + away.get(path.name, 0.0), thumbnail=thumbnail)

    monkeypatch.setattr(meter, "_read", turned)
    three = enrolled_with(tmp_path, photo, photo, photo)
    assert [(name, error.code) for name, error in three.refused] == [("2.png", "capture.other_person")]
    away["1.png"] = 0.08
    del away["2.png"]
    two = enrolled_with(tmp_path, photo, photo)
    assert [name for name, _ in two.refused] == ["1.png"]


def test_no_photographs_at_all():
    with pytest.raises(CaptureRefused) as caught:
        METER.enroll([], quiet)
    assert caught.value.code == "capture.none"


def test_only_weights_that_may_be_used_commercially():
    """The 68-point predictor in the same distribution is licensed for research only."""
    assert faces.model_path(faces.LANDMARKS_FILE).name == "shape_predictor_5_face_landmarks.dat"
    assert faces.model_path(faces.EMBEDDING_FILE).name == "dlib_face_recognition_resnet_model_v1.dat"
    for name in ("shape_predictor_68_face_landmarks.dat", "mmod_human_face_detector.dat", "../secret"):
        with pytest.raises(ValueError, match="commercial"):
            faces.model_path(name)
    from pathlib import Path

    package = Path(faces.__file__).parents[1]
    for module in package.rglob("*.py"):
        text = module.read_text()
        assert "68_face_landmarks" not in text, module
        assert "import face_recognition" not in text, module
        if module.name != "faces.py":
            assert ".dat" not in text.replace(".data", "").replace(".date", ""), module
