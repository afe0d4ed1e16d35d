"""Commands about law packs: what they find in a file, line by line, and which there are."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import click

from .. import law as packs
from ..campaign_file import dotted, lines, read_campaign
from ..domain.campaign import Campaign
from ..domain.consent import Consent
from ..domain.errors import InputError
from ..domain.form import read_terms
from ..domain.license import License
from ..domain.policy import Finding, Law, Severity, Subject, facts_of
from ..domain.territory import is_territory
from ..settings import settings
from .root import FILE, JSON, commands, print_json

_Path = tuple[str | int, ...]
# Where a fact stands in a campaign file, when it isn't under its own name. "talent" stands for the person's table.
_KEYS: dict[str, _Path] = {
    "consent.min_fee": ("consent", "min_fee_per_image"),
    "consent.paid": ("consent", "min_fee_per_image"),
    "consent.days": ("consent", "until"),
    "consent.post_mortem": ("consent", "estate"),
    "consent.agency": ("talent", "agency"),
    "consent.based_in": ("talent", "based_in"),
    "consent.language": ("talent", "language"),
    "consent.talent": ("talent",),
    "license.fee": ("license", "fee_per_image"),
    "license.paid": ("license", "fee_per_image"),
    "license.days": ("license", "term_days"),
    "license.deducted": ("license", "split"),
    "license.agency": ("talent", "agency"),
    "license.language": ("talent", "language"),
    "license.talent": ("talent",),
}
# Facts that a paper doesn't have as such, by the member they follow from.
_MEMBERS = {
    "consent.days": "until",
    "consent.paid": "min_fee",
    "license.days": "term_days",
    "license.deducted": "split",
    "license.paid": "fee",
}


@dataclass(frozen=True)
class _Place:
    """A finding and where it stands in the file."""

    line: int
    key: str
    found: Finding

    def document(self) -> dict[str, object]:
        head = {"severity": self.found.severity.value, "line": self.line, "key": self.key, "rule": self.found.rule}
        return head | self.found.reason.document()


@commands.group()
def law() -> None:
    """The law of each place, as rules with dates and sources. Not legal advice."""


@law.command("check")
@click.argument("file", type=FILE)
@click.option("--territory", "territories", multiple=True, help="Where it is shown; by default what the file says.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to judge by; by default today.")
@JSON
def law_check(file: Path, territories: tuple[str, ...], on: datetime | None, as_json: bool) -> None:
    """Hold a campaign file, or a consent's or license's JSON, against the law of where it is shown and where she lives.

    Exit status 1 when a rule that is in force finds fault, 0 when there are warnings at most.
    """
    for code in territories:
        if not is_territory(code):
            raise click.BadParameter(f"{code!r} is no territory: write US-NY, SE, EU or WORLD")
    day = on.date() if on else date.today()
    rules = packs.load(settings().law)
    if file.suffix == ".toml":
        shown, places = _campaign(file, frozenset(territories), day, rules)
    else:
        shown, places = _paper(file, frozenset(territories), day, rules)
    places.sort(key=lambda place: (place.line, place.found.severity is Severity.WARNING, place.found.rule))
    errors = sum(place.found.severity is Severity.ERROR for place in places)
    if as_json:
        found = [place.document() for place in places]
        counts = {"errors": errors, "warnings": len(places) - errors}
        head = {"file": str(file), "on": day.isoformat(), "territories": sorted(shown)}
        print_json(head | counts | {"findings": found})
    else:
        _tell(file, shown, day, places, errors)
    if errors:
        sys.exit(1)


def _tell(file: Path, shown: frozenset[str], day: date, places: list[_Place], errors: int) -> None:
    for place in places:
        why = place.found.reason
        click.echo(f"{file}:{place.line}: {place.key}: {why.diagnosis} [{why.code}]")
        click.echo(f"    {place.found.severity}: {why.remedy}")
        if why.rests_on:
            click.echo(f"    {why.rests_on}")
    counted = f"{_count(errors, 'error')}, {_count(len(places) - errors, 'warning')}"
    where = ", ".join(sorted(shown)) or "no territory"
    click.echo(f"{counted} in {file} for {where} on {day.isoformat()}; this is not legal advice")


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


@law.command("list")
@JSON
def law_list(as_json: bool) -> None:
    """All law packs: where they apply, their status, when they were reviewed and what is in them."""
    found = packs.load(settings().law).packs
    if as_json:
        print_json(
            [
                {
                    "id": pack.id,
                    "name": pack.name,
                    "covers": sorted(pack.covers),
                    "status": pack.status.value,
                    "agreement": pack.agreement,
                    "reviewed": pack.reviewed.isoformat(),
                    "rules": len(pack.rules),
                    "labels": len(pack.labels),
                }
                for pack in found
            ]
        )
        return
    for pack in found:
        kind = f"{pack.status}, agreement" if pack.agreement else pack.status.value
        counts = f"{_count(len(pack.rules), 'rule')}, {_count(len(pack.labels), 'label')}"
        click.echo(f"{pack.id:<10} {','.join(sorted(pack.covers)):<6} {kind:<20} {pack.reviewed} {counts}: {pack.name}")


# --- a campaign file --------------------------------------------------------------------------------------------


def _campaign(file: Path, asked: frozenset[str], day: date, rules: Law) -> tuple[frozenset[str], list[_Place]]:
    campaign = read_campaign(file, day)
    where = lines(file.read_text(encoding="utf-8"))
    shown = asked or _own_territories(campaign)
    places: dict[_Place, None] = {}  # what is wrong with everybody's terms is told once
    for number, talent in enumerate(campaign.talents):
        consent = campaign.consent.consent(talent, day)
        license = campaign.license.license(talent, "", day)
        for found in _check(rules, consent, license, shown, day):
            path = _in_campaign(found.fact, number)
            places[_Place(_line(where, path), dotted(path), found)] = None
    return shown, list(places)


def _own_territories(campaign: Campaign) -> frozenset[str]:
    return frozenset(campaign.license.terms["territories"]) | frozenset(campaign.consent.terms["territories"])


def _in_campaign(fact: str, talent: int) -> _Path:
    inner = fact.split(".")
    known = _KEYS.get(".".join(inner[:2]))
    path = known or tuple(inner)
    return ("talent", talent, *path[1:]) if path[0] == "talent" else path


def _line(where: dict[_Path, int], path: _Path) -> int:
    """The line of a key or, when it isn't written down, of the table that it belongs to."""
    while path not in where:
        path = path[:-1]
    return where[path]


