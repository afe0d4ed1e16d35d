"""What a brand may do with a twin, for how long and for how much: signed by the talent and by the brand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

from .consent import Person
from .errors import InputError
from .form import Form
from .money import Money
from .party import PaperKind, Role
from .spelling import Word, plain
from .territory import overlap


class Renewal(StrEnum):
    """``automatic`` can be written down, since contracts try it, and is always refused."""

    NONE = "none"
    AUTOMATIC = "automatic"


@dataclass(frozen=True)
class Split(Form):
    """Percent of the gross fee for agency and crew; the rest is the talent's. Shares are exact."""

    agency: Fraction
    crew: Mapping[str, Fraction]

    def __post_init__(self) -> None:
        shares = [self.agency, *self.crew.values()]
        if any(share < 0 for share in shares) or sum(shares) >= 100:
            raise InputError("license.split", "agency and crew must get 0 or more, and less than 100 percent together")


@dataclass(frozen=True)
class Exclusivity(Form):
    """What the talent sells besides the images: that nobody else gets this. An empty set or text covers everything;
    ``competitors`` are the ids of the brands kept out. The window is from ``starts`` to the last day ``ends``."""

    category: Word
    channels: frozenset[str]
    territories: frozenset[str]
    competitors: frozenset[str]
    starts: date
    ends: date

    def keeps_out(self, other: License) -> bool:
        """Whether another brand's license falls into what was sold."""
        return (
            (not self.competitors or plain(other.brand.id) in {plain(brand) for brand in self.competitors})
            and (not self.category or not other.category or plain(self.category) == plain(other.category))
            and (not self.channels or not other.channels or not self.channels.isdisjoint(other.channels))
            and (not self.territories or not other.territories or overlap(self.territories, other.territories))
            and self.starts <= (other.ends or date.max)
            and other.starts <= self.ends
        )


@dataclass(frozen=True)
class License(Form):
    """``consent`` is the digest of the consent it rests on. The talent accepts it, unless ``mandate`` (the digest of one
    that she signed) says that her agency does, or ``estate`` (a party's id) that her estate does. Both at once can be written
    down and is always refused: a mandate ends with her death, and an estate begins with it.

    ``starts`` and the day ``term_days`` later are its first and last; without a term it would be perpetual, which can
    be written down and is always refused. ``max_images`` caps the whole license. ``sublicensees`` and ``vendors`` name who
    else may use the images or handle the twin: nobody, unless she signed it. ``advised_by`` is the counsel or union
    that stood by her; ``replaces_in_person`` says that the images stand in for work she would have done herself, and
    ``trains_models`` that the images may train somebody's models. ``wind_down_days`` is the notice with which either side
    may end it; 0 for none. ``payment_days`` count from the release of an image.
    """

    KIND = PaperKind.LICENSE

    talent: Person
    brand: Person
    agency: Person | None
    consent: str
    category: Word
    fee: Money
    channels: frozenset[str]
    territories: frozenset[str]
    starts: date
    term_days: int | None
    split: Split
    uses: str = ""
    exclusive: Exclusivity | None = None
    max_images: int | None = None
    renewal: Renewal = Renewal.NONE
    wind_down_days: int = 0
    payment_days: int = 30
    replaces_in_person: bool = False
    advised_by: str = ""
    trains_models: bool = False
    sublicensees: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    language: str = "en"
    mandate: str = ""
    estate: str = ""

    def signers(self) -> Mapping[Role, str]:
        hers: dict[Role, str] = {}
        if self.mandate and self.agency:
            hers[Role.AGENCY] = self.agency.id
        if self.estate:
            hers[Role.ESTATE] = self.estate
        return (hers or {Role.TALENT: self.talent.id}) | {Role.BRAND: self.brand.id}

    def lets_pass_on_to(self, recipient: str) -> bool:
        """Whether a recipient may have the pictures: the brand's own people (``brand/who``), sublicensees and vendors."""
        own, _, who = recipient.partition("/")
        brand = {plain(self.brand.id), plain(self.brand.name)}
        named = {plain(other) for other in (*self.sublicensees, *self.vendors)}
        return bool(who.strip() and plain(own) in brand) or plain(recipient) in named

    @cached_property
    def ends(self) -> date | None:
        """The last day, None when it has no end."""
        if self.term_days is None:
            return None
        try:
            return self.starts + timedelta(days=self.term_days - 1)
        except OverflowError:
            return date.max

    def runs(self, on: date) -> bool:
        """Whether it is in force on a day."""
        return self.starts <= on and (self.ends is None or on <= self.ends)


def conflicting(new: License, others: Iterable[tuple[str, License]]) -> list[str]:
    """The digests of another brand's licenses that exclusivity, sold by them or asked for by ``new``, sets against it.

    Says which, never what they hold: another brand's terms are nobody else's business.
    """
    return [
        digest
        for digest, other in others
        if other.brand.id != new.brand.id
        and (
            (other.exclusive is not None and other.exclusive.keeps_out(new))
            or (new.exclusive is not None and new.exclusive.keeps_out(other))
        )
    ]
