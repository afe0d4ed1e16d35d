"""Where everybody stands: the picture's frame, each plate's place and scale in it, and where the camera looks from.

Decided from facts, so that it can be told before a photograph is opened, and decided again with what the plates know
better. A plate that is alone in a picture keeps its own pixels, one to one: the frame grows around her and the scene is
brought to her. Where several share a picture the largest are made smaller; nothing is ever enlarged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

from ...domain.brief import FORMATS
from ...domain.errors import EngineRefused
from ...domain.twin import Box, PlateFacts, around
from ...ports import Plate

# A plate whose person comes nearer to its edge than this share of its side was cut off there by the photographer.
_CUT = 0.012
_STANDING = 4.5  # detected faces: somebody who is higher and whose feet end in the picture stands in it
# Of a stature: the height of the eyes (Drillis and Contini, Body Segment Parameters, 1966).
_EYES = 0.936
STATURE = 172.0  # cm, of somebody whose height nobody has told
# On adults, in cm: the side of a detected face, and the distance between the outer corners of the eyes.
_FACE_CM, _UNIT_CM = 14.8, 9.0
# A scene's camera, in cm above its floor, where the picture doesn't tell: a photographer's chest to chin.
CAMERA = 145.0
_MOST_AIR = Fraction(22, 100)  # of a picture's height above a head, where a tall format needs more
_LEAST_SCALE = 0.45  # a smaller copy of a plate beside another one wouldn't be worth looking at
_MOST_OVERLAP = 0.14  # of the narrower of two people who stand before each other


@dataclass(frozen=True)
class Sitter:
    """A talent with the plate chosen of her. Where they are known: ``stature`` in cm, ``unit``, pixels between the outer
    corners of her eyes, and ``eye_row``, where in the plate these are."""

    talent: str
    facts: PlateFacts
    stature: float | None = None
    unit: float | None = None
    eye_row: float | None = None

    @classmethod
    def of(cls, talent: str, plate: Plate) -> Sitter:
        """With what the plate itself knows."""
        stature = plate.shape.get("cm.height")
        if len(plate.landmarks) != 5:
            return cls(talent, plate.facts, stature)
        return cls(talent, plate.facts, stature, _face_unit(plate), float(plate.landmarks[:4, 1].mean()))

    @property
    def centimetre(self) -> float:
        """Pixels of her plate for one centimetre at her distance."""
        if full_length(self.facts) and self.stature:
            return self.facts.person.height / self.stature
        if self.unit:
            return self.unit / _UNIT_CM
        return self.facts.face.height / _FACE_CM

    @property
    def eyes(self) -> float:
        return self.facts.face.top + 0.3 * self.facts.face.height if self.eye_row is None else self.eye_row


@dataclass(frozen=True)
class Placed:
    """A plate in the picture: its pixel (x, y) lies at (left + scale · x, top + scale · y)."""

    talent: str
    facts: PlateFacts
    scale: float
    left: int
    top: int

    @property
    def face(self) -> Box:
        return self.moved(self.facts.face)

    @property
    def person(self) -> Box:
        return self.moved(self.facts.person)

    def moved(self, box: Box) -> Box:
        """A box of the plate, in the picture."""
        left, top = round(self.left + self.scale * box.left), round(self.top + self.scale * box.top)
        return Box(left, top, round(self.scale * box.width), round(self.scale * box.height))


@dataclass(frozen=True)
class Setting:
    """The picture to be made, in its own pixels. ``placed`` is in the shot's order; ``front`` lists them from the back to the
    front; ``horizon`` is the row of things as high as the scene's camera; ``centimetre`` is pixels at their distance."""

    width: int
    height: int
    placed: tuple[Placed, ...]
    horizon: float
    centimetre: float

    @property
    def face(self) -> Box:
        return around(placed.face for placed in self.placed)

    @property
    def person(self) -> Box:
        return around(placed.person for placed in self.placed)

    @property
    def standing(self) -> bool:
        return all(full_length(placed.facts) for placed in self.placed)

    @property
    def head(self) -> float:
        """The height of a detected face, in pixels."""
        return sum(placed.face.height for placed in self.placed) / len(self.placed)

    @property
    def from_the_back(self) -> tuple[Placed, ...]:
        """Whoever is shorter stands before whoever is taller."""
        return tuple(sorted(self.placed, key=lambda placed: (placed.person.top, placed.talent)))


