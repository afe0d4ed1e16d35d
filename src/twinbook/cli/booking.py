"""Commands of negotiation: quotes, offers, counters and answers, until a license binds talent and brand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import click

from .. import app, law
from ..campaign_file import read_campaign
from ..domain.brief import FORMATS
from ..domain.consent import Consent
from ..domain.errors import InputError, SignatureRefused
from ..domain.license import Exclusivity, License
from ..domain.money import Money
from ..domain.negotiation import LONGEST, Move, Proposal, changed
from ..domain.paper import Paper
from ..domain.party import Key, Party, Role
from ..domain.policy import Severity
from ..domain.territory import is_territory
from ..keys.signatures import KeyFile
from ..services import negotiate, papers, sign
from ..services.negotiate import Quote, Standing
from ..settings import settings
from .root import FILE, HOME, JSON, commands, print_json

DAY = click.DateTime(["%Y-%m-%d"])
CHANNELS = click.Choice(sorted({shape.channel for shape in FORMATS.values()}))
KEY = click.option("--key", "key_file", type=FILE, required=True, help="The private key of whoever acts.")
CONFIRM = click.option("--confirm", help="What would be typed at the prompt, for scripts.")
VIEWER = click.option("--as", "viewer", help="A party's id: what this party may see.")
DAYS = click.option(
    "--days", type=click.IntRange(1, LONGEST.days), default=14, show_default=True, help="Until it ends."
)


@commands.command("quote")
@click.argument("campaign", type=FILE)
@JSON
def quote_(campaign: Path, as_json: bool) -> None:
    """What a campaign's license would cost for each talent, before anything is offered or signed.

    The fee beside her day rate, the total of all her shots, who gets what, and what the law finds. Needs no home and
    writes nothing.
    """
    today = datetime.now(UTC).date()
    planned = read_campaign(campaign, today)
    packs = law.load(settings().law)
    quotes = []
    for cast in planned.talents:
        consent: Consent = planned.consent.consent(cast, today)
        terms = planned.license.license(cast, Paper.of(consent).digest, today)
        images = sum(cast.party.id in shot.shot.talents for shot in planned.shots)
        quotes.append(negotiate.quote(packs, consent, terms, images, today))
    if as_json:
        print_json([_quote_data(made) for made in quotes])
    for made in () if as_json else quotes:
        _tell_quote(made)


def _quote_data(made: Quote) -> dict[str, object]:
    percent = made.percent_of_day_rate
    return {
        "talent": made.terms.talent.id,
        "brand": made.terms.brand.id,
        "fee_per_image": str(made.terms.fee),
        "images": made.images,
        "total": str(made.total),
        "day_rate": str(made.day_rate) if made.day_rate else None,
        "percent_of_day_rate": round(float(percent), 2) if percent is not None else None,
        "shares": {account: str(made.times(amount)) for account, amount in made.shares.items()},
        "law": [found.reason.document() | {"severity": found.severity.value} for found in made.findings],
    }


def _tell_quote(made: Quote) -> None:
    terms, percent = made.terms, made.percent_of_day_rate
    beside = f"; her day rate is {made.day_rate}" if made.day_rate else "; she names no day rate"
    share = f", so an image is {float(percent):.1f} % of it" if percent is not None else ""
    click.echo(f"{terms.talent.name} for {terms.brand.name}: {terms.fee} an image{beside}{share}")
    click.echo(f"  {made.images} images: {made.total}")
    for account, amount in made.shares.items():
        click.echo(f"    {account}: {made.times(amount)} ({amount} an image)")
    for found in made.findings:
        word = "against the law" if found.severity is Severity.ERROR else "the law"
        click.echo(f"  {word}: {found.reason.diagnosis} [{found.reason.code}]\n      {found.reason.remedy}")


@commands.group("booking")
def booking() -> None:
    """Offers and counters, until a license binds talent and brand."""


def _places(_context, _option, codes: tuple[str, ...]) -> tuple[str, ...]:
    for code in codes:
        if not is_territory(code):
            raise click.BadParameter(f"{code!r} is no territory: write US-NY, SE, EU or WORLD")
    return codes


def _terms(command):
    """Options that change terms; they arrive as the mapping `_changed` takes."""
    for option in (
        click.option("--no-exclusive", is_flag=True, help="Nothing is exclusive."),
        click.option("--exclusive-until", type=DAY, help="Its last day (default: the license's)."),
        click.option("--exclusive-from", type=DAY, help="Its first day (default: the license's)."),
        click.option("--exclusive-competitor", multiple=True, help="A brand kept out, by id (default: all)."),
        click.option("--exclusive-territory", multiple=True, callback=_places, help="Where (default: everywhere)."),
        click.option("--exclusive-channel", multiple=True, type=CHANNELS, help="In this channel (default: in all)."),
        click.option("--exclusive-category", help='What nobody else gets; "" for everything.'),
        click.option("--territory", "territories", multiple=True, callback=_places, help="Where, in place of before."),
        click.option(
            "--channel", "channels", multiple=True, type=CHANNELS, help="In which channels, in place of before."
        ),
        click.option("--mandate", help="SHA-256 of the mandate under which her agency is to accept."),
        click.option("--starts", type=DAY, help="The license's first day."),
        click.option("--max-images", type=click.IntRange(1), help="At most so many images."),
        click.option("--term-days", type=click.IntRange(1), help="How many days the license runs."),
        click.option("--fee", help='For each image, like "500 EUR".'),
    ):
        command = option(command)
    return command


def _changed(terms: License, who: Key, asked: Mapping[str, object]) -> License:
    said = {name: value for name, value in asked.items() if value not in (None, (), False)}
    sold = {name: said.pop(f"exclusive_{name}") for name in _SOLD if f"exclusive_{name}" in said}
    if said.pop("no_exclusive", False):
        if sold:
            raise click.UsageError("--no-exclusive stands alone")
        said["exclusive"] = None
    for name, read in (
        ("fee", Money.parse),
        ("starts", datetime.date),
        ("channels", frozenset),
        ("territories", frozenset),
    ):
        if name in said:
            said[name] = read(said[name])
    if who.role is Role.ESTATE:
        said["estate"] = who.party
    made = changed(terms, **said)
    return replace(made, exclusive=_sold(made, sold)) if sold else made


def _whole(office, asked: Mapping[str, object]) -> Mapping[str, object]:
    """The options with the mandate's whole digest, when it was named by its beginning."""
    if not asked["mandate"]:
        return asked
    with office.unit() as unit:
        return {**asked, "mandate": papers.starting(unit, asked["mandate"]).digest}


