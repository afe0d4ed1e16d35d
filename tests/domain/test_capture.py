"""What a photographer is told: about each photograph, and about what a session still lacks."""

from dataclasses import asdict, replace

import pytest

from twinbook.domain.capture import (
    GUIDES,
    PLATES_PER_VIEW,
    REMARKS,
    Look,
    Need,
    State,
    Verdict,
    choose,
    coverage,
    judge,
)
from twinbook.domain.errors import CODES
from twinbook.domain.twin import Backdrop, Box, Framing, PlateFacts, Twin, TwinKind, View

PORTRAIT = Look(
    "a.jpg",
    3000,
    4000,
    Box(1000, 900, 900, 900),
    View.FRONT,
    Framing.HEAD,
    yaw=2.0,
    pitch=1.0,
    roll=0.0,
    light=75.0,
    focus=12.0,
    backdrop=Backdrop.PLAIN,
)
PROFILE = replace(PORTRAIT, photo="p.jpg", view=View.PROFILE, yaw=None, pitch=None, roll=None, light=0.0)


def verdict(look):
    return Verdict(look.photo, look, judge(look))


def codes(look):
    return [note.code.removeprefix("capture.") for note in judge(look)]


def test_a_good_portrait_is_accepted_without_a_word():
    assert codes(PORTRAIT) == []
    assert verdict(PORTRAIT).state is State.ACCEPTED
    assert verdict(PORTRAIT).sentence == "accepted: front, head"


@pytest.mark.parametrize(
    ("code", "change", "measure"),
    [
        ("too_small", {"face": Box(0, 0, 60, 60)}, 60),
        ("dark", {"light": 20.0}, 20),
        ("bright", {"clipped": 0.3}, 0.3),
        ("blurred", {"focus": 2.5}, 2.5),
        ("covered", {"covered": ("the eyes",)}, None),
        ("screen", {"screen": 1.4}, 1.4),
    ],
)
def test_each_fault_asks_for_another_photograph(code, change, measure):
    (note,) = judge(replace(PORTRAIT, **change))
    assert note.code == f"capture.{code}"
    assert note.measure == measure
    assert note.reason.remedy
    assert verdict(replace(PORTRAIT, **change)).state is State.RETAKE
    assert note.reason.remedy in verdict(replace(PORTRAIT, **change)).sentence


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("low_resolution", {"face": Box(0, 0, 80, 80)}),
        ("soft", {"focus": 4.0}),
        ("dim", {"light": 27.0}),
        ("hard_light", {"shade": 40.0}),
        ("tilted", {"roll": -24.0}),
        ("tilted", {"pitch": 30.0}),
        ("turned", {"view": View.THREE_QUARTER, "yaw": 52.0}),
        ("backdrop", {"backdrop": Backdrop.BUSY}),
    ],
)
def test_each_remark_leaves_it_usable(code, change):
    assert codes(replace(PORTRAIT, **change)) == [code]
    assert verdict(replace(PORTRAIT, **change)).state is State.REMARK


def test_a_raised_chin_is_told_to_come_down():
    (note,) = judge(replace(PORTRAIT, pitch=30.0))
    assert note.reason.remedy.startswith("lower the chin")
    (note,) = judge(replace(PORTRAIT, pitch=-30.0))
    assert note.reason.remedy.startswith("raise the chin")


def test_the_worst_comes_first_and_small_things_wait():
    assert codes(replace(PORTRAIT, light=10.0, focus=1.0, roll=30.0, covered=("the mouth",))) == ["dark", "blurred"]


def test_full_length_faces_may_be_small():
    assert codes(replace(PORTRAIT, framing=Framing.FULL, face=Box(0, 0, 80, 80))) == []


def test_every_code_is_in_the_catalogue():
    assert set(CODES) >= REMARKS