def full_length(facts: PlateFacts) -> bool:
    """Whether she stands in the picture with her feet: the person ends above its lower edge."""
    return facts.person.bottom < facts.height * (1 - _CUT) and facts.person.height > _STANDING * facts.face.height


def cut_sides(facts: PlateFacts) -> bool:
    """Whether an arm or a shoulder ends at the plate's edge: then the picture's edge must be there too."""
    return facts.person.left < _CUT * facts.width or facts.person.right > (1 - _CUT) * facts.width


def as_framed(sitter: Sitter) -> Setting:
    """The plate's own frame."""
    facts = sitter.facts
    return _seen_from(facts.width, facts.height, (Placed(sitter.talent, facts, 1.0, 0, 0),), sitter)


def alone(sitter: Sitter, formats: Sequence[str], most_pixels: int) -> Setting:
    """Her plate at its own size in a frame that its formats can be cut from without cutting her, where there is only
    scene to add: never beyond an edge that she was cut off at."""
    facts = sitter.facts
    ground = _Ground(
        facts.width,
        facts.height,
        facts.person,
        cut_sides(facts),
        facts.person.top < _CUT * facts.height,
        full_length(facts),
    )
    width, height, left, top = ground.grown(formats, most_pixels)
    return _seen_from(width, height, (Placed(sitter.talent, facts, 1.0, left, top),), sitter)


def together(sitters: Sequence[Sitter], formats: Sequence[str], most_pixels: int) -> Setting:
    """Several talents side by side, in the shot's order from left to right, at one scale. Raises EngineRefused
    ``engine.talents`` when their plates don't fit each other."""
    standing = {full_length(sitter.facts) for sitter in sitters}
    if len(standing) > 1:
        raise EngineRefused("engine.talents", "one of them stands in her plate and another one is cut off in hers")
    (stands,) = standing
    scales = _scales(sitters, stands)
    if min(scales) < _LEAST_SCALE:
        raise EngineRefused("engine.talents", "one plate shows its talent at less than half the size of another")
    centimetre = sitters[0].centimetre * scales[0]
    tops = _tops(sitters, scales, stands, centimetre)
    people = [
        Placed(sitter.talent, sitter.facts, scale, 0, top)
        for sitter, scale, top in zip(sitters, scales, tops, strict=True)
    ]
    # Nobody may end in the air: where plates end below somebody, the picture ends no lower.
    highest = min(placed.person.top for placed in people)
    air = min(round(placed.scale * placed.facts.person.top) for placed in people)
    first = highest - air
    ends = [placed.top + int(placed.scale * placed.facts.height) for placed in people]
    height = (max(ends) if stands else min(ends)) - first
    placed = _side_by_side([replace(one, top=one.top - first) for one in people], height, formats)
    person = around(one.person for one in placed)
    side = round(0.05 * person.width)
    placed = [replace(one, left=one.left + side - person.left) for one in placed]
    person = around(one.person for one in placed)
    width, height, left, top = _Ground(person.width + 2 * side, height, person, False, False, stands).grown(
        formats, most_pixels
    )
    moved = tuple(replace(one, left=one.left + left, top=one.top + top) for one in placed)
    return _seen_from(width, height, moved, max(sitters, key=lambda sitter: sitter.stature or STATURE))


