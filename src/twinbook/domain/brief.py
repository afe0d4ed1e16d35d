"""What a producer asks for: shots, garments and the platform formats they are framed for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction

from .consent import Edit
from .errors import InputError, Refused
from .generation import Generation
from .provenance import FileKind
from .twin import Box, around

_HEX_COLOUR = re.compile(r"^#[0-9a-fA-F]{6}$")

# Built-in studio backdrops, by the names a brief may use after "studio:".
STUDIO_SCENES = (
    "warm-grey",
    "cool-grey",
    "white",
    "sand",
    "sage",
    "terracotta",
    "night",
    "gradient-dawn",
    "gradient-dusk",
    "gradient-mist",
    "window",
    "leaves",
    "blinds",
)
REGIONS = ("top", "bottom", "dress", "shoes")
# What can be put on from a packshot, and what can be laid over a garment.
TRYON_REGIONS = ("top", "bottom")
ACCESSORIES = ("belt", "brooch", "bag", "scarf")
# Heights on her body that an accessory may be put at, by name; a number is a share of the skirt's length.
PLACES = ("neck", "chest", "waist", "hips")
_EDITS = {
    "scene": Edit.SCENE,
    "recolor": Edit.RECOLOR,
    "print": Edit.RECOLOR,
    "tryon": Edit.GARMENT,
    "accessories": Edit.GARMENT,
    "mannequin": Edit.BODY,
}
# A picture that a producer brought, by its content; studio scenes and stripes are drawn and have no file.
IMAGE_PREFIX = "image:"


@dataclass(frozen=True)
class Format:
    """A platform's framing: ``ratio`` is width : height, ``channel`` is where it will be shown.

    ``letters`` is the height of the label's capitals, at least, as a share of the shortest side where no law gives a number.
    On a phone, 65 mm wide, 3 % are 2 mm; food, which has to be legible by law, may not be printed smaller than 1.2 mm to the x
    (Regulation (EU) 1169/2011, art. 13), and a label that is smaller isn't conspicuous. A page is read from as near and is three
    times as wide; a poster 1.2 m wide from ten times as far. ``least_width`` in pixels is what printers ask for, or nothing:
    150 to the inch on a page, 30 on a poster.
    """

    name: str
    channel: str
    ratio: Fraction
    letters: Fraction = Fraction(3, 100)
    least_width: int = 0


FORMATS = {
    f.name: f
    for f in (
        Format("instagram-4x5", "instagram", Fraction(4, 5)),
        Format("instagram-1x1", "instagram", Fraction(1, 1)),
        Format("tiktok-9x16", "tiktok", Fraction(9, 16)),
        Format("web-3x4", "web", Fraction(3, 4)),
        Format("web-2x3", "web", Fraction(2, 3)),
        Format("print-a4", "print", Fraction(210, 297), Fraction(3, 200), 1240),
        Format("outdoor-2x3", "outdoor", Fraction(2, 3), Fraction(2, 100), 1400),
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
class Print:
    """A garment region in another cloth.

    ``cloth`` is ``image:<sha-256>`` (a swatch, or with ``at`` a motif on transparent ground) or ``stripes:#rrggbb,#rrggbb``
    (two or more colours, horizontal, of equal width). ``width_cm`` is how wide one repeat, or the motif, is on her.
    ``at`` is None for cloth all over, or where a single motif is placed (`PLACES`).
    """

    region: str
    cloth: str
    width_cm: Fraction
    at: str | None = None

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise InputError("campaign.value", f"there is no garment region {self.region!r}", f"use one of {REGIONS}")
        kind, _, said = self.cloth.partition(":")
        colours = said.split(",")
        if kind == "stripes" and (len(colours) < 2 or not all(_HEX_COLOUR.match(colour) for colour in colours)):
            raise InputError(
                "campaign.value", f"{self.cloth!r} are no stripes", 'write them as "stripes:#ffffff,#1f3a93"'
            )
        if not 0.2 <= self.width_cm <= 200:
            raise InputError(
                "campaign.value", f"{float(self.width_cm):g} cm is no width of a repeat", "write 0.2 to 200"
            )
        if self.at is not None and self.at not in PLACES:
            raise InputError("campaign.value", f"there is no place {self.at!r}", f"use one of {PLACES}")

    def document(self) -> dict[str, object]:
        return {"region": self.region, "cloth": self.cloth, "width_cm": str(self.width_cm), "at": self.at}

    @classmethod
    def from_document(cls, document: dict) -> Print:
        return cls(**document | {"width_cm": Fraction(document["width_cm"])})


@dataclass(frozen=True)
class TryOn:
    """A garment from its packshot (``image:<sha-256>``), put on in place of the one she wears there (`TRYON_REGIONS`)."""

    region: str
    packshot: str

    def __post_init__(self) -> None:
        if self.region not in TRYON_REGIONS:
            raise InputError(
                "campaign.value", f"nothing can be put on as {self.region!r}", f"use one of {TRYON_REGIONS}"
            )


@dataclass(frozen=True)
class Accessory:
    """Something laid over what she wears: ``kind`` is one of `ACCESSORIES`, ``picture`` its packshot (``image:<sha-256>``).

    ``at`` is one of `PLACES`, or a share of what she wears below her waist, from where it begins to show (0; a dress at
    the waist) to its hem (1): ``0.5`` is halfway down the skirt.
    """

    kind: str
    picture: str
    at: str | Fraction

    def __post_init__(self) -> None:
        if self.kind not in ACCESSORIES:
            raise InputError("campaign.value", f"there is no accessory {self.kind!r}", f"use one of {ACCESSORIES}")
        if isinstance(self.at, str) and self.at not in PLACES:
            raise InputError("campaign.value", f"there is no place {self.at!r}", f"use one of {PLACES}, or a share")
        if not isinstance(self.at, str) and not 0 <= self.at <= 1:
            raise InputError("campaign.value", f"{float(self.at):g} is no share", "write 0 (waist) to 1 (hem)")

    def document(self) -> dict[str, object]:
        return {"kind": self.kind, "picture": self.picture, "at": str(self.at)}

    @classmethod
    def from_document(cls, document: dict) -> Accessory:
        at = document["at"]
        return cls(**document | {"at": at if at in PLACES else Fraction(at)})


@dataclass(frozen=True)
class Shot:
    """One picture to make: one release, one permit and one fee per talent in it. Its formats are copies of it.

    ``scene`` is ``studio:<name>`` or ``image:<sha-256 of the scene file>``, None to keep the plate's own; of ``recolor``,
    ``print`` and ``tryon`` one at most is given; ``mannequin`` puts her head on a mannequin of her own measurements; ``file`` is what its copies are written as;
    ``plate`` names the photograph to start from, None leaves the choice to the engine; ``contexts`` are what the
    producer declares the picture to show or promote, held against what the talent never allows; ``words`` are what the
    advertisement will have her say; ``tolerances`` are the brand's own bounds on garment and picture. ``vendor`` is
    the third party on whose machines it is made, empty for the home's own; ``brand`` the one it is made for (an id),
    empty for the licensee itself. ``credits`` are people of the crew who agreed to be named in the files, each with a role: a
    share in a license's split is no such agreement. ``generate`` asks for pixels that no photograph has.
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
    print: Print | None = None
    tryon: TryOn | None = None
    accessories: tuple[Accessory, ...] = ()
    mannequin: bool = False
    file: FileKind = FileKind.JPEG
    credits: tuple[tuple[str, str], ...] = ()
    generate: Generation | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(sorted({FORMATS[name].channel for name in self.formats}))

    @property
    def operations(self) -> tuple[str, ...]:
        """What an engine must be able to do for this shot."""
        asked = {
            "scene": self.scene,
            "recolor": self.recolor,
            "print": self.print,
            "tryon": self.tryon,
            "accessories": self.accessories,
            "mannequin": self.mannequin,
            "generate": self.generate,
        }
        return tuple(name for name, said in asked.items() if said)

    @property
    def redressed(self) -> str | None:
        """The region that is to show other cloth or another garment."""
        return self.print.region if self.print else self.tryon.region if self.tryon else None

    @property
    def pictures(self) -> tuple[str, ...]:
        """The pictures it needs from the producer, as it names them: scene, cloth, packshots; each once."""
        named = [self.scene or "", self.print.cloth if self.print else "", self.tryon.packshot if self.tryon else ""]
        named += [accessory.picture for accessory in self.accessories]
        named += self.generate.pictures if self.generate else ()
        drawn = ("", "studio", "stripes")
        return tuple(dict.fromkeys(name for name in named if name.partition(":")[0] not in drawn))

    def with_pictures(self, kept: Mapping[str, str]) -> Shot:
        """The same shot with its pictures under other names: from paths, as a producer writes them, to contents."""

        def named(name: str) -> str:
            return kept.get(name, name)

        return replace(
            self,
            scene=named(self.scene) if self.scene else self.scene,
            print=replace(self.print, cloth=named(self.print.cloth)) if self.print else None,
            tryon=replace(self.tryon, packshot=named(self.tryon.packshot)) if self.tryon else None,
            accessories=tuple(replace(item, picture=named(item.picture)) for item in self.accessories),
            generate=self.generate and self.generate.with_pictures(kept),
        )

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What of hers would be changed, in the words of a consent. Every picture is cropped and graded."""
        asked = [_EDITS[operation] for operation in self.operations if operation in _EDITS]
        return (Edit.MINOR, *dict.fromkeys([*asked, *(self.generate.edits if self.generate else ())]))

    def document(self) -> dict[str, object]:
        """The shot as plain data, for digests and storage. What isn't said isn't there, as in shots from before it could be."""
        others = {
            "vendor": self.vendor,
            "brand": self.brand,
            "print": self.print and self.print.document(),
            "tryon": asdict(self.tryon) if self.tryon else None,
            "accessories": [item.document() for item in self.accessories],
            "mannequin": self.mannequin,
            "file": self.file.value if self.file is not FileKind.JPEG else "",
            "credits": [list(credit) for credit in self.credits],
            "generate": self.generate and self.generate.document(),
        }
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
            print=Print.from_document(document["print"]) if "print" in document else None,
            tryon=TryOn(**document["tryon"]) if "tryon" in document else None,
            accessories=tuple(Accessory.from_document(item) for item in document.get("accessories", ())),
            mannequin=document.get("mannequin", False),
            file=FileKind(document.get("file", "jpeg")),
            credits=tuple((name, role) for name, role in document.get("credits", ())),
            generate=Generation(**document["generate"]) if "generate" in document else None,
        )


# Hair above the detector's box and the chin below it belong to the face for framing.
FACE_MARGIN = 0.35
# Where hands hang on somebody who stands, as shares of the figure from the top of the head (wrist, fingertips; Drillis and
# Contini 1966): a crop that ends there cuts them off. A standing figure is more than so many detected faces high.
_HANDS = (0.49, 0.64)
_STANDING = 6.0
# Of a crop's height or width, on one side of the faces at least, that is left to the label's lines.
LABEL_ROOM = Fraction(9, 100)
# Of a crop's side: how far it may move sideways or up for a hand. Further off she would stand at its edge.
_ASIDE = Fraction(1, 8)


def frame(
    width: int,
    height: int,
    face: Box,
    person: Box,
    shape: Format,
    others: Sequence[Box] = (),
    hands: Sequence[Box] = (),
) -> Box:
    """The largest crop of this format around the person, never through a face.

    ``others`` are the faces of whoever else is in the picture, and ``person`` is then the box around all of them. The
    crop is as large as the picture allows. It is centred on the person, moved only as far as needed to keep every
    whole face with its margin, and keeps the head's end of the picture when height must go, but doesn't end at the hands of
    a standing figure if less air above the head spares them. Where it would go through one of ``hands``, as far as they are
    known, it moves to keep it, at most by an eighth of its side and down as far as there is air, but never through a face or
    into the label's room. Raises Refused ``format.face_cut`` when no crop of this shape holds the faces, ``seal.label_room`` when
    they would leave no room for a label, and ``format.too_small`` when it would have fewer pixels than the format needs: nothing is
    made up to fill a page.
    """
    crop_width = min(width, int(height * shape.ratio))
    crop_height = min(height, int(crop_width / shape.ratio))
    if crop_width < shape.least_width:
        raise Refused(
            "format.too_small",
            f"{shape.name} needs {shape.least_width} pixels of width, and this picture gives {crop_width}",
        )
    head = around(one.grown(FACE_MARGIN).clipped(width, height) for one in (face, *others))
    if head.width > crop_width or head.height > crop_height:
        what = "the face" if not others else f"the {1 + len(others)} faces"
        raise Refused(
            "format.face_cut",
            f"{shape.name} is too narrow or too low for {what} in this {'plate' if not others else 'picture'}",
            "leave this format out, or ask for a plate with more room around the face",
        )
    bare = around((face, *others))
    if crop_height - bare.height < LABEL_ROOM * crop_height and crop_width - bare.width < LABEL_ROOM * crop_width:
        raise Refused("seal.label_room", f"in {shape.name} the face would leave no room for the label")

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
        wrist, tips = (person.top + round(share * person.height) for share in _HANDS)
        if person.height > _STANDING * face.height and wrist < top + crop_height < tips:
            top = max(top, min(tips - crop_height, head.top, height - crop_height))
    crop = Box(left, top, crop_width, crop_height)
    known = [hand for hand in (hand.clipped(width, height) for hand in hands) if hand.width and hand.height]
    return _sparing(crop, known, head, bare, width, height)


def _sparing(crop: Box, hands: Sequence[Box], head: Box, bare: Box, width: int, height: int) -> Box:
    """The crop moved, on the one axis on which the picture is longer, to where it cuts the fewest hands, leaves the
    fewest out, and is nearest to where it was. ``head`` holds the faces with their margins, ``bare`` without."""
    sideways = width > crop.width

    def span(box: Box) -> tuple[int, int]:
        return (box.left, box.right) if sideways else (box.top, box.bottom)

    (start, end), (first, last) = span(crop), span(head)
    size, room = end - start, width if sideways else height
    aside = int(_ASIDE * size)
    lowest = max(last - size, start - aside, 0)
    highest = min(first, room - size, start + aside if sideways else room)

    def cost(at: int) -> tuple[int, int, int, int]:
        whole = [at <= a and b <= at + size for a, b in map(span, hands)]
        outside = [b <= at or a >= at + size for a, b in map(span, hands)]
        return len(hands) - sum(whole) - sum(outside), sum(outside), abs(at - start), at

    places = {start}
    for a, b in map(span, hands):  # where this hand comes in whole, or goes out whole, at either end
        places |= {at for at in (a, b, a - size, b - size) if lowest <= at <= highest}

    def moved(at: int) -> Box:
        return Box(at, crop.top, crop.width, crop.height) if sideways else Box(crop.left, at, crop.width, crop.height)

    fitting = [at for at in places if at == start or _labelled(moved(at), bare)]
    return moved(min(fitting, key=cost))


def _labelled(crop: Box, bare: Box) -> bool:
    """Whether there is room for the label's lines above, below or beside the faces."""
    along = max(bare.top - crop.top, crop.bottom - bare.bottom) >= LABEL_ROOM * crop.height
    return along or max(bare.left - crop.left, crop.right - bare.right) >= LABEL_ROOM * crop.width
