"""What a producer may ask of an engine that makes pixels of a talent which no photograph has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from .consent import Edit
from .errors import InputError
from .spelling import Word, plain

# "plate" takes the pose of the plate; otherwise a picture shows it.
PLATE_POSE = "plate"
# Her fitted body, standing: a picture of depth, for weights that follow one.
BODY_POSE = "body"
MAX_STEPS = 200


class Keep(StrEnum):
    """What stays of the plate pixel for pixel: nothing, everything of her, everything but one garment, or her head (face
    and hair)."""

    NOTHING = "nothing"
    PERSON = "person"
    ALL_BUT_GARMENT = "all-but-garment"
    HEAD = "head"


# What is made anew of hers, in the words of a consent.
EDITS = {
    Keep.NOTHING: (Edit.SCENE, Edit.GARMENT, Edit.POSE),
    Keep.PERSON: (Edit.SCENE,),
    Keep.ALL_BUT_GARMENT: (Edit.GARMENT,),
    Keep.HEAD: (Edit.SCENE, Edit.GARMENT, Edit.POSE),
}


@dataclass(frozen=True)
class Generation:
    """A picture in words. ``prompt`` says what is to be seen, without naming her: her token is put in by the engine.

    ``keep`` says what stays of a plate; ``region`` is the garment to make with ``Keep.ALL_BUT_GARMENT``. ``pose`` is
    empty, `PLATE_POSE`, `BODY_POSE`, or ``image:<sha-256>`` of a picture that shows one. ``references`` are pictures
    (``image:<sha-256>``) of a garment or a place to follow. ``weights`` names the base weights. ``guidance`` is the
    classifier-free guidance scale, in tenths. ``seed`` None draws it from the permit's request.
    """

    prompt: str
    weights: str
    keep: Keep = Keep.NOTHING
    region: str = ""
    pose: str = ""
    references: tuple[str, ...] = ()
    steps: int = 30
    guidance: int = 50
    seed: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", Keep(self.keep))
        object.__setattr__(self, "references", tuple(self.references))
        if not self.prompt.strip():
            raise InputError("campaign.value", "the prompt is empty", "say in words what is to be seen")
        if not 1 <= self.steps <= MAX_STEPS:
            raise InputError("campaign.value", f"{self.steps} is no number of steps", f"write 1 to {MAX_STEPS}")
        if not 0 <= self.guidance <= 300:
            raise InputError("campaign.value", f"{self.guidance / 10:g} is no guidance scale", "write 0 to 30")
        if self.pose == BODY_POSE and self.keep is not Keep.NOTHING:
            raise InputError("campaign.value", "what stays of a plate has its own pose", 'leave out pose = "body"')
        if (self.keep is Keep.ALL_BUT_GARMENT) != bool(self.region):
            raise InputError(
                "campaign.value", "a garment to make anew goes with keep = 'all-but-garment'", "name both, or neither"
            )

    @property
    def edits(self) -> tuple[Edit, ...]:
        return EDITS[self.keep]

    @property
    def pictures(self) -> tuple[str, ...]:
        """Those that the producer brings."""
        return tuple(
            dict.fromkeys(name for name in (self.pose, *self.references) if name not in ("", PLATE_POSE, BODY_POSE))
        )

    def with_pictures(self, kept: Mapping[str, str]) -> Generation:
        """The same with its pictures under other names."""
        references = tuple(kept.get(name, name) for name in self.references)
        return replace(self, pose=kept.get(self.pose, self.pose), references=references)

    def document(self) -> dict[str, object]:
        return asdict(self) | {"keep": self.keep.value, "references": list(self.references)}


def mentioned(generation: Generation | None, never: Iterable[Word]) -> frozenset[Word]:
    """Which of the things she never allows a prompt asks for, in the singular or the plural: whoever writes "in a fur coat"
    needn't declare the context to be held against it. Asking for "no fur" counts too: what she never allows is drawn into
    the negative list by itself (`negatives`)."""
    if generation is None:
        return frozenset()
    prompt = plain(generation.prompt)
    return frozenset(word for word in never if re.search(rf"(?<!\w){re.escape(word)}(s|es)?(?!\w)", prompt))


def negatives(never: Iterable[Word]) -> frozenset[str]:
    """What an engine is to keep out of every picture of her: the words she never allows, in their one spelling. Whether it
    did is for her to see; a model that draws fur under another name isn't told from here."""
    return frozenset(plain(word) for word in never if plain(word))
