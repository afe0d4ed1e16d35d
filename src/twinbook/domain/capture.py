"""A capture session: what each photograph is good for, what is wrong with it, and what the session still lacks.

Pure rules over what was measured on a photograph (`Look`). How pixels are measured is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .errors import Reason, reason
from .twin import Backdrop, Box, Framing, View

# Width of the detected face in pixels (brows to chin, ear to ear): under the first the embedding is guesswork.
MIN_FACE, GOOD_FACE = 64, 96
# Focus of the face (see `vision.enrolment.focus`): studio portraits read 6 to 20, a blur of 2 % of the face's width
# brings them under 3.
MIN_FOCUS, GOOD_FOCUS = 3.0, 4.5
# L* of the brightest tenth of the face's middle; share of it with two channels clipped.
MIN_LIGHT, GOOD_LIGHT = 24.0, 30.0
MAX_CLIPPED = 0.2
# L* by which the one side of the face may be darker than the other.
MAX_SHADE = 25.0
# Degrees. A head turned by less than the first is frontal; the frontal detector loses heads from about 50 on.
FRONT_YAW, THREE_QUARTER_YAW = 12.0, 48.0
MAX_TILT, MAX_NOD = 20.0, 25.0  # a nod is known to about 15 degrees only
# Strength of a regular grid over the whole picture (see `vision.screen`): photographs read 0 to 0.2, screens 1.1 to 2.
MAX_SCREEN = 0.7

# How many photographs of one view and framing become plates. A matte takes seconds, and a fifth frontal portrait adds
# nothing that the best four don't say.
PLATES_PER_VIEW = 4


class State(StrEnum):
    """``remark``: usable, but better could be had. ``retake``: of no use as it is."""

    ACCEPTED = "accepted"
    REMARK = "remark"
    RETAKE = "retake"


# Codes that leave a photograph usable. Every other one asks for it to be taken again.
REMARKS = frozenset(
    (
        "capture.profile",
        "capture.turned",
        "capture.tilted",
        "capture.soft",
        "capture.dim",
        "capture.hard_light",
        "capture.low_resolution",
        "capture.backdrop",
        "capture.spare",
        "matte.unsure",
    )
)


@dataclass(frozen=True)
class Note:
    """One thing about a photograph: why, and the figure that says so beside its bound (None where there is none)."""

    reason: Reason
    measure: float | None = None
    bound: float | None = None

    @property
    def code(self) -> str:
        return self.reason.code

    def document(self) -> dict[str, object]:
        return {**self.reason.document(), "measure": self.measure, "bound": self.bound}


@dataclass(frozen=True)
class Look:
    """What a look at one photograph measured; no pixels, no template.

    ``width`` and ``height`` are the file's, ``face`` is a box in it; angles are degrees, None where they can't be told
    (``yaw`` positive towards the right of the picture, ``pitch`` up, ``roll`` clockwise); ``hands`` are those surely
    seen; ``light`` and ``shade`` are L*; ``clipped`` a share; ``covered`` names covered parts of the face; ``screen``
    is 1 where a grid is as strong as tolerated; ``matched`` says of a profile whether clothes, hair and skin are those
    of the other photographs, None while there is nothing to compare with.
    """

    photo: str
    width: int
    height: int
    face: Box | None = None
    view: View = View.UNKNOWN
    framing: Framing = Framing.UNKNOWN
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    hands: int = 0
    light: float = 0.0
    shade: float = 0.0
    clipped: float = 0.0
    focus: float = 0.0
    backdrop: Backdrop | None = None
    screen: float = 0.0
    covered: tuple[str, ...] = ()
    matched: bool | None = None

    def document(self) -> dict[str, object]:
        return {
            "width": self.width,
            "height": self.height,
            "view": self.view.value,
            "framing": self.framing.value,
            "yaw": self.yaw,
            "pitch": self.pitch,
            "roll": self.roll,
            "hands": self.hands,
            "face_width": self.face.width if self.face else None,
            "light": self.light,
            "focus": self.focus,
            "backdrop": self.backdrop.value if self.backdrop else None,
        }


@dataclass(frozen=True)
class Verdict:
    """What is said of one photograph. ``look`` is None when it couldn't be looked at; ``kept`` when it is, or would be,
    made a plate."""

    photo: str
    look: Look | None
    notes: tuple[Note, ...] = ()
    kept: bool = False

    @property
    def state(self) -> State:
        if self.look is None or any(note.code not in REMARKS for note in self.notes):
            return State.RETAKE
        return State.REMARK if any(note.code != "capture.spare" for note in self.notes) else State.ACCEPTED

    @property
    def usable(self) -> bool:
        return self.state is not State.RETAKE

    @property
    def sentence(self) -> str:
        """One line for whoever stands behind the camera."""
        if self.state is State.RETAKE:
            worst = next((n for n in self.notes if n.code not in REMARKS), self.notes[0])
            return f"retake: {worst.reason.diagnosis}; {worst.reason.remedy}"
        said = f"{self.state}: {_shown(self.look)}"
        return said + "".join(f"; {note.reason.diagnosis}" for note in self.notes)

    def document(self) -> dict[str, object]:
        return {
            "photo": self.photo,
            "state": self.state.value,
            "kept": self.kept,
            "covers": sorted(need.value for need in covers(self.look)) if self.usable else [],
            "look": self.look.document() if self.look else None,
            "notes": [note.document() for note in self.notes],
        }


def _shown(look: Look) -> str:
    parts = [f"{look.view}", {Framing.FULL: "full length"}.get(look.framing, f"{look.framing}")]
    if look.yaw is not None and look.view is not View.FRONT:
        parts[0] += f" {abs(look.yaw):.0f}°"
    if look.hands:
        parts.append(f"{look.hands} hand{'s' if look.hands > 1 else ''}")
    return ", ".join(parts)


def view_of(yaw: float) -> View:
    """The view that a face turned by so many degrees shows, if it was found at all: profiles aren't found as faces."""
    return View.FRONT if abs(yaw) < FRONT_YAW else View.THREE_QUARTER


