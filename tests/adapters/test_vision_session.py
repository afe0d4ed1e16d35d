"""A capture session on photographs: live verdicts, what only the others tell, plates one at a time, bounded memory."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from twinbook.domain.capture import Need, State, coverage
from twinbook.domain.errors import CaptureRefused
from twinbook.domain.twin import Backdrop, Framing, View
from twinbook.ports import Asked
from twinbook.vision import DlibMeter, enrolment
from twinbook.vision.captures import decode
from twinbook.vision.identity import DlibEmbedder

ROOT = Path(__file__).parents[2]
HEADS, DEMO = ROOT / "tests" / "heads", ROOT / "examples" / "demo" / "photos"
METER = DlibMeter()


def codes(verdict):
    return [note.code.removeprefix("capture.") for note in verdict.notes]


def head(who, yaw):
    return HEADS / f"{who}{yaw:+04d}+00.jpg"


def test_a_session_is_told_photograph_by_photograph():
    session = METER.session()
    profile = session.add(head("light", 90))
    assert codes(profile) == ["profile"], "nothing to match it with yet"
    assert session.add(head("light", 0)).state is State.ACCEPTED
    turned = session.add(head("light", 30))
    assert turned.look.view is View.THREE_QUARTER
    assert "three-quarter 3" in turned.sentence
    after = session.verdicts()
    assert after[0].look.matched is True
    assert coverage(after).lacking == (Need.FULL_LENGTH, Need.HANDS)
    assert session.add(head("light", 0)) == after[1], "asked again, it says the same"


def test_a_profile_in_other_clothes_is_not_taken_for_her():
    session = METER.session()
    for file in (head("light", 0), head("light", 30), head("dark", 90)):
        session.add(file)
    assert codes(session.verdicts()[2]) == ["other_person"]
    assert "can't be told" in session.verdicts()[2].notes[0].reason.diagnosis


def test_without_comparing_no_template_is_made(monkeypatch):
    def never(*_):
        raise AssertionError("a face was compared")

    monkeypatch.setattr(DlibEmbedder, "embed", never)
    session = METER.session(compare=False)
    session.add(DEMO / "mira" / "head-front.jpg")
    session.add(DEMO / "sami" / "head-front.jpg")
    assert [verdict.state for verdict in session.verdicts()] == [State.ACCEPTED, State.ACCEPTED]


@pytest.mark.slow
def test_plates_go_one_at_a_time_to_whoever_keeps_them(tmp_path):
    for name in ("head-front", "full-threequarter"):
        shutil.copy(DEMO / "mira" / f"{name}.jpg", tmp_path)
    shutil.copy(head("dark", 90), tmp_path / "stranger.jpg")
    files = sorted(tmp_path.iterdir())
    kept, lines, told = [], [], []
    enrolled = METER.enroll(files, lines.append, kept.append, tell=told.append)
    assert enrolled.plates == ()
    assert [plate.facts for plate in kept] == list(enrolled.facts)
    assert [v.photo for v in told[: len(files)]] == [file.name for file in files]
    # Cut out, her white shoes are found to be lost on the pale floor: told again, and scenes will refuse the plate.
    assert [(v.photo, v.notes[-1].code) for v in told[len(files) :]] == [("full-threequarter.jpg", "matte.unsure")]
    assert {p.facts.photo: p.facts.backdrop for p in kept}["full-threequarter"] is Backdrop.UNSURE
    assert [name for name, _ in enrolled.refused] == ["stranger.jpg"]
    assert lines[-1] == "head-front.jpg: cutting out"
    full, close = kept
    assert (full.facts.view, full.facts.framing) == (View.THREE_QUARTER, Framing.FULL)
    assert (close.facts.view, close.facts.framing) == (View.FRONT, Framing.HEAD)
    assert full.facts.maker == enrolment.MAKER == METER.maker
    assert full.facts.yaw < -20 < close.facts.yaw
    assert full.facts.hands >= 1
    assert full.body_skin_lab is not None
    assert full.recognisable


@pytest.mark.slow
def test_a_matched_profile_becomes_a_plate_that_recognises_nobody(tmp_path):
    enrolled = METER.enroll([head("light", 0), head("light", -90)], lambda line: None)
    profile = enrolled.plates[1]
    assert profile.facts.view is View.PROFILE
    assert not profile.recognisable
    assert profile.landmarks.shape == (0, 2)
    assert METER.calibrate(enrolled.plates).own == (), "one plate that recognises her: nothing to compare"
    alone = METER.measure(enrolled.plates[0].rgb_srgb, [profile], Asked(profile.facts.id))
    assert all(measurement.value is None for measurement in alone)


def test_a_file_that_goes_away_between_the_looks_is_told(tmp_path):
    for name in ("head-front", "full-front"):
        shutil.copy(DEMO / "mira" / f"{name}.jpg", tmp_path)
    files = sorted(tmp_path.iterdir())
    enrolled = METER.enroll(files, lambda line: "cutting" in line and files[1].unlink(missing_ok=True))
    assert [facts.photo for facts in enrolled.facts] == ["full-front"]
    assert [(name, why.code) for name, why in enrolled.refused] == [("head-front.jpg", "capture.unreadable")]


def test_a_large_file_is_looked_at_small(tmp_path):
    picture = Image.open(DEMO / "mira" / "head-front.jpg").resize((3600, 4800))
    picture.save(tmp_path / "large.jpg", quality=85)
    picture.save(tmp_path / "large.png", compress_level=1)
    for name in ("large.jpg", "large.png"):
        capture = decode(tmp_path / name, 2400)
        assert capture.rgb_srgb.shape == (2400, 1800, 3)
        assert (capture.width, capture.height, capture.enlarge) == (3600, 4800, 2.0)
    small = METER.session().add(DEMO / "mira" / "head-front.jpg").look
    large = METER.session().add(tmp_path / "large.jpg").look
    assert large.face.width == pytest.approx(4 * small.face.width, rel=0.1)
    assert large.yaw == pytest.approx(small.yaw, abs=3)


def test_only_photographs_that_look_alike_are_compared(monkeypatch):
    """Five hundred photographs are 125,000 pairs; correlating them all would take minutes."""
    random = np.random.default_rng(3)
    reading = enrolment.read(DEMO / "mira" / "head-front.jpg")
    compared = []
    true = enrolment._correlation
    monkeypatch.setattr(enrolment, "_correlation", lambda a, b: compared.append(1) or true(a, b))
    earlier = []
    for number in range(300):
        drawn = cv2.resize(random.integers(0, 255, (6, 6)).astype(np.uint8), (192, 192), interpolation=cv2.INTER_CUBIC)
        made = replace(reading, path=Path(f"{number}.jpg"), thumbnail=drawn, hash=enrolment._hash(drawn))
        enrolment._refuse_duplicate(made, iter(earlier))
        earlier.append(made)
    assert len(compared) < 100
    brighter = np.clip(earlier[7].thumbnail * 1.1 + 4, 0, 255).astype(np.uint8)
    again = replace(reading, path=Path("again.jpg"), thumbnail=brighter, hash=enrolment._hash(brighter))
    with pytest.raises(CaptureRefused, match="same photograph as 7"):
        enrolment._refuse_duplicate(again, iter(earlier))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_follows_the_largest_photograph_not_their_number(tmp_path):
    sys.path.insert(0, str(ROOT / "bench"))
    from enroll import make_photographs, measure

    make_photographs(tmp_path / "few", 12)
    make_photographs(tmp_path / "many", 40)
    few, many = measure(tmp_path / "few"), measure(tmp_path / "many")
    assert many["used"] > 32
    assert many["plates"] <= 4 * 6
    assert many["peak_mb"] < few["peak_mb"] + 120


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_fifty_megapixels_fit_in_a_gigabyte_and_a_half(tmp_path):
    sys.path.insert(0, str(ROOT / "bench"))
    from enroll import make_photographs, measure

    make_photographs(tmp_path, 0, large=True)
    found = measure(tmp_path)
    assert found["plates"] == 1
    assert 39e6 < found["largest_plate"] <= enrolment.PLATE_PIXELS
    assert found["peak_mb"] < 1500


@pytest.mark.slow
def test_the_bench_says_its_figures(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "enroll.py", "--count", "2"], capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert "figure: enroll.peak" in done.stdout