@dataclass(frozen=True)
class _Ground:
    """What there is before the frame grows: its size, who is in it and at which edges it can't grow."""

    width: int
    height: int
    person: Box
    cut_sides: bool
    cut_top: bool
    standing: bool

    def grown(self, formats: Sequence[str], most_pixels: int) -> tuple[int, int, int, int]:
        """Width and height of the picture, and what is added on its left and at its top."""
        ratios = [FORMATS[name].ratio for name in formats if name in FORMATS]
        if not ratios:
            return self.width, self.height, 0, 0
        width, height, left, top = self.width, self.height, 0, 0
        if not self.cut_sides:
            width = max(width, ceil(self.height * max(ratios)))
            # She keeps to the middle of what is added.
            left = min(max(round(width / 2 - (self.person.left + self.person.width / 2)), 0), width - self.width)
        wanted = ceil(self.person.width * 1.06 / min(ratios))
        if not self.cut_top and wanted > height:
            air = self.person.top
            most = int((self.height - air) / (1 - _MOST_AIR))
            above = max(min(wanted, most) - height, 0)
            below = min(wanted - height - above, round(0.5 * above)) if self.standing else 0
            height, top = height + above + below, above
        if width * height > most_pixels:
            return self.width, self.height, 0, 0
        return width, height, left, top


def _seen_from(width: int, height: int, placed: tuple[Placed, ...], sitter: Sitter) -> Setting:
    """``sitter`` is the one by whom the camera's height is told."""
    hers = next(one for one in placed if one.talent == sitter.talent)
    stature = sitter.stature or STATURE
    if full_length(sitter.facts):
        centimetre = hers.person.height / stature
        horizon = hers.person.bottom - CAMERA * centimetre
    else:
        centimetre = sitter.centimetre * hers.scale
        horizon = hers.top + hers.scale * sitter.eyes + (_EYES * stature - CAMERA) * centimetre
    return Setting(width, height, placed, horizon, centimetre)


def _scales(sitters: Sequence[Sitter], stands: bool) -> list[float]:
    known = all(sitter.stature for sitter in sitters)
    if stands and not known:  # then their eyes are equally high
        sizes = [sitter.facts.person.bottom - sitter.eyes for sitter in sitters]
    else:
        units = all(sitter.unit for sitter in sitters)
        sizes = [sitter.centimetre if stands or units else sitter.facts.face.height / _FACE_CM for sitter in sitters]
    return [1.0 if size == min(sizes) else min(sizes) / size for size in sizes]


def _tops(sitters: Sequence[Sitter], scales: Sequence[float], stands: bool, centimetre: float) -> list[int]:
    """Rows of the plates' upper edges, such that everybody stands on one floor."""
    if stands:
        return [round(-scale * sitter.facts.person.bottom) for sitter, scale in zip(sitters, scales, strict=True)]
    known = all(sitter.stature for sitter in sitters)
    highest = max(sitter.stature or 0 for sitter in sitters)
    lower = [_EYES * (highest - sitter.stature) * centimetre if known else 0.0 for sitter in sitters]
    return [round(by - scale * sitter.eyes) for by, sitter, scale in zip(lower, sitters, scales, strict=True)]


def _side_by_side(placed: Sequence[Placed], height: int, formats: Sequence[str]) -> list[Placed]:
    """A hand's width apart; where the widest format wouldn't hold them, before each other at the shoulder."""
    widths = [one.person.width for one in placed]
    ratios = [FORMATS[name].ratio for name in formats if name in FORMATS]
    room = height * float(min(ratios)) * 0.97 if ratios else float("inf")
    gap = round(0.02 * height)
    spare = room - sum(widths)
    if len(placed) > 1 and spare < gap * (len(placed) - 1):
        gap = max(round(spare / (len(placed) - 1)), -round(_MOST_OVERLAP * min(widths)))
    out, right = [], None
    for one in placed:
        left = 0 if right is None else right + gap - one.person.left
        out.append(replace(one, left=one.left + left))
        right = out[-1].person.right
    return out


def _face_unit(plate: Plate) -> float:
    """The distance between the outer corners of the eyes as it would be without the turn of the head, in pixels."""
    points = plate.landmarks
    across = float(points[:4, 0].max() - points[:4, 0].min())
    seen = max(across, 1.3 * float(points[4, 1] - points[:4, 1].mean()))
    return seen / (1 - 0.0028 * min(abs(plate.facts.yaw or 0.0), 45.0))