# The options of exclusivity, and what they are in a license.
_SOLD = ("category", "channel", "territory", "competitor", "from", "until")


def _sold(terms: License, said: Mapping[str, object]) -> Exclusivity:
    """What is exclusive by these options: what they don't say stays as it was, or covers everything."""
    before = terms.exclusive or Exclusivity(
        "", frozenset(), frozenset(), frozenset(), terms.starts, terms.ends or date.max
    )
    sets = {"channels": "channel", "territories": "territory", "competitors": "competitor"}
    given = {name: frozenset(said[option]) for name, option in sets.items() if option in said}
    days = {name: said[option].date() for name, option in (("starts", "from"), ("ends", "until")) if option in said}
    category = {"category": said["category"].strip().lower()} if "category" in said else {}
    return replace(before, **category, **given, **days)


@booking.command("offer")
@click.argument("campaign", type=FILE)
@click.option("--talent", required=True, help="Her id.")
@KEY
@_terms
@DAYS
@HOME
@JSON
def offer(
    campaign: Path, talent: str, key_file: Path, days: int, home: Path | None, as_json: bool, **asked: object
) -> None:
    """Open a booking with the license that a campaign asks for, changed as the options say.

    The brand does it, or the talent herself, or her agency within what she signed. It binds nobody yet.
    """
    planned = read_campaign(campaign, date.today())
    where = settings(home=home, beside=campaign.parent)
    with app.open_office(where) as office:
        key, who = _signer(office, key_file)
        terms = _changed(negotiate.campaign_terms(office, planned, talent), who, _whole(office, asked))
        _told(_move(office, key, negotiate.draft(office, who, Move.OFFER, terms=terms, days=days)), as_json)


