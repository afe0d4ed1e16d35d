"""The law of each place, as data with dates and sources, and what it finds in papers.

Nothing here knows a statute: rules come from law packs (``law/*.toml``), one for a jurisdiction or an agreement. A rule
holds facts of a consent, a license or a use against conditions, and speaks from a date on. A rule that isn't confirmed,
or that its pack marks as advice, warns and never refuses. This is not legal advice, and the packs say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from fractions import Fraction
from functools import cache, cached_property

from .consent import Consent
from .errors import CODES, Reason, reason
from .license import License
from .paper import Paper
from .territory import covers, overlap

# What a rule can be about: the codes that aren't about the packs themselves.
TOPICS = frozenset(code.removeprefix("law.") for code in CODES if code.startswith("law.")) - {"pack", "no_pack"}


class Subject(StrEnum):
    """What a rule looks at. ``use`` is a moment: what is asked for, now, under papers that may be fine in themselves."""

    CONSENT = "consent"
    LICENSE = "license"
    USE = "use"


class Reach(StrEnum):
    """Whom a law follows: the talent who is based there, the audience that sees the images there, or either."""

    TALENT = "talent"
    AUDIENCE = "audience"
    EITHER = "either"


class Status(StrEnum):
    """``kept`` is a rule that couldn't be confirmed and is held all the same, since the stricter reading protects her.
    ``advice`` is a rule of good practice or an obligation that the program can't check to the end."""

    IN_FORCE = "in force"
    KEPT = "kept"
    UNCONFIRMED = "unconfirmed"
    ADVICE = "advice"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Made(StrEnum):
    """What a picture is, for its label: a real photograph of her that was changed, wholly generated, or of nobody."""

    MODIFIED = "modified"
    GENERATED = "generated"
    SYNTHETIC = "synthetic"


# What a condition can ask of a fact, by the word it is written with. A fact of None was never given: it is not at most
# anything, so that a term without an end is longer than every limit. ``same_as`` names another fact instead of a value.
OPERATORS = {
    "is": lambda fact, value: fact == value,
    "is_not": lambda fact, value: fact != value,
    "at_most": lambda fact, value: fact is not None and Fraction(fact) <= Fraction(value),
    "at_least": lambda fact, value: fact is not None and Fraction(fact) >= Fraction(value),
    "one_of": lambda fact, value: fact in value,
    "contains": lambda fact, value: value in (fact or ()),
    "lacks": lambda fact, value: value not in (fact or ()),
    "given": lambda fact, value: bool(fact) == value,
    "same_as": lambda fact, other: fact == other,
}


@dataclass(frozen=True)
class Condition:
    """``fact`` is a path like ``license.split.agency``; ``operator`` one of `OPERATORS`."""

    fact: str
    operator: str
    value: object

    def holds(self, facts: Mapping[str, object]) -> bool:
        value = look_up(facts, self.value) if self.operator == "same_as" else self.value
        return OPERATORS[self.operator](look_up(facts, self.fact), value)

    @property
    def facts(self) -> tuple[str, ...]:
        """The paths it looks at."""
        return (self.fact, self.value) if self.operator == "same_as" else (self.fact,)


@dataclass(frozen=True)
class Rule:
    """``since`` and ``until`` are the first and the last day it speaks. It applies where every ``when`` holds, and finds
    fault for every ``require`` that doesn't."""

    id: str
    topic: str
    title: str
    subject: Subject
    reach: Reach
    since: date
    until: date | None
    status: Status
    source: str
    url: str
    when: tuple[Condition, ...]
    require: tuple[Condition, ...]
    diagnosis: str
    remedy: str

    @cached_property
    def documents(self) -> frozenset[str]:
        """What must be there for it to say anything: ``consent``, ``license``, ``use``."""
        named = (path for condition in (*self.when, *self.require) for path in condition.facts)
        return frozenset({self.subject.value, *(path.partition(".")[0] for path in named)})