def judge(look: Look) -> tuple[Note, ...]:
    """Everything about one photograph by itself, the worst first."""
    name, notes = look.photo, []

    def note(code: str, diagnosis: str, measure: float | None = None, bound: float | None = None, remedy: str = ""):
        rounded = None if measure is None else round(measure, 3)
        notes.append(Note(reason(code, diagnosis, remedy), rounded, bound))

    if look.screen > MAX_SCREEN:
        note("capture.screen", f"{name} shows the grid of a screen or of a print", look.screen, MAX_SCREEN)
    if look.face is not None and look.face.width < MIN_FACE:
        wide = look.face.width
        note("capture.too_small", f"the face in {name} is {wide} pixels wide; {MIN_FACE} is the least", wide, MIN_FACE)
    if look.view is View.PROFILE:
        if look.matched is False:
            note(
                "capture.other_person",
                f"clothes, hair or skin in {name} are not those of the other photographs, and a profile can't be told",
                remedy="keep clothes, hair and light as they are in a session, or remove the photograph",
            )
        else:
            note("capture.profile", f"{name} is a profile: whose face it is can't be told")
    else:
        if look.light < MIN_LIGHT:
            said = f"the face in {name} is underexposed (its brightest part is L* {look.light:.0f})"
            note("capture.dark", said, look.light, MIN_LIGHT)
        if look.clipped > MAX_CLIPPED:
            note("capture.bright", f"{look.clipped:.0%} of the face in {name} is burnt out", look.clipped, MAX_CLIPPED)
    if look.focus < MIN_FOCUS:
        said = f"the face in {name} is not sharp (focus {look.focus:.1f}; {MIN_FOCUS:g} is the least)"
        note("capture.blurred", said, look.focus, MIN_FOCUS)
    if look.covered and not notes:  # in the dark or out of focus everything looks covered
        note("capture.covered", f"something covers {' and '.join(look.covered)} in {name}")
    if notes and any(n.code not in REMARKS for n in notes):
        return tuple(sorted(notes, key=lambda n: n.code in REMARKS))
    _remark(look, note)
    return tuple(notes)


def _remark(look: Look, note) -> None:
    """What could be better. Told only of photographs that can be used: nobody mends a remark before a fault."""
    if look.face is not None and look.face.width < GOOD_FACE and look.framing is not Framing.FULL:
        note("capture.low_resolution", f"the face is {look.face.width} pixels wide", look.face.width, GOOD_FACE)
    if look.focus < GOOD_FOCUS:
        note("capture.soft", f"the face is a little soft (focus {look.focus:.1f})", look.focus, GOOD_FOCUS)
    if look.view is not View.PROFILE:
        if look.light < GOOD_LIGHT:
            note("capture.dim", f"there is little light on the face (L* {look.light:.0f})", look.light, GOOD_LIGHT)
        if look.shade > MAX_SHADE:
            note("capture.hard_light", f"one side of the face is {look.shade:.0f} L* darker", look.shade, MAX_SHADE)
        if look.yaw is not None and abs(look.yaw) > THREE_QUARTER_YAW:
            said = f"the head is turned by {abs(look.yaw):.0f}°: between three-quarter and profile"
            note("capture.turned", said, abs(look.yaw), THREE_QUARTER_YAW)
        if look.roll is not None and abs(look.roll) > MAX_TILT:
            note("capture.tilted", f"the head is tilted by {abs(look.roll):.0f}°", abs(look.roll), MAX_TILT)
        elif look.pitch is not None and abs(look.pitch) > MAX_NOD:
            way, remedy = ("up", "lower") if look.pitch > 0 else ("down", "raise")
            said = f"the head is tilted {way} by about {abs(look.pitch):.0f}°"
            note(
                "capture.tilted",
                said,
                abs(look.pitch),
                MAX_TILT,
                f"{remedy} the chin a little; camera at the height of her eyes",
            )
    if look.backdrop is Backdrop.BUSY:
        note("capture.backdrop", "the backdrop is not plain, so that she can't be cut out of it with a clean edge")


