"""What a producer asks for: shots, garments and the platform formats they are framed for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from .consent import Edit
from .errors import InputError, Refused
from .twin import Box

_HEX_COLOUR = re.compile(r"^#[0-9a-fA-F]{6}$")

# Built-in studio backdrops, by the names a brief may use after "studio:".
STUDIO_SCENES = ("warm-grey", "cool-grey", "white", "sand", "sage", "terracotta", "night")
REGIONS = ("top", "bottom", "dress")
_EDITS = {"scene": Edit.SCENE, "recolor": Edit.RECOLOR}


@dataclass(frozen=True)
class Format:
    """A platform's framing: ``ratio`` is width : height, ``channel`` is where it will be shown."""

    name: str
    channel: str
    ratio: Fraction


FORMATS = {
    f.name: f
    for f in (
        Format("instagram-4x5", "instagram", Fraction(4, 5)),
        Format("instagram-1x1", "instagram", Fraction(1, 1)),
        Format("tiktok-9x16", "tiktok", Fraction(9, 16)),
        Format("web-3x4", "web", Fraction(3, 4)),
        Format("web-2x3", "web", Fraction(2, 3)),
    )
}


@dataclass(frozen=True)
class Recolor:
    """A garment region (`REGIONS`) in another colour (``#rrggbb``, sRGB)."""

    region: str
    to: str

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise InputError("campaign.value", f"there is no garment region {self.region!r}", f"use one of {REGIONS}")
        if not _HEX_COLOUR.match(self.to):
            raise InputError("campaign.value", f"{self.to!r} is not a colour", 'write it as "#1f3a93"')


@dataclass(frozen=True)
class Shot:
    """One picture to make: one release, one permit and one fee per talent in it. Its formats are copies of it.

    ``scene`` is ``studio:<name>`` or ``image:<sha-256 of the scene file>``, None to keep the plate's own;
    ``plate`` names the photograph to start from, None leaves the choice to the engine; ``contexts`` are what the
    producer declares the picture to show or promote, held against what the talent never allows; ``words`` are what the
    advertisement will have her say; ``tolerances`` are the brand's own bounds on garment and picture. ``vendor`` is
    the third party on whose machines it is made, empty for the home's own; ``brand`` the one it is made for (an id),
    empty for the licensee itself.
    """

    id: str
    talents: tuple[str, ...]
    formats: tuple[str, ...]
    scene: str | None = None
    recolor: Recolor | None = None
    plate: str | None = None
    contexts: tuple[str, ...] = ()
    words: str = ""
    engine: str = "composite"
    tolerances: Mapping[str, Fraction] = field(default_factory=dict)
    vendor: str = ""
    brand: str = ""

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(sorted({FORMATS[name].channel for name in self.formats}))

    @property
    def operations(self) -> tuple[str, ...]:
        """What an engine must be able to do for this shot."""
        return (("scene",) if self.scene else ()) + (("recolor",) if self.recolor else ())

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What of hers would be changed, in the words of a consent. Every picture is cropped and graded."""
        return (Edit.MINOR, *(_EDITS[operation] for operation in self.operations))

    def document(self) -> dict[str, object]:
        """The shot as plain data, for digests and storage. What isn't said isn't there, as in shots from before it could be."""
        others = {"vendor": self.vendor, "brand": self.brand}
        return {name: other for name, other in others.items() if other} | {
            "id": self.id,
            "talents": list(self.talents),
            "formats": list(self.formats),
            "scene": self.scene,
            "recolor": {"region": self.recolor.region, "to": self.recolor.to} if self.recolor else None,
            "plate": self.plate,
            "contexts": list(self.contexts),
            "words": self.words,
            "engine": self.engine,
            "tolerances": {name: str(most) for name, most in sorted(self.tolerances.items())},
        }

    @classmethod
    def from_document(cls, document: dict) -> Shot:
        recolor = document["recolor"]
        return cls(
            id=document["id"],
            talents=tuple(document["talents"]),
            formats=tuple(document["formats"]),
            scene=document["scene"],
            recolor=Recolor(recolor["region"], recolor["to"]) if recolor else None,
            plate=document["plate"],
            contexts=tuple(document["contexts"]),
            words=document["words"],
            engine=document["engine"],
            tolerances={name: Fraction(most) for name, most in document.get("tolerances", {}).items()},
            vendor=document.get("vendor", ""),
            brand=document.get("brand", ""),
        )


# Hair above the detector's box and the chin below it belong to the face for framing.
FACE_MARGIN = 0.35


def frame(width: int, height: int, face: Box, person: Box, shape: Format) -> Box:
    """The largest crop of this format around the person, never through the face.

    The crop is as large as the picture allows. It is centred on the person, moved only as far as needed to keep the
    whole face with its margin, and keeps the head's end of the picture when height must go. Raises Refused
    ``format.face_cut`` when no crop of this shape holds the face.
    """
    crop_width = min(width, int(height * shape.ratio))
    crop_height = min(height, int(crop_width / shape.ratio))
    head = face.grown(FACE_MARGIN).clipped(width, height)
    if head.width > crop_width or head.height > crop_height:
        raise Refused(
            "format.face_cut",
            f"{shape.name} is too narrow or too low for the face in this plate",
            "leave this format out, or ask for a plate with more room around the face",
        )

    def place(centre: float, first: int, last: int, size: int, room: int) -> int:
        start = round(centre - size / 2)
        start = min(max(start, last - size), first)
        return min(max(start, 0), room - size)

    centre_x = (person.left + person.right) / 2
    left = place(centre_x, head.left, head.right, crop_width, width)
    # A full figure that fits stays whole; one that doesn't is cut at the legs, with as much air above the head as
    # the photographer left, up to an eighth of the crop.
    if person.height <= crop_height:
        centre_y = (person.top + person.bottom) / 2
        top = place(centre_y, head.top, head.bottom, crop_height, height)
    else:
        air = min(person.top, crop_height // 8)
        top = min(max(person.top - air, head.bottom - crop_height, 0), head.top, height - crop_height)
    return Box(left, top, crop_width, crop_height)