@dataclass(frozen=True)
class Label:
    """What has to stand on a picture. ``text`` by language, and no other when the law wants its own; ``min_share`` of the
    picture's shortest side is the least height of its letters; ``metadata`` names the marks that must go with it
    (`METADATA`); no ``channels`` means all of them."""

    made: frozenset[Made]
    text: Mapping[str, str]
    since: date
    until: date | None
    status: Status
    min_share: Fraction
    source: str
    channels: frozenset[str] = frozenset()
    metadata: frozenset[str] = frozenset()
    notice: Mapping[str, str] = field(default_factory=dict)
    url: str = ""

    def words(self, language: str) -> str:
        """In this language, else in English, else in the only one the law accepts."""
        return self.text.get(language) or self.text.get("en") or next(iter(self.text.values()))


@dataclass(frozen=True)
class Pack:
    """``covers`` are territories; ``about`` says what is in it and what isn't. An ``agreement`` is between parties, not
    the law of a place: it doesn't count when it is asked whether a territory's law is known."""

    id: str
    name: str
    covers: frozenset[str]
    status: Status
    reviewed: date
    agreement: bool
    rules: tuple[Rule, ...]
    labels: tuple[Label, ...]
    about: str = ""


@dataclass(frozen=True)
class Finding:
    """``fact`` is the path of what was found wanting, empty when there is none; ``rule`` the rule's id."""

    severity: Severity
    reason: Reason
    fact: str
    rule: str


@dataclass(frozen=True)
class Marks:
    """What a release must show, joined over the territories it goes to: the strictest of each. ``notices`` tell whoever
    posts it what else to do there, each behind its channel's name where it is one channel's."""

    text: str
    min_share: Fraction
    metadata: frozenset[str]
    sources: tuple[str, ...]
    notices: tuple[str, ...] = ()


# Marks that travel in a file: signed provenance, an invisible watermark, XMP's source type and China's AIGC entry.
METADATA = frozenset({"c2pa", "watermark", "iptc", "aigc"})
# The words of the EU's code of practice, for a territory that asks for none of its own.
PLAIN_TEXT = {Made.MODIFIED: "AI MODIFIED", Made.GENERATED: "AI GENERATED", Made.SYNTHETIC: "AI GENERATED"}
_MEMORY = 200_000


