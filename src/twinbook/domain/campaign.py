"""A campaign: who, under which terms, and which shots. Checked here; read from a file elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from .brief import Shot
from .canonical import digest
from .consent import Consent, Person, Talent
from .license import Exclusivity, License
from .money import Money
from .party import Party


@dataclass(frozen=True)
class CastTalent:
    """A talent as a campaign names her. ``photos`` is the folder as written; ``day_rate`` her in-person rate; ``based_in``
    the territory where she lives and works; ``language`` (BCP 47) the one she reads terms in; ``replaces`` the beginning of
    the digest of the consent of hers that the campaign's takes the place of, empty for none; ``description`` what somebody
    synthetic was made from."""

    party: Party
    photos: str
    agency: Party | None
    day_rate: Money | None
    synthetic: bool
    measurements: Mapping[str, int]
    based_in: str = ""
    language: str = "en"
    replaces: str = ""
    description: str = ""


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
    """Exclusivity for as long as the license runs, unless a day is given; empty sets and text cover everything."""

    category: str
    channels: frozenset[str]
    territories: frozenset[str]
    competitors: frozenset[str]
    starts: date | None = None
    ends: date | None = None


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
        days = asked.starts or made.starts, asked.ends or made.ends or date.max
        window = Exclusivity(asked.category, asked.channels, asked.territories, asked.competitors, *days)
        return replace(made, exclusive=window)


def _person(party: Party | None) -> Person | None:
    return Person(party.id, party.name) if party else None


@dataclass(frozen=True)
class CampaignShot:
    """A shot whose pictures are named by their files: contents are told when they are kept."""

    name: str
    shot: Shot


@dataclass(frozen=True)
class Named:
    """A license that was agreed before, by the booking it came out of or by (the beginning of) its digest."""

    booking: str = ""
    paper: str = ""

    def __str__(self) -> str:
        return f"the booking {self.booking}" if self.booking else f"the paper {self.paper}"


@dataclass(frozen=True)
class Campaign:
    """``title`` is the file's stem. A campaign under licenses that were agreed before has ``named`` in place of terms, and
    no consent of its own; ``agreed`` are these licenses once they were found, a digest for each talent."""

    title: str
    talents: tuple[CastTalent, ...]
    consent: ConsentTerms | None
    license: LicenseTerms | None
    shots: tuple[CampaignShot, ...]
    named: tuple[Named, ...] = ()
    agreed: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """One campaign of one brand keeps its id whatever shots are added."""
        return digest({"title": self.title, "brand": self.license.brand.id})[:20]


def undated(document: Mapping[str, object]) -> str:
    """The digest of a paper's terms without the days that follow from when it was drawn up, so that running a campaign
    again next week finds last week's papers instead of asking for new signatures."""
    terms = {key: value for key, value in document.items() if key != "starts"}
    if isinstance(window := terms.get("exclusive"), dict):
        derived = {"starts": document.get("starts"), "ends": _last_day(document)}
        terms["exclusive"] = {key: value for key, value in window.items() if value != derived.get(key)}
    return digest(terms)


def _last_day(license: Mapping[str, object]) -> str:
    try:
        days = timedelta(days=license["term_days"] - 1) if license["term_days"] is not None else timedelta.max
        return (date.fromisoformat(license["starts"]) + days).isoformat()
    except OverflowError:
        return date.max.isoformat()
