"""The report of a capture session, as a photographer and a hostile file name meet it."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from twinbook.documents import Papers
from twinbook.domain.capture import Look, Note, Verdict, choose, judge
from twinbook.domain.errors import reason
from twinbook.domain.twin import Backdrop, Box, Framing, View
from twinbook.ports import SessionSheet

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
EVIL = '<img src=x onerror="alert(1)">.jpg'


def look(photo, **change):
    values = {
        "face": Box(100, 90, 120, 120),
        "view": View.FRONT,
        "framing": Framing.HEAD,
        "yaw": 2.0,
        "light": 70.0,
        "focus": 10.0,
        "backdrop": Backdrop.PLAIN,
    }
    return Look(photo, 300, 400, **{**values, **change})


def verdict(photo, **change):
    seen = look(photo, **change)
    return Verdict(photo, seen, judge(seen))


@pytest.fixture
def sheet(tmp_path):
    verdicts = [
        verdict("front.png"),
        verdict("left.png", view=View.THREE_QUARTER, yaw=-28.0),
        verdict("soft.png", focus=3.9),
        verdict("dark.png", light=12.0),
        Verdict(EVIL, None, (Note(reason("capture.unreadable", f"{EVIL} can't be decoded")),)),
        *(verdict(f"more-{n}.png", focus=8.0) for n in range(5)),
    ]
    files = []
    for number, found in enumerate(verdicts):
        files.append(tmp_path / f"{number}.png")
        if found.look:
            Image.fromarray(np.full((400, 300, 3), 40 + 20 * number, np.uint8)).save(files[-1])
        else:
            files[-1].write_bytes(b"nothing")
    return SessionSheet("Spring <session>", AT, tuple(files), choose(verdicts), False, True)


def test_what_to_retake_is_said_with_its_figure(sheet):
    page = Papers().session_sheet(sheet)
    retake = page[page.index('id="retake"') : page.index('id="usable"')]
    assert "dark.png" in retake
    assert "Retake it with more light on the face." in retake
    assert "measured 12, bound 24" in retake
    assert "capture.soft" not in retake
    assert "Wipe the lens" in page or "wipe the lens" in page


def test_views_say_what_is_still_to_take(sheet):
    page = Papers().session_sheet(sheet)
    views = page[page.index('id="views"') : page.index('id="retake"')]
    assert len(re.findall("still to take", views)) == 3
    assert "Turn 90 degrees" in views
    assert "Still to take: profile, full length and hands." in page
    assert "28° to the left" in page
    assert "spare: there are better ones" in page


def test_the_page_asks_for_nothing_and_escapes_everything(sheet):
    page = Papers().session_sheet(sheet)
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "Spring &lt;session&gt;" in page
    assert "default-src &#x27;none&#x27;" in page
    assert set(re.findall(r'src="([a-z]+):', page)) == {"data"}
    assert page.count("This file can’t be shown") == 1


@pytest.mark.parametrize(
    ("kept", "compared", "said"),
    [
        (False, True, "no template was stored"),
        (False, False, "No face was compared"),
        (True, True, "her signed consent"),
    ],
)
def test_it_says_what_was_done_with_her_face(sheet, kept, compared, said):
    from dataclasses import replace

    assert said in Papers().session_sheet(replace(sheet, kept=kept, compared=compared))


def test_an_empty_session_is_a_page_too():
    page = Papers().session_sheet(SessionSheet("nothing", AT, (), (), False, True))
    assert "No photograph can be used yet." in page