class Law:
    """All packs. Immutable but for a memory of what it found in papers, which never change."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self.packs = tuple(packs)
        self._found: dict[tuple, tuple[Finding, ...]] = {}
        self._use_rules: dict[tuple, tuple[Rule, ...]] = {}
        self._papers: dict[tuple, dict[str, object]] = {}

    def in_territory(self, territory: str) -> tuple[Pack, ...]:
        """The packs that have a say in a territory: its own, those around it and, for a country, its states'."""
        return tuple(pack for pack in self.packs if overlap(pack.covers, (territory,)))

    def knows(self, territory: str) -> bool:
        """Whether a law covers the whole of a territory: a state's says nothing of the rest of its country."""
        return any(not pack.agreement and covers(pack.covers, territory) for pack in self.packs)

    def check(
        self,
        facts: Mapping[str, object],
        based_in: str,
        territories: Collection[str],
        on: date,
        subjects: Collection[Subject] = frozenset(Subject),
    ) -> list[Finding]:
        """What the law of her place and of the places shown in finds on a day. ``facts`` as `facts_of` makes them; rules
        that look at a document that isn't there are passed over. A place that no pack covers whole is a finding of its own."""
        found = []
        at_home = {pack.id for pack in self.in_territory(based_in)} if based_in else set()
        abroad = {pack.id for territory in territories for pack in self.in_territory(territory)}
        for pack in self.packs:
            for rule in pack.rules:
                reached = _reaches(rule, pack.id in at_home, pack.id in abroad)
                if reached and rule.subject in subjects and rule.documents <= facts.keys():
                    found += _apply(rule, facts, on)
        if Subject.LICENSE in subjects:
            for territory in sorted({*territories, *([based_in] if based_in else [])}):
                if not self.knows(territory):
                    found.append(_no_pack(territory))
        return found

    def check_papers(self, consent: Paper, license: Paper | None, on: date) -> tuple[Finding, ...]:
        """What it finds on a day in a consent, and in a license under it for the license's territories. Remembered."""
        key = (consent.digest, license.digest if license else "", on.toordinal())
        found = self._found.get(key)
        if found is None:
            terms: Consent = consent.terms
            shown: License | None = license.terms if license else None
            territories = shown.territories if shown else ()
            subjects = (Subject.CONSENT, Subject.LICENSE) if shown else (Subject.CONSENT,)
            found = tuple(self.check(facts_of(terms, shown), terms.based_in, territories, on, subjects))
            if len(self._found) >= _MEMORY:
                self._found.clear()
            self._found[key] = found
        return found

    def check_use(
        self, consent: Paper, license: Paper | None, on: date, use: Callable[[], Mapping[str, object]]
    ) -> list[Finding]:
        """What it finds in a use of the twin under papers on a day. ``use`` gathers the facts when a rule asks for them."""
        terms: Consent = consent.terms
        shown: License | None = license.terms if license else None
        rules = self._reaching(terms.based_in, shown.territories if shown else frozenset())
        if not rules:
            return []
        facts = self._facts(consent, license) | {"use": use()}
        return [finding for rule in rules if rule.documents <= facts.keys() for finding in _apply(rule, facts, on)]

    def _reaching(self, based_in: str, territories: frozenset[str]) -> tuple[Rule, ...]:
        """The rules about a use that reach from her home or to these territories."""
        key = (based_in, territories)
        if key not in self._use_rules:
            home = {pack.id for pack in self.in_territory(based_in)} if based_in else set()
            abroad = {pack.id for territory in territories for pack in self.in_territory(territory)}
            self._use_rules[key] = tuple(
                rule
                for pack in self.packs
                for rule in pack.rules
                if rule.subject is Subject.USE and _reaches(rule, pack.id in home, pack.id in abroad)
            )
        return self._use_rules[key]

    def _facts(self, consent: Paper, license: Paper | None) -> dict[str, object]:
        key = (consent.digest, license.digest if license else "")
        if key not in self._papers:
            if len(self._papers) >= _MEMORY:
                self._papers.clear()
            self._papers[key] = facts_of(consent.terms, license.terms if license else None)
        return self._papers[key]

    def marks(
        self,
        territories: Collection[str],
        channels: Collection[str],
        made: Made,
        on: date,
        language: str = "en",
        last: date | None = None,
    ) -> Marks:
        """The label for a release shown from the day ``on`` to the day ``last``, by default that day alone: what is asked
        for on any of them. A territory that no pack covers whole gets the strictest of everything known, which is never less
        than a part of it asks for, in words that are read there: another country's letters would tell its people nothing."""
        asked: list[Label] = []
        texts: list[str] = []
        for territory in sorted(territories):
            packs = self.in_territory(territory)
            for pack in packs if self.knows(territory) else self.packs:
                labels = _labels(pack, channels, made, on, last or on)
                asked += labels
                read = pack in packs
                texts += [w.words(language) for w in labels if read or not {language, "en"}.isdisjoint(w.text)]
        return Marks(
            text=" · ".join(_without_repeats(list(dict.fromkeys(texts)))) or PLAIN_TEXT[made],
            min_share=max((label.min_share for label in asked), default=Fraction(0)),
            metadata=frozenset().union(*(label.metadata for label in asked)),
            sources=tuple(dict.fromkeys(label.source for label in asked)),
            notices=tuple(dict.fromkeys(notice for label in asked for notice in _notices(label, channels, language))),
        )


def _reaches(rule: Rule, at_home: bool, abroad: bool) -> bool:
    return (at_home and rule.reach is not Reach.AUDIENCE) or (abroad and rule.reach is not Reach.TALENT)


def _without_repeats(texts: Sequence[str]) -> list[str]:
    """Texts without those that stand in another one."""
    return [t for t in texts if not any(t != other and t.casefold() in other.casefold() for other in texts)]


def _notices(label: Label, channels: Collection[str], language: str) -> list[str]:
    if not label.notice:
        return []
    words = label.notice.get(language) or label.notice.get("en") or next(iter(label.notice.values()))
    return [f"{channel}: {words}" for channel in sorted(label.channels.intersection(channels))] or [words]


def _labels(pack: Pack, channels: Collection[str], made: Made, first: date, last: date) -> list[Label]:
    return [
        label
        for label in pack.labels
        if made in label.made
        and label.status is not Status.UNCONFIRMED
        and label.since <= last
        and (label.until is None or first <= label.until)
        and (not label.channels or not label.channels.isdisjoint(channels))
    ]