def test_a_profile_is_never_told_to_be_her():
    """It can be matched by what she wears or not; her face it can't be."""
    (note,) = judge(replace(PROFILE, matched=True))
    assert note.code == "capture.profile"
    assert "can't be told" in note.reason.diagnosis
    unsure, other = verdict(PROFILE), verdict(replace(PROFILE, matched=False))
    assert unsure.state is State.REMARK
    assert other.state is State.RETAKE
    assert [v.kept for v in choose((unsure, other, verdict(replace(PROFILE, matched=True))))] == [False, False, True]


def test_a_session_fills_up():
    shot = [verdict(PORTRAIT)]
    assert coverage(shot).lacking == (Need.THREE_QUARTER, Need.PROFILE, Need.FULL_LENGTH, Need.HANDS)
    shot.append(verdict(replace(PORTRAIT, photo="b.jpg", view=View.THREE_QUARTER, yaw=-28.0)))
    shot.append(verdict(replace(PORTRAIT, photo="c.jpg", framing=Framing.FULL, hands=2)))
    assert coverage(shot).lacking == (Need.PROFILE,)
    assert coverage(shot).photos[Need.FULL_LENGTH] == ("c.jpg",)
    shot.append(verdict(replace(PROFILE, matched=True)))
    assert coverage(shot).lacking == ()
    assert coverage(shot).document()["lacking"] == []
    assert set(GUIDES) == set(Need)


def test_what_must_be_retaken_covers_nothing():
    assert coverage([verdict(replace(PORTRAIT, focus=1.0))]).lacking == tuple(Need)


def test_five_hundred_portraits_make_four_plates():
    shot = [verdict(replace(PORTRAIT, photo=f"{n:03d}.jpg", focus=5 + n % 7 * 0.5)) for n in range(500)]
    chosen = choose(shot)
    kept = [v.photo for v in chosen if v.kept]
    assert len(kept) == PLATES_PER_VIEW
    assert kept == ["006.jpg", "013.jpg", "020.jpg", "027.jpg"], "the sharpest, and of those the first"
    spare = next(v for v in chosen if not v.kept)
    assert [note.code for note in spare.notes] == ["capture.spare"]
    assert spare.state is State.ACCEPTED
    assert choose(chosen) == chosen


def test_a_photograph_that_a_shot_names_becomes_a_plate():
    shot = [verdict(replace(PORTRAIT, photo=f"{n}.jpg", focus=20.0 - n)) for n in range(9)]
    kept = {v.photo for v in choose(shot, named=("8", "no such")) if v.kept}
    assert kept == {"0.jpg", "1.jpg", "2.jpg", "3.jpg", "8.jpg"}
    blurred = verdict(replace(PORTRAIT, photo="x.jpg", focus=1.0))
    assert not choose([blurred], named=("x",))[0].kept


def test_a_plain_backdrop_goes_before_focus():
    busy = verdict(replace(PORTRAIT, photo="busy.jpg", backdrop=Backdrop.BUSY, focus=20.0))
    plain = verdict(PORTRAIT)
    assert [v.photo for v in choose([busy, plain], most=1) if v.kept] == ["a.jpg"]


def test_plates_stored_before_views_were_measured_still_load():
    old = {
        "id": "1",
        "photo": "front",
        "width": 10,
        "height": 10,
        "face": Box(1, 1, 2, 2),
        "person": Box(0, 0, 9, 9),
        "backdrop": "plain",
        "sharpness": 9.0,
    }
    facts = PlateFacts(**old)
    assert facts.backdrop is Backdrop.PLAIN
    assert facts.view is View.UNKNOWN
    twin = Twin("m:1", "m", 1, TwinKind.REPLICA, (facts,))
    assert twin.older_than("plates 2")
    new = replace(facts, maker="plates 2", view="profile", framing="full")
    assert (new.view, new.framing) == (View.PROFILE, Framing.FULL)
    assert not replace(twin, plates=(new,)).older_than("plates 2")
    assert PlateFacts(**{**asdict(new), "face": new.face, "person": new.person}) == new
