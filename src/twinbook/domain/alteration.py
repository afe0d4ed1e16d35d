"""What was changed in a found picture, and where: as the reader finds it, and as it is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .twin import Box


class Place(StrEnum):
    """A part of the released copy. ``BODY`` is hers but neither face, bare skin nor garment: hair, shoes, and what can't
    be told apart; ``PICTURE`` is any part where nobody's face was found to tell the others by."""

    FACE = "face"
    SKIN = "skin"
    BODY = "body"
    GARMENT = "garment"
    BACKGROUND = "background"
    LABEL = "label"
    PICTURE = "picture"


class Change(StrEnum):
    """``LIGHTER`` and ``DARKER`` keep what is to be seen, and so does ``RECOLOURED``; ``REPLACED`` shows something else."""

    LIGHTER = "lighter"
    DARKER = "darker"
    RECOLOURED = "recoloured"
    REPLACED = "replaced"
    REMOVED = "removed"


_WORDS = {
    Place.FACE: "the face",
    Place.SKIN: "her skin",
    Place.BODY: "hair or another part of the person",
    Place.GARMENT: "the garment",
    Place.BACKGROUND: "the background",
    Place.LABEL: "the visible label",
    Place.PICTURE: "a part of the picture",
}


@dataclass(frozen=True)
class Alteration:
    """``box`` holds what departs in this place, in pixels of the released copy; ``share`` is its part of the picture,
    0 to 1; ``lightness`` the mean change of CIELAB L*, found minus released."""

    place: Place
    change: Change
    box: Box
    share: float
    lightness: float

    @property
    def sentence(self) -> str:
        what, share = _WORDS[self.place], f"{self.share:.1%} of the picture"
        if self.change in (Change.LIGHTER, Change.DARKER):
            of = "the skin of the face" if self.place is Place.FACE else what
            return (
                f"{of} was made {self.change.value}, by {abs(self.lightness):.0f} of 100 steps of lightness ({share})"
            )
        said = {
            Change.RECOLOURED: "has another colour",
            Change.REPLACED: "shows something else",
            Change.REMOVED: "was removed",
        }[self.change]
        return f"{what} {said} ({share})"

    def document(self) -> dict[str, object]:
        """For ``verify --json``; ``box`` is left, top, width and height."""
        return {
            "place": self.place.value,
            "change": self.change.value,
            "box": [self.box.left, self.box.top, self.box.width, self.box.height],
            "share": round(self.share, 4),
            "lightness": round(self.lightness, 1),
        }
