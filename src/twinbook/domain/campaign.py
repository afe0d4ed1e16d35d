"""A campaign: who, under which terms, and which shots. Checked here; read from a file elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from .brief import Shot
from .canonical import digest
from .consent import Consent, Person, Talent
from .license import Exclusivity, License
from .money import Money
from .party import Party


@dataclass(frozen=True)
class CastTalent:
    """A talent as a campaign names her. ``photos`` is the folder as written; ``day_rate`` her in-person rate; ``based_in``
    the territory where she lives and works; ``language`` (BCP 47) the one she reads terms in."""

    party: Party
    photos: str
    agency: Party | None
    day_rate: Money | None
    synthetic: bool
    measurements: Mapping[str, int]
    based_in: str = ""
    language: str = "en"


@dataclass(frozen=True)
class ConsentTerms:
    """The consent a campaign asks for: the members of a `Consent` that are the same for all its talents."""

    terms: Mapping[str, object]

    def consent(self, talent: CastTalent, starts: date) -> Consent:
        return Consent(
            talent=Talent(talent.party.id, talent.party.name, talent.party.born),
            agency=_person(talent.agency),
            day_rate=talent.day_rate,
            based_in=talent.based_in,
            language=talent.language,
            starts=starts,
            **self.terms,
        )


@dataclass(frozen=True)
class Exclusive:
    """Exclusivity for as long as the license runs; empty sets and text cover everything."""

    category: str
    channels: frozenset[str]
    territories: frozenset[str]
    competitors: frozenset[str]


@dataclass(frozen=True)
class LicenseTerms:
    """The license a campaign asks for: the members of a `License` that are the same for all its talents."""

    brand: Party
    terms: Mapping[str, object]
    exclusive: Exclusive | None = None

    @property
    def fee(self) -> Money:
        return self.terms["fee"]

    def license(self, talent: CastTalent, consent: str, starts: date) -> License:
        made = License(
            talent=_person(talent.party),
            brand=_person(self.brand),
            agency=_person(talent.agency),
            consent=consent,
            starts=starts,
            language=talent.language,
            **self.terms,
        )
        asked = self.exclusive
        if asked is None:
            return made
        window = Exclusivity(
            asked.category, asked.channels, asked.territories, asked.competitors, made.starts, made.ends or date.max
        )
        return replace(made, exclusive=window)


def _person(party: Party | None) -> Person | None:
    return Person(party.id, party.name) if party else None


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
    terms = {key: value for key, value in document.items() if key != "starts"}
    if isinstance(window := terms.get("exclusive"), dict):
        terms["exclusive"] = {key: value for key, value in window.items() if key not in ("starts", "ends")}
    return digest(terms)