# --- what a session needs ---------------------------------------------------------------------------------------


class Need(StrEnum):
    """What a session should cover."""

    FRONT = "front"
    THREE_QUARTER = "three-quarter"
    PROFILE = "profile"
    FULL_LENGTH = "full length"
    HANDS = "hands"


@dataclass(frozen=True)
class Guide:
    """How to take the photograph that meets a need, and what it is for."""

    how: str
    why: str


GUIDES: Mapping[Need, Guide] = {
    Need.FRONT: Guide(
        "Head and shoulders, face to the camera, camera at the height of her eyes, mouth closed.",
        "Recognises her, and reads her skin.",
    ),
    Need.THREE_QUARTER: Guide(
        "Turn head and body 20 to 40 degrees: the far eye stays in view. Once to each side.",
        "Recognises her where a picture isn't frontal.",
    ),
    Need.PROFILE: Guide(
        "Turn 90 degrees: one eye in view. Same clothes, hair and light as in the frontal photographs.",
        "Shows the outline of head and body from the side. It doesn't recognise her.",
    ),
    Need.FULL_LENGTH: Guide(
        "From above the hair to below the shoes, upright, arms a hand's breadth from the body, camera at hip height.",
        "Her proportions, and whole outfits.",
    ),
    Need.HANDS: Guide(
        "Arms hanging, hands open and off the clothes, sleeves up to the elbow, all of both hands in the picture.",
        "Hands are what generators get wrong first; these are compared with.",
    ),
}


def covers(look: Look | None) -> frozenset[Need]:
    """The needs that a usable photograph meets."""
    if look is None:
        return frozenset()
    views = {View.FRONT: Need.FRONT, View.THREE_QUARTER: Need.THREE_QUARTER, View.PROFILE: Need.PROFILE}
    met = {views[look.view]} if look.view in views else set()
    if look.framing is Framing.FULL:
        met.add(Need.FULL_LENGTH)
    if look.hands >= 2:
        met.add(Need.HANDS)
    return frozenset(met)


@dataclass(frozen=True)
class Coverage:
    """Which photographs meet each need; ``lacking`` are those that none meets."""

    photos: Mapping[Need, tuple[str, ...]]

    @property
    def lacking(self) -> tuple[Need, ...]:
        return tuple(need for need in Need if not self.photos[need])

    def document(self) -> dict[str, object]:
        return {
            "covered": {need.value: list(names) for need, names in self.photos.items() if names},
            "lacking": [{"view": need.value, "how": GUIDES[need].how} for need in self.lacking],
        }


def coverage(verdicts: Iterable[Verdict]) -> Coverage:
    """What the usable photographs of a session cover."""
    photos: dict[Need, list[str]] = {need: [] for need in Need}
    for verdict in verdicts:
        if verdict.usable:
            for need in covers(verdict.look):
                photos[need].append(verdict.photo)
    return Coverage({need: tuple(names) for need, names in photos.items()})


def choose(
    verdicts: Sequence[Verdict], named: Collection[str] = (), most: int = PLATES_PER_VIEW
) -> tuple[Verdict, ...]:
    """Mark which photographs become plates: of each view and framing the best ``most``, and every usable one that is
    ``named`` by its file's stem. A usable one that isn't needed gets the remark ``capture.spare``.

    Best is: fewest remarks, then plain backdrop, focus up to where more of it doesn't show, size of the face; the first
    in the order given wins a draw. A profile is kept only when its clothes, hair and skin were matched.
    """
    ranks: dict[tuple[View, Framing], list[tuple[tuple[float, ...], int]]] = {}
    chosen = set()
    for index, verdict in enumerate(verdicts):
        if not verdict.usable or (verdict.look.view is View.PROFILE and verdict.look.matched is not True):
            continue
        look = verdict.look
        if verdict.photo.rsplit(".", 1)[0] in named:
            chosen.add(index)
            continue
        rank = (len(verdict.notes), look.backdrop is not Backdrop.PLAIN, -min(look.focus, 8.0), -look.face.width, index)
        ranks.setdefault((look.view, look.framing), []).append((rank, index))
    for ranked in ranks.values():
        chosen |= {index for _, index in sorted(ranked)[:most]}
    return tuple(_marked(verdict, index in chosen, most) for index, verdict in enumerate(verdicts))


def _marked(verdict: Verdict, kept: bool, most: int) -> Verdict:
    notes = tuple(note for note in verdict.notes if note.code != "capture.spare")
    if not kept and verdict.usable and not (verdict.look.view is View.PROFILE and verdict.look.matched is not True):
        spare = reason("capture.spare", f"not needed: there are {most} better ones of this view")
        notes = (*notes, Note(spare))
    return replace(verdict, notes=notes, kept=kept)
