"""A twin: the usable photographs (plates) of one person, and what may be said about them without seeing them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class TwinKind(StrEnum):
    """Whether the twin stands for a real person or for nobody."""

    REPLICA = "replica"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; (left, top) is its first pixel, the origin is the picture's upper left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height

    def contains(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def overlap(self, other: Box) -> int:
        """Shared area in pixels."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0) * max(high, 0)

    def grown(self, share: float) -> Box:
        """The box with a margin of ``share`` of its size on every side."""
        dx, dy = round(self.width * share), round(self.height * share)
        return Box(self.left - dx, self.top - dy, self.width + 2 * dx, self.height + 2 * dy)

    def clipped(self, width: int, height: int) -> Box:
        """The part of the box inside a picture of this size."""
        left, top = max(self.left, 0), max(self.top, 0)
        return Box(left, top, max(min(self.right, width) - left, 0), max(min(self.bottom, height) - top, 0))

    def shifted(self, left: int, top: int) -> Box:
        """The box in the coordinates of a crop whose corner is (left, top)."""
        return Box(self.left - left, self.top - top, self.width, self.height)


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of them; there must be one."""
    held = list(boxes)
    left, top = min(box.left for box in held), min(box.top for box in held)
    return Box(left, top, max(box.right for box in held) - left, max(box.bottom for box in held) - top)


class Backdrop(StrEnum):
    """What stands behind the talent in a plate."""

    PLAIN = "plain"
    BUSY = "busy"
    UNSURE = "unsure"  # plain, but her outline can't be told from it everywhere


class View(StrEnum):
    """How far a head is turned away from the camera. Unknown on plates made before views were measured."""

    FRONT = "front"
    THREE_QUARTER = "three-quarter"
    PROFILE = "profile"
    UNKNOWN = "unknown"


class Framing(StrEnum):
    """How much of the person a photograph shows: head and shoulders, to somewhere about the hips, or down to the feet."""

    HEAD = "head"
    HALF = "half"
    FULL = "full"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PlateFacts:
    """What may be known of a plate without opening the vault: nothing biometric, no pixels.

    ``photo`` is the capture's file stem, ``width`` and ``height`` are pixels, ``face`` and ``person`` are boxes in the
    plate (``person`` is the matte's extent), ``sharpness`` is the focus measure of the face. ``yaw`` and ``pitch`` are
    degrees: positive when she looks towards the right of the picture, and up; None where they can't be told. ``hands``
    are those surely seen. ``maker`` names the code that made the plate; empty for plates older than that field.
    """

    id: str
    photo: str
    width: int
    height: int
    face: Box
    person: Box
    backdrop: Backdrop
    sharpness: float
    view: View = View.UNKNOWN
    framing: Framing = Framing.UNKNOWN
    yaw: float | None = None
    pitch: float | None = None
    hands: int = 0
    maker: str = ""

    def __post_init__(self) -> None:
        # Stored plates come back with plain words.
        for name, kind in (("backdrop", Backdrop), ("view", View), ("framing", Framing)):
            object.__setattr__(self, name, kind(getattr(self, name)))


@dataclass(frozen=True)
class Twin:
    """One version of a talent's twin. A new enrolment makes a new version; nothing is edited."""

    id: str
    talent: str
    version: int
    kind: TwinKind
    plates: tuple[PlateFacts, ...]

    def older_than(self, maker: str) -> bool:
        """Whether some plate was made by other code than ``maker``: then she should be enrolled again."""
        return any(plate.maker != maker for plate in self.plates)
