"""Enrolment and measurement on a real photograph, and every reason to refuse one."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from twinbook.domain.errors import CaptureRefused
from twinbook.domain.fidelity import DEFAULT_IDENTITY_LIMIT, Bound, Outcome, bounds, judge
from twinbook.domain.twin import Backdrop
from twinbook.ports import Asked
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
    usual = bounds(Bound("identity.distance", DEFAULT_IDENTITY_LIMIT), {}, {})
    return judge(measurements, usual, calibrated=False).outcome


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


def told(measured):
    return {m.name: m for m in measured}


def test_an_untouched_picture_passes(plate, photo):
    for picture in (photo, jpeg(photo, 75), cv2.resize(photo, (1024, 1024), interpolation=cv2.INTER_CUBIC)):
        # Generated, she would stand before a busy backdrop that her body can't be told from: she decides.
        for asked, outcome in ((Asked(plate.facts.id), Outcome.PASS), (Asked("another plate"), Outcome.REVIEW)):
            measured = METER.measure(picture, [plate], asked)
            found = told(measured)
            assert found["identity.distance"].value < 0.2
            assert found["skin.delta_e"].value < 1
            assert verdict(measured) is outcome


@pytest.mark.parametrize("made_from_it", [True, False])
def test_lightened_and_darkened_skin_is_found_with_its_sign(plate, photo, made_from_it):
    """In a generated picture by its colour alone; in one that is laid onto its plate by what became of skin and of nothing
    else, since all of this picture being lighter would be light."""
    asked = Asked(plate.facts.id if made_from_it else "another plate")
    for by in (8, -8):
        changed = lightened(photo, by)
        if made_from_it:
            face = plate.facts.face
            skin_only = photo.copy()
            place = np.s_[face.top : face.bottom, face.left : face.right]
            skin_only[place] = changed[place]
            changed = skin_only
        measured = METER.measure(changed, [plate], asked)
        assert by * told(measured)["skin.delta_l"].value > 4 * abs(by)
        assert verdict(measured) is Outcome.QUARANTINE


def test_another_light_is_no_other_skin(plate, photo):
    darker = skin.to_srgb(skin.to_linear(photo) * 0.75)
    assert abs(told(METER.measure(darker, [plate], Asked(plate.facts.id)))["skin.delta_l"].value) < 1
    assert told(METER.measure(darker, [plate], Asked("another plate")))["skin.delta_l"].value < -4


def test_hue_and_typology_and_swatch_are_told(plate, photo):
    note = told(METER.measure(photo, [plate], Asked("another plate")))["skin.delta_e"].note
    assert "hue" in note
    assert "ITA" in note
    assert "Monk" in note


def test_no_face_is_told_not_guessed(plate):
    measured = METER.measure(np.full((500, 400, 3), 180, np.uint8), [plate], Asked(plate.facts.id))
    needed = [told(measured)[name] for name in ("identity.distance", "skin.delta_e", "skin.delta_l")]
    assert [m.value for m in needed] == [None] * 3
    assert all("no face" in m.note for m in needed)
    assert verdict(measured) is Outcome.QUARANTINE


def test_a_covered_face_is_not_guessed_either(plate, photo):
    face, covered = plate.facts.face, photo.copy()
    eyes = slice(face.top + face.height // 8, face.top + face.height // 2)
    covered[eyes, face.left : face.right] = 12
    assert verdict(METER.measure(covered, [plate], Asked(plate.facts.id))) is not Outcome.PASS


def test_a_generated_face_that_is_a_captures_pixels_raises_the_alarm(plate, photo):
    copied = told(METER.measure(jpeg(photo, 70), [plate], Asked()))["identity.copy"]
    assert copied.value > 0.9
    assert "eileen" in copied.note


def test_the_nearest_plate_counts(plate, photo):
    stranger = replace(plate, embedding=plate.embedding + 0.1, facts=replace(plate.facts, photo="stranger"))
    measured = METER.measure(photo, [stranger, plate], Asked())
    assert told(measured)["identity.distance"].note.endswith("eileen")


def test_calibration_holds_each_plate_out_and_asks_the_pool(plate):
    stranger = replace(plate, embedding=plate.embedding + 0.1, facts=replace(plate.facts, photo="stranger"))
    alone, two = METER.calibrate([plate]), METER.calibrate([plate, stranger])
    assert alone.own == ()
    assert two.own == (pytest.approx(0.1 * 128**0.5), pytest.approx(0.1 * 128**0.5))
    assert len(alone.impostors) >= 100
    assert min(alone.impostors) > 0.4


def test_another_embedder_is_a_drop_in(photo, plate):
    class MeanColour:
        version, licence = "mean colour", "Apache-2.0"

        def embed(self, rgb_srgb, face):
            return rgb_srgb[face.box.top : face.box.bottom, face.box.left : face.box.right].mean((0, 1)) / 255

    meter = DlibMeter(MeanColour(), np.eye(3))
    hers = replace(plate, embedding=MeanColour().embed(photo, faces.find_faces(photo)[0]))
    assert told(meter.measure(photo, [hers], Asked()))["identity.distance"].value < 0.01
    assert len(meter.calibrate([hers]).impostors) == 3


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
    from twinbook.vision import enrolment

    away = {"1.png": 0.01, "2.png": 0.08}
    read = enrolment.read

    def turned(path, embedder):
        reading = read(path, embedder)
        thumbnail = np.roll(reading.thumbnail, 7 * int(path.stem), axis=1)
        return replace(reading, embedding=reading.embedding + away.get(path.name, 0.0), thumbnail=thumbnail)

    monkeypatch.setattr(enrolment, "read", turned)
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


# --- whose face, without a picture of plates ----------------------------------------------------------------------


def test_faces_of_a_photograph_are_told_apart_by_what_recognises_them(photo):
    heads = Path(__file__).parents[1] / "heads"
    (one,) = METER.templates(heads / "light+000+00.jpg")
    (again,) = METER.templates(heads / "light+015+00.jpg")
    (other,) = METER.templates(photo)
    assert (one.rgb_srgb.size, one.alpha) == (0, None)
    assert METER.apart([one], [again]) < DEFAULT_IDENTITY_LIMIT < METER.apart([one], [other])
    assert METER.apart([one, other], [other]) == 0
    assert METER.distance(photo, [one]) == pytest.approx(METER.apart([other], [one]))


def test_where_there_is_no_face_nothing_is_compared(photo, tmp_path):
    grey = np.full((200, 200, 3), 128, np.uint8)
    (one,) = METER.templates(photo)
    assert METER.templates(grey) == ()
    assert METER.distance(grey, [one]) is None
    assert METER.apart([one], []) is METER.apart([], [one]) is None
    with pytest.raises(CaptureRefused, match=r"capture\.unreadable"):
        METER.templates(tmp_path / "nothing.jpg")