def _check(
    rules: Law, consent: Consent | None, license: License | None, shown: frozenset[str], day: date
) -> list[Finding]:
    subjects = [Subject.CONSENT] if consent else []
    if license:
        subjects.append(Subject.LICENSE)
    return rules.check(facts_of(consent, license), consent.based_in if consent else "", shown, day, subjects)


# --- a paper ----------------------------------------------------------------------------------------------------


def _paper(file: Path, asked: frozenset[str], day: date, rules: Law) -> tuple[frozenset[str], list[_Place]]:
    try:
        text = file.read_text(encoding="utf-8")
        data = json.loads(text)
    except OSError as error:
        raise InputError("campaign.missing_file", f"{file} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError("signature.invalid", f"{file} is neither a campaign file nor a paper") from error
    head: _Path = ("paper",) if isinstance(data, dict) and "paper" in data else ()
    terms = read_terms(data["paper"] if head else data)
    if not isinstance(terms, Consent | License):
        raise InputError("signature.invalid", f"{file} is neither a consent nor a license", "give one of the two")
    shown, where = asked or terms.territories, _json_lines(text)
    consent, license = (terms, None) if isinstance(terms, Consent) else (None, terms)
    places = []
    for found in _check(rules, consent, license, shown, day):
        _, *inner = found.fact.split(".")
        path = (*head, *([_MEMBERS[found.fact]] if found.fact in _MEMBERS else inner))
        places.append(_Place(_line(where, path), found.fact, found))
    return shown, places


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def _json_lines(text: str) -> dict[_Path, int]:
    """The line of every member of a JSON document that was read already, counting from 1."""
    found: dict[_Path, int] = {(): 1}
    tokens: Iterator[re.Match] = _TOKEN.finditer(text)

    def value(path: _Path, token: re.Match) -> None:
        found[path] = text.count("\n", 0, token.start()) + 1
        if token[0] == "{":
            while (name := next(tokens))[0] != "}":
                if name[0] != ",":
                    next(tokens)  # the colon
                    value((*path, json.loads(name[0])), next(tokens))
        elif token[0] == "[":
            index = 0
            while (item := next(tokens))[0] != "]":
                if item[0] != ",":
                    value((*path, index), item)
                    index += 1

    value((), next(tokens))
    return found
