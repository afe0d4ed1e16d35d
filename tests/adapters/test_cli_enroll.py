"""`twinbook enroll`: a photographer judges a folder without a home, and a campaign's twins are made with a report."""

import json
import os

import pytest
from click.testing import CliRunner

from twinbook import app, testing
from twinbook.cli import commands
from twinbook.domain.errors import CaptureRefused


@pytest.fixture(autouse=True)
def fake_meter(monkeypatch):
    monkeypatch.setattr(app, "meter", testing.FakeMeter)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("TWINBOOK"):
            monkeypatch.delenv(name)
    testing.photographs(tmp_path / "photos")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"nothing")
    (tmp_path / "photos" / "notes.txt").write_text("not a photograph")
    return tmp_path


def enroll(*arguments):
    return CliRunner().invoke(commands, ["enroll", *map(str, arguments)], catch_exceptions=False)


def test_a_folder_is_judged_with_nothing_kept(folder):
    done = enroll("--photos", "photos", "--report")
    assert done.exit_code == 0, done.output
    assert "view-0.png: accepted: front, half" in done.output
    assert "broken.jpg: retake: broken.jpg is not an image; export it again" in done.output
    assert "3 photographs: 2 good, 0 usable with a remark, 1 to retake; 2 would become plates" in done.output
    assert "still to take: profile. Turn 90 degrees" in done.output
    page = (folder / "session.html").read_text()
    assert "Nothing of them was kept" in page
    assert "capture.unreadable" in page
    assert sorted(f.name for f in folder.iterdir()) == ["photos", "session.html"], "no home, no campaign"


def test_the_live_verdict_comes_before_the_next_photograph_is_read(folder, monkeypatch):
    order = []
    add = testing.FakeSession.add
    monkeypatch.setattr(testing.FakeSession, "add", lambda self, photo: order.append(photo.name) or add(self, photo))
    from twinbook.cli import enroll as module

    monkeypatch.setattr(module, "_line", lambda verdict: order.append(f"told {verdict.photo}"))
    enroll("--photos", "photos")
    assert order[:4] == ["broken.jpg", "told broken.jpg", "view-0.png", "told view-0.png"]


def test_as_json_it_is_one_document(folder):
    done = enroll("--photos", "photos", "--json", "--report", "out.html")
    said = json.loads(done.output)
    assert [(photo["photo"], photo["state"]) for photo in said["photos"]] == [
        ("broken.jpg", "retake"),
        ("view-0.png", "accepted"),
        ("view-1.png", "accepted"),
    ]
    assert said["photos"][0]["notes"][0]["code"] == "capture.unreadable"
    assert said["covered"] == {"front": ["view-0.png", "view-1.png"]}
    assert [need["view"] for need in said["lacking"]] == ["three-quarter", "profile", "full length", "hands"]
    assert said["report"] == "out.html"
    assert (folder / "out.html").exists()


def test_the_folder_or_the_campaign_but_not_both(folder):
    for arguments in ((), ("campaign.toml", "--photos", "photos"), ("campaign.toml", "--watch")):
        assert enroll(*arguments).exit_code == 2
    with pytest.raises(CaptureRefused, match="no photograph"):
        enroll("--photos", "nowhere")


def test_watching_ends_when_everything_is_covered(folder, monkeypatch):
    from twinbook.cli import enroll as module
    from twinbook.domain.capture import Coverage, Need

    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    full = Coverage({need: ("x",) for need in Need})
    monkeypatch.setattr(
        module, "coverage", lambda verdicts: full if len(list(verdicts)) == 3 else Coverage(dict.fromkeys(Need, ()))
    )
    done = enroll("--photos", "photos", "--watch", "--json")
    lines = [json.loads(line) for line in done.output.splitlines()]
    assert [line["photo"] for line in lines] == ["broken.jpg", "view-0.png", "view-1.png"]


def test_not_comparing_is_passed_on(folder, monkeypatch):
    asked = []
    session = testing.FakeMeter.session
    monkeypatch.setattr(
        testing.FakeMeter, "session", lambda self, *, compare=True: asked.append(compare) or session(self)
    )
    enroll("--photos", "photos", "--no-compare", "--report", "page.html")
    assert asked == [False]
    assert "No face was compared" in (folder / "page.html").read_text()
