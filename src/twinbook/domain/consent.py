"""What a talent allows, in her own signed words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction

from .form import Form
from .money import Money
from .party import PaperKind, Role
from .spelling import Word


class Part(StrEnum):
    """Parts of a consent, each given and withdrawn on its own (GDPR art. 7 and 9: specific and explicit)."""

    __hash__ = str.__hash__  # an enum's own hash is written in Python, and the gate looks up a great many

    CAPTURE = "capture"
    TEMPLATE = "template"
    TRAIN = "train"
    GENERATE = "generate"
    MONITOR = "monitor"


class Edit(StrEnum):
    """What may be changed in a picture of hers. ``body`` covers face and body, and is refused unless she says so."""

    __hash__ = str.__hash__  # an enum's own hash is written in Python, and the gate looks up a great many

    MINOR = "minor"
    RECOLOR = "recolor"
    SCENE = "scene"
    GARMENT = "garment"
    POSE = "pose"
    BODY = "body"


# What a consent allows when nobody said otherwise: what leaves face, body and pose as photographed.
USUAL_EDITS = frozenset({Edit.MINOR, Edit.RECOLOR, Edit.SCENE, Edit.GARMENT})


class Representation(StrEnum):
    """How a consent stands to her contract with the agency (New York Labor Law art. 36 wants it ``separate``)."""

    SEPARATE = "separate"
    BUNDLED = "bundled"
    CONDITION = "condition"


class Approval(StrEnum):
    """What she looks at before anything is released: nothing, the campaign's briefs, or every picture."""

    NONE = "none"
    CAMPAIGN = "campaign"
    IMAGE = "image"


class PostMortem(StrEnum):
    """What becomes of it when she dies: it ends, or her estate's key takes over."""

    ENDS = "ends"
    ESTATE = "estate"


@dataclass(frozen=True)
class Person(Form):
    """Names stand in what people sign, because they must see whom it is about."""

    id: str
    name: str


@dataclass(frozen=True)
class Talent(Form):
    id: str
    name: str
    born: date


@dataclass(frozen=True)
class Consent(Form):
    """Never edited: other terms are another consent, whose ``replaces`` is the digest of the one before.

    ``based_in`` is the territory where she lives and works, empty when unknown; ``language`` (BCP 47) the one the terms
    are put before her in. ``purpose`` and ``uses`` say what for, in her words; ``uses`` is the specific description.
    ``channels`` are lower-case words, ``never`` those of `spelling`, ``territories`` codes of `territory`. ``until`` is the last day.
    ``cooling_off_days`` pass between her signature and the first use; after ``reconsent_days`` the consent must be
    signed anew and the twin be made anew, since people age. ``min_fee`` is per image and gross, and so is
    ``min_fee_percent`` of her in-person ``day_rate``; the higher one counts. ``max_brands`` may hold licenses at once.
    ``tolerances`` are her own bounds on how far a picture may depart from her, by `fidelity.MEASURES`; the defaults hold
    for the rest. ``power_of_attorney`` names whoever claims to sign for her: nobody may, so anything but empty is refused.
    """

    KIND = PaperKind.CONSENT

    talent: Talent
    agency: Person | None
    purpose: str
    parts: frozenset[Part]
    starts: date
    until: date | None
    channels: frozenset[str]
    territories: frozenset[str]
    never: frozenset[Word]
    min_fee: Money
    max_images_per_month: int
    uses: str = ""
    edits: frozenset[Edit] = USUAL_EDITS
    approval: Approval = Approval.NONE
    max_brands: int | None = None
    day_rate: Money | None = None
    min_fee_percent: Fraction = Fraction(0)
    cooling_off_days: int = 0
    reconsent_days: int = 730
    post_mortem: PostMortem = PostMortem.ENDS
    estate: str = ""
    based_in: str = ""
    language: str = "en"
    representation: Representation = Representation.SEPARATE
    power_of_attorney: str = ""
    replaces: str = ""
    tolerances: Mapping[str, Fraction] = field(default_factory=dict)

    def floor(self) -> Money:
        """The least she takes for an image, gross."""
        if self.day_rate is None or not self.min_fee_percent:
            return self.min_fee
        exact = self.day_rate.minor * self.min_fee_percent / 100
        relative = Money(self.day_rate.currency, -(-exact.numerator // exact.denominator))
        return relative if self.min_fee.less_than(relative) else self.min_fee

    def signers(self) -> Mapping[Role, str]:
        return {Role.TALENT: self.talent.id}
