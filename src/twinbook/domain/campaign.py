"""A campaign: who, under which terms, and which shots. Checked here; read from a file elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from .brief import Shot
from .canonical import digest
from .consent import Consent, Part
from .license import License, Split
from .money import Money
from .party import Party


@dataclass(frozen=True)
class CastTalent:
    """A talent as a campaign names her. ``photos`` is the folder as written; ``day_rate`` her in-person rate."""

    party: Party
    photos: str
    agency: str
    day_rate: Money | None
    synthetic: bool
    measurements: Mapping[str, int]


@dataclass(frozen=True)
class ConsentTerms:
    """The consent a campaign asks for, without the person and the day it begins."""

    purpose: str
    parts: tuple[Part, ...]
    until: date
    channels: tuple[str, ...]
    territories: tuple[str, ...]
    never: tuple[str, ...]
    min_fee: Money
    approve_each_image: bool
    max_images_per_month: int

    def consent(self, talent: CastTalent, starts: date) -> Consent:
        return Consent(
            talent=talent.party,
            agency=talent.agency,
            purpose=self.purpose,
            parts=frozenset(self.parts),
            starts=starts,
            until=self.until,
            channels=frozenset(self.channels),
            territories=frozenset(self.territories),
            never=frozenset(self.never),
            min_fee=self.min_fee,
            approve_each_image=self.approve_each_image,
            max_images_per_month=self.max_images_per_month,
        )


@dataclass(frozen=True)
class LicenseTerms:
    """The license a campaign asks for, without talent, consent and first day."""

    brand: Party
    category: str
    fee: Money
    channels: tuple[str, ...]
    territories: tuple[str, ...]
    term_days: int
    split: Split

    def license(self, talent: CastTalent, consent: str, starts: date) -> License:
        return License(
            talent=talent.party.id,
            talent_name=talent.party.name,
            brand=self.brand.id,
            brand_name=self.brand.name,
            agency=talent.agency,
            consent=consent,
            category=self.category,
            fee=self.fee,
            channels=frozenset(self.channels),
            territories=frozenset(self.territories),
            starts=starts,
            term_days=self.term_days,
            split=self.split,
        )


@dataclass(frozen=True)
class CampaignShot:
    """A shot with the scene as written: a studio scene or a path."""

    name: str
    shot: Shot
    scene: str | None


@dataclass(frozen=True)
class Campaign:
    """``title`` is the file's stem."""

    title: str
    talents: tuple[CastTalent, ...]
    consent: ConsentTerms
    license: LicenseTerms
    shots: tuple[CampaignShot, ...]

    @property
    def id(self) -> str:
        """One campaign of one brand keeps its id whatever shots are added."""
        return digest({"title": self.title, "brand": self.license.brand.id})[:20]


def undated(document: Mapping[str, object]) -> str:
    """The digest of a paper's terms without the days that follow from when it was drawn up, so that running a campaign
    again next week finds last week's papers instead of asking for new signatures."""
    return digest({key: value for key, value in document.items() if key not in ("starts", "ends")})
