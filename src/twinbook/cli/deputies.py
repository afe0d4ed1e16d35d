"""Commands about who acts for a talent: her agency under a mandate, her estate after her death."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from pathlib import Path

import click

from .. import app, durable
from ..domain.consent import Person
from ..domain.errors import InputError
from ..domain.mandate import GRANTABLE, Mandate
from ..domain.money import Money
from ..domain.paper import Paper
from ..domain.territory import is_territory
from ..keys.signatures import KeyFile
from ..services import estate, mandates, sign
from ..settings import settings
from .rights import confirmed, owner_of
from .root import FILE, HOME, JSON, commands, print_json

DAY = click.DateTime(["%Y-%m-%d"])


@commands.group()
def mandate() -> None:
    """What a talent lets her agency do for her."""


@mandate.command("draw")
@click.option("--talent", required=True, help="Her id.")
@click.option("--agency", required=True, help="The agency's id.")
@click.option(
    "--act", "acts", multiple=True, type=click.Choice(sorted(GRANTABLE)), required=True, help="What it may do."
)
@click.option("--brand", "brands", multiple=True, help="With this brand only, by id (default: any).")
@click.option("--category", "categories", multiple=True, help="For this category only (default: any).")
@click.option("--channel", "channels", multiple=True, required=True, help="Where images may be shown.")
@click.option("--territory", "territories", multiple=True, required=True, help="Where in the world, as SE or US-NY.")
@click.option("--min-fee", required=True, help='The least fee an image, gross, as "400 EUR".')
@click.option("--max-term-days", type=click.IntRange(1), required=True, help="The longest license.")
@click.option("--max-images", type=click.IntRange(1), required=True, help="The most images a license may allow.")
@click.option("--from", "starts", type=DAY, help="The first day (default: today).")
@click.option("--until", type=DAY, required=True, help="The last day.")
@click.option("--out", type=FILE, help="The file to sign (default: mandate-TALENT-….json here).")
@HOME
@JSON
def mandate_draw(
    talent: str,
    agency: str,
    acts: tuple[str, ...],
    brands: tuple[str, ...],
    categories: tuple[str, ...],
    channels: tuple[str, ...],
    territories: tuple[str, ...],
    min_fee: str,
    max_term_days: int,
    max_images: int,
    starts: datetime | None,
    until: datetime,
    out: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Draw up a mandate, and write it down for her to sign with `twinbook sign`. Nothing is handed over before she does."""
    for code in territories:
        if not is_territory(code):
            raise InputError(
                "mandate.scope", f"{code!r} is no territory", 'write an ISO 3166 code like "SE" or "US-NY"'
            )
    with app.open_office(settings(home=home)) as office:
        paper = mandates.draw_mandate(
            office,
            Mandate(
                talent=_person(office, talent),
                agency=_person(office, agency),
                acts=frozenset(acts),
                brands=frozenset(brands),
                categories=frozenset(word.lower() for word in categories),
                channels=frozenset(word.lower() for word in channels),
                territories=frozenset(territories),
                min_fee=Money.parse(min_fee),
                max_term_days=max_term_days,
                max_images=max_images,
                starts=starts.date() if starts else office.clock.now().date(),
                until=until.date(),
            ),
        )
        words = sign.plain_words(office, paper)
    file = out or Path(f"mandate-{talent}-{paper.digest[:8]}.json")
    lines = {"paper": paper.document, "sha256": paper.digest, "in_plain_words": words}
    durable.write(file, json.dumps(lines, indent=2, ensure_ascii=False).encode() + b"\n")
    if as_json:
        print_json({"paper": paper.digest, "file": str(file)})
    else:
        click.echo(f"drawn up, and not signed yet: {talent} runs\n  twinbook sign {file} --key {talent}.pem")


@mandate.command("list")
@click.option("--talent", required=True, help="Her id.")
@HOME
@JSON
def mandate_list(talent: str, home: Path | None, as_json: bool) -> None:
    """Her live mandates. To end one: `twinbook revoke --talent ID --paper SHA256`."""
    with app.open_office(settings(home=home)) as office:
        live = mandates.live_mandates(office, talent)
    if as_json:
        print_json([{"paper": paper.digest} | dict(paper.document) for paper in live])
    for paper in () if as_json else live:
        terms: Mandate = paper.terms
        acts = ", ".join(sorted(terms.acts))
        click.echo(f"{paper.digest}\n  {terms.agency.name}: {acts}; {terms.starts} to {terms.until}")


@commands.command("died")
@click.argument("talent")
@click.option("--on", type=DAY, required=True, help="The day of her death.")
@click.option("--evidence", type=FILE, required=True, help="What proves it; only its SHA-256 is kept.")
@HOME
@JSON
def died(talent: str, on: datetime, evidence: Path, home: Path | None, as_json: bool) -> None:
    """Note that TALENT has died. For whoever runs this home.

    From then on what she signed ends, or the estate that her consent names signs in her place: whichever she chose. A
    mistake she puts right herself, with `twinbook alive`.
    """
    try:
        proof = hashlib.sha256(evidence.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError("talent.death", f"{evidence} can't be read") from error
    with app.open_office(settings(home=home)) as office:
        ended = estate.report_death(office, talent, on.date(), proof)
    if as_json:
        print_json({"talent": talent, "on": _iso(on), "evidence": proof, "ended": [work.name for work in ended]})
    else:
        click.echo(f"noted: {talent} died on {_iso(on)}; {len(ended)} shots on their way were ended")


@commands.command("alive")
@click.option("--talent", required=True, help="Her id.")
@click.option("--key", "key_file", type=FILE, required=True, help="Her private key.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@HOME
@JSON
def alive(talent: str, key_file: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    """She says with her key that the report of her death is wrong, which takes it back."""
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        owner = owner_of(office, key, key_file)
        paper = Paper.of(estate.draw_alive(office, talent))
        confirmed(office, paper, owner.party, confirm, as_json)
        estate.withdraw_report(office, paper.document, key.sign(paper.message))
    print_json({"alive": talent}) if as_json else click.echo(f"the report of {talent}'s death is taken back")


def _person(office, party: str) -> Person:
    with office.unit() as unit:
        found = unit.parties.get(party)
    if found is None:
        raise InputError("party.unknown", f"{party!r} is not known in this home")
    return Person(found.id, found.name)


def _iso(day: datetime) -> str:
    return date.isoformat(day.date())