@booking.command("counter")
@click.argument("booking_id", metavar="ID")
@KEY
@click.option("--campaign", type=FILE, help="Take all terms from this campaign's [license].")
@_terms
@DAYS
@HOME
@JSON
def counter(
    booking_id: str,
    key_file: Path,
    campaign: Path | None,
    days: int,
    home: Path | None,
    as_json: bool,
    **asked: object,
) -> None:
    """Answer a proposal with other terms: what the options don't name stays as it was proposed.

    With --campaign everything is as that file's [license] says, split and exclusivity included; talent, brand, consent, the
    first day and who signs for her stay as they were.
    """
    with app.open_office(settings(home=home)) as office:
        key, who = _signer(office, key_file)
        before = negotiate.show(office, booking_id, _party(who)).negotiation.terms
        terms = _changed(_written(campaign, before) if campaign else before, who, _whole(office, asked))
        _told(_move(office, key, negotiate.draft(office, who, Move.COUNTER, booking_id, terms, days)), as_json)


def _written(campaign: Path, before: License) -> License:
    """The license that a campaign file asks for, in a booking that is under way."""
    planned = read_campaign(campaign, date.today())
    for cast in planned.talents:
        if cast.party.id == before.talent.id:
            asked = planned.license.license(cast, before.consent, before.starts)
            return replace(asked, mandate=before.mandate, estate=before.estate)
    raise InputError("talent.unknown", f"there is no {before.talent.id!r} in the campaign {planned.title}")


@booking.command("decline")
@click.argument("booking_id", metavar="ID")
@KEY
@HOME
@JSON
def decline(booking_id: str, key_file: Path, home: Path | None, as_json: bool) -> None:
    """Say no to what the other side proposed. The booking ends."""
    _answer(booking_id, key_file, Move.DECLINE, home, as_json)


@booking.command("withdraw")
@click.argument("booking_id", metavar="ID")
@KEY
@HOME
@JSON
def withdraw(booking_id: str, key_file: Path, home: Path | None, as_json: bool) -> None:
    """Take back what one proposed oneself, before it is accepted. The booking ends."""
    _answer(booking_id, key_file, Move.WITHDRAW, home, as_json)


def _answer(booking_id: str, key_file: Path, move: Move, home: Path | None, as_json: bool) -> None:
    with app.open_office(settings(home=home)) as office:
        key, who = _signer(office, key_file)
        _told(_move(office, key, negotiate.draft(office, who, move, booking_id)), as_json)


