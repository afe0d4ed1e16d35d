"""What a brand may do with a twin, for how long and for how much: signed by the talent and by the brand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from .canonical import member
from .errors import InputError
from .money import Money
from .party import PaperKind


@dataclass(frozen=True)
class Split:
    """Percent of the gross fee for agency and crew; the rest is the talent's. Shares are exact."""

    agency: Fraction
    crew: Mapping[str, Fraction]

    def __post_init__(self) -> None:
        shares = [self.agency, *self.crew.values()]
        if any(share < 0 for share in shares) or sum(shares) >= 100:
            raise InputError("license.split", "agency and crew must get 0 or more, and less than 100 percent together")

    def document(self) -> dict[str, object]:
        return {"agency": str(self.agency), "crew": {name: str(share) for name, share in sorted(self.crew.items())}}


@dataclass(frozen=True)
class License:
    """``consent`` is the digest of the consent it rests on. ``starts`` and ``ends`` are its first and last day; there
    is none without an end."""

    talent: str
    talent_name: str
    brand: str
    brand_name: str
    agency: str
    consent: str
    category: str
    fee: Money
    channels: frozenset[str]
    territories: frozenset[str]
    starts: date
    term_days: int
    split: Split

    @property
    def ends(self) -> date:
        return self.starts + timedelta(days=self.term_days - 1)

    def document(self) -> dict[str, object]:
        return {
            "type": PaperKind.LICENSE.value,
            "talent": {"id": self.talent, "name": self.talent_name},
            "brand": {"id": self.brand, "name": self.brand_name},
            "agency": self.agency,
            "consent": self.consent,
            "category": self.category,
            "fee_per_image": str(self.fee),
            "channels": sorted(self.channels),
            "territories": sorted(self.territories),
            "starts": self.starts.isoformat(),
            "ends": self.ends.isoformat(),
            "term_days": self.term_days,
            "split_percent": self.split.document(),
        }

    @classmethod
    def from_document(cls, document: dict) -> License:
        """Raises InputError ``signature.invalid`` for a document that isn't a license."""
        try:
            if document["type"] != PaperKind.LICENSE.value:
                raise ValueError(document["type"])
            split = member(document, "split_percent", dict)
            talent, brand = member(document, "talent", dict), member(document, "brand", dict)
            crew = member(split, "crew", dict)
            made = cls(
                talent=member(talent, "id", str),
                talent_name=member(talent, "name", str),
                brand=member(brand, "id", str),
                brand_name=member(brand, "name", str),
                agency=member(document, "agency", str),
                consent=member(document, "consent", str),
                category=member(document, "category", str),
                fee=Money.parse(document["fee_per_image"]),
                channels=frozenset(member(document, "channels", list)),
                territories=frozenset(member(document, "territories", list)),
                starts=date.fromisoformat(document["starts"]),
                term_days=member(document, "term_days", int),
                split=Split(Fraction(split["agency"]), {name: Fraction(share) for name, share in crew.items()}),
            )
            if made.ends.isoformat() != document["ends"]:
                raise ValueError("the last day does not follow from the first day and the term")
            return made
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise InputError("signature.invalid", f"this is not a license: {error}") from error

    def in_plain_words(self) -> list[str]:
        """The terms as sentences for the people who sign them."""
        talent_share = 100 - self.split.agency - sum(self.split.crew.values())
        lines = [
            f"{self.talent_name} licenses her twin to {self.brand_name} for {self.category}.",
            f"Fee: {self.fee} for each released image, gross, whatever the number of its formats.",
            f"  {self.talent_name} gets {float(talent_share):g} %, {self.agency or 'no agency'} {float(self.split.agency):g} %"
            + "".join(f", {name} {float(share):g} %" for name, share in sorted(self.split.crew.items()))
            + ".",
            f"Shown only on: {', '.join(sorted(self.channels))}. Only in: {', '.join(sorted(self.territories))}.",
            f"From {self.starts.isoformat()} to {self.ends.isoformat()} ({self.term_days} days); no renewal without a new signature.",
            "No sub-license and no hand-over to anybody else. Every image carries a visible label, a watermark and a signed manifest.",
            f"It rests on the consent {self.consent[:16]}…; when that ends or is withdrawn, no further image is made.",
        ]
        return lines
