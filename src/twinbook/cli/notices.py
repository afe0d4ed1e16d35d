"""Commands about notices: what licensees are told when something is taken back, and whether it reached them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from .. import app
from ..domain import notice, webhook
from ..domain.errors import InputError, TwinbookError
from ..domain.log import read_vkey
from ..domain.notice import Delivery, Outgoing
from ..keys.signatures import verify_raw
from ..services import notify
from ..services.office import Office
from ..settings import Settings, settings
from .root import FILE, HOME, JSON, commands, print_json, teller

AT_ONCE = timedelta(seconds=10)


@commands.group()
def notices() -> None:
    """What licensees are told when a consent or license is taken back."""


@notices.command("list")
@HOME
@JSON
def notices_list(home: Path | None, as_json: bool) -> None:
    """Every notice, whom it is for and whether it reached them."""
    with app.open_office(settings(home=home)) as office:
        known = notify.notices(office)
    if as_json:
        print_json([_document(outgoing) for outgoing in known])
    for outgoing in () if as_json else known:
        click.echo(_line(outgoing))


@notices.command("show")
@click.argument("notice_id")
@HOME
@JSON
def notices_show(notice_id: str, home: Path | None, as_json: bool) -> None:
    """A notice in plain words, or with --json as the signed file to hand over to a licensee without an address."""
    with app.open_office(settings(home=home)) as office:
        found = notify.find(office, notice_id)
    print_json(found.envelope()) if as_json else click.echo("\n".join([*found.notice.words(), _line(found)]))


@notices.command("send")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many attempts.")
@HOME
@JSON
def notices_send(limit: int, home: Path | None, as_json: bool) -> None:
    """Deliver the notices that are due, each with one attempt. Run it every few minutes; a dead address is tried twelve
    times in three days."""
    with app.open_office(settings(home=home)) as office:
        tried = notify.deliver(office, limit)
    if as_json:
        print_json([_document(outgoing) for outgoing in tried])
        return
    for outgoing in tried:
        click.echo(_line(outgoing))
    if not tried:
        click.echo("nothing is due")


@notices.command("address")
@click.argument("party")
@click.argument("url", required=False)
@click.option("--remove", is_flag=True, help="Send them nowhere from now on.")
@HOME
@JSON
def notices_address(party: str, url: str | None, remove: bool, home: Path | None, as_json: bool) -> None:
    """Say where a brand's notices are sent, or without URL show it, with the key that the brand checks them by.

    Notices that wait or were given up are sent to the new address.
    """
    if url and remove:
        raise InputError("notice.address", "an address is given or removed, not both")
    with app.open_office(settings(home=home)) as office:
        if url or remove:
            moved = notify.set_address(office, party, url)
        else:
            url, moved = notify.address(office, party), ()
        key = webhook.public_key(office.log_signer.public)
    if as_json:
        print_json({"party": party, "url": url, "key": key, "waiting": [o.notice.id for o in moved if url]})
        return
    click.echo(f"notices to {party} go to {url}" if url else f"notices to {party} are sent nowhere")
    if url:
        click.echo(f"the key to check them by: {key}")
        if moved:
            click.echo(f"{len(moved)} wait for it: twinbook notices send")


@notices.command("verify")
@click.argument("file", type=FILE)
@click.option("--key", "key_text", help="The log's public key: hex, verifier key or whpk_ key; by default the home's.")
@HOME
@JSON
def notices_verify(file: Path, key_text: str | None, home: Path | None, as_json: bool) -> None:
    """Check a notice offline against the key of the home that made it; with --key it takes no home.

    FILE is what `notices show --json` wrote, or the body of a webhook exactly as it came.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError("notice.invalid", f"{file} can't be read") from error
    found = notice.verify(notice.read(data), _key(key_text, settings(home=home)), verify_raw)
    print_json(found.document()) if as_json else click.echo("\n".join(["the home signed this:", *found.words()]))


def send_at_once(office: Office, as_json: bool) -> list[dict[str, object]]:
    """Try what is due right after a revocation, in bounded time: the revocation stands whatever comes of it."""
    tell = teller(as_json)
    try:
        tried = notify.deliver(office, limit=10, within=AT_ONCE)
        still = [outgoing for outgoing in notify.notices(office) if outgoing.state is not Delivery.DELIVERED]
    except TwinbookError as error:
        tell(f"notices are not sent yet: {error.diagnosis}; twinbook notices send")
        return []
    for outgoing in tried:
        tell(_line(outgoing))
    if still:
        tell(f"not delivered yet: {len(still)}; twinbook notices list")
    return [_document(outgoing) for outgoing in tried]


def _line(outgoing: Outgoing) -> str:
    told = outgoing.notice
    line = f"notice {told.id} to {told.to}: {outgoing.state}"
    match outgoing.state:
        case Delivery.UNADDRESSED:
            return f"{line}; give its address (twinbook notices address {told.to} URL) or hand it over: notices show"
        case Delivery.FAILED:
            return f"{line} after {outgoing.attempts} attempts ({outgoing.last_error}); hand it over: notices show"
        case Delivery.WAITING if outgoing.attempts:
            return f"{line} until {outgoing.next_at.isoformat(timespec='seconds')}; {outgoing.last_error}"
    return line


def _document(outgoing: Outgoing) -> dict[str, object]:
    def moment(at):
        return at.isoformat() if at else None

    return outgoing.envelope() | {
        "state": outgoing.state.value,
        "url": outgoing.url,
        "attempts": outgoing.attempts,
        "next_at": moment(outgoing.next_at),
        "delivered_at": moment(outgoing.delivered_at),
        "last_error": outgoing.last_error,
    }


def _key(text: str | None, where: Settings) -> bytes:
    if text and text.startswith("whpk_"):
        return webhook.read_public_key(text)
    if text and "+" in text:
        return read_vkey(text)[1]
    try:
        if text:
            return bytes.fromhex(text)
    except ValueError as error:
        raise InputError("key.unreadable", "this is no public key of a log") from error
    with app.open_office(where) as office:
        return office.log_signer.public