def _no_pack(territory: str) -> Finding:
    why = reason("law.no_pack", f"the law of {territory} isn't known here: its images get the strictest labels")
    return Finding(Severity.WARNING, why, "license.territories", "no-pack")


_DOUBT = {
    Status.UNCONFIRMED: " (not confirmed to be in force)",
    Status.KEPT: " (not confirmed; kept because the stricter reading protects her)",
}


def _apply(rule: Rule, facts: Mapping[str, object], on: date) -> list[Finding]:
    if on < rule.since or (rule.until is not None and on > rule.until):
        return []
    for condition in rule.when:
        if not condition.holds(facts):
            return []
    failed = [condition.fact for condition in rule.require if not condition.holds(facts)]
    if not failed:
        return []
    severity = Severity.ERROR if rule.status in (Status.IN_FORCE, Status.KEPT) else Severity.WARNING
    rests_on = f"{rule.id}: {rule.source}{_DOUBT.get(rule.status, '')}"
    why = reason(f"law.{rule.topic}", _filled(rule.diagnosis, facts), rule.remedy, rests_on)
    return [Finding(severity, why, failed[0], rule.id)]  # one rule, one finding: it speaks of the whole rule


_SLOT = re.compile(r"\{([a-z_.]+)\}")


def _filled(text: str, facts: Mapping[str, object]) -> str:
    def shown(match: re.Match) -> str:
        value = look_up(facts, match[1])
        return (
            ", ".join(map(str, value))
            if isinstance(value, list | tuple)
            else "nothing"
            if value is None
            else str(value)
        )

    return _SLOT.sub(shown, text)


def look_up(facts: Mapping[str, object], path: str) -> object:
    """The fact at a dotted path, None where there is none."""
    value: object = facts
    for name in _steps(path):
        if not isinstance(value, dict):  # facts are plain data; asking for any Mapping costs more than all the rest
            return None
        value = value.get(name)
    return value


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


# --- facts ------------------------------------------------------------------------------------------------------

# What rules can ask about besides the members of consent and license: each with its unit.
DERIVED = {
    "consent.days": "days from the first to the last, none without an end",
    "license.days": "days from the first to the last, none without an end",
    "consent.paid": "whether it states a least fee above zero",
    "license.paid": "whether it states a fee above zero",
    "license.deducted": "percent of the gross fee that agency and crew get together",
    "use.age": "her whole years of age on the day",
    "use.deceased": "whether she has died",
    "use.hours_since_terms": "whole hours since the license's terms were put before her, none when unknown",
    "use.days_unpaid": "days since the oldest image of this brand that isn't paid, 0 for none",
    "use.act": "enroll, train, render, measure, evidence or monitor",
    "use.synthetic": "whether the picture shows a person who does not exist",
}


def facts_of(consent: Consent | None, license: License | None = None, **use: object) -> dict[str, object]:
    """What rules look at: the papers' own members, and what follows from them (`DERIVED`)."""
    facts: dict[str, object] = {}
    if consent is not None:
        days = (consent.until - consent.starts).days + 1 if consent.until else None
        paid = consent.min_fee.minor > 0 or bool(consent.day_rate and consent.min_fee_percent)
        facts["consent"] = consent.document() | {"days": days, "paid": paid}
    if license is not None:
        deducted = license.split.agency + sum(license.split.crew.values(), Fraction(0))
        paid = license.fee.minor > 0
        facts["license"] = license.document() | {"days": license.term_days, "deducted": deducted, "paid": paid}
    if use:
        facts["use"] = use
    for paper in facts.values():
        if isinstance(paper.get("language"), str):
            # ``sv-FI`` and ``sv`` are one language to who reads it.
            paper["language"] = paper["language"].replace("_", "-").partition("-")[0].lower()
    return facts


def known_facts() -> frozenset[str]:
    """Every path that a rule may name."""
    members = {f"consent.{f.name}" for f in fields(Consent)} | {f"license.{f.name}" for f in fields(License)}
    inner = {"license.split.agency", "license.split.crew", "consent.talent.name", "license.brand.name"}
    agency = {f"{paper}.agency.{member}" for paper in ("consent", "license") for member in ("id", "name")}
    return frozenset(members | set(DERIVED) | inner | agency)