@booking.command("accept")
@click.argument("booking_id", metavar="ID")
@KEY
@CONFIRM
@HOME
@JSON
def accept(booking_id: str, key_file: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    """For the talent: read the license that is proposed in plain words, and sign it.

    It binds when the brand has signed as well. When anything stands against it, nothing is kept but the reasons.
    """
    _agree(negotiate.accept, booking_id, key_file, confirm, home, as_json)


@booking.command("countersign")
@click.argument("booking_id", metavar="ID")
@KEY
@CONFIRM
@HOME
@JSON
def countersign(booking_id: str, key_file: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    """For the brand: read the license that is proposed in plain words, and sign it, before or after she does."""
    _agree(negotiate.countersign, booking_id, key_file, confirm, home, as_json)


def _agree(take, booking_id: str, key_file: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    with app.open_office(settings(home=home)) as office:
        key, who = _signer(office, key_file)
        license = Paper.of(negotiate.show(office, booking_id, _party(who)).negotiation.terms)
        if not as_json:
            for line in sign.plain_words(office, license):
                click.echo(line)
            click.echo(f"SHA-256 of the exact terms: {license.digest}")
        typed = confirm if confirm is not None else click.prompt(f"Type {who.party!r} to sign as {who.party}")
        if typed.strip() != who.party:
            raise SignatureRefused("signature.declined", f"{typed!r} was typed, not {who.party!r}: nothing was signed")
        _told(take(office, booking_id, key.sign(license.message)), as_json)


@booking.command("list")
@VIEWER
@HOME
@JSON
def list_(viewer: str | None, home: Path | None, as_json: bool) -> None:
    """Bookings, newest first: all of this home, or those that somebody is a party to."""
    with app.open_office(settings(home=home)) as office:
        found = negotiate.bookings(office, _named(office, viewer))
    if as_json:
        print_json([_data(standing) for standing in found])
    for standing in () if as_json else found:
        click.echo(_line(standing))


@booking.command("show")
@click.argument("booking_id", metavar="ID")
@VIEWER
@HOME
@JSON
def show(booking_id: str, viewer: str | None, home: Path | None, as_json: bool) -> None:
    """One booking: its proposals one after another, and the terms that stand now in plain words."""
    with app.open_office(settings(home=home)) as office:
        standing = negotiate.show(office, booking_id, _named(office, viewer))
        words = sign.plain_words(office, Paper.of(standing.negotiation.terms))
    if as_json:
        print_json(_data(standing))
        return
    click.echo(_line(standing))
    for paper in standing.negotiation.papers:
        made: Proposal = paper.terms
        terms = f": {made.terms.fee} an image, {made.terms.term_days} days" if made.terms else ""
        ends = f", open until {made.expires:%Y-%m-%d %H:%M} UTC" if made.expires else ""
        click.echo(f"  {made.number}. {made.move} by {made.party} ({made.by}) on {made.at:%Y-%m-%d}{terms}{ends}")
    click.echo("\n".join(words))


def _signer(office, file: Path) -> tuple[KeyFile, Key]:
    key = KeyFile.load(file)
    with office.unit() as unit:
        owner = unit.parties.key(key.id)
    if owner is None:
        raise SignatureRefused("signature.unknown_key", f"the key in {file} is not registered here")
    return key, owner


def _party(who: Key) -> Party:
    return Party(who.party, who.role, who.party)


def _named(office, viewer: str | None) -> Party | None:
    if viewer is None:
        return None
    with office.unit() as unit:
        found = unit.parties.get(viewer)
    if found is None:
        raise InputError("party.unknown", f"nobody is called {viewer!r} here")
    return found


def _move(office, key: KeyFile, proposal: Proposal) -> Standing:
    paper = Paper.of(proposal)
    return negotiate.propose(office, paper.document, key.sign(paper.message))


def _told(standing: Standing, as_json: bool) -> None:
    if as_json:
        print_json(_data(standing))
        return
    click.echo(_line(standing))
    for note in standing.notes:
        click.echo(f"  note: {note.diagnosis} [{note.code}]\n      {note.remedy}")


def _line(standing: Standing) -> str:
    terms, found = standing.negotiation.terms, standing.negotiation
    waits = " or ".join(standing.waits_for)
    until = f", until {found.standing.terms.expires:%Y-%m-%d %H:%M} UTC" if waits else ""
    state = standing.state.value + (f", waits for {waits}{until}" if waits else "")
    return f"{standing.booking}: {terms.talent.name} and {terms.brand.name}, {terms.fee} an image: {state}"


def _data(standing: Standing) -> dict[str, object]:
    found = standing.negotiation
    license = found.license or Paper.of(found.terms)
    return {
        "booking": standing.booking,
        "state": standing.state.value,
        "waits_for": list(standing.waits_for),
        "expires": found.standing.terms.expires.isoformat(),
        "license": license.digest,
        "signed_by": [found.terms.signers()[role] for role in found.terms.signers() if found.signed(role)],
        "terms": license.document,
        "proposals": [{"sha256": paper.digest} | dict(paper.document) for paper in found.papers],
        "notes": [note.document() for note in standing.notes],
    }
